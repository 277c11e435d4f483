// SPDX-License-Identifier: GPL-2.0
//
// What a program sees of a TCP endpoint: connect() as Linux's inet_stream_connect() has it, and
// what is left of an endpoint whose attempt failed.
#include "scout/socket/endpoint.hh"

#include <cstring>

#include "kunit/socket/world.hh"
#include "tools/rig/port_memory.hh"

namespace kunit {
namespace {

using namespace two_machines;

// --- connect ---

void connect__says_success_once(Check& check) {
    World world;
    REQUIRE(world.ready);
    End end(world.client());
    EXPECT_EQ(end.connect(kOpen), error(kEinprogress));
    EXPECT_EQ(end.connect(kOpen), error(kEalready));
    EXPECT_EQ(end.poll(), 0);
    EXPECT_EQ(end.peer(), error(kEnotconn));
    world.start();
    EXPECT(eventually([&] { return end.poll() == SCOUT_OUT; }));
    EXPECT_EQ(end.peer(), 0);
    EXPECT_EQ(end.connect(kOpen), 0);
    EXPECT_EQ(end.connect(kOpen), error(kEisconn));
}

void connect__says_what_went_wrong(Check& check) {
    World world;
    REQUIRE(world.ready);
    world.start();
    End end(world.client());
    EXPECT_EQ(end.connect(kShut), error(kEinprogress));
    EXPECT(eventually([&] { return end.poll() != 0; }));
    EXPECT_EQ(end.poll(), kFailed | SCOUT_ERR);
    EXPECT_EQ(end.peer(), error(kEnotconn));
    EXPECT_EQ(scout_shutdown(end.get(), 2), error(kEnotconn));
    EXPECT_EQ(end.connect(kShut), error(kEconnrefused));
    // As new.
    EXPECT_EQ(end.poll(), kUnconnected);
    EXPECT_EQ(end.read(), error(kEnotconn));
    EXPECT_EQ(end.write(), error(kEpipe));
    EXPECT_EQ(end.peer(), error(kEnotconn));
    EXPECT_EQ(scout_shutdown(end.get(), 2), error(kEnotconn));
    EXPECT_EQ(scout_take_error(end.get()), 0);
    EXPECT_EQ(end.port(), 0);
    EXPECT_EQ(end.state(), static_cast<uint32_t>(TcpPhase::kClosed));
    EXPECT_EQ(end.attempt(kOpen), 0);
    EXPECT_EQ(end.write(), 1);
}

void connect__after_the_error_was_taken(Check& check) {
    World world;
    REQUIRE(world.ready);
    world.start();
    End end(world.client());
    EXPECT_EQ(end.connect(kShut), error(kEinprogress));
    EXPECT(eventually([&] { return end.poll() != 0; }));
    EXPECT_EQ(scout_take_error(end.get()), kEconnrefused);
    EXPECT_EQ(scout_take_error(end.get()), 0);
    EXPECT_EQ(end.poll(), kFailed);
    EXPECT_EQ(end.read(), 0);
    EXPECT_EQ(end.write(), error(kEpipe));
    EXPECT_EQ(end.connect(kOpen), error(kEconnaborted));
    EXPECT_EQ(end.attempt(kOpen), 0);
}

void connect__keeps_what_the_program_bound(Check& check) {
    World world;
    REQUIRE(world.ready);
    world.start();
    End whole(world.client()), port(world.client()), ip(world.client()), other(world.client());
    EXPECT_EQ(whole.bind("10.0.0.2", 5000), 0);
    EXPECT_EQ(port.bind("0.0.0.0", 5001), 0);
    EXPECT_EQ(ip.bind("10.0.0.2", 0), 0);
    for (End* end : {&whole, &port, &ip}) EXPECT_EQ(end->attempt(kShut), error(kEconnrefused));
    EXPECT_EQ(whole.port(), 5000);
    EXPECT_EQ(port.port(), 5001);
    EXPECT_EQ(ip.port(), 0);
    EXPECT(ip.is_at("10.0.0.2"));
    EXPECT_EQ(whole.bind("10.0.0.2", 5002), error(kEinval));
    for (uint16_t taken : {5000, 5001})
        EXPECT_EQ(other.bind("10.0.0.2", taken), error(kEaddrinuse));
    EXPECT_EQ(ip.bind("10.0.0.2", 5002), 0);
    for (End* end : {&whole, &port, &ip}) EXPECT_EQ(end->attempt(kOpen), 0);
    EXPECT_EQ(whole.port(), 5000);
    EXPECT_EQ(port.port(), 5001);
    EXPECT_EQ(ip.port(), 5002);
}

void connect__to_nowhere_binds_nothing(Check& check) {
    World world;
    REQUIRE(world.ready);
    End end(world.client());
    const auto nowhere = address("198.51.100.1", kOpen);
    EXPECT_EQ(end.bind("0.0.0.0", 5000), 0);
    EXPECT_EQ(scout_connect(end.get(), &nowhere), error(kEnetunreach));
    EXPECT_EQ(end.port(), 5000);
    End fresh(world.client());
    rig::fail_allocations(~uint64_t{0});
    const int short_of_memory = fresh.connect(kOpen);
    rig::fail_allocations(0);
    EXPECT_EQ(short_of_memory, error(kEnomem));
    EXPECT_EQ(fresh.port(), 0);
}

void connect__leaks_nothing_when_refused(Check& check) {
    World world;
    REQUIRE(world.ready);
    world.start();
    End end(world.client()), bound(world.client());
    EXPECT_EQ(bound.bind("10.0.0.2", 5000), 0);
    auto settled = [&] {
        if (scout_connections(world.machines[1]->nic()) != 0) return false;
        dominoes_retire_barrier();
        return true;
    };
    EXPECT_EQ(end.attempt(kShut), error(kEconnrefused));
    EXPECT(eventually(settled));
    const size_t before = rig::live_allocations();
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(end.attempt(kShut), error(kEconnrefused));
        EXPECT_EQ(end.port(), 0);
        EXPECT_EQ(bound.attempt(kShut), error(kEconnrefused));  // the same four numbers
    }
    EXPECT(eventually(settled));
    EXPECT(eventually([&] {
        dominoes_retire_barrier();
        return rig::live_allocations() <= before;
    }));
}

// A connection is replaced while a reader, a writer and a poller are at it.
void connect__while_others_use_the_endpoint(Check& check) {
    World world;
    REQUIRE(world.ready);
    world.start();
    End end(world.client());
    dominoes::Atomic<uint32_t> done;
    {
        Thread reader([&] {
            while (!done.load_acquire()) end.read();
        });
        Thread writer([&] {
            while (!done.load_acquire()) end.write();
        });
        Thread poller([&] {
            while (!done.load_acquire()) end.poll();
        });
        for (uint32_t i = 0; i < check.scale(200); ++i) {
            const int refused = end.attempt(kShut);
            EXPECT(refused == error(kEconnrefused) || refused == error(kEconnaborted));
        }
        done.store_release(1);
    }
    EXPECT_EQ(end.attempt(kOpen), 0);
}

// SS_CONNECTED stays, whatever becomes of the connection.
void connect__of_one_that_is_over(Check& check) {
    World world;
    REQUIRE(world.ready);
    world.start();
    End end(world.client());
    EXPECT_EQ(end.attempt(kOpen), 0);
    auto accepted = world.accept();
    EXPECT_EQ(accepted->connect(kOpen), error(kEisconn));
    EXPECT_EQ(scout_set_option(accepted->get(), 8, 0), 0);  // linger: a reset
    accepted->close();
    EXPECT(eventually([&] { return (end.poll() & SCOUT_HUP) != 0; }));
    EXPECT_EQ(end.connect(kOpen), error(kEisconn));
    EXPECT_EQ(end.peer(), error(kEnotconn));
    EXPECT_EQ(scout_shutdown(end.get(), 1), error(kEnotconn));
    EXPECT_EQ(scout_take_error(end.get()), kEconnreset);
}

// It was established, but nobody has been told.
void connect__of_one_reset_before_it_was_known(Check& check) {
    World world;
    REQUIRE(world.ready);
    world.start();
    End end(world.client());
    EXPECT_EQ(end.connect(kOpen), error(kEinprogress));
    auto accepted = world.accept();
    EXPECT_EQ(scout_set_option(accepted->get(), 8, 0), 0);
    accepted->close();
    EXPECT(eventually([&] { return (end.poll() & SCOUT_HUP) != 0; }));
    EXPECT_EQ(end.connect(kOpen), error(kEconnreset));
    EXPECT_EQ(end.attempt(kOpen), 0);
}

void connect__of_a_listener(Check& check) {
    World world;
    REQUIRE(world.ready);
    EXPECT_EQ(world.listener->connect(kOpen), error(kEisconn));
    EXPECT_EQ(world.listener->read(), error(kEnotconn));
    EXPECT_EQ(world.listener->write(), error(kEpipe));
}

void listen__after_a_failed_attempt(Check& check) {
    World world;
    REQUIRE(world.ready);
    world.start();
    End end(world.client());
    EXPECT_EQ(end.connect(kShut), error(kEinprogress));
    EXPECT(eventually([&] { return end.poll() != 0; }));
    EXPECT_EQ(scout_listen(end.get(), 0), error(kEinval));
    EXPECT_EQ(end.connect(kShut), error(kEconnrefused));
    EXPECT_EQ(scout_listen(end.get(), 0), 0);
    EXPECT(end.port() != 0);
    EXPECT_EQ(end.poll(), 0);
}

// --- info ---

// Whatever was in that memory before: it goes to programs.
void info__writes_all(Check& check) {
    World world;
    REQUIRE(world.ready);
    world.start();
    End fresh(world.client()), connected(world.client());
    EXPECT_EQ(connected.attempt(kOpen), 0);
    for (End* end : {&fresh, &connected, world.listener.get()}) {
        EndpointInfo once, again;
        std::memset(&once, 0xa5, sizeof once);
        std::memset(&again, 0x5a, sizeof again);
        const auto same = [&] {  // between two events of the connection
            return scout_info(end->get(), &once) == 0 && scout_info(end->get(), &again) == 0 &&
                   std::memcmp(&once, &again, sizeof once) == 0;
        };
        EXPECT(eventually(same));
    }
}

constexpr Test kTests[] = {
    TEST(connect__says_success_once),
    TEST(connect__says_what_went_wrong),
    TEST(connect__after_the_error_was_taken),
    TEST(connect__keeps_what_the_program_bound),
    TEST(connect__to_nowhere_binds_nothing),
    TEST(connect__leaks_nothing_when_refused),
    TEST(connect__while_others_use_the_endpoint),
    TEST(connect__of_one_that_is_over),
    TEST(connect__of_one_reset_before_it_was_known),
    TEST(connect__of_a_listener),
    TEST(listen__after_a_failed_attempt),
    TEST(info__writes_all),
};

}  // namespace

extern const Suite endpoint_host_suite = SUITE("endpoint_host", kTests);

}  // namespace kunit
