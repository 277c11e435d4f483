// SPDX-License-Identifier: GPL-2.0
#include "scout/ip/ip.hh"

#include "kunit/packets.hh"
#include "scout/ip/datagram.hh"

namespace kunit {
namespace {

using namespace scout;

// Stands above IP and keeps what it is given.
struct Catcher final : Router {
    Verdict demux(Frame& frame) override {
        ++count;
        source = frame.source;
        destination = frame.destination;
        transport_offset = frame.transport_offset;
        transport_bytes = frame.transport_bytes;
        first = *frame.transport();
        ecn = frame.ecn;
        return Verdict::kDrop;
    }
    uint32_t count = 0;
    IpAddress source, destination;
    uint32_t transport_offset = 0;
    uint32_t transport_bytes = 0;
    uint8_t first = 0;
    uint8_t ecn = 0;
};

struct TcpBed : Bed {
    TcpBed() { ip.connect(kTcp, tcp); }
    Catcher tcp;
};

Bytes good() { return ip_packet(kTcp, Bytes(30, 0x77)); }

// `packet` with its header changed, its checksum right.
Bytes with(Bytes packet, size_t at, uint8_t value) {
    packet[at] = value;
    put16(packet, 10, 0);
    put16(packet, 10, checksum(packet.data(), (packet[0] & 15) * 4u));
    return packet;
}

void demux__fills_in_the_frame(Check& check) {
    TcpBed bed;
    bed.receive(framed(with(good(), 1, 3)) + Bytes(9, 0xee));  // with padding
    REQUIRE_EQ(bed.tcp.count, 1);
    EXPECT(bed.tcp.source == kPeerIp && bed.tcp.destination == kOurIp);
    EXPECT_EQ(bed.tcp.transport_offset, 34);
    EXPECT_EQ(bed.tcp.transport_bytes, 30);
    EXPECT_EQ(bed.tcp.first, 0x77);
    EXPECT_EQ(bed.tcp.ecn, 3);
}

void demux__skips_options(Check& check) {
    TcpBed bed;
    Bytes packet = ip_packet(kTcp, Bytes(40, 1) + Bytes(20, 0x77));
    bed.receive(framed(with(packet, 0, 0x4f)));
    REQUIRE_EQ(bed.tcp.count, 1);
    EXPECT_EQ(bed.tcp.transport_offset, 74);
    EXPECT_EQ(bed.tcp.transport_bytes, 20);
    EXPECT_EQ(bed.tcp.first, 0x77);
}

// RFC 1122 section 3.2.1.7: what has come this far has come.
void demux__takes_what_was_about_to_expire(Check& check) {
    TcpBed bed;
    for (uint8_t ttl : {0, 1}) bed.receive(framed(with(good(), 8, ttl)));
    EXPECT_EQ(bed.tcp.count, 2);
}

void demux__passes_what_is_not_for_us(Check& check) {
    TcpBed bed;
    for (IpAddress to : {kOtherIp, IpAddress::v4(0xffffffff), IpAddress::v4(0xc00002ff), kFarIp,
                         IpAddress::v4(0xe0000001)}) {
        Bytes packet = ip_packet(kTcp, Bytes(20), kPeerIp, to);
        EXPECT(bed.receive(framed(packet)) == Verdict::kPass);
        packet[10] ^= 1;  // also when it is malformed: its errors are the host's
        EXPECT(bed.receive(framed(packet)) == Verdict::kPass);
    }
    EXPECT_EQ(bed.tcp.count, 0);
}

// What is not for that address is still the host's.
void demux__drops_what_is_for_a_tentative_address(Check& check) {
    TcpBed bed;
    bed.interface.tentative.store_relaxed(1);
    EXPECT(bed.receive(framed(good())) == Verdict::kDrop);
    EXPECT_EQ(bed.count(Counter::drop_ip_tentative), 1);
    EXPECT(bed.receive(framed(ip_packet(kTcp, Bytes(20), kPeerIp, kOtherIp))) == Verdict::kPass);
    EXPECT_EQ(bed.tcp.count, 0);
    bed.interface.tentative.store_relaxed(0);
    bed.receive(framed(good()));
    EXPECT_EQ(bed.tcp.count, 1);
}

void expect_drop(Check& check, const Bytes& packet, Counter cause) {
    TcpBed bed;
    EXPECT(bed.receive(framed(packet)) == Verdict::kDrop);
    EXPECT_EQ(bed.count(cause), 1);
    EXPECT_EQ(bed.tcp.count, 0);
    EXPECT_EQ(bed.interface.deferred(), 0);
}

void demux__counts_each_cause(Check& check) {
    const Bytes packet = good();
    expect_drop(check, Bytes(packet.begin(), packet.begin() + 19), Counter::drop_ip_short);
    expect_drop(check, Bytes(packet.begin(), packet.end() - 1), Counter::drop_ip_short);
    expect_drop(check, with(packet, 0, 0x55), Counter::drop_ip_version);
    expect_drop(check, with(packet, 0, 0x44), Counter::drop_ip_header);
    expect_drop(check, with(packet, 3, 19), Counter::drop_ip_length);
    Bytes corrupt = packet;
    corrupt[8] ^= 1;
    expect_drop(check, corrupt, Counter::drop_ip_checksum);
    expect_drop(check, with(packet, 6, 0x20), Counter::drop_ip_fragment);  // 30 bytes, more follow
    Bytes options = ip_packet(kTcp, Bytes{131, 3, 4, 0} + Bytes(20));
    expect_drop(check, with(options, 0, 0x46), Counter::drop_ip_source_route);
    options[20] = 7;
    options[21] = 9;
    expect_drop(check, with(options, 0, 0x46), Counter::drop_ip_options);
}

void demux__refuses_sources_that_are_no_host(Check& check) {
    for (uint32_t source :
         {0u, 5u, 0xe0000001u, 0xffffffffu, 0x7f000001u, 0xc00002ffu, kOurIp.v4()}) {
        expect_drop(check, ip_packet(kTcp, Bytes(20), IpAddress::v4(source)),
                    Counter::drop_ip_source);
    }
}

void demux__answers_an_unknown_protocol(Check& check) {
    Bed bed;
    bed.learn();
    EXPECT(bed.handle(framed(ip_packet(47, text("generic routing")))) == Verdict::kTake);
    EXPECT_EQ(bed.count(Counter::drop_ip_protocol), 1);
    EXPECT_EQ(bed.count(Counter::icmp_errors_out), 1);
    const Sent sent(bed.take());
    REQUIRE(sent.is_ip && sent.ip.protocol == kIcmp);
    EXPECT_EQ(sent.payload[0], kIcmpUnreachable);
    EXPECT_EQ(sent.payload[1], kProtocolUnreachable);
}

void push__prepends_the_header(Check& check) {
    Bed bed;
    bed.learn();
    Msg msg;
    msg.set_payload("payload", 7);
    store_be16(msg.prepend(20) + 16, 0);
    msg.want_checksum(16);
    EXPECT_EQ(send_datagram(bed.interface, *bed.arp, kPeerIp, kTcp, msg), 0);
    const Sent sent(bed.take());
    REQUIRE(sent.is_ip);
    EXPECT_EQ(sent.ip.total_bytes, 47);
    EXPECT_EQ(sent.ip.ttl, 64);
    EXPECT_EQ(sent.ip.protocol, kTcp);
    EXPECT_EQ(sent.ip.id, 0);
    EXPECT_EQ(sent.ip.dscp, 0);
    EXPECT_EQ(sent.ip.ecn, 0);
    EXPECT(sent.ip.dont_fragment && !sent.ip.more_fragments);
    EXPECT(sent.ip.source == kOurIp && sent.ip.destination == kPeerIp);
    EXPECT(sent.checksum_right());
}

void push__ids_of_datagrams_that_may_be_fragmented_differ(Check& check) {
    Bed bed;
    bed.learn();
    uint16_t ids[8];
    for (uint16_t& id : ids) {
        Msg msg;
        msg.prepend(8);
        EXPECT_EQ(send_datagram(bed.interface, *bed.arp, kPeerIp, kUdp, msg), 0);
        const Sent sent(bed.take());
        EXPECT(!sent.ip.dont_fragment);
        id = sent.ip.id;
    }
    bool differ = false;
    for (uint16_t id : ids) differ |= id != ids[0];
    EXPECT(differ);
}

// What is cut here comes together again there; the checksum is complete, whatever hardware can do.
void push__cuts_what_exceeds_the_mtu(Check& check) {
    for (uint32_t mtu : {1500u, 576u, 577u, 68u}) {
        for (uint32_t bytes : {1473u, 2952u, 2953u, 5000u}) {
            Bed bed;
            bed.learn();
            bed.interface.device.mtu = mtu;
            bed.interface.device.checksum_offload = true;
            Bytes data(bytes);
            for (uint32_t i = 0; i < bytes; ++i) data[i] = static_cast<uint8_t>(i * 7 + i / 251);
            Msg msg;
            msg.set_payload(data.data(), bytes);
            uint8_t* header = msg.prepend(8);
            header[1] = 9;
            msg.want_checksum(6);
            EXPECT_EQ(send_datagram(bed.interface, *bed.arp, kPeerIp, kUdp, msg), 0);
            Sent whole(bed.interface.device.sent.front());
            EXPECT(whole.ip.more_fragments);
            const uint16_t id = whole.ip.id;
            whole.payload.clear();
            for (bool more = true; more;) {
                const Sent sent(bed.take());
                REQUIRE(sent.is_ip && sent.ip.fragment_bytes == whole.payload.size());
                EXPECT(sent.ip.total_bytes <= mtu && sent.ip.id == id);
                more = sent.ip.more_fragments;
                EXPECT(!more || sent.ip.total_bytes + 8 > mtu);
                whole.payload = whole.payload + sent.payload;
            }
            EXPECT_EQ(bed.sent(), 0);
            EXPECT(whole.payload_from(8) == data);
            EXPECT_EQ(whole.payload[1], 9);
            EXPECT(whole.checksum_right());
        }
    }
}

void send_datagram__through_the_gateway(Check& check) {
    Bed bed;
    bed.learn(kGatewayIp, kOtherMac);
    Msg msg;
    msg.prepend(8);
    EXPECT_EQ(send_datagram(bed.interface, *bed.arp, kFarIp, kUdp, msg), 0);
    const Sent sent(bed.take());
    REQUIRE(sent.is_ip);
    EXPECT(sent.eth.destination == kOtherMac);
    EXPECT(sent.ip.destination == kFarIp);
}

void send_datagram__without_a_route(Check& check) {
    Bed bed;
    bed.interface.gateway = IpAddress();
    Msg msg, other;
    msg.prepend(8);
    other.prepend(8);
    EXPECT_EQ(send_datagram(bed.interface, *bed.arp, kFarIp, kUdp, msg), int64_t{-101});
    EXPECT_EQ(send_datagram(bed.interface, *bed.arp, IpAddress::v4(0xc00002ff), kUdp, other),
              int64_t{-101});
    EXPECT_EQ(bed.sent(), 0);
}

void send_datagram__says_what_could_not_be_sent(Check& check) {
    Bed bed;
    bed.learn();
    bed.interface.device.fail_builds = true;
    Msg msg, other;
    msg.prepend(8);
    other.prepend(8);
    EXPECT_EQ(send_datagram(bed.interface, *bed.arp, kPeerIp, kUdp, msg), int64_t{-12});
    EXPECT_EQ(bed.count(Counter::tx_no_memory), 1);
    bed.interface.device.fail_builds = false;
    bed.interface.device.refusing = true;
    EXPECT_EQ(send_datagram(bed.interface, *bed.arp, kPeerIp, kUdp, other), 0);
    EXPECT_EQ(bed.count(Counter::tx_refused), 1);
}

constexpr Test kTests[] = {
    TEST(demux__fills_in_the_frame),
    TEST(demux__skips_options),
    TEST(demux__takes_what_was_about_to_expire),
    TEST(demux__passes_what_is_not_for_us),
    TEST(demux__drops_what_is_for_a_tentative_address),
    TEST(demux__counts_each_cause),
    TEST(demux__refuses_sources_that_are_no_host),
    TEST(demux__answers_an_unknown_protocol),
    TEST(push__prepends_the_header),
    TEST(push__ids_of_datagrams_that_may_be_fragmented_differ),
    TEST(push__cuts_what_exceeds_the_mtu),
    TEST(send_datagram__through_the_gateway),
    TEST(send_datagram__without_a_route),
    TEST(send_datagram__says_what_could_not_be_sent),
};

}  // namespace

extern const Suite ip_host_suite = SUITE("ip_host", kTests);

}  // namespace kunit
