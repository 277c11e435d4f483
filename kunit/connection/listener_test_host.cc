// SPDX-License-Identifier: GPL-2.0
#include "scout/connection/listener.hh"

#include "kunit/framework.hh"
#include "kunit/packets.hh"
#include "scout/connection/cookie.hh"
#include "scout/connection/tcp_router.hh"
#include "tools/rig/port_memory.hh"

namespace kunit {
namespace {

using namespace scout;

// A listener, and connections that never begin.
struct Port {
    explicit Port(uint32_t backlog) : listener(make<Listener>(80, attributes, backlog, &user)) {}
    ~Port() {
        if (listener) listener->release();
        for (Owned<Connection>& connection : connections) connection.reset();
        bed.arp->release(neighbour);
        dominoes_retire_barrier();
    }
    // The n-th.
    Connection& connection(size_t n) {
        while (connections.size() <= n)
            connections.emplace_back(make<Connection>(*tcp, Connection::Plan{
                                                                .participants = {},
                                                                .attributes = &attributes,
                                                                .neighbour = neighbour,
                                                                .listener = nullptr,
                                                                .user = nullptr,
                                                                .id = 1,
                                                                .iss = 0,
                                                                .answered = false,
                                                            }));
        return *connections[n];
    }
    // It is admitted and established.
    bool queue(size_t n) { return listener->admit() && listener->push(connection(n)); }

