// SPDX-License-Identifier: GPL-2.0
//
// What arrives by UDP: datagrams, and errors about them.
#include "kunit/udp/open.hh"

namespace kunit {
namespace {

using namespace scout;

// --- datagrams ---

void demux__delivers_to_the_port(Check& check) {
    Bed bed;
    Open open;
    REQUIRE(open.endpoint);
    EXPECT_EQ(open->bind(*bed.udp, 53), 0);
    EXPECT_EQ(open->poll(), SCOUT_OUT);
    EXPECT(bed.receive(udp_frame(4000, 53, text("question"))) == Verdict::kTake);
    EXPECT_EQ(open.user.wakes(), 1);
    EXPECT_EQ(open->poll(), SCOUT_IN | SCOUT_OUT);
    EXPECT_EQ(open->queued(), 1);
    Bytes data;
    EXPECT_EQ(open.receive(data), 8);
    EXPECT(data == text("question"));
    EXPECT(open.from == kPeer);
    EXPECT_EQ(open.receive_error(), error(kEagain));
    EXPECT_EQ(bed.count(Counter::udp_in), 1);
}

void demux__counts_each_cause(Check& check) {
    Bed bed;
    const Bytes good = udp_datagram(1, 2, text("payload"));
    for (size_t n = 0; n < good.size(); ++n) {
        const Bytes cut(good.begin(), good.begin() + static_cast<long>(n));
        EXPECT(bed.receive(framed(ip_packet(kUdp, cut))) == Verdict::kDrop);
    }
    EXPECT_EQ(bed.count(Counter::drop_udp_short), good.size());
    Bytes corrupt = good;
    corrupt[10] ^= 4;
    EXPECT(bed.receive(framed(ip_packet(kUdp, corrupt))) == Verdict::kDrop);
    EXPECT_EQ(bed.count(Counter::drop_udp_checksum), 1);
    EXPECT(bed.receive(framed(ip_packet(kUdp, good))) == Verdict::kTake);
    EXPECT_EQ(bed.count(Counter::drop_udp_no_port), 1);
}

void demux__without_a_checksum(Check& check) {
    Bed bed;
    Open open;
    EXPECT_EQ(open->bind(*bed.udp, 2), 0);
    Bytes datagram = udp_datagram(1, 2, text("unchecked"));
    put16(datagram, 6, 0);
    EXPECT(bed.receive(framed(ip_packet(kUdp, datagram))) == Verdict::kTake);
    Bytes data;
    EXPECT_EQ(open.receive(data), 9);
}

void demux__ignores_what_follows_the_datagram(Check& check) {
    Bed bed;
    Open open;
    EXPECT_EQ(open->bind(*bed.udp, 2), 0);
    EXPECT(bed.receive(framed(ip_packet(
               kUdp, udp_datagram(1, 2, text("short")) + text("surplus")))) == Verdict::kTake);
    Bytes data;
    EXPECT_EQ(open.receive(data), 5);
    EXPECT(data == text("short"));
}

void demux__drops_when_the_queue_is_full(Check& check) {
    Bed bed;
    Open open;
    EXPECT_EQ(open->bind(*bed.udp, 2), 0);
    for (uint32_t i = 0; i < UdpEndpoint::kQueueSlots; ++i) {
        EXPECT(bed.receive(udp_frame(1, 2, text("x"))) == Verdict::kTake);
    }
    EXPECT(bed.receive(udp_frame(1, 2, text("y"))) == Verdict::kDrop);
    EXPECT_EQ(bed.count(Counter::drop_udp_full), 1);
    EXPECT_EQ(open->queued(), UdpEndpoint::kQueueSlots);
    // What is left is freed with the endpoint.
}

void demux__drops_when_too_many_bytes_wait(Check& check) {
    Bed bed;
    Open open;
    EXPECT_EQ(open->bind(*bed.udp, 2), 0);
    open->set_receive_bytes(2500);
    for (int i = 0; i < 3; ++i) EXPECT(bed.receive(udp_frame(1, 2, Bytes(1000))) == Verdict::kTake);
    EXPECT_EQ(open->queued_bytes(), 3000);
    EXPECT(bed.receive(udp_frame(1, 2, Bytes(1))) == Verdict::kDrop);
    EXPECT_EQ(bed.count(Counter::drop_udp_full), 1);
    EXPECT_EQ(open->queued_bytes(), 3000);
    Bytes data;
    EXPECT_EQ(open.receive(data, 2000, true), 1000);
    EXPECT_EQ(open->queued_bytes(), 3000);
    EXPECT_EQ(open.receive(data), 1000);
    EXPECT_EQ(open->queued_bytes(), 2000);
    EXPECT(bed.receive(udp_frame(1, 2, Bytes(1000))) == Verdict::kTake);
}

void demux__of_a_connected_endpoint_hears_its_peer_only(Check& check) {
    Bed bed;
    Open open;
    EXPECT_EQ(open->bind(*bed.udp, 2), 0);
    EXPECT_EQ(open->connect(*bed.udp, kPeer), 0);
    EXPECT(bed.receive(udp_frame(4001, 2, text("x"))) ==
           Verdict::kTake);  // to be answered with ICMP
    EXPECT_EQ(bed.count(Counter::drop_udp_no_port), 1);
    EXPECT_EQ(open.receive_error(), error(kEagain));
    EXPECT(bed.receive(udp_frame(4000, 2, text("y"))) == Verdict::kTake);
    Bytes data;
    EXPECT_EQ(open.receive(data), 1);
}

// --- datagrams, with replicas ---

void demux__to_replicas_which_verify(Check& check) {
    Bed bed;
    REQUIRE(bed.interface.start_contexts(4));
    Open open;
    EXPECT_EQ(open->bind(*bed.udp, 2), 0);
    Bytes data;
    for (uint8_t i = 0; i < 250; ++i) {
        Bytes datagram = udp_datagram(4000, 2, {i, 77});
        if (i % 10 == 3) datagram[9] ^= 4;
        EXPECT(bed.receive(framed(ip_packet(kUdp, datagram))) == Verdict::kTake);
    }
    for (uint8_t i = 0; i < 250; ++i) {
        if (i % 10 == 3) continue;
        EXPECT_EQ(open.receive_surely(data), 2);
        EXPECT(data == (Bytes{i, 77}));
        EXPECT(open.from == kPeer);
    }
    EXPECT(eventually([&] { return bed.count(Counter::udp_in) == 225; }));
    EXPECT_EQ(bed.count(Counter::drop_udp_checksum), 25);
    EXPECT_EQ(open.user.wakes(), 225);
    EXPECT(eventually([&] { return open->queued_bytes() == 0; }));
    // Those that replicas do not get are verified at once.
    Bytes corrupt = udp_datagram(4000, 3, text("x"));
    corrupt[8] ^= 1;
    EXPECT(bed.receive(framed(ip_packet(kUdp, corrupt))) == Verdict::kDrop);
    EXPECT_EQ(bed.count(Counter::drop_udp_checksum), 26);
    EXPECT_EQ(bed.count(Counter::drop_udp_no_port), 0);
}

void demux__to_replicas_without_a_checksum(Check& check) {
    Bed bed;
    REQUIRE(bed.interface.start_contexts(2));
    Open open;
    EXPECT_EQ(open->bind(*bed.udp, 2), 0);
    Bytes datagram = udp_datagram(1, 2, text("unchecked"));
    put16(datagram, 6, 0);
    EXPECT(bed.receive(framed(ip_packet(kUdp, datagram))) == Verdict::kTake);
    Bytes data;
    EXPECT_EQ(open.receive_surely(data), 9);
}

void demux__drops_when_the_channel_is_full(Check& check) {
    Bed bed;
    REQUIRE(bed.interface.start_contexts(3));
    Open open;
    open->set_replicas(3, dominoes::Policy::kPinned);
    EXPECT_EQ(open->bind(*bed.udp, 2), 0);
    Busy late(bed.interface.context(2));  // where the first of port 2 is, who owns everything
    for (uint32_t i = 0; i < UdpReplicas::kCapacity - 1; ++i) {
        EXPECT(bed.receive(udp_frame(1, 2, text("x"))) == Verdict::kTake);
    }
    EXPECT(bed.receive(udp_frame(1, 2, text("y"))) == Verdict::kDrop);
    EXPECT_EQ(bed.count(Counter::drop_udp_full), 1);
    EXPECT_EQ(open->queued_bytes(), UdpReplicas::kCapacity - 1);
    // Nobody reads: not all that has been under way has room in the queue.
    late.let_go();
    constexpr uint32_t kQueued = UdpEndpoint::kQueueSlots;
    EXPECT(eventually([&] { return open->queued_bytes() == kQueued; }));
    EXPECT_EQ(open->queued(), kQueued);
    EXPECT_EQ(bed.count(Counter::udp_in), kQueued);
    EXPECT_EQ(bed.count(Counter::drop_udp_full), UdpReplicas::kCapacity - kQueued);
}

// What is on its way to the reader counts.
void demux__drops_when_too_many_bytes_are_under_way(Check& check) {
    Bed bed;
    REQUIRE(bed.interface.start_contexts(2));
    Open open;
    EXPECT_EQ(open->bind(*bed.udp, 2), 0);
    open->set_receive_bytes(2500);
    Busy late(bed.interface.context(0)), later(bed.interface.context(1));
    for (int i = 0; i < 3; ++i) EXPECT(bed.receive(udp_frame(1, 2, Bytes(1000))) == Verdict::kTake);
    EXPECT(bed.receive(udp_frame(1, 2, Bytes(1))) == Verdict::kDrop);
    EXPECT_EQ(bed.count(Counter::drop_udp_full), 1);
    EXPECT_EQ(open->queued_bytes(), 3000);
    EXPECT_EQ(open->poll(), SCOUT_OUT);
    late.let_go();
    later.let_go();
    Bytes data;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(open.receive_surely(data), 1000);
    EXPECT_EQ(open->queued_bytes(), 0);
}

void demux__to_replicas_of_a_connected_endpoint(Check& check) {
    Bed bed;
    REQUIRE(bed.interface.start_contexts(2));
    Open open;
    EXPECT_EQ(open->connect(*bed.udp, {kPeerIp, 4000}), 0);
    const uint16_t port = open->local().port;
    EXPECT(bed.receive(udp_frame(4001, port, text("x"))) == Verdict::kTake);  // answered with ICMP
    EXPECT_EQ(bed.count(Counter::drop_udp_no_port), 1);
    EXPECT(bed.receive(udp_frame(4000, port, text("yes"))) == Verdict::kTake);
    Bytes data;
    EXPECT_EQ(open.receive_surely(data), 3);
}

// --- ICMP ---

Bytes error_about(const SocketAddress& local, const SocketAddress& peer, uint8_t code) {
    const Bytes quote = ip_packet(kUdp, udp_datagram(local.port, peer.port, {}, local.ip, peer.ip),
                                  local.ip, peer.ip);
    return framed(ip_packet(kIcmp, icmp_message(kIcmpUnreachable, code, 0, quote)));
}

void icmp_error__of_the_peer_is_reported_once(Check& check) {
    Bed bed;
    Open open;
    EXPECT_EQ(open->bind(*bed.udp, 2), 0);
    EXPECT_EQ(open->connect(*bed.udp, kPeer), 0);
    bed.handle(error_about({kOurIp, 2}, kPeer, kPortUnreachable));
    EXPECT_EQ(bed.count(Counter::icmp_errors_in), 1);
    EXPECT_EQ(open.user.wakes(), 1);
    EXPECT_EQ(open->poll(), SCOUT_IN | SCOUT_OUT | SCOUT_ERR);
    EXPECT_EQ(open.receive_error(), error(kEconnrefused));
    EXPECT_EQ(open.receive_error(), error(kEagain));
    bed.handle(error_about({kOurIp, 2}, kPeer, kPortUnreachable));
    EXPECT_EQ(open.send(text("x")), error(kEconnrefused));
    EXPECT_EQ(open->take_error(), 0);
}

void icmp_error__about_others_is_not(Check& check) {
    Bed bed;
    Open open;
    EXPECT_EQ(open->bind(*bed.udp, 2), 0);
    bed.handle(error_about({kOurIp, 2}, kPeer, kPortUnreachable));  // not connected
    EXPECT_EQ(open->connect(*bed.udp, kPeer), 0);
    bed.handle(error_about({kOurIp, 2}, kOther, kPortUnreachable));
    bed.handle(error_about({kOurIp, 3}, kPeer, kPortUnreachable));
    EXPECT_EQ(bed.count(Counter::drop_icmp_unmatched), 3);
    bed.handle(error_about({kOurIp, 2}, kPeer, kHostUnreachable));  // may pass
    EXPECT_EQ(open->take_error(), 0);
}

constexpr Test kTests[] = {
    TEST(demux__delivers_to_the_port),
    TEST(demux__counts_each_cause),
    TEST(demux__without_a_checksum),
    TEST(demux__ignores_what_follows_the_datagram),
    TEST(demux__drops_when_the_queue_is_full),
    TEST(demux__drops_when_too_many_bytes_wait),
    TEST(demux__of_a_connected_endpoint_hears_its_peer_only),
    TEST(demux__to_replicas_which_verify),
    TEST(demux__to_replicas_without_a_checksum),
    TEST(demux__drops_when_the_channel_is_full),
    TEST(demux__drops_when_too_many_bytes_are_under_way),
    TEST(demux__to_replicas_of_a_connected_endpoint),
    TEST(icmp_error__of_the_peer_is_reported_once),
    TEST(icmp_error__about_others_is_not),
};

}  // namespace

extern const Suite udp_host_suite = SUITE("udp_host", kTests);

}  // namespace kunit
