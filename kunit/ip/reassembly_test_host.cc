// SPDX-License-Identifier: GPL-2.0
#include "scout/ip/reassembly.hh"

#include <algorithm>

#include "kunit/packets.hh"

namespace kunit {
namespace {

using namespace scout;

constexpr uint64_t kTimeout = IpReassembly::kTimeoutNs;

// Stands above IP and keeps what it is given.
struct Catcher final : Router {
    Verdict demux(Frame& frame) override {
        Bytes payload(frame.transport_bytes);
        dominoes_packet_copy(frame.packet, frame.transport_offset, payload.data(),
                             frame.transport_bytes);
        // All that is to be read of it is valid, whichever way it is read.
        IpHeader header;
        good = parse_ip(frame.network(), frame.head_bytes - frame.network_offset,
                        frame.bytes - frame.network_offset, header) == IpResult::kOk &&
               !is_fragment(header) && header.source == frame.source && !frame.broadcast &&
               frame.eth_source == kPeerMac && frame.destination == kOurIp &&
               header.total_bytes + kEthHeaderBytes == frame.bytes;
        ecn = frame.ecn;
        got.push_back(payload);
        return Verdict::kDrop;
    }
    std::vector<Bytes> got;
    bool good = false;
    uint8_t ecn = 0;
};

struct TcpBed : Bed {
    TcpBed() {
        ip.connect(kTcp, tcp);
        learn();
    }
    void handle_all(const std::vector<Bytes>& packets) {
        for (const Bytes& packet : packets) handle(framed(packet));
    }
    Catcher tcp;
};

Bytes pattern(size_t n, uint8_t seed = 0) {
    Bytes bytes(n);
    for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<uint8_t>(i * 31 + i / 256 + seed);
    return bytes;
}

Bytes sample(size_t n = 3000) { return ip_packet(kTcp, pattern(n)); }

// `packet` with its header changed, its checksum right.
Bytes with(Bytes packet, size_t at, uint8_t value) {
    packet[at] = value;
    put16(packet, 10, 0);
    put16(packet, 10, checksum(packet.data(), (packet[0] & 15) * 4u));
    return packet;
}

// --- what becomes complete ---

void add__in_order(Check& check) {
    for (size_t bytes : {25, 1481, 3000, 4096, 4104, 65515}) {
        TcpBed bed;
        const auto parts = ip_fragments(sample(bytes), bytes < 100 ? 24 : 1480);
        bed.handle_all(parts);
        REQUIRE_EQ(bed.tcp.got.size(), 1);
        EXPECT(bed.tcp.good);
        EXPECT(bed.tcp.got[0] == pattern(bytes));
        EXPECT_EQ(bed.count(Counter::ip_fragments_in), parts.size());
        EXPECT_EQ(bed.count(Counter::ip_reassembled), 1);
        EXPECT(!bed.ip.busy());
    }
}

void add__in_any_order(Check& check) {
    auto parts = ip_fragments(sample(4000), 808);
    std::sort(parts.begin(), parts.end());
    do {
        TcpBed bed;
        bed.handle_all(parts);
        REQUIRE_EQ(bed.tcp.got.size(), 1);
        EXPECT(bed.tcp.got[0] == pattern(4000));
    } while (std::next_permutation(parts.begin(), parts.end()));
}

void add__with_padding_behind(Check& check) {
    TcpBed bed;
    for (const Bytes& part : ip_fragments(sample(48), 24)) bed.handle(framed(part) + Bytes(6, 9));
    REQUIRE_EQ(bed.tcp.got.size(), 1);
    EXPECT(bed.tcp.got[0] == pattern(48));
}

void add__keeps_datagrams_apart(Check& check) {
    TcpBed bed;
    const auto one = ip_fragments(ip_packet(kTcp, pattern(100, 1)), 56, 1);
    const auto two = ip_fragments(ip_packet(kTcp, pattern(100, 2)), 56, 2);
    const auto other = ip_fragments(ip_packet(kTcp, pattern(100, 3), kOtherIp), 56, 1);
    const auto udp = ip_fragments(ip_packet(kUdp, udp_datagram(1, 2, pattern(92))), 56, 1);
    for (size_t i : {0, 1}) bed.handle_all({one[i], udp[i], two[i], other[i]});
    REQUIRE_EQ(bed.tcp.got.size(), 3);
    EXPECT(bed.tcp.got[0] == pattern(100, 1));
    EXPECT(bed.tcp.got[1] == pattern(100, 2));
    EXPECT(bed.tcp.got[2] == pattern(100, 3));
    EXPECT_EQ(bed.count(Counter::drop_udp_no_port), 1);
}

void add__the_options_are_those_of_the_first(Check& check) {
    TcpBed bed;
    const Bytes options = with(ip_packet(kTcp, Bytes(8, 1) + pattern(100)), 0, 0x47);
    bed.handle(framed(ip_fragment(sample(100), 56, 44)));
    bed.handle(framed(ip_fragment(options, 0, 56)));
    REQUIRE_EQ(bed.tcp.got.size(), 1);
    EXPECT(bed.tcp.good);
    EXPECT(bed.tcp.got[0] == pattern(100));
}

void add__repeated_fragments(Check& check) {
    TcpBed bed;
    const auto parts = ip_fragments(sample(3000), 1480);
    bed.handle_all({parts[0], parts[0], parts[2], parts[2], parts[1]});
    REQUIRE_EQ(bed.tcp.got.size(), 1);
    EXPECT(bed.tcp.got[0] == pattern(3000));
    EXPECT_EQ(bed.count(Counter::drop_ip_duplicate), 2);
    EXPECT_EQ(bed.count(Counter::ip_fragments_in), 3);
}

void add__congestion_marks_survive(Check& check) {
    TcpBed bed;
    auto parts = ip_fragments(with(sample(100), 1, 2), 40);  // ECT(0)
    parts[1] = with(parts[1], 1, 3);
    bed.handle_all(parts);
    REQUIRE_EQ(bed.tcp.got.size(), 1);
    EXPECT(bed.tcp.good);
    EXPECT_EQ(bed.tcp.ecn, 3);
    // But not where there cannot be any.
    auto bad = ip_fragments(sample(100), 40, 2);
    bad[1] = with(bad[1], 1, 3);
    bed.handle_all(bad);
    EXPECT_EQ(bed.tcp.got.size(), 1);
    EXPECT_EQ(bed.count(Counter::drop_ip_contradict), 2);
}

// --- what does not ---

// After `bad` no more of the datagram is taken, and each further fragment is counted, too.
void expect_condemned(Check& check, const Bytes& bad, Counter cause) {
    TcpBed bed;
    const auto parts = ip_fragments(sample(3000), 1480);
    bed.handle_all({parts[0], parts[2], bad});
    EXPECT_EQ(bed.count(cause), 1);
    bed.handle_all(parts);
    EXPECT_EQ(bed.count(cause), 4);
    EXPECT_EQ(bed.count(Counter::ip_fragments_in), 2);
    EXPECT(bed.tcp.got.empty());
    bed.ip.tick(dominoes_now_ns() + kTimeout);  // silently
    EXPECT_EQ(bed.count(Counter::drop_ip_timeout), 0);
    EXPECT_EQ(bed.sent(), 0);
    EXPECT(!bed.ip.busy());
    bed.handle_all(parts);
    EXPECT_EQ(bed.tcp.got.size(), 1);
}

void add__overlaps(Check& check) {
    expect_condemned(check, ip_fragment(sample(3000), 1472, 1488), Counter::drop_ip_overlap);
    expect_condemned(check, ip_fragment(sample(3000), 1480, 1488), Counter::drop_ip_overlap);
    expect_condemned(check, ip_fragment(sample(3000), 24, 8), Counter::drop_ip_overlap);
    expect_condemned(check, ip_fragment(sample(3000), 0, 1488), Counter::drop_ip_overlap);
}

void add__contradictory_ends(Check& check) {
    expect_condemned(check, ip_fragment(sample(3008), 2960, 48), Counter::drop_ip_contradict);
    expect_condemned(check, ip_fragment(sample(5000), 3000, 8), Counter::drop_ip_contradict);
    expect_condemned(check, ip_fragment(sample(1488), 1480, 8), Counter::drop_ip_contradict);
}

void add__too_many_fragments(Check& check) {
    TcpBed bed;
    bed.handle(framed(ip_fragment(sample(4000), 0, 24)));
    for (uint32_t i = 1; i <= FragmentList::kMax; ++i)
        bed.handle(framed(ip_fragment(sample(4000), 24 + 16 * i, 8)));
    EXPECT_EQ(bed.count(Counter::ip_fragments_in), FragmentList::kMax);
    EXPECT_EQ(bed.count(Counter::drop_ip_too_many), 1);
}

void add__longer_than_its_length_field_with_options(Check& check) {
    TcpBed bed;
    const Bytes whole = sample(65515);
    auto parts = ip_fragments(whole, 1480);
    Bytes options = with(ip_packet(kTcp, Bytes(40, 1) + pattern(1480)), 0, 0x4f);
    options = options + Bytes(8);  // that more may follow
    parts[0] = ip_fragment(options, 0, 1480);
    bed.handle_all(parts);
    EXPECT(bed.tcp.got.empty());
    EXPECT_EQ(bed.count(Counter::drop_ip_fragment), 1);
}

void demux__of_impossible_fragments(Check& check) {
    TcpBed bed;
    const auto parts = ip_fragments(sample(3000), 1480);
    const Bytes odd = with(ip_packet(kTcp, Bytes(39)), 6, 0x20);
    const Bytes far = with(with(ip_packet(kTcp, Bytes(100)), 6, 0x1f), 7, 0xff);
    const Bytes tiny = ip_fragment(sample(100), 0, 16);
    const Bytes empty = with(ip_packet(kTcp, {}), 7, 3);
    for (const Bytes& bad : {odd, far, tiny, empty})
        EXPECT(bed.receive(framed(bad)) == Verdict::kDrop);
    EXPECT(bed.receive(eth(kPeerMac, kBroadcastMac, kEtherIp, parts[0])) == Verdict::kDrop);
    EXPECT_EQ(bed.count(Counter::drop_ip_fragment), 5);
    EXPECT_EQ(bed.interface.deferred(), 0);
    EXPECT(!bed.ip.busy());
}

void demux__of_a_protocol_not_served(Check& check) {
    TcpBed bed;
    const auto parts = ip_fragments(ip_packet(47, pattern(100)), 56);
    EXPECT(bed.handle(framed(parts[1])) == Verdict::kDrop);
    EXPECT_EQ(bed.sent(), 0);
    EXPECT(bed.handle(framed(parts[0])) == Verdict::kTake);
    EXPECT_EQ(bed.count(Counter::drop_ip_protocol), 2);
    const Sent sent(bed.take());
    REQUIRE(sent.is_ip && sent.ip.protocol == kIcmp);
    EXPECT_EQ(sent.payload[1], kProtocolUnreachable);
    EXPECT(!bed.ip.busy());
}

void demux__when_the_control_thread_is_busy(Check& check) {
    TcpBed bed;
    bed.interface.control_full = true;
    EXPECT(bed.receive(framed(ip_fragment(sample(), 0, 1480))) == Verdict::kDrop);
    EXPECT_EQ(bed.count(Counter::drop_control_full), 1);
}

// --- limits ---

void add__more_datagrams_than_there_is_room_for(Check& check) {
    TcpBed bed;
    for (uint16_t id = 0; id < IpReassembly::kMaxDatagrams; ++id)
        bed.handle(framed(ip_fragment(sample(), 0, 1480, id)));
    EXPECT_EQ(bed.count(Counter::drop_ip_displaced), 0);
    bed.handle(framed(ip_fragment(sample(), 0, 1480, 1000)));
    EXPECT_EQ(bed.count(Counter::drop_ip_displaced), 1);
    bed.handle(framed(ip_fragment(sample(), 1480, 1520, 1)));  // the second oldest is still there
    EXPECT_EQ(bed.tcp.got.size(), 1);
    bed.handle(framed(ip_fragment(sample(), 1480, 1520, 0)));  // the oldest is not
    EXPECT_EQ(bed.tcp.got.size(), 1);
}

void add__more_bytes_than_there_is_room_for(Check& check) {
    constexpr uint16_t kFit = IpReassembly::kMaxBytes / 65536;
    static_assert(kFit < IpReassembly::kMaxDatagrams);
    TcpBed bed;
    const Bytes big = sample(65512);
    const auto all_but_first = [&](uint16_t id) {
        auto parts = ip_fragments(big, 1480, id);
        parts.erase(parts.begin());
        bed.handle_all(parts);
    };
    for (uint16_t id = 0; id < kFit; ++id) all_but_first(id);
    EXPECT_EQ(bed.count(Counter::drop_ip_displaced), 0);
    all_but_first(kFit);
    EXPECT_EQ(bed.count(Counter::drop_ip_displaced), 1);
    for (uint16_t id : {uint16_t{1}, kFit}) bed.handle(framed(ip_fragment(big, 0, 1480, id)));
    EXPECT_EQ(bed.tcp.got.size(), 2);
    bed.handle(framed(ip_fragment(big, 0, 1480, 0)));
    EXPECT_EQ(bed.tcp.got.size(), 2);
}

void add__without_memory(Check& check) {
    if (check.skips_failures()) return;
    const auto parts = ip_fragments(sample(5000), 1480);
    for (uint64_t nth = 0; nth < 3; ++nth) {  // the datagram, its first and its second block
        TcpBed bed;
        for (const Bytes& part : parts) bed.receive(framed(part));
        check.fail_allocations(uint64_t{1} << nth);
        bed.interface.run_control();
        check.fail_allocations(0);
        EXPECT(bed.tcp.got.empty());
        EXPECT(bed.count(Counter::drop_ip_no_memory) >= 1);
        EXPECT_EQ(bed.count(Counter::ip_reassembled), 0);
    }
}

// --- time ---

void tick__gives_up_and_says_so(Check& check) {
    TcpBed bed;
    int calls = 0;
    bed.ip.on_busy([](void* n) { ++*static_cast<int*>(n); }, &calls);
    const Bytes first = ip_fragment(sample(3000), 0, 1480, 7);
    bed.handle(framed(first));
    bed.handle(framed(ip_fragment(sample(3000), 0, 1480, 8)));
    EXPECT_EQ(calls, 1);
    const uint64_t now = dominoes_now_ns();
    bed.ip.tick(now + kTimeout - kSecond);
    EXPECT_EQ(bed.count(Counter::drop_ip_timeout), 0);
    bed.ip.tick(now + kTimeout);
    EXPECT_EQ(bed.count(Counter::drop_ip_timeout), 2);
    EXPECT_EQ(bed.count(Counter::icmp_errors_out), 2);
    EXPECT(!bed.ip.busy());
    const Sent sent(bed.take());
    REQUIRE(sent.is_ip && sent.ip.protocol == kIcmp);
    EXPECT(sent.ip.destination == kPeerIp);
    EXPECT_EQ(sent.ip.total_bytes, 576);
    EXPECT_EQ(sent.payload[0], kIcmpTimeExceeded);
    EXPECT_EQ(sent.payload[1], kReassemblyTimeExceeded);
    EXPECT_EQ(checksum(sent.payload.data(), sent.payload.size()), 0);
    EXPECT(std::equal(sent.payload.begin() + 8, sent.payload.end(), first.begin()));
    bed.handle(framed(first));
    EXPECT_EQ(calls, 2);
}

void tick__says_nothing_without_the_first_fragment(Check& check) {
    TcpBed bed;
    bed.handle(framed(ip_fragment(sample(3000), 1480, 1480)));
    bed.ip.tick(dominoes_now_ns() + kTimeout);
    EXPECT_EQ(bed.count(Counter::drop_ip_timeout), 1);
    EXPECT_EQ(bed.sent(), 0);
}

void tick__says_nothing_about_icmp_errors(Check& check) {
    TcpBed bed;
    const Bytes error = ip_packet(kIcmp, icmp_message(kIcmpUnreachable, 0, 0, pattern(100)));
    const Bytes request = ip_packet(kIcmp, icmp_message(kIcmpEchoRequest, 0, 0, pattern(100)));
    bed.handle(framed(ip_fragment(error, 0, 64, 1)));
    bed.handle(framed(ip_fragment(request, 0, 64, 2)));
    bed.ip.tick(dominoes_now_ns() + kTimeout);
    EXPECT_EQ(bed.count(Counter::drop_ip_timeout), 2);
    EXPECT_EQ(bed.count(Counter::icmp_errors_out), 1);
    const Sent sent(bed.take());
    REQUIRE(sent.is_ip);
    EXPECT_EQ(sent.payload_from(8)[kIpHeaderBytes], kIcmpEchoRequest);
}

void tick__quotes_what_is_short(Check& check) {
    TcpBed bed;
    const Bytes first = ip_fragment(sample(100), 0, 24);
    bed.handle(framed(first));
    bed.ip.tick(dominoes_now_ns() + kTimeout);
    const Sent sent(bed.take());
    REQUIRE(sent.is_ip);
    EXPECT(sent.payload_from(8) == first);
}

// --- what is above ---

void deliver__to_udp(Check& check) {
    Bed bed;
    CountingUser user;
    UdpEndpoint* endpoint = UdpEndpoint::create(user.handle());
    REQUIRE(endpoint);
    EXPECT_EQ(endpoint->bind(*bed.udp, 53), 0);
    for (size_t bytes : {2000, 65507}) {
        const Bytes datagram = ip_packet(kUdp, udp_datagram(4000, 53, pattern(bytes)));
        for (const Bytes& part : ip_fragments(datagram, 1480)) bed.handle(framed(part));
        Bytes data(65536);
        dominoes_iter iter(data.data(), data.size());
        EXPECT_EQ(endpoint->receive_from(nullptr, &iter, data.size(), false), bytes);
        data.resize(bytes);
        EXPECT(data == pattern(bytes));
    }
    // Its checksum is looked at.
    Bytes corrupt = ip_packet(kUdp, udp_datagram(4000, 53, pattern(2000)));
    corrupt[1700] ^= 1;
    for (const Bytes& part : ip_fragments(corrupt, 1480)) bed.handle(framed(part));
    EXPECT_EQ(bed.count(Counter::drop_udp_checksum), 1);
    endpoint->close();
}

void deliver__to_a_closed_port(Check& check) {
    Bed bed;
    bed.learn();
    const Bytes datagram = ip_packet(kUdp, udp_datagram(4000, 53, pattern(2000)));
    for (const Bytes& part : ip_fragments(datagram, 1480)) bed.handle(framed(part));
    const Sent sent(bed.take());
    REQUIRE(sent.is_ip && sent.ip.protocol == kIcmp);
    EXPECT_EQ(sent.payload[1], kPortUnreachable);
    IpHeader quoted;
    EXPECT(parse_quoted_ip(&sent.payload[8], 60, quoted) == IpResult::kOk);
    EXPECT_EQ(quoted.total_bytes, 2028);
}

constexpr Test kTests[] = {
    TEST(add__in_order),
    TEST(add__in_any_order),
    TEST(add__with_padding_behind),
    TEST(add__keeps_datagrams_apart),
    TEST(add__the_options_are_those_of_the_first),
    TEST(add__repeated_fragments),
    TEST(add__congestion_marks_survive),
    TEST(add__overlaps),
    TEST(add__contradictory_ends),
    TEST(add__too_many_fragments),
    TEST(add__longer_than_its_length_field_with_options),
    TEST(demux__of_impossible_fragments),
    TEST(demux__of_a_protocol_not_served),
    TEST(demux__when_the_control_thread_is_busy),
    TEST(add__more_datagrams_than_there_is_room_for),
    TEST(add__more_bytes_than_there_is_room_for),
    TEST(add__without_memory),
    TEST(tick__gives_up_and_says_so),
    TEST(tick__says_nothing_without_the_first_fragment),
    TEST(tick__says_nothing_about_icmp_errors),
    TEST(tick__quotes_what_is_short),
    TEST(deliver__to_udp),
    TEST(deliver__to_a_closed_port),
};

}  // namespace

extern const Suite ip_reassembly_host_suite = SUITE("ip_reassembly_host", kTests);

}  // namespace kunit
