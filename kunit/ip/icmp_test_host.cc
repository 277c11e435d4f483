// SPDX-License-Identifier: GPL-2.0
#include "scout/ip/icmp.hh"

#include "kunit/packets.hh"

namespace kunit {
namespace {

using namespace scout;

Bytes icmp_frame(const Bytes& message) { return framed(ip_packet(kIcmp, message)); }

Bytes echo_frame(const Bytes& data) {
    return icmp_frame(icmp_message(kIcmpEchoRequest, 0, 0x12345678, data));
}

Bytes pattern(size_t n) {
    Bytes bytes(n);
    for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<uint8_t>(i * 31 + i / 256);
    return bytes;
}

// Stands where TCP does.
struct Listening final : IcmpListener {
    bool icmp_error(const IcmpError& error) override {
        ++count;
        last = error;
        return known;
    }
    uint32_t count = 0;
    IcmpError last{};
    bool known = true;
};

Bytes quoted_tcp(IpAddress source = kOurIp) {
    Bytes tcp(20);
    put16(tcp, 0, 80);
    put16(tcp, 2, 4000);
    store_be32(&tcp[4], 77);
    return ip_packet(kTcp, tcp, source, kPeerIp);
}

void demux__counts_each_cause(Check& check) {
    Bed bed;
    for (size_t n = 0; n < kIcmpHeaderBytes; ++n) {
        EXPECT(bed.receive(icmp_frame(Bytes(n))) == Verdict::kDrop);
    }
    EXPECT_EQ(bed.count(Counter::drop_icmp_short), 8);
    Bytes corrupt = icmp_message(kIcmpEchoRequest, 0, 0, pattern(40));
    corrupt[30] ^= 1;
    EXPECT(bed.receive(icmp_frame(corrupt)) == Verdict::kDrop);
    EXPECT_EQ(bed.count(Counter::drop_icmp_checksum), 1);
    for (uint8_t type : {kIcmpEchoReply, kIcmpSourceQuench, IcmpType{13}}) {
        EXPECT(bed.receive(icmp_frame(icmp_message(type, 0, 0, {}))) == Verdict::kDrop);
    }
    EXPECT_EQ(bed.count(Counter::drop_icmp_type), 3);
    EXPECT_EQ(bed.interface.deferred(), 0);
}

void echo__returns_all_of_the_data(Check& check) {
    for (size_t bytes : {0, 1, 56, 57, 1472}) {
        Bed bed;
        bed.learn();
        EXPECT(bed.handle(echo_frame(pattern(bytes))) == Verdict::kTake);
        EXPECT_EQ(bed.count(Counter::icmp_echo_in), 1);
        const Sent sent(bed.take());
        REQUIRE(sent.is_ip && sent.ip.protocol == kIcmp);
        EXPECT(sent.ip.destination == kPeerIp && sent.eth.destination == kPeerMac);
        EXPECT_EQ(sent.payload[0], kIcmpEchoReply);
        EXPECT_EQ(load_be32(&sent.payload[4]), 0x12345678);
        EXPECT(sent.payload_from(8) == pattern(bytes));
        EXPECT_EQ(checksum(sent.payload.data(), sent.payload.size()), 0);
    }
}

void echo__of_a_jumbo_frame(Check& check) {
    Bed bed;
    bed.learn();
    bed.interface.device.mtu = 9000;
    bed.handle(echo_frame(pattern(8972)));
    const Sent sent(bed.take());
    REQUIRE(sent.is_ip);
    EXPECT(sent.payload_from(8) == pattern(8972));
}

// The fragments sent, put together as a receiver would.
Bytes joined(Bed& bed) {
    Bytes all;
    uint16_t id = 0;
    for (bool more = true; more;) {
        const Sent sent(bed.take());
        if (!sent.is_ip || sent.ip.fragment_bytes != all.size()) return {};
        if (sent.ip.total_bytes > bed.interface.device.mtu) return {};
        if (all.empty()) id = sent.ip.id;
        if (sent.ip.id != id) return {};
        all = all + sent.payload;
        more = sent.ip.more_fragments;
    }
    return all;
}

void echo__in_fragments(Check& check) {
    for (size_t bytes : {1473, 4000, 65507}) {
        Bed bed;
        bed.learn();
        const Bytes request =
            ip_packet(kIcmp, icmp_message(kIcmpEchoRequest, 0, 9, pattern(bytes)));
        for (const Bytes& part : ip_fragments(request, 1480)) bed.handle(framed(part));
        EXPECT_EQ(bed.count(Counter::icmp_echo_in), 1);
        const Bytes reply = joined(bed);
        REQUIRE(reply.size() == bytes + 8);
        EXPECT_EQ(reply[0], kIcmpEchoReply);
        EXPECT_EQ(load_be32(&reply[4]), 9);
        EXPECT(Bytes(reply.begin() + 8, reply.end()) == pattern(bytes));
        EXPECT_EQ(checksum(reply.data(), reply.size()), 0);
        EXPECT_EQ(bed.sent(), 0);
    }
}

void echo__with_the_same_service(Check& check) {
    Bed bed;
    bed.learn();
    Bytes request = ip_packet(kIcmp, icmp_message(kIcmpEchoRequest, 0, 9, text("x")));
    request[1] = 46 << 2 | 2;
    put16(request, 10, 0);
    put16(request, 10, checksum(request.data(), kIpHeaderBytes));
    bed.handle(framed(request));
    const Sent sent(bed.take());
    REQUIRE(sent.is_ip);
    EXPECT_EQ(sent.ip.dscp, 46);
    EXPECT_EQ(sent.ip.ecn, 0);
}

void echo__finds_the_peer_first(Check& check) {
    Bed bed;
    bed.handle(echo_frame(text("who?")));
    EXPECT(Sent(bed.take()).is_arp);
    bed.handle(arp_frame({kArpReply, kPeerMac, kPeerIp, kOurMac, kOurIp}, kOurMac));
    const Sent sent(bed.take());
    REQUIRE(sent.is_ip);
    EXPECT(sent.payload_from(8) == text("who?"));
}

void echo__without_memory(Check& check) {
    if (check.skips_failures()) return;
    Bed bed;
    bed.learn();
    bed.receive(echo_frame(text("x")));
    check.fail_allocations(1);
    bed.interface.run_control();
    check.fail_allocations(0);
    EXPECT_EQ(bed.count(Counter::tx_no_memory), 1);
    EXPECT_EQ(bed.count(Counter::icmp_echo_in), 0);
}

void error__is_told_to_its_protocol(Check& check) {
    Bed bed;
    Listening tcp;
    bed.icmp.connect(kTcp, tcp);
    EXPECT(bed.handle(icmp_frame(icmp_message(kIcmpUnreachable, kFragmentationNeeded, 1400,
                                              quoted_tcp()))) == Verdict::kTake);
    REQUIRE_EQ(tcp.count, 1);
    EXPECT_EQ(tcp.last.protocol, kTcp);
    EXPECT_EQ(tcp.last.type, kIcmpUnreachable);
    EXPECT_EQ(tcp.last.code, kFragmentationNeeded);
    EXPECT_EQ(tcp.last.mtu, 1400);
    EXPECT_EQ(tcp.last.seq, 77);
    EXPECT(tcp.last.local == (SocketAddress{kOurIp, 80}));
    EXPECT(tcp.last.peer == (SocketAddress{kPeerIp, 4000}));
    EXPECT_EQ(bed.count(Counter::icmp_errors_in), 1);
}

void error__about_nothing_of_ours(Check& check) {
    Bed bed;
    Listening tcp;
    bed.icmp.connect(kTcp, tcp);
    const auto error = [](const Bytes& quote) {
        return icmp_frame(icmp_message(kIcmpUnreachable, 1, 0, quote));
    };
    bed.handle(error(quoted_tcp(kOtherIp)));  // another host's
    EXPECT_EQ(tcp.count, 0);
    bed.handle(error(ip_packet(47, Bytes(20), kOurIp, kPeerIp)));  // a protocol nobody listens for
    tcp.known = false;
    bed.handle(error(quoted_tcp()));  // no such connection
    EXPECT_EQ(bed.count(Counter::drop_icmp_unmatched), 3);
    EXPECT_EQ(bed.count(Counter::icmp_errors_in), 0);
}

void error__with_a_short_quote(Check& check) {
    Bed bed;
    Bytes quote = quoted_tcp();
    quote.resize(kIpHeaderBytes + 7);
    bed.handle(icmp_frame(icmp_message(kIcmpTimeExceeded, 0, 0, quote)));
    EXPECT_EQ(bed.count(Counter::drop_icmp_short), 1);
}

void port_unreachable__quotes_the_datagram(Check& check) {
    Bed bed;
    bed.learn();
    const Bytes datagram = ip_packet(kUdp, udp_datagram(9, 10, text("anybody?")));
    EXPECT(bed.handle(framed(datagram) + Bytes(6)) == Verdict::kTake);  // the padding is not quoted
    const Sent sent(bed.take());
    REQUIRE(sent.is_ip && sent.ip.protocol == kIcmp);
    EXPECT_EQ(sent.payload[0], kIcmpUnreachable);
    EXPECT_EQ(sent.payload[1], kPortUnreachable);
    EXPECT_EQ(load_be32(&sent.payload[4]), 0);
    EXPECT_EQ(checksum(sent.payload.data(), sent.payload.size()), 0);
    EXPECT(sent.payload_from(8) == datagram);
    EXPECT_EQ(bed.count(Counter::icmp_errors_out), 1);
}

void port_unreachable__is_at_most_576_bytes(Check& check) {
    Bed bed;
    bed.learn();
    bed.handle(udp_frame(9, 10, pattern(1400)));
    const Sent sent(bed.take());
    REQUIRE(sent.is_ip);
    EXPECT_EQ(sent.ip.total_bytes, 576);
}

void port_unreachable__not_too_often(Check& check) {
    Bed bed;
    bed.learn();
    for (int i = 0; i < 2000; ++i) bed.handle(udp_frame(9, 10, {}));
    EXPECT_EQ(bed.count(Counter::drop_udp_no_port), 2000);
    const uint64_t sent = bed.count(Counter::icmp_errors_out);
    EXPECT(sent >= 50);
    if (sent == 2000) EXPECT(!"a limit was seen (or the loop took two seconds)");
    EXPECT_EQ(bed.count(Counter::icmp_errors_held_back), 2000 - sent);
}

void protocol_unreachable__when_the_control_thread_is_busy(Check& check) {
    Bed bed;
    bed.interface.control_full = true;
    EXPECT(bed.receive(framed(ip_packet(47, Bytes(8)))) == Verdict::kDrop);
    EXPECT_EQ(bed.count(Counter::drop_control_full), 1);
    EXPECT_EQ(bed.count(Counter::icmp_errors_out), 0);
}

constexpr Test kTests[] = {
    TEST(demux__counts_each_cause),
    TEST(echo__returns_all_of_the_data),
    TEST(echo__of_a_jumbo_frame),
    TEST(echo__in_fragments),
    TEST(echo__with_the_same_service),
    TEST(echo__finds_the_peer_first),
    TEST(echo__without_memory),
    TEST(error__is_told_to_its_protocol),
    TEST(error__about_nothing_of_ours),
    TEST(error__with_a_short_quote),
    TEST(port_unreachable__quotes_the_datagram),
    TEST(port_unreachable__is_at_most_576_bytes),
    TEST(port_unreachable__not_too_often),
    TEST(protocol_unreachable__when_the_control_thread_is_busy),
};

}  // namespace

extern const Suite icmp_host_suite = SUITE("icmp_host", kTests);

}  // namespace kunit
