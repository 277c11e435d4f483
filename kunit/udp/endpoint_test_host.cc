// SPDX-License-Identifier: GPL-2.0
//
// A UDP endpoint from its name to the end of its device.
#include "kunit/udp/open.hh"

namespace kunit {
namespace {

using namespace scout;

// --- naming ---

void create__fails_without_memory(Check& check) {
    if (check.skips_failures()) return;
    for (uint32_t nth = 0; nth < 4; ++nth) {
        check.fail_allocations(uint64_t{1} << nth);
        UdpEndpoint* endpoint = UdpEndpoint::create(nullptr);
        check.fail_allocations(0);
        EXPECT(endpoint == nullptr);
    }
}

void bind__one_endpoint_a_port(Check& check) {
    Bed bed;
    Open one, two;
    EXPECT(!one->bound());
    EXPECT_EQ(one->bind(*bed.udp, 5353), 0);
    EXPECT(one->bound());
    EXPECT(one->local() == (SocketAddress{kOurIp, 5353}));
    EXPECT_EQ(one->bind(*bed.udp, 5354), error(kEinval));
    EXPECT_EQ(two->bind(*bed.udp, 5353), error(kEaddrinuse));
    EXPECT_EQ(two->bind(*bed.udp, 5354), 0);
    uint32_t count = 0;
    bed.udp->for_each([&count](UdpEndpoint&) { ++count; });
    EXPECT_EQ(count, 2);
}

// A second interface, 198.51.100.1/25 of the same endpoints.
struct Second : Bed {
    static constexpr IpAddress kIp = IpAddress::v4(0xc6336401);
    static constexpr IpAddress kNear = IpAddress::v4(0xc6336402);
    Second() {
        interface.address = kIp;
        interface.prefix = {kIp, 25};
        interface.gateway = IpAddress();
    }
};

void bind__at_several_interfaces(Check& check) {
    Bed first;
    Second second;
    Open open;
    EXPECT_EQ(open->bind(*first.udp, 53), 0);
    EXPECT(open->local().ip == kOurIp);
    EXPECT_EQ(open->bind(*second.udp, 54), error(kEinval));
    EXPECT_EQ(open->bind(*second.udp, 53), 0);
    EXPECT(open->local() == (SocketAddress{IpAddress(), 53}));
    // What comes to either is received; what goes leaves by the nearer one.
    first.receive(udp_frame(4000, 53, text("here")));
    second.receive(
        framed(ip_packet(kUdp, udp_datagram(4000, 53, text("there"), Second::kNear, Second::kIp),
                         Second::kNear, Second::kIp)));
    Bytes data;
    EXPECT_EQ(open.receive(data), 4);
    EXPECT_EQ(open.receive(data), 5);
    const SocketAddress near{Second::kNear, 9}, far{kFarIp, 9};
    EXPECT_EQ(open.send(text("x"), &near), 1);
    EXPECT(Sent(second.take()).arp.target_ip == Second::kNear);
    EXPECT_EQ(open.send(text("x"), &kPeer), 1);
    EXPECT(Sent(first.take()).arp.target_ip == kPeerIp);
    EXPECT_EQ(open.send(text("x"), &far), 1);
    EXPECT(Sent(first.take()).arp.target_ip == kGatewayIp);
    // It ends when the last is gone.
    first.udp->detach(kEnetdown);
    EXPECT(open->local() == (SocketAddress{Second::kIp, 53}));
    EXPECT_EQ(open.receive_error(), error(kEagain));
    EXPECT_EQ(open.send(text("x"), &kPeer), error(kEnetunreach));
    second.udp->detach(kEnetdown);
    EXPECT_EQ(open.receive_error(), error(kEnetdown));
    EXPECT(!open->bound());
}

void connect__leaves_the_other_interfaces(Check& check) {
    Bed first;
    Second second;
    Open open, other;
    EXPECT_EQ(open->bind(*first.udp, 53), 0);
    EXPECT_EQ(open->bind(*second.udp, 53), 0);
    EXPECT_EQ(open->connect(*second.udp, {Second::kNear, 9}), 0);
    EXPECT(open->local() == (SocketAddress{Second::kIp, 53}));
    EXPECT_EQ(other->bind(*first.udp, 53), 0);
    EXPECT_EQ(open->connect(*first.udp, kPeer), error(kEaddrinuse));
    EXPECT(open->local().ip == Second::kIp);
}

void bind__to_any_free_port(Check& check) {
    Bed bed;
    Open one, two;
    EXPECT_EQ(one->bind(*bed.udp, 0), 0);
    EXPECT_EQ(two->bind(*bed.udp, 0), 0);
    EXPECT(one->local().port >= UdpRouter::kFirstEphemeral);
    EXPECT(two->local().port >= UdpRouter::kFirstEphemeral);
    EXPECT(one->local().port != two->local().port);
}

void bind__fails_without_memory(Check& check) {
    if (check.skips_failures()) return;
    Bed bed;
    Open open;
    for (uint16_t port : {7, 0}) {
        check.fail_allocations(1);
        EXPECT_EQ(open->bind(*bed.udp, port), error(kEnomem));
        check.fail_allocations(0);
        EXPECT(!open->bound());
    }
}

void bind__with_replicas_fails_without_memory(Check& check) {
    if (check.skips_failures()) return;
    for (uint16_t port : {7, 0}) {
        Bed bed;
        REQUIRE(bed.interface.start_contexts(3));
        Open open;
        uint32_t failed = 0;
        for (int result = -int{kEnomem}; result != 0 && failed < 20; ++failed) {
            check.fail_allocations(uint64_t{1} << failed);
            result = open->bind(*bed.udp, port);
            check.fail_allocations(0);
            EXPECT(result == 0 || result == -int{kEnomem});
            EXPECT_EQ(open->bound(), result == 0);
        }
        EXPECT_EQ(failed, 10);  // the port, the group, two with two parts, three replicas; none
    }
}

void bind__with_as_many_replicas_as_wanted(Check& check) {
    Bed bed;
    REQUIRE(bed.interface.start_contexts(3));
    constexpr struct { uint32_t wanted, gets; } kCases[] = {{0, 3}, {1, 0}, {2, 2}, {16, 16}};
    for (const auto& one : kCases) {
        Open open;
        open->set_replicas(one.wanted, dominoes::Policy::kPinned);
        EXPECT_EQ(open->bind(*bed.udp, 53), 0);
        bed.receive(udp_frame(4000, 53, text("to one")));
        Bytes data;
        EXPECT_EQ(open.receive_surely(data), 6);
        EndpointInfo info{};
        EXPECT(eventually([&] {
            open->replicas_info(info);
            return info.replica[0].delivered_bytes == (one.gets ? 6 : 0);
        }));
        EXPECT_EQ(info.replicas, one.gets);
        EXPECT_EQ(info.replica[0].owned, one.gets ? 1 : 0);
    }
}

void connect__checks_the_address(Check& check) {
    Bed bed;
    Open open;
    SocketAddress peer;
    EXPECT_EQ(open->connect(*bed.udp, {kPeerIp, 0}), error(kEinval));
    EXPECT_EQ(open->connect(*bed.udp, {IpAddress(), 5}), error(kEinval));
    EXPECT_EQ(open->connect(*bed.udp, {IpAddress::v4(0xe0000001), 5}), error(kEinval));
    EXPECT_EQ(open->connect(*bed.udp, {IpAddress::v4(0xc00002ff), 5}), error(kEnetunreach));
    EXPECT(!open->peer(peer));
    EXPECT(!open->bound());
    EXPECT_EQ(open->connect(*bed.udp, kPeer), 0);
    EXPECT(open->bound());
    EXPECT(open->peer(peer) && peer == kPeer);
    EXPECT_EQ(open->connect(*bed.udp, kOther), 0);
    EXPECT(open->peer(peer) && peer == kOther);
}

void close__frees_the_port(Check& check) {
    Bed bed;
    {
        Open open;
        EXPECT_EQ(open->bind(*bed.udp, 53), 0);
    }
    EXPECT(bed.receive(udp_frame(1, 53, {})) == Verdict::kTake);
    EXPECT_EQ(bed.count(Counter::drop_udp_no_port), 1);
    Open open;
    EXPECT_EQ(open->bind(*bed.udp, 53), 0);
}

// The program has gone, and with it whom to wake.
void close__with_datagrams_under_way(Check& check) {
    Bed bed;
    REQUIRE(bed.interface.start_contexts(4));
    for (uint32_t late_one = 0; late_one < 4; ++late_one) {
        Busy late(bed.interface.context(late_one));
        {
            Open open;
            EXPECT_EQ(open->bind(*bed.udp, 53), 0);
            for (int i = 0; i < 100; ++i) {
                EXPECT(bed.receive(udp_frame(1, 53, text("x"))) == Verdict::kTake);
            }
        }
        EXPECT(bed.receive(udp_frame(1, 53, text("x"))) == Verdict::kTake);
        EXPECT_EQ(bed.count(Counter::drop_udp_no_port), late_one + 1);
    }
    bed.interface.wait_for_replicas();
    EXPECT_EQ(bed.count(Counter::udp_in), 400);
}

void detach__with_datagrams_under_way(Check& check) {
    Bed bed;
    REQUIRE(bed.interface.start_contexts(3));
    Open open;
    EXPECT_EQ(open->bind(*bed.udp, 53), 0);
    {
        Busy late(bed.interface.context(2));
        for (int i = 0; i < 20; ++i) bed.receive(udp_frame(4000, 53, text("before")));
        bed.udp->detach(kEnetdown);
    }
    EXPECT_EQ(open.receive_error(), error(kEnetdown));
    Bytes data;
    for (int i = 0; i < 20; ++i) EXPECT_EQ(open.receive_surely(data), 6);
    EXPECT_EQ(open->queued_bytes(), 0);
}

void detach__takes_the_ports_away(Check& check) {
    Bed bed;
    Open open, other;
    EXPECT_EQ(open->bind(*bed.udp, 53), 0);
    EXPECT_EQ(other->bind(*bed.udp, 54), 0);
    bed.receive(udp_frame(4000, 53, text("before")));
    bed.udp->detach(kEnetdown);
    EXPECT(!open->bound());
    EXPECT_EQ(open.receive_error(), error(kEnetdown));
    EXPECT_EQ(other.receive_error(), error(kEnetdown));
    Bytes data;
    EXPECT_EQ(open.receive(data), 6);  // what was there can still be read
    EXPECT_EQ(open.send(text("x"), &kPeer), error(kEinval));
}

// --- sending ---

void send_to__goes_down_the_path(Check& check) {
    Bed bed;
    bed.learn();
    Open open;
    EXPECT_EQ(open->bind(*bed.udp, 53), 0);
    EXPECT_EQ(open.send(text("an answer"), &kPeer), 9);
    EXPECT_EQ(bed.count(Counter::udp_out), 1);
    const Sent sent(bed.take());
    REQUIRE(sent.is_ip && sent.ip.protocol == kUdp);
    EXPECT(sent.eth.destination == kPeerMac);
    EXPECT(sent.ip.source == kOurIp && sent.ip.destination == kPeerIp);
    UdpHeader header;
    REQUIRE(parse_udp(sent.payload.data(), static_cast<uint32_t>(sent.payload.size()), header) ==
            UdpResult::kOk);
    EXPECT_EQ(header.source_port, 53);
    EXPECT_EQ(header.destination_port, 4000);
    EXPECT_EQ(header.length, 17);
    EXPECT(header.checksum != 0 && sent.checksum_right());
    EXPECT(sent.payload_from(8) == text("an answer"));
}

void send_to__to_the_connected_peer(Check& check) {
    Bed bed;
    bed.learn();
    Open open;
    EXPECT_EQ(open->connect(*bed.udp, kPeer), 0);
    EXPECT_EQ(open.send({}), 0);  // an empty datagram is one too
    const Sent empty(bed.take());
    REQUIRE(empty.is_ip);
    EXPECT_EQ(empty.payload.size(), 8);
    EXPECT(empty.checksum_right());
}

void send_to__with_another_ttl_and_tos(Check& check) {
    Bed bed;
    bed.learn();
    Open open;
    EXPECT_EQ(open->connect(*bed.udp, kPeer), 0);
    open->set_service({3, 46 << 2 | 1});
    EXPECT_EQ(open.send(text("soon")), 4);
    const Sent sent(bed.take());
    REQUIRE(sent.is_ip);
    EXPECT_EQ(sent.ip.ttl, 3);
    EXPECT_EQ(sent.ip.dscp, 46);
    EXPECT_EQ(sent.ip.ecn, 1);
    open->set_service({});
    EXPECT_EQ(open.send(text("later")), 5);
    const Sent plain(bed.take());
    EXPECT_EQ(plain.ip.ttl, 64);
    EXPECT_EQ(plain.ip.dscp, 0);
}

void send_to__refuses_what_cannot_be_sent(Check& check) {
    Bed bed;
    bed.learn();
    Open open;
    EXPECT_EQ(open.send(text("x")), error(kEdestaddrreq));
    EXPECT_EQ(open.send(text("x"), &kPeer), error(kEinval));  // not bound
    EXPECT_EQ(open->bind(*bed.udp, 53), 0);
    const SocketAddress bad[] = {{kPeerIp, 0}, {IpAddress::v4(0xe0000001), 9}, {IpAddress(), 9}};
    for (const SocketAddress& to : bad) EXPECT_EQ(open.send(text("x"), &to), error(kEinval));
    const SocketAddress everyone{IpAddress::v4(0xc00002ff), 9};
    EXPECT_EQ(open.send(text("x"), &everyone), error(kEnetunreach));
    EXPECT_EQ(open.send(Bytes(65508), &kPeer), error(kEmsgsize));
    EXPECT_EQ(open.send(Bytes(1472), &kPeer), 1472);
    EXPECT_EQ(bed.count(Counter::udp_out), 1);
    EXPECT_EQ(bed.sent(), 1);
    EXPECT_EQ(open.send(Bytes(65507), &kPeer), 65507);
    EXPECT_EQ(bed.sent(), 1 + 45);
}

void send_to__faults_and_refusals(Check& check) {
    Bed bed;
    bed.learn();
    Open open;
    EXPECT_EQ(open->bind(*bed.udp, 53), 0);
    const Bytes data = text("some data");
    dominoes_iter iter(data.data(), data.size());
    iter.fault_after(4);
    EXPECT_EQ(open->send_to(&kPeer, &iter, data.size()), error(kEfault));
    EXPECT_EQ(bed.sent(), 0);
    bed.interface.device.refusing = true;
    EXPECT_EQ(open.send(data, &kPeer), int64_t{9});  // lost, as on the wire
    EXPECT_EQ(bed.count(Counter::tx_refused), 1);
    if (check.skips_failures()) return;
    check.fail_allocations(1);
    EXPECT_EQ(open.send(data, &kPeer), error(kEnomem));
    check.fail_allocations(0);
}

void send_to__waits_for_the_address(Check& check) {
    Bed bed;
    Open open;
    EXPECT_EQ(open->bind(*bed.udp, 53), 0);
    EXPECT_EQ(open.send(text("hello"), &kPeer), 5);
    EXPECT(Sent(bed.take()).is_arp);
    bed.handle(arp_frame({kArpReply, kPeerMac, kPeerIp, kOurMac, kOurIp}, kOurMac));
    const Sent sent(bed.take());
    REQUIRE(sent.is_ip);
    EXPECT(sent.checksum_right());
    EXPECT(sent.payload_from(8) == text("hello"));
}

// --- receiving ---

void receive_from__gives_what_there_is_room_for(Check& check) {
    Bed bed;
    Open open;
    EXPECT_EQ(open->bind(*bed.udp, 2), 0);
    bed.receive(udp_frame(4000, 2, text("a long datagram")));
    bed.receive(udp_frame(4000, 2, text("the next")));
    Bytes data;
    EXPECT_EQ(open.receive(data, 6), 15);
    EXPECT(data == text("a long"));
    EXPECT_EQ(open.receive(data, 100), 8);  // the rest is gone
    EXPECT(data == text("the next"));
}

void receive_from__peeks(Check& check) {
    Bed bed;
    Open open;
    EXPECT_EQ(open->bind(*bed.udp, 2), 0);
    bed.receive(udp_frame(4000, 2, text("look")));
    Bytes data;
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(open.receive(data, 100, true), 4);
        EXPECT(data == text("look"));
    }
    EXPECT_EQ(open.receive(data), 4);
    EXPECT_EQ(open.receive_error(), error(kEagain));
}

void receive_from__more_than_the_bounce_buffer(Check& check) {
    Bed bed;
    Open open;
    EXPECT_EQ(open->bind(*bed.udp, 2), 0);
    Bytes big(60000);
    for (size_t i = 0; i < big.size(); ++i) big[i] = static_cast<uint8_t>(i * 7 + i / 253);
    bed.receive(udp_frame(4000, 2, big));
    Bytes data;
    EXPECT_EQ(open.receive(data), 60000);
    EXPECT(data == big);
}

void receive_from__faults(Check& check) {
    Bed bed;
    Open open;
    EXPECT_EQ(open->bind(*bed.udp, 2), 0);
    bed.receive(udp_frame(4000, 2, text("unreadable")));
    Bytes data(100);
    dominoes_iter iter(data.data(), data.size());
    iter.fault_after(3);
    EXPECT_EQ(open->receive_from(nullptr, &iter, data.size(), false), error(kEfault));
    EXPECT_EQ(open.receive_error(), error(kEagain));  // it is gone, as in Linux
}

// A reader, a sender and an interrupt at work while the endpoint's device goes away.
struct Traffic {
    Bed& bed;
    Open& open;
    dominoes::Atomic<uint32_t> stop;

