// SPDX-License-Identifier: GPL-2.0
#include "scout/connection/connection.hh"

#include <arpa/inet.h>

#include "kunit/connection/one_connection.hh"
#include "scout/stack.h"
#include "scout/tcp/constants.hh"

namespace kunit {
namespace {

using namespace one_connection;

// --- creation ---

// One that has not begun.
struct Unborn {
    explicit Unborn(OneConnection& one)
        : tcp(*one.tcp),
          arp(*one.bed.arp),
          neighbour(arp.acquire(kPeerIp)),
          plan{OneConnection::kBetween, &one.attributes, neighbour, nullptr, nullptr, 1, 0, false} {
    }
    ~Unborn() {
        connection.reset();
        arp.release(neighbour);
    }
    bool create() {
        connection.reset(Connection::create(tcp, plan));
        return bool{connection};
    }

    TcpRouter& tcp;
    ArpRouter& arp;
    Neighbour* neighbour;
    Connection::Plan plan;
    Owned<Connection> connection;
};

void create__survives_failed_allocations(Check& check) {
    OneConnection one(2);
    REQUIRE(one.ready);
    Unborn unborn(one);
    survives_failures(
        check, 8, [&] { return Connection::create(unborn.tcp, unborn.plan); }, destroy<Connection>);
}

void config__follows_the_device(Check& check) {
    OneConnection one(3);
    REQUIRE(one.ready);
    auto config = [&] {
        return Connection::config(one.bed.interface, OneConnection::kBetween, one.attributes);
    };
    one.link.mtu = 1500;
    one.link.max_segment = 30000;
    EXPECT_EQ(config().mss, 1460);
    EXPECT_EQ(config().max_piece, 30000);
    EXPECT_EQ(config().replicas, 7);
    one.link.max_segment = 100;  // not even one
    EXPECT_EQ(config().max_piece, 1460);
    one.link.mtu = 68;  // it shrank below what a device may have
    EXPECT_EQ(config().mss, tcp::kMinMss);
    one.link.mtu = 1500;
    one.set(Attribute::kMss, 1000);
    EXPECT_EQ(config().mss, 1000);
    one.set(Attribute::kMss, 9000);
    EXPECT_EQ(config().mss, 1460);
}

// --- for publishers ---

// How many packets this thread has made since, and not freed.
class Held {
public:
    int64_t count() const { return rig::packets_held() - before_; }

private:
    const int64_t before_ = rig::packets_held();
};

// Refused is what finds the channel full but for what control needs, and the packet is still its
// owner's.
void publish_segment__leaves_room_for_control(Check& check) {
    const Held held;
    OneConnection one;
    REQUIRE(one.ready);
    Unborn unborn(one);
    REQUIRE(unborn.create());
    Connection& connection = *unborn.connection;
    dominoes_packet* packet = rig::make_packet(Bytes(100));
    SegmentEvent event{};
    event.payload_bytes = 1;
    while (connection.publish_segment(event, packet)) packet = rig::make_packet(Bytes(100));
    const uint64_t full = connection.channel().tail();
    EXPECT(full > 0);
    EXPECT_EQ(held.count(), full + 1);
    EXPECT(!connection.publish_segment({}, nullptr));
    EXPECT(!connection.publish_icmp({}));
    connection.abort(kEio, false);
    EXPECT_EQ(connection.channel().tail(), full + 1);
    unborn.connection.reset();
    EXPECT_EQ(held.count(), 1);
    dominoes_packet_free(packet);
}

void publish_segment__to_a_closed_channel(Check& check) {
    const Held held;
    OneConnection one;
    REQUIRE(one.ready);
    Unborn unborn(one);
    REQUIRE(unborn.create());
    dominoes_packet* packet = rig::make_packet(Bytes(100));
    SegmentEvent event{};
    event.payload_bytes = 1;
    unborn.connection->channel().close();
    EXPECT(!unborn.connection->publish_segment(event, packet));
    EXPECT_EQ(held.count(), 1);
    dominoes_packet_free(packet);
}

// Nobody will look at it.
void publish_segment__keeps_no_packet_without_payload(Check& check) {
    const Held held;
    OneConnection one;
    REQUIRE(one.ready);
    Unborn unborn(one);
    REQUIRE(unborn.create());
    EXPECT(unborn.connection->publish_segment({}, rig::make_packet(Bytes(100))));
    EXPECT_EQ(held.count(), 0);
}

// Port unreachable, about our SYN; and before that about something that was never sent.
void publish_icmp__ends_an_attempt(Check& check) {
    OneConnection one;
    REQUIRE(one.ready && one.connect());
    const uint32_t iss = one.link.sent()[0].seq;
    EXPECT(one.connection->publish_icmp({{0}, iss + 5000, 3, 2, 0}));
    EXPECT(one.connection->publish_icmp({{0}, iss, 3, 3, 0}));
    EXPECT(one.is_over());
    EXPECT_EQ(one.connection->appwrap().take_error(), kEconnrefused);
}

void link_changed__segments_fit(Check& check) {
    OneConnection one;
    REQUIRE(one.ready && one.establish());
    EXPECT_EQ(one.write(536), 536);
    EXPECT(one.sends_up_to(1 + 536));
    one.peer(kAck, 1, 537);
    const size_t before = one.link.sent().size();
    one.link.mtu = 400;
    one.connection->link_changed();
    EXPECT_EQ(one.write(720), 720);
    EXPECT(one.sends_up_to(537 + 720));
    const auto sent = one.link.sent();
    for (size_t i = before; i < sent.size(); ++i) EXPECT(sent[i].payload_bytes <= 360);
}

void abort__says_so_unless_it_is_silent(Check& check) {
    for (bool silent : {false, true}) {
        OneConnection one(2);
        REQUIRE(one.ready && one.establish());
        one.connection->abort(kEnetdown, silent);
        EXPECT(one.is_over());
        one.bed.interface.wait_for_replicas();
        EXPECT_EQ(one.count(kRst), silent ? 0 : 1);
        EXPECT_EQ(one.connection->appwrap().take_error(), kEnetdown);
        EXPECT_EQ(one.bed.count(Counter::tcp_aborted), 1);
        EXPECT_EQ(one.tcp->count(), 0);
    }
}

// RFC 1122 section 4.2.2.13.
void close__resets_where_something_was_not_read(Check& check) {
    for (bool reads : {false, true}) {
        OneConnection one;
        REQUIRE(one.ready && one.establish());
        one.peer(kAck, 1, 1, text("hello"));
        EXPECT(one.acknowledges(6));
        if (reads) EXPECT_EQ(one.read(), 5);
        one.close(false);
        EXPECT(one.sends(reads ? kFin : kRst));
        EXPECT_EQ(one.count(reads ? kRst : kFin), 0);
    }
}

// Also if all is read.
void close__resets_if_told_to(Check& check) {
    OneConnection one;
    REQUIRE(one.ready && one.establish());
    one.close(true);
    EXPECT(one.is_over());
    EXPECT(one.sends(kRst));
    EXPECT_EQ(one.count(kFin), 0);
    EXPECT_EQ(one.bed.interface.shared.orphans(), 0);
}

void close__of_an_attempt(Check& check) {
    OneConnection one;
    REQUIRE(one.ready && one.connect());
    one.close(false);
    EXPECT(one.is_over());
    EXPECT_EQ(one.bed.interface.shared.orphans(), 0);
}

// It is an orphan until the peer has acknowledged all,
void close__is_an_orphan_until_it_is_delivered(Check& check) {
    OneConnection one;
    REQUIRE(one.ready && one.establish());
    EXPECT_EQ(one.bed.interface.shared.orphans(), 0);
    one.close(false);
    EXPECT_EQ(one.bed.interface.shared.orphans(), 1);
    EXPECT(one.sends(kFin));
    EXPECT_EQ(one.bed.interface.shared.orphans(), 1);
    one.peer(kAck, 1, 2);
    EXPECT(one.reaches(TcpPhase::kFinWait2));
    EXPECT_EQ(one.bed.interface.shared.orphans(), 0);
}

// and there are only so many.
void close__resets_beyond_the_limit_of_orphans(Check& check) {
    OneConnection one;
    REQUIRE(one.ready && one.establish());
    one.bed.interface.shared.max_orphans = 0;
    one.close(false);
    EXPECT(one.is_over());
    EXPECT(one.sends(kRst));
    EXPECT_EQ(one.bed.count(Counter::tcp_orphans_reset), 1);
}

void drained__when_the_fin_is_acknowledged(Check& check) {
    OneConnection one;
    REQUIRE(one.ready && one.establish());
    EXPECT_EQ(one.write(100), 100);
    one.connection->appwrap().shut_writes();
    EXPECT(one.sends(kFin));
    EXPECT(!one.connection->drained());
    one.peer(kAck, 1, 101);
    EXPECT(eventually([&] { return one.connection->appwrap().unacknowledged() == 0; }));
    EXPECT(!one.connection->drained());  // but for the FIN
    const uint32_t wakes = one.user.wakes();
    one.peer(kAck, 1, 102);
    EXPECT(eventually([&] { return one.connection->drained(); }));
    EXPECT(eventually([&] { return one.user.wakes() > wakes; }));
}

// What close() would reset has nothing to wait for.
void drained__where_something_is_not_read(Check& check) {
    OneConnection one;
    REQUIRE(one.ready && one.establish());
    EXPECT(!one.connection->drained());
    one.peer(kAck, 1, 1, text("hello"));
    EXPECT(eventually([&] { return one.connection->drained(); }));
    EXPECT_EQ(one.read(), 5);
    EXPECT(!one.connection->drained());
}

void drained__when_it_is_over(Check& check) {
    OneConnection one;
    REQUIRE(one.ready && one.establish());
    one.connection->abort(kNoError, true);
    EXPECT(one.is_over());
    EXPECT(one.connection->drained());
}

// --- for replicas ---

void established__starts_the_other_replicas(Check& check) {
    OneConnection one(3);
    REQUIRE(one.ready && one.connect());
    EXPECT(!one.connection->appwrap().is_connected());
    EXPECT(!one.connection->channel().subscription(1));
    one.peer(kSyn | kAck, 0, 1);
    EXPECT(eventually([&] { return one.connection->appwrap().is_connected(); }));
    for (uint32_t i = 0; i < 3; ++i) EXPECT(one.connection->channel().subscription(i));
    EXPECT_EQ(one.bed.count(Counter::tcp_established), 1);
    EXPECT_EQ(one.bed.count(Counter::replicas_started), 3);
}

// When the last replica has left there is nothing that holds on to the device, its neighbour or the
// port.
void closed__leaves_nothing_behind(Check& check) {
    OneConnection one(2);
    REQUIRE(one.ready && one.establish());
    one.peer(kAck | kFin, 1, 1);
    EXPECT(one.reaches(TcpPhase::kCloseWait));
    EXPECT_EQ(one.read(), 0);
    EXPECT_EQ(one.tcp->count(), 1);
    one.connection->appwrap().shut_writes();
    EXPECT(one.sends(kFin));
    one.peer(kAck, 2, 2);
    EXPECT(one.is_over());
    one.bed.interface.wait_for_replicas();
    EXPECT_EQ(one.tcp->count(), 0);
    EXPECT_EQ(one.bed.count(Counter::tcp_closed), 1);
    EXPECT_EQ(one.bed.count(Counter::tcp_aborted), 0);
    EXPECT(one.connection->phase() == TcpPhase::kClosed);
    MutexGuard guard(one.bed.interface.shared.mutex());
    EXPECT(one.tcp->port_unused(5000));
}

// --- for whoever asks ---

void info__of_what_was_exchanged(Check& check) {
    OneConnection one(2, Policy::kRoundRobin);
    one.bed.interface.id = 77;
    REQUIRE(one.ready && one.establish());
    one.peer(kAck, 1, 1, text("hello"));
    EXPECT(one.acknowledges(6));
    EXPECT_EQ(one.write(100), 100);
    EXPECT(one.sends_up_to(101));
    one.peer(kAck, 6, 61);
    EndpointInfo info{};
    EXPECT(eventually([&] {
        one.connection->info(info);
        return info.bytes_acked == 60;
    }));
    EXPECT_EQ(info.id, one.connection->id());
    EXPECT_EQ(info.ifindex, 77);
    EXPECT_EQ(info.protocol, 6);
    EXPECT_EQ(info.state, 1);
    EXPECT(IpAddress::v4(info.local.addr) == kOurIp && IpAddress::v4(info.peer.addr) == kPeerIp);
    EXPECT_EQ(ntohs(info.local.port), 5000);
    EXPECT_EQ(ntohs(info.peer.port), 80);
    EXPECT_EQ(info.replicas, 2);
    EXPECT_EQ(info.policy, 1);
    EXPECT_EQ(info.bytes_received, 5);
    EXPECT_EQ(info.bytes_sent - info.bytes_retransmitted, 100);
    EXPECT_EQ(info.recv_queue, 5);
    EXPECT_EQ(info.mss, 536);
    EXPECT_EQ(info.snd_wnd, 65535);
    EXPECT_EQ(info.options, 0);  // the peer's SYN had none
    EXPECT_EQ(info.digest_mismatches, 0);
}

void replica__of_those_there_are(Check& check) {
    OneConnection one(2);
    REQUIRE(one.ready && one.establish());
    for (uint32_t i = 0; i < 2; ++i) EXPECT_EQ(one.connection->replica(i)->id(), i);
    EXPECT(!one.connection->replica(2));
}

constexpr Test kTests[] = {
    TEST(create__survives_failed_allocations),
    TEST(config__follows_the_device),
    TEST(publish_segment__leaves_room_for_control),
    TEST(publish_segment__to_a_closed_channel),
    TEST(publish_segment__keeps_no_packet_without_payload),
    TEST(publish_icmp__ends_an_attempt),
    TEST(link_changed__segments_fit),
    TEST(abort__says_so_unless_it_is_silent),
    TEST(close__resets_where_something_was_not_read),
    TEST(close__resets_if_told_to),
    TEST(close__of_an_attempt),
    TEST(close__is_an_orphan_until_it_is_delivered),
    TEST(close__resets_beyond_the_limit_of_orphans),
    TEST(drained__when_the_fin_is_acknowledged),
    TEST(drained__where_something_is_not_read),
    TEST(drained__when_it_is_over),
    TEST(established__starts_the_other_replicas),
    TEST(closed__leaves_nothing_behind),
    TEST(info__of_what_was_exchanged),
    TEST(replica__of_those_there_are),
};

}  // namespace

extern const Suite connection_host_suite = SUITE("connection_host", kTests);

}  // namespace kunit