    Bed bed;
    Owned<TcpRouter> tcp{TcpRouter::create(bed.interface, *bed.arp)};
    Neighbour* neighbour = bed.arp->acquire(kPeerIp);
    Attributes attributes;
    CountingUser counting;
    rig::User& user = counting;
    std::vector<Owned<Connection>> connections;
    Listener* listener;
};

// Handshakes and those that wait count alike.
void admit__up_to_the_backlog(Check& check) {
    Port port(2);
    Listener& listener = *port.listener;
    EXPECT(port.queue(0));
    EXPECT(listener.admit());
    EXPECT_EQ(listener.pending(), 2);
    EXPECT(!listener.admit());
    EXPECT_EQ(listener.pending(), 2);
    listener.drop();
    EXPECT(listener.admit());
    EXPECT(!listener.admit());
    EXPECT(listener.pop() == &port.connection(0));
    EXPECT_EQ(listener.pending(), 1);
    EXPECT(listener.admit());
}

// Other handshakes do not keep it out, as long as the queue has room,
void admit_proven__beyond_other_handshakes(Check& check) {
    Port port(2);
    Listener& listener = *port.listener;
    EXPECT(listener.admit() && listener.admit());
    EXPECT(!listener.admit());
    EXPECT(listener.admit_proven());
    EXPECT(listener.admit_proven());
    EXPECT_EQ(listener.pending(), 4);
    EXPECT(!listener.admit_proven());  // those on their way to the queue are bounded
    EXPECT_EQ(listener.pending(), 4);
}

// and else it is.
void admit_proven__not_to_a_full_queue(Check& check) {
    Port port(2);
    Listener& listener = *port.listener;
    EXPECT(port.queue(0) && port.queue(1));
    EXPECT(listener.crowded());
    EXPECT(!listener.admit_proven());
    EXPECT_EQ(listener.pending(), 2);
    EXPECT(listener.pop() == &port.connection(0));
    EXPECT(listener.admit_proven());
}

void crowded__by_those_that_wait_only(Check& check) {
    Port port(1);
    Listener& listener = *port.listener;
    EXPECT(listener.admit());
    EXPECT(!listener.crowded());
    EXPECT(listener.push(port.connection(0)));
    EXPECT(listener.crowded());
    EXPECT(listener.pop());
    EXPECT(!listener.crowded());
}

// A cookie is good for one life at least, and two at most.
void expects_cookie__as_long_as_one_may_come_back(Check& check) {
    Port port(1);
    Listener& listener = *port.listener;
    const uint64_t sent_ns = 1000 * kSecond;
    EXPECT(!listener.expects_cookie(1));  // of a machine that has just begun
    listener.cookie_sent(sent_ns);
    EXPECT(listener.expects_cookie(sent_ns));
    EXPECT(listener.expects_cookie(sent_ns + 2 * kTcpCookieLifeNs - 1));
    EXPECT(!listener.expects_cookie(sent_ns + 2 * kTcpCookieLifeNs));
    EXPECT(!listener.turned_away(sent_ns));
}

void turned_away__lately(Check& check) {
    Port port(1);
    Listener& listener = *port.listener;
    const uint64_t latest_ns = 1000 * kSecond;
    EXPECT(!listener.turned_away(1));
    listener.turn_away(latest_ns);
    EXPECT(listener.turned_away(latest_ns + kTcpCookieLifeNs - 1));
    EXPECT(!listener.turned_away(latest_ns + kTcpCookieLifeNs));
    EXPECT(!listener.expects_cookie(latest_ns));
}

void push__wakes_who_accepts(Check& check) {
    Port port(2);
    Listener& listener = *port.listener;
    EXPECT(!listener.ready());
    EXPECT_EQ(port.counting.wakes(), 0);
    EXPECT(port.queue(0));
    EXPECT(listener.ready());
    EXPECT_EQ(port.counting.wakes(), 1);
}

// Also where some arrive while others are being accepted.
void pop__the_one_that_has_waited_longest(Check& check) {
    Port port(5);
    Listener& listener = *port.listener;
    EXPECT(!listener.pop());
    for (size_t i : {0, 1, 2}) EXPECT(port.queue(i));
    EXPECT(listener.pop() == &port.connection(0));
    for (size_t i : {3, 4}) EXPECT(port.queue(i));
    for (size_t i : {1, 2, 3, 4}) {
        EXPECT(listener.ready());
        EXPECT(listener.pop() == &port.connection(i));
    }
    EXPECT(!listener.ready());
    EXPECT(!listener.pop());
    EXPECT_EQ(listener.pending(), 0);
}

// Those that replicas push at the same time are all there, each replica's in its order.
void pop__of_what_several_push(Check& check) {
    constexpr size_t kReplicas = 2;
    const size_t each = check.scale(200, 50);
    Port port(static_cast<uint32_t>(kReplicas * each));
    Listener& listener = *port.listener;
    port.connection(kReplicas * each - 1);  // makes them all
    size_t next[kReplicas] = {0, each};
    size_t popped = 0;
    {
        auto push = [&](size_t from) {
            Dice dice(from + 1);
            for (size_t i = from; i < from + each; ++i) {
                EXPECT(port.queue(i));
                dice.pause(2000);
            }
        };
        Thread a([&] { push(0); });
        Thread b([&] { push(each); });
        EXPECT(eventually([&] {
            while (Connection* found = listener.pop()) {
                size_t i = 0;
                while (&port.connection(i) != found) ++i;
                EXPECT_EQ(i, next[i / each]++);
                ++popped;
            }
            return popped == kReplicas * each;
        }));
    }
    EXPECT(!listener.pop());
    EXPECT_EQ(listener.pending(), 0);
}

// What waits is refused, whether the application has looked at the queue or not; and what comes
// later is not taken.
void close__refuses_what_waits_and_what_comes(Check& check) {
    static std::vector<Connection*> refused;
    refused.clear();
    Port port(4);
    Listener& listener = *port.listener;
    for (size_t i : {0, 1}) EXPECT(port.queue(i));
    EXPECT(listener.pop() == &port.connection(0));  // the other is in the application's part
    EXPECT(port.queue(2));
    const uint32_t wakes = port.counting.wakes();
    listener.close([](Connection& connection) { refused.push_back(&connection); });
    REQUIRE(refused.size() == 2);
    EXPECT(refused[0] == &port.connection(1) && refused[1] == &port.connection(2));
    EXPECT_EQ(listener.pending(), 0);
    EXPECT(listener.admit());
    EXPECT(!listener.push(port.connection(3)));
    EXPECT(!listener.pop());
    EXPECT(!listener.ready());
    EXPECT_EQ(port.counting.wakes(), wakes);
    listener.close([](Connection& connection) { refused.push_back(&connection); });
    EXPECT_EQ(refused.size(), 2);
}

void release__frees_after_the_last(Check& check) {
    const size_t before = rig::live_allocations();
    auto* listener = make<Listener>(uint16_t{80}, Attributes(), 1u, nullptr);
    REQUIRE(listener);
    listener->hold();
    listener->release();
    dominoes_retire_barrier();
    EXPECT_EQ(rig::live_allocations(), before + 1);
    listener->release();
    dominoes_retire_barrier();
    EXPECT_EQ(rig::live_allocations(), before);
}

constexpr Test kTests[] = {
    TEST(admit__up_to_the_backlog),
    TEST(admit_proven__beyond_other_handshakes),
    TEST(admit_proven__not_to_a_full_queue),
    TEST(crowded__by_those_that_wait_only),
    TEST(expects_cookie__as_long_as_one_may_come_back),
    TEST(turned_away__lately),
    TEST(push__wakes_who_accepts),
    TEST(pop__the_one_that_has_waited_longest),
    TEST(pop__of_what_several_push),
    TEST(close__refuses_what_waits_and_what_comes),
    TEST(release__frees_after_the_last),
};

}  // namespace

extern const Suite listener_host_suite = SUITE("listener_host", kTests);

}  // namespace kunit