    template <void (Traffic::*Work)()>
    static void run(void* argument) {
        auto& self = *static_cast<Traffic*>(argument);
        while (!self.stop.load_acquire()) (self.*Work)();
    }
    void send() { open.send(text("out"), &kPeer); }
    void arrive() { bed.receive(udp_frame(4000, 2, text("in"))); }
};

void detach_under_traffic(Check& check, uint32_t rounds, uint32_t contexts, uint32_t receives) {
    for (uint32_t round = 0; round < rounds; ++round) {
        Bed bed;
        REQUIRE(bed.interface.start_contexts(contexts));
        bed.learn();
        bed.interface.device.refusing = true;
        bed.interface.control_full = true;  // the queues behind them are not for several threads
        Open open;
        EXPECT_EQ(open->bind(*bed.udp, 2), 0);
        Traffic traffic{bed, open, {}};
        dominoes_thread* threads[] = {
            dominoes_thread_start(&Traffic::run<&Traffic::send>, &traffic, -1, "sender"),
            dominoes_thread_start(&Traffic::run<&Traffic::arrive>, &traffic, -1, "interrupt"),
        };
        Bytes data;
        for (uint32_t i = 0; i < receives; ++i) {
            if (open.receive(data) >= 0) EXPECT(data == text("in"));
            dominoes_thread_yield();
        }
        bed.udp->detach(kEnetdown);
        for (uint32_t i = 0; i < 50; ++i) open.receive(data);
        traffic.stop.store_release(1);
        for (auto* thread : threads) {
            if (thread) dominoes_thread_join(thread);
        }
        EXPECT(!open->bound());
    }
}

void detach__while_in_use(Check& check) { detach_under_traffic(check, check.scale(40, 4), 0, 200); }

// More threads than there are CPUs take turns: fewer rounds.
void detach__while_replicas_are_at_work(Check& check) {
    detach_under_traffic(check, check.scale(10, 3), 2, 10);
}

constexpr Test kTests[] = {
    TEST(create__fails_without_memory),
    TEST(bind__one_endpoint_a_port),
    TEST(bind__at_several_interfaces),
    TEST(connect__leaves_the_other_interfaces),
    TEST(bind__to_any_free_port),
    TEST(bind__fails_without_memory),
    TEST(bind__with_replicas_fails_without_memory),
    TEST(bind__with_as_many_replicas_as_wanted),
    TEST(connect__checks_the_address),
    TEST(close__frees_the_port),
    TEST(close__with_datagrams_under_way),
    TEST(detach__with_datagrams_under_way),
    TEST(detach__takes_the_ports_away),
    TEST(send_to__goes_down_the_path),
    TEST(send_to__to_the_connected_peer),
    TEST(send_to__with_another_ttl_and_tos),
    TEST(send_to__refuses_what_cannot_be_sent),
    TEST(send_to__faults_and_refusals),
    TEST(send_to__waits_for_the_address),
    TEST(receive_from__gives_what_there_is_room_for),
    TEST(receive_from__peeks),
    TEST(receive_from__more_than_the_bounce_buffer),
    TEST(receive_from__faults),
    TEST(detach__while_in_use),
    TEST(detach__while_replicas_are_at_work),
};

}  // namespace

extern const Suite udp_endpoint_host_suite = SUITE("udp_endpoint_host", kTests);

}  // namespace kunit
