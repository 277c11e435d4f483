// SPDX-License-Identifier: GPL-2.0
//
// Good frames with random damage: whatever arrives is passed, taken, or dropped and counted by one
// cause, and nothing is read that is not there (ASan and UBSan watch).
#include "kunit/packets.hh"

namespace kunit {
namespace {

using namespace scout;

class Chance {
public:
    explicit Chance(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 | 1) {}
    uint32_t below(uint32_t n) {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return static_cast<uint32_t>((state_ * 0x2545f4914f6cdd1d) >> 33) % n;
    }

private:
    uint64_t state_;
};

// The first 8 bytes of the payload become options.
Bytes with_options(Bytes packet) {
    packet[0] = 0x47;
    put16(packet, 10, 0);
    put16(packet, 10, checksum(packet.data(), 28));
    return packet;
}

// One of each kind that is looked at.
Bytes sample(Chance& chance) {
    const Bytes data(chance.below(100), 0x5a);
    const Bytes quote =
        ip_packet(kUdp, udp_datagram(53, 4000, {}, kOurIp, kPeerIp), kOurIp, kPeerIp);
    switch (chance.below(10)) {
        case 0:
            return arp_frame({kArpRequest, kPeerMac, kPeerIp, {}, kOurIp});
        case 1:
            return arp_frame({kArpReply, kPeerMac, kPeerIp, kOurMac, kOurIp}, kOurMac);
        case 2:
            return framed(ip_packet(kIcmp, icmp_message(kIcmpEchoRequest, 0, 7, data)));
        case 3:
            return framed(
                ip_packet(kIcmp, icmp_message(kIcmpUnreachable, kPortUnreachable, 0, quote)));
        case 4:
            return udp_frame(4000, 53, data);
        case 5:
            return udp_frame(4000, 54, data);
        case 6:
            return framed(ip_packet(47, data));
        case 7:  // with options: router alert, and perhaps a source route
            return framed(with_options(ip_packet(
                kTcp, Bytes{148, 4, 0, 0, static_cast<uint8_t>(128 + chance.below(16)), 4, 9, 9} +
                          data)));
        case 8: {
            const Bytes datagram = ip_packet(kUdp, udp_datagram(4000, 53, Bytes(100, 0x5a)));
            const auto parts = ip_fragments(datagram, 8 + 8 * chance.below(8),
                                            static_cast<uint16_t>(chance.below(16)));
            return framed(parts[chance.below(static_cast<uint32_t>(parts.size()))]);
        }
        default:
            return framed(ip_packet(kTcp, data));
    }
}

void damage(Bytes& bytes, Chance& chance) {
    for (uint32_t n = chance.below(4); n > 0 && !bytes.empty(); --n) {
        const uint32_t at = chance.below(static_cast<uint32_t>(bytes.size()));
        switch (chance.below(4)) {
            case 0:
                bytes[at] = static_cast<uint8_t>(chance.below(256));
                break;
            case 1:
                bytes[at] ^= static_cast<uint8_t>(1u << chance.below(8));
                break;
            case 2:
                bytes.resize(at);
                break;
            default:
                bytes.insert(bytes.end(), chance.below(40), static_cast<uint8_t>(at));
                break;
        }
    }
}

// Most damage stops at a checksum: half the time they are made right again.
void repair(Bytes& bytes, Chance& chance) {
    const size_t header = bytes.size() > 34 ? (bytes[14] & 15) * 4u : 0;
    if (header < 20 || bytes.size() < 14 + header || chance.below(2)) return;
    put16(bytes, 14 + 10, 0);
    put16(bytes, 14 + 10, checksum(&bytes[14], header));
    const size_t transport = 14 + header;
    if (bytes[14 + 9] != kIcmp || bytes.size() < transport + 4) return;
    put16(bytes, transport + 2, 0);
    put16(bytes, transport + 2, checksum(&bytes[transport], bytes.size() - transport));
}

constexpr Counter kDropCounters[] = {
    Counter::drop_eth_short,       Counter::drop_arp_malformed, Counter::drop_ip_short,
    Counter::drop_ip_version,      Counter::drop_ip_header,     Counter::drop_ip_checksum,
    Counter::drop_ip_length,       Counter::drop_ip_source,     Counter::drop_ip_fragment,
    Counter::drop_ip_protocol,     Counter::drop_icmp_short,    Counter::drop_icmp_checksum,
    Counter::drop_icmp_type,       Counter::drop_udp_short,     Counter::drop_udp_checksum,
    Counter::drop_udp_no_port,     Counter::drop_udp_full,      Counter::drop_ip_options,
    Counter::drop_ip_source_route,
};

uint64_t drops(const Bed& bed) {
    uint64_t sum = 0;
    for (Counter counter : kDropCounters) sum += bed.count(counter);
    return sum;
}

void demux__of_damaged_frames(Check& check) {
    Bed bed;
    bed.learn();
    CountingUser user;
    UdpEndpoint* endpoint = UdpEndpoint::create(user.handle());
    REQUIRE(endpoint);
    EXPECT_EQ(endpoint->bind(*bed.udp, 53), 0);
    EXPECT_EQ(endpoint->connect(*bed.udp, {kPeerIp, 4000}), 0);
    Chance chance(20261123);
    uint64_t verdicts[3] = {};
    Bytes room(2048);
    for (uint32_t i = check.scale(300000, 1000); i > 0; --i) {
        Bytes bytes = sample(chance);
        damage(bytes, chance);
        repair(bytes, chance);
        const uint64_t before = drops(bed);
        const Verdict verdict = bed.receive(bytes);
        ++verdicts[static_cast<int>(verdict)];
        const uint64_t counted = drops(bed) - before;
        // What is answered with an ICMP error is both counted and taken.
        EXPECT(counted == (verdict == Verdict::kDrop ? 1u : 0u) ||
               (verdict == Verdict::kTake && counted == 1));
        bed.interface.run_control();
        bed.interface.device.sent.clear();
        dominoes_iter iter(room.data(), room.size());
        endpoint->receive_from(nullptr, &iter, room.size(), false);
    }
    for (uint64_t count : verdicts) EXPECT(count > 10);
    // Most causes were met.
    for (Counter counter : kDropCounters) {
        if (counter != Counter::drop_udp_full) EXPECT(bed.count(counter) > 0);
    }
    EXPECT(bed.count(Counter::drop_icmp_unmatched) > 0);
    EXPECT(bed.count(Counter::icmp_errors_in) > 0);
    endpoint->close();
}

// Every prefix of every parser's input, in memory of exactly that length.
void parse__reads_no_further_than_it_may(Check& check) {
    Chance chance(7);
    for (uint32_t i = check.scale(20000, 500); i > 0; --i) {
        const uint32_t length = chance.below(90);
        Bytes bytes(length);
        for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(chance.below(256));
        if (length && chance.below(2)) bytes[0] = static_cast<uint8_t>(0x40 | chance.below(16));
        bytes.shrink_to_fit();
        EthHeader eth;
        ArpMessage arp;
        IpHeader ip;
        IcmpHeader icmp;
        IcmpError error;
        UdpHeader udp;
        EXPECT((parse_eth(bytes.data(), length, eth) == EthResult::kShort) == (length < 14));
        parse_arp(bytes.data(), length, arp);
        parse_ip(bytes.data(), length, length, ip);
        parse_ip(bytes.data(), length, 70000, ip);
        parse_quoted_ip(bytes.data(), length, ip);
        check_ip_options(bytes.data(), length);
        parse_icmp(bytes.data(), length, icmp);
        if (length) bytes[0] = kIcmpUnreachable;
        parse_icmp_error(bytes.data(), length, error);
        parse_udp(bytes.data(), length, udp);
    }
}

constexpr Counter kFragmentCounters[] = {
    Counter::ip_fragments_in, Counter::drop_ip_fragment,   Counter::drop_ip_duplicate,
    Counter::drop_ip_overlap, Counter::drop_ip_contradict, Counter::drop_ip_too_many,
};

// A fragment of `packet`: half the time one that fits to others, else any, and now and then of
// another length of the whole.
Bytes any_fragment(const Bytes& packet, uint16_t id, Chance& chance) {
    constexpr uint32_t kPart = 64;
    const auto payload = static_cast<uint32_t>(packet.size() - kIpHeaderBytes);
    uint32_t begin = kPart * chance.below((payload + kPart - 1) / kPart);
    uint32_t bytes = kPart;
    if (chance.below(4) == 0) {
        begin = 8 * chance.below(payload / 8);
        bytes = 8 + 8 * chance.below(40);
    }
    Bytes fragment = ip_fragment(packet, begin, dominoes::min(bytes, payload - begin), id);
    if (chance.below(16)) return fragment;
    fragment[6] ^= 0x20;  // the last or not
    put16(fragment, 10, 0);
    put16(fragment, 10, checksum(fragment.data(), kIpHeaderBytes));
    return fragment;
}

// Datagrams cut at random, some pieces repeated, lost, overlapping, in any order: each fragment is
// taken or counted by its cause, and what becomes complete is what was sent.
void reassemble__of_random_fragments(Check& check) {
    Bed bed;
    bed.learn();
    CountingUser user;
    UdpEndpoint* endpoint = UdpEndpoint::create(user.handle());
    REQUIRE(endpoint);
    EXPECT_EQ(endpoint->bind(*bed.udp, 53), 0);
    Chance chance(20261124);
    Bytes room(2048);
    uint64_t received = 0;
    const auto counted = [&bed] {
        uint64_t sum = 0;
        for (Counter counter : kFragmentCounters) sum += bed.count(counter);
        return sum;
    };
    for (uint32_t i = check.scale(200000, 20000); i > 0; --i) {
        const auto id = static_cast<uint16_t>(chance.below(12));
        Bytes data(40 + 97u * id);
        for (size_t at = 0; at < data.size(); ++at) data[at] = static_cast<uint8_t>(at * 7 + id);
        const Bytes packet = ip_packet(kUdp, udp_datagram(4000, 53, data));
        const Bytes fragment = any_fragment(packet, id, chance);
        if ((load_be16(&fragment[6]) & 0x3fff) == 0) continue;  // a whole one
        const uint64_t before = counted();
        bed.handle(framed(fragment));
        EXPECT_EQ(counted(), before + 1);
        dominoes_iter iter(room.data(), room.size());
        const int64_t got = endpoint->receive_from(nullptr, &iter, room.size(), false);
        if (got >= 0) {
            ++received;
            EXPECT(Bytes(room.begin(), room.begin() + got) == data);
        }
        if (chance.below(100) == 0) bed.ip.tick(dominoes_now_ns() + IpReassembly::kTimeoutNs);
        bed.interface.device.sent.clear();
    }
    EXPECT(received > 20);
    // Those whose last fragment was not the last are too short for their UDP header.
    EXPECT_EQ(bed.count(Counter::ip_reassembled), received + bed.count(Counter::drop_udp_short));
    EXPECT_EQ(bed.count(Counter::drop_udp_checksum), 0);
    EXPECT(bed.count(Counter::drop_ip_timeout) > 0);
    for (Counter counter : kFragmentCounters) {
        if (counter != Counter::drop_ip_too_many) EXPECT(bed.count(counter) > 0);
    }
    endpoint->close();
}

constexpr Test kTests[] = {
    TEST(demux__of_damaged_frames),
    TEST(reassemble__of_random_fragments),
    TEST(parse__reads_no_further_than_it_may),
};

}  // namespace

extern const Suite mutation_host_suite = SUITE("mutation_host", kTests);

}  // namespace kunit
