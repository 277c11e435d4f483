// SPDX-License-Identifier: GPL-2.0
//
// How a TCP endpoint ends: shutdown(), what holds when its user is woken, and what is left of its
// connection when it is closed.
#include "kunit/socket/world.hh"
#include "scout/socket/stack.hh"

namespace kunit {
namespace {

using namespace two_machines;

// --- shutdown ---

void shutdown__of_an_attempt(Check& check) {
    World world;
    REQUIRE(world.ready);
    End end(world.client());
    EXPECT_EQ(end.connect(kOpen), error(kEinprogress));
    EXPECT_EQ(end.read(), error(kEagain));
    end.forget_wakes();
    EXPECT_EQ(scout_shutdown(end.get(), 1), 0);
    REQUIRE(!end.wakes().empty());
    EXPECT_EQ(end.wakes()[0].events & (kUnconnected | SCOUT_ERR), kUnconnected | SCOUT_ERR);
    EXPECT_EQ(end.port(), 0);
    EXPECT_EQ(end.read(), error(kEconnreset));
    EXPECT_EQ(end.read(), error(kEnotconn));
    EXPECT_EQ(end.poll(), kUnconnected);
    // Likewise from and to where the attempt was.
    End bound(world.client());
    EXPECT_EQ(bound.bind("10.0.0.2", 5000), 0);
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(bound.connect(kOpen), error(kEinprogress));
        EXPECT_EQ(scout_shutdown(bound.get(), 1), 0);
    }
    world.start();
    EXPECT_EQ(bound.attempt(kOpen), 0);
    EXPECT_EQ(end.attempt(kOpen), 0);
}

void shutdown__of_a_listener(Check& check) {
    World world;
    REQUIRE(world.ready);
    world.start();
    End waiting(world.client()), late(world.client()), other(world.server());
    EXPECT_EQ(waiting.attempt(kOpen), 0);
    EXPECT(eventually([&] { return (world.listener->poll() & SCOUT_IN) != 0; }));
    EXPECT_EQ(scout_shutdown(world.listener->get(), 1), 0);  // is nothing to a listener
    EXPECT_EQ(world.listener->poll(), SCOUT_IN);
    world.listener->forget_wakes();
    EXPECT_EQ(scout_shutdown(world.listener->get(), 0), 0);
    REQUIRE(!world.listener->wakes().empty());
    EXPECT_EQ(world.listener->wakes()[0].events, kUnconnected);
    EXPECT_EQ(End(world.server(), *world.listener).result, error(kEinval));
    EXPECT(eventually([&] { return (waiting.poll() & SCOUT_ERR) != 0; }));
    EXPECT_EQ(waiting.read(), error(kEconnreset));
    EXPECT_EQ(late.attempt(kOpen), error(kEconnrefused));
    EXPECT_EQ(scout_shutdown(world.listener->get(), 2), error(kEnotconn));
    // The port is still its own, as it was chosen.
    EXPECT_EQ(other.bind("10.0.0.1", kOpen), error(kEaddrinuse));
    EXPECT_EQ(scout_listen(world.listener->get(), 0), 0);
    EXPECT_EQ(late.attempt(kOpen), 0);
}

void shutdown__of_a_listener_without_a_port_of_its_own(Check& check) {
    World world;
    REQUIRE(world.ready);
    End listener(world.server()), other(world.server());
    EXPECT_EQ(scout_listen(listener.get(), 0), 0);
    const uint16_t port = listener.port();
    EXPECT_EQ(other.bind("10.0.0.1", port), error(kEaddrinuse));
    EXPECT_EQ(scout_shutdown(listener.get(), 2), 0);
    EXPECT_EQ(other.bind("10.0.0.1", port), 0);
    EXPECT_EQ(scout_listen(other.get(), 0), 0);
    EXPECT_EQ(scout_listen(listener.get(), 0), 0);
    EXPECT(listener.port() != port);
}

// --- waking ---

void wake__after_a_reset_shows_all_of_it(Check& check) {
    World world;
    REQUIRE(world.ready);
    world.start();
    End end(world.client());
    EXPECT_EQ(end.attempt(kOpen), 0);
    auto accepted = world.accept();
    EXPECT_EQ(scout_set_option(accepted->get(), 8, 0), 0);
    end.forget_wakes(true);
    accepted->close();
    std::vector<End::Wake> wakes;
    REQUIRE(eventually([&] {
        wakes = end.wakes();
        // One that is still of the connection's beginning may be late.
        std::erase_if(wakes, [](const End::Wake& wake) { return wake.events == SCOUT_OUT; });
        return !wakes.empty();
    }));
    EXPECT_EQ(wakes[0].events, kFailed | SCOUT_ERR);
    EXPECT_EQ(wakes[0].state, static_cast<uint32_t>(TcpPhase::kClosed));
}

void wake__when_established_shows_the_state(Check& check) {
    World world;
    REQUIRE(world.ready);
    End end(world.client());
    end.forget_wakes(true);
    EXPECT_EQ(end.connect(kOpen), error(kEinprogress));
    world.start();
    EXPECT(eventually([&] { return end.poll() == SCOUT_OUT; }));
    EXPECT(eventually([&] { return !end.wakes().empty(); }));
    for (const End::Wake& wake : end.wakes())
        EXPECT(wake.events != SCOUT_OUT ||
               wake.state == static_cast<uint32_t>(TcpPhase::kEstablished));
    // The listener is told of one that is.
    auto accepted = world.accept();
    EXPECT_EQ(accepted->state(), static_cast<uint32_t>(TcpPhase::kEstablished));
}

void wake__after_shutdown_shows_both_directions(Check& check) {
    World world;
    REQUIRE(world.ready);
    world.start();
    End end(world.client());
    EXPECT_EQ(end.attempt(kOpen), 0);
    end.forget_wakes();
    EXPECT_EQ(scout_shutdown(end.get(), 2), 0);
    REQUIRE(!end.wakes().empty());
    EXPECT_EQ(end.wakes()[0].events & kFailed, kFailed);
}

Stack& stack_of(scout_stack* stack) { return *reinterpret_cast<Stack*>(stack); }

// Nothing is left to be done but TIME-WAIT, which no limit of orphans is to cut short.
void close__leaves_time_wait_where_orphans_are_too_many(Check& check) {
    World world;
    REQUIRE(world.ready);
    world.start();
    End end(world.client());
    EXPECT_EQ(end.attempt(kOpen), 0);
    auto accepted = world.accept();
    EXPECT_EQ(scout_shutdown(end.get(), 1), 0);
    EXPECT(eventually([&] { return (accepted->poll() & SCOUT_RDHUP) != 0; }));
    accepted->close();
    EXPECT(eventually([&] { return end.state() == static_cast<uint32_t>(TcpPhase::kTimeWait); }));
    stack_of(world.client()).shared().max_orphans = 0;  // there are as many as there may be
    end.close();
    const uint64_t until = dominoes_now_ns() + 300'000'000;
    while (dominoes_now_ns() < until) dominoes_thread_yield();
    EXPECT_EQ(scout_connections(world.machines[1]->nic()), 1);
    EXPECT_EQ(stack_of(world.client()).shared().orphans(), 0);
}

// Peers that do not close, of a server that does: FIN-WAIT-2 is no orphan, so that they do not take
// the place of another, who did nothing, and has not got its answer yet.
void close__of_peers_that_do_not_close(Check& check) {
    World world;
    REQUIRE(world.ready);
    world.start();
    stack_of(world.server()).shared().max_orphans = 4;
    std::vector<std::unique_ptr<End>> hostile;
    for (int i = 0; i < 4; ++i) {
        hostile.push_back(std::make_unique<End>(world.client()));
        EXPECT_EQ(hostile.back()->attempt(kOpen), 0);
        auto accepted = world.accept();
        accepted->close();
        EXPECT(eventually([&] { return (hostile.back()->poll() & SCOUT_RDHUP) != 0; }));
    }
    EXPECT(eventually([&] { return stack_of(world.server()).shared().orphans() == 0; }));
    End end(world.client());
    EXPECT_EQ(end.attempt(kOpen), 0);
    auto accepted = world.accept();
    EXPECT_EQ(accepted->write(), 1);
    accepted->close();
    EXPECT(eventually([&] { return (end.poll() & SCOUT_RDHUP) != 0; }));
    EXPECT(!(end.poll() & SCOUT_ERR));
    EXPECT_EQ(end.read(), 1);
    EXPECT_EQ(end.read(), 0);
}

constexpr Test kTests[] = {
    TEST(shutdown__of_an_attempt),
    TEST(shutdown__of_a_listener),
    TEST(shutdown__of_a_listener_without_a_port_of_its_own),
    TEST(wake__after_a_reset_shows_all_of_it),
    TEST(wake__when_established_shows_the_state),
    TEST(wake__after_shutdown_shows_both_directions),
    TEST(close__leaves_time_wait_where_orphans_are_too_many),
    TEST(close__of_peers_that_do_not_close),
};

}  // namespace

extern const Suite endpoint_end_host_suite = SUITE("endpoint_end_host", kTests);

}  // namespace kunit
