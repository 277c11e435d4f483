// SPDX-License-Identifier: GPL-2.0
//
// A machine with several devices: which of them an endpoint uses; and its contexts.
#include "scout/stack.h"

#include <arpa/inet.h>

#include "kunit/socket/devices.hh"
#include "scout/socket/stack.hh"

namespace kunit {
namespace {

using namespace devices;

// --- the device that is nearest ---

constexpr struct {
    const char* peer;
    const char* from;
} kRoutes[] = {
    {"10.2.0.9", "10.0.0.1"},
    {"10.1.0.9", "10.1.0.1"},
    {"192.0.2.9", "192.0.2.1"},
    {"198.51.100.9", "192.0.2.1"},
};

void connect__by_the_longest_prefix(Check& check) {
    MultiHost machine;
    for (const auto& route : kRoutes) {
        Socket udp(machine.stack, Socket::kUdp), tcp(machine.stack);
        EXPECT_EQ(begin_connect(udp, route.peer), 0);
        EXPECT(is_at(udp, route.from));
        EXPECT_EQ(begin_connect(tcp, route.peer), error(kEinprogress));
        EXPECT(is_at(tcp, route.from));
    }
}

void connect__whatever_was_attached_first(Check& check) {
    scout_stack* stack = scout_stack_create();
    {
        Device narrow(stack, "10.1.0.1", 16), wide(stack, "10.0.0.1", 8, "10.0.0.254");
        Device other(stack, "192.0.2.1", 24, "192.0.2.254");
        Socket near(stack, Socket::kUdp), middle(stack, Socket::kUdp), far(stack, Socket::kUdp);
        EXPECT_EQ(begin_connect(near, "10.1.0.9"), 0);
        EXPECT(is_at(near, "10.1.0.1"));
        EXPECT_EQ(begin_connect(middle, "10.2.0.9"), 0);
        EXPECT(is_at(middle, "10.0.0.1"));
        EXPECT_EQ(begin_connect(far, "198.51.100.9"), 0);
        EXPECT(is_at(far, "10.0.0.1"));  // of two gateways the first
    }
    scout_stack_destroy(stack);
}

void connect__not_to_a_network_as_a_whole(Check& check) {
    MultiHost machine;
    for (int protocol : {Socket::kUdp, Socket::kTcp}) {
        Socket socket(machine.stack, protocol);
        // Not through the gateway, nor as if it were one nic of the wider network.
        EXPECT_EQ(begin_connect(socket, "10.1.255.255"), error(kEnetunreach));
        EXPECT_EQ(begin_connect(socket, "10.1.255.254"),
                  protocol == Socket::kUdp ? 0 : error(kEinprogress));
    }
}

void connect__without_a_route(Check& check) {
    MultiHost machine;
    machine.routed.reset();
    for (int protocol : {Socket::kUdp, Socket::kTcp}) {
        Socket socket(machine.stack, protocol);
        EXPECT_EQ(begin_connect(socket, "198.51.100.9"), error(kEnetunreach));
    }
    Socket socket(machine.stack, Socket::kUdp);
    EXPECT_EQ(send_to(socket, "198.51.100.9"), error(kEnetunreach));
}

// --- an address of its own ---

void bind__to_an_address_stays_at_its_device(Check& check) {
    MultiHost machine;
    for (int protocol : {Socket::kUdp, Socket::kTcp}) {
        const int64_t begun = protocol == Socket::kUdp ? 0 : error(kEinprogress);
        Socket wide(machine.stack, protocol), routed(machine.stack, protocol);
        EXPECT_EQ(wide.bind(address("10.0.0.1", 5000)), 0);
        EXPECT_EQ(begin_connect(wide, "198.51.100.9"), error(kEnetunreach));
        EXPECT_EQ(begin_connect(wide, "10.1.0.9"), begun);
        EXPECT(is_at(wide, "10.0.0.1"));
        EXPECT_EQ(routed.bind(address("192.0.2.1", 5000)), 0);
        EXPECT_EQ(begin_connect(routed, "10.1.0.9"), begun);
        EXPECT(is_at(routed, "192.0.2.1"));
    }
    Socket socket(machine.stack, Socket::kUdp);
    EXPECT_EQ(socket.bind(address("10.0.0.1", 6000)), 0);
    EXPECT_EQ(send_to(socket, "10.1.0.7"), 1);
    EXPECT(machine.wide->link.asked_for("10.1.0.7"));
    EXPECT_EQ(send_to(socket, "198.51.100.9"), error(kEnetunreach));
}

void bind__to_an_address_of_no_device(Check& check) {
    MultiHost machine;
    Socket socket(machine.stack);
    EXPECT_EQ(socket.bind(address("10.0.0.2", 5000)), error(kEaddrnotavail));
}

// --- no address in particular ---

void bind__of_tcp_to_a_port_only(Check& check) {
    MultiHost machine;
    Socket socket(machine.stack);
    EXPECT_EQ(socket.bind(address("0.0.0.0", 5000)), 0);
    EXPECT(is_at(socket, "0.0.0.0"));
    EXPECT_EQ(begin_connect(socket, "192.0.2.9"), error(kEinprogress));
    EXPECT(is_at(socket, "192.0.2.1"));
    EXPECT_EQ(ntohs(local_of(socket).port), 5000);
    // It is taken at each device, and must be free at each.
    Socket everywhere(machine.stack), late(machine.stack), other(machine.stack);
    EXPECT_EQ(everywhere.bind(address("0.0.0.0", 5001)), 0);
    for (const char* ip : {"10.0.0.1", "10.1.0.1", "192.0.2.1", "0.0.0.0"})
        EXPECT_EQ(late.bind(address(ip, 5001)), error(kEaddrinuse));
    EXPECT_EQ(late.bind(address("192.0.2.1", 5002)), 0);
    EXPECT_EQ(other.bind(address("0.0.0.0", 5002)), error(kEaddrinuse));
    EXPECT_EQ(other.bind(address("0.0.0.0", 0)), 0);
    EXPECT(local_of(other).port != 0);
}

void bind__of_udp_to_a_port_only(Check& check) {
    MultiHost machine;
    Socket socket(machine.stack, Socket::kUdp);
    EXPECT_EQ(socket.bind(address("0.0.0.0", 5000)), 0);
    EXPECT(is_at(socket, "0.0.0.0"));
    machine.wide->receive("10.0.0.9", "10.0.0.1", 5000, text("a"));
    machine.narrow->receive("10.1.0.9", "10.1.0.1", 5000, text("bc"));
    machine.routed->receive("198.51.100.9", "192.0.2.1", 5000, text("def"));
    for (int64_t bytes : {1, 2, 3}) EXPECT_EQ(receive(socket), bytes);
    EXPECT_EQ(send_to(socket, "10.0.0.9"), 1);
    EXPECT(machine.wide->link.asked_for("10.0.0.9"));
    EXPECT_EQ(send_to(socket, "10.1.0.9"), 1);
    EXPECT(machine.narrow->link.asked_for("10.1.0.9"));
    EXPECT_EQ(send_to(socket, "198.51.100.9"), 1);
    EXPECT(machine.routed->link.asked_for("192.0.2.254"));
    // A port that is taken at one device is taken.
    Socket other(machine.stack, Socket::kUdp), taken(machine.stack, Socket::kUdp);
    EXPECT_EQ(other.bind(address("10.1.0.1", 5001)), 0);
    EXPECT_EQ(taken.bind(address("0.0.0.0", 5001)), error(kEaddrinuse));
    EXPECT_EQ(taken.bind(address("10.0.0.1", 5001)), 0);
    EXPECT_EQ(taken.bind(address("192.0.2.1", 5001)), error(kEinval));
}

// At each device it has replicas of its own.
void bind__of_udp_with_replicas(Check& check) {
    constexpr uint32_t kReplicas = 4, kPolicy = 5;  // enum dominoes_option of the ABI
    MultiHost machine;
    Socket plain(machine.stack, Socket::kUdp), socket(machine.stack, Socket::kUdp);
    EXPECT_EQ(plain.bind(address("0.0.0.0", 4999)), 0);
    EXPECT_EQ(plain.info().replicas, 0);  // the interrupt does it all
    EXPECT_EQ(socket.set(kReplicas, 3), 0);
    EXPECT_EQ(socket.set(kPolicy, 1), 0);
    EXPECT_EQ(socket.bind(address("0.0.0.0", 5000)), 0);
    EXPECT_EQ(socket.info().replicas, 3);
    EXPECT_EQ(socket.info().policy, 1);
    Device late(machine.stack, "203.0.113.1", 24);
    machine.wide->receive("10.0.0.9", "10.0.0.1", 5000, text("a"));
    EXPECT_EQ(receive_surely(socket), 1);
    machine.narrow->receive("10.1.0.9", "10.1.0.1", 5000, text("bc"));
    EXPECT_EQ(receive_surely(socket), 2);
    late.receive("203.0.113.9", "203.0.113.1", 5000, text("late"));
    EXPECT_EQ(receive_surely(socket), 4);
    const uint64_t end_ns = dominoes_now_ns() + 20 * kSecond;
    while (socket.info().replica[0].requests != 1 && dominoes_now_ns() < end_ns)
        dominoes_thread_yield();
    EXPECT_EQ(socket.info().replica[0].requests, 1);  // the one at the first device
    machine.wide->receive("10.0.0.9", "10.0.0.1", 5000, text("before"));
    machine.wide.reset();  // waits until they have left
    EXPECT_EQ(receive(socket), 6);
    EXPECT_EQ(begin_connect(socket, "192.0.2.9"), 0);
    machine.routed->receive("192.0.2.9", "192.0.2.1", 5000, text("x"));  // from another port
    EXPECT_EQ(receive(socket), error(kEagain));
}

void send_to__of_an_unbound_endpoint(Check& check) {
    MultiHost machine;
    Socket socket(machine.stack, Socket::kUdp);
    EXPECT_EQ(send_to(socket, "10.1.0.9"), 1);
    EXPECT(machine.narrow->link.asked_for("10.1.0.9"));
    EXPECT_EQ(send_to(socket, "192.0.2.9"), 1);
    EXPECT(machine.routed->link.asked_for("192.0.2.9"));
    const uint16_t port = ntohs(local_of(socket).port);
    EXPECT(port != 0);
    machine.wide->receive("10.0.0.9", "10.0.0.1", port, text("answer"));
    EXPECT_EQ(receive(socket), 6);
    EXPECT_EQ(begin_connect(socket, "10.1.0.9"), 0);
    EXPECT(is_at(socket, "10.1.0.1"));
    EXPECT_EQ(ntohs(local_of(socket).port), port);
}

void listen__at_every_device(Check& check) {
    MultiHost machine;
    Socket listener(machine.stack), one(machine.stack);
    EXPECT_EQ(listener.bind(address("0.0.0.0", 5000)), 0);
    EXPECT_EQ(listener.listen(7), 0);
    EXPECT_EQ(one.bind(address("10.0.0.1", 5001)), 0);
    EXPECT_EQ(one.listen(), 0);
    machine.wide->receive_syn("10.0.0.9", "10.0.0.1", 5000);
    machine.routed->receive_syn("192.0.2.9", "192.0.2.1", 5000);
    machine.wide->receive_syn("10.0.0.9", "10.0.0.1", 5001);
    machine.routed->receive_syn("192.0.2.9", "192.0.2.1", 5001);  // nobody
    EXPECT(machine.wide->counts(Counter::tcp_passive_opens, 2));
    EXPECT(machine.routed->counts(Counter::tcp_passive_opens, 1));
    EXPECT(machine.routed->counts(Counter::tcp_resets_out, 1));
    EXPECT_EQ(listener.info().recv_queue, 2);  // in their handshakes
    EXPECT_EQ(listener.info().send_queue, 7);
    EXPECT_EQ(one.info().recv_queue, 1);
    EXPECT_EQ(scout_poll(listener.get()), 0);
}

// --- devices that come and go ---

void listen__while_devices_come_and_go(Check& check) {
    constexpr uint32_t kLost = SCOUT_ERR | SCOUT_IN | SCOUT_OUT | SCOUT_HUP | SCOUT_UNCONNECTED;
    MultiHost machine;
    Socket listener(machine.stack), one(machine.stack);
    EXPECT_EQ(listener.listen(), 0);
    const uint16_t port = ntohs(local_of(listener).port);
    EXPECT_EQ(one.bind(address("10.0.0.1", 5001)), 0);
    EXPECT_EQ(one.listen(), 0);
    Device late(machine.stack, "203.0.113.1", 24);
    late.receive_syn("203.0.113.9", "203.0.113.1", port);
    EXPECT(late.counts(Counter::tcp_passive_opens, 1));
    machine.wide.reset();  // the first
    EXPECT_EQ(scout_poll(one.get()), kLost);
    EXPECT_EQ(scout_poll(listener.get()), 0);
    machine.routed.reset();
    machine.narrow->receive_syn("10.1.0.9", "10.1.0.1", port);
    EXPECT(machine.narrow->counts(Counter::tcp_passive_opens, 1));
    machine.narrow.reset();
    late.detach();
    EXPECT_EQ(scout_poll(listener.get()), kLost);
    int why = 0;
    EXPECT(!listener.accept(why));
    EXPECT_EQ(why, error(kEnetdown));
}

void detach__of_one_device_of_several(Check& check) {
    MultiHost machine;
    Socket socket(machine.stack, Socket::kUdp), bound(machine.stack, Socket::kUdp);
    EXPECT_EQ(socket.bind(address("0.0.0.0", 5000)), 0);
    EXPECT_EQ(bound.bind(address("10.0.0.1", 5001)), 0);
    machine.wide.reset();
    EXPECT_EQ(receive(bound), error(kEnetdown));
    EXPECT_EQ(receive(socket), error(kEagain));
    EXPECT_EQ(send_to(socket, "10.0.0.9"), 1);  // through the gateway now
    EXPECT(machine.routed->link.asked_for("192.0.2.254"));
    machine.narrow.reset();
    machine.routed.reset();
    EXPECT_EQ(receive(socket), error(kEnetdown));
    EXPECT_EQ(send_to(socket, "10.0.0.9"), error(kEnetunreach));
}

void attach__of_a_further_device(Check& check) {
    MultiHost machine;
    Socket socket(machine.stack, Socket::kUdp), bound(machine.stack, Socket::kUdp);
    EXPECT_EQ(socket.bind(address("0.0.0.0", 5000)), 0);
    EXPECT_EQ(bound.bind(address("10.0.0.1", 5001)), 0);
    Device late(machine.stack, "203.0.113.1", 24);
    late.receive("203.0.113.9", "203.0.113.1", 5000, text("late"));
    EXPECT_EQ(receive(socket), 4);
    EXPECT_EQ(send_to(socket, "203.0.113.9"), 1);
    EXPECT(late.link.asked_for("203.0.113.9"));
    late.receive("203.0.113.9", "203.0.113.1", 5001, text("no"));
    EXPECT_EQ(receive(bound), error(kEagain));
}

// --- options ---

void set_option__of_udp(Check& check) {
    constexpr uint32_t kReceiveBytes = 6, kTtl = 18, kTos = 19;  // enum dominoes_option of the ABI
    MultiHost machine;
    Socket udp(machine.stack, Socket::kUdp);
    EXPECT_EQ(udp.bind(address("10.0.0.1", 5000)), 0);
    EXPECT_EQ(udp.set(kTtl, 0), error(kEinval));
    EXPECT_EQ(udp.set(kTtl, 9), 0);
    EXPECT_EQ(udp.set(kTos, 8), 0);
    machine.wide->receive_frame(arp_frame(
        {kArpRequest, kPeerMac, IpAddress::v4(0x0a000009), {}, IpAddress::v4(0x0a000001)}));
    const uint64_t end_ns = dominoes_now_ns() + 20 * kSecond;
    while (machine.wide->link.ttl() == 0 && dominoes_now_ns() < end_ns) {
        EXPECT_EQ(send_to(udp, "10.0.0.9"), 1);
        dominoes_thread_yield();
    }
    EXPECT_EQ(machine.wide->link.ttl(), 9);
    EXPECT_EQ(udp.set(kReceiveBytes, 16384), 0);
    for (int i = 0; i < 20; ++i) machine.wide->receive("10.0.0.9", "10.0.0.1", 5000, Bytes(1000));
    EXPECT_EQ(udp.info().recv_queue, 17000);
    EXPECT_EQ(machine.wide->count(Counter::drop_udp_full), 3);
}

void set_option__of_udps_replicas_before_bind(Check& check) {
    constexpr uint32_t kReplicas = 4, kPolicy = 5;
    MultiHost machine;
    Socket udp(machine.stack, Socket::kUdp);
    EXPECT_EQ(udp.set(kReplicas, 2), 0);
    EXPECT_EQ(udp.set(kPolicy, 1), 0);
    EXPECT_EQ(udp.bind(address("10.0.0.1", 5000)), 0);
    EXPECT_EQ(udp.set(kReplicas, 1), error(kEisconn));
    EXPECT_EQ(udp.set(kPolicy, 0), error(kEisconn));
    EXPECT_EQ(udp.info().replicas, 2);
    EXPECT_EQ(udp.info().policy, 1);
}

void set_option__of_tcp(Check& check) {
    constexpr uint32_t kMss = 11, kTtl = 18, kTos = 19;
    MultiHost machine;
    Socket tcp(machine.stack);
    EXPECT_EQ(tcp.set(kTtl, 256), error(kEinval));
    EXPECT_EQ(tcp.set(kTtl, 9), 0);
    EXPECT_EQ(tcp.set(kTos, 8), 0);
    machine.wide->receive_frame(arp_frame(
        {kArpRequest, kPeerMac, IpAddress::v4(0x0a000009), {}, IpAddress::v4(0x0a000001)}));
    EXPECT_EQ(begin_connect(tcp, "10.0.0.9"), error(kEinprogress));
    const uint64_t end_ns = dominoes_now_ns() + 20 * kSecond;
    while (machine.wide->link.ttl() == 0 && dominoes_now_ns() < end_ns) dominoes_thread_yield();
    EXPECT_EQ(machine.wide->link.ttl(), 9);
    EXPECT_EQ(tcp.set(kMss, 1000), error(kEisconn));  // too late
    EXPECT_EQ(tcp.set(kTtl, 10), 0);                  // never too late
    EXPECT_EQ(tcp.set(kTtl, 0), error(kEinval));
}

// --- the control thread ---

void receive__of_fragments(Check& check) {
    MultiHost machine;
    Socket socket(machine.stack, Socket::kUdp);
    EXPECT_EQ(socket.bind(address("10.0.0.1", 5000)), 0);
    machine.wide->receive("10.0.0.9", "10.0.0.1", 5000, Bytes(5000), 1000);
    EXPECT(machine.wide->counts(Counter::udp_in, 1));
    EXPECT_EQ(machine.wide->count(Counter::ip_reassembled), 1);
    EXPECT_EQ(receive(socket), 5000);
}

// --- the contexts ---

void context__any_cpu_has_many(Check& check) {
    dominoes::Owned<Stack> stack(Stack::create());
    REQUIRE(stack);
    dominoes::Context* const first = stack->context(-1, 0);
    dominoes::Context* const second = stack->context(-1, 1);
    REQUIRE(first && second);
    EXPECT(first != second);
    EXPECT(stack->context(-1, 0) == first && stack->context(-1, 1) == second);
    EXPECT(stack->context(0, 0) != first);
}

void stats__of_the_contexts(Check& check) {
    MultiHost machine;
    auto passes = [&](Counter counter, uint64_t value) {
        const uint64_t end_ns = dominoes_now_ns() + 20 * kSecond;
        while (machine.wide->count(counter) <= value && dominoes_now_ns() < end_ns)
            dominoes_thread_yield();
        return machine.wide->count(counter) > value;
    };
    EXPECT(passes(Counter::context_parks, 0));
    const uint64_t batches = machine.wide->count(Counter::context_batches);
    machine.wide->receive_frame(
        arp_frame({kArpRequest, kPeerMac, kPeerIp, {}, IpAddress::v4(0x0a000001)}));
    EXPECT(passes(Counter::context_batches, batches));
}

constexpr Test kTests[] = {
    TEST(connect__by_the_longest_prefix),
    TEST(connect__whatever_was_attached_first),
    TEST(connect__not_to_a_network_as_a_whole),
    TEST(connect__without_a_route),
    TEST(bind__to_an_address_stays_at_its_device),
    TEST(bind__to_an_address_of_no_device),
    TEST(bind__of_tcp_to_a_port_only),
    TEST(bind__of_udp_to_a_port_only),
    TEST(bind__of_udp_with_replicas),
    TEST(send_to__of_an_unbound_endpoint),
    TEST(listen__at_every_device),
    TEST(listen__while_devices_come_and_go),
    TEST(detach__of_one_device_of_several),
    TEST(attach__of_a_further_device),
    TEST(set_option__of_udp),
    TEST(set_option__of_udps_replicas_before_bind),
    TEST(set_option__of_tcp),
    TEST(receive__of_fragments),
    TEST(context__any_cpu_has_many),
    TEST(stats__of_the_contexts),
};

}  // namespace

extern const Suite stack_host_suite = SUITE("stack_host", kTests);

}  // namespace kunit
