// SPDX-License-Identifier: GPL-2.0
//
// What a program sees of a TCP endpoint: connect() as Linux's inet_stream_connect() has it, what is
// left of an endpoint whose attempt failed, shutdown(), and what holds when its user is woken.
#include "scout/socket/endpoint.hh"

#include <memory>
#include <mutex>
#include <vector>

#include "kunit/framework.hh"
#include "scout/net/errors.hh"
#include "scout/socket/stack.hh"
#include "scout/stack.h"
#include "tools/rig/machine.hh"
#include "tools/rig/port_memory.hh"

namespace kunit {
namespace {

using namespace scout;
using rig::address;

constexpr uint16_t kOpen = 7000, kShut = 7001;
// What a program sees.
constexpr uint32_t kEvents = SCOUT_IN | SCOUT_OUT | SCOUT_ERR | SCOUT_HUP | SCOUT_RDHUP;
constexpr uint32_t kUnconnected = SCOUT_OUT | SCOUT_HUP;
constexpr uint32_t kFailed = SCOUT_IN | SCOUT_OUT | SCOUT_HUP | SCOUT_RDHUP;

constexpr int64_t error(Errno number) { return -int64_t{number}; }

// An endpoint that never waits. Remembers what held whenever it was woken.
class End final : rig::User {
public:
    explicit End(scout_stack* stack) {
        scout_endpoint* made = nullptr;
        if (scout_endpoint_create(stack, kTcp, static_cast<User*>(this), &made) == 0) take(made);
    }
    End(scout_stack*, End& listener) {
        scout_endpoint* made = nullptr;
        scout_sockaddr peer;
        result = scout_accept(listener.get(), static_cast<User*>(this), &made, &peer);
        if (result == 0) take(made);
    }
    ~End() { close(); }
    void close() {
        if (get()) scout_endpoint_close(get());
        take(nullptr);
    }

    int bind(const char* ip, uint16_t port) {
        const auto local = address(ip, port);
        return scout_bind(get(), &local);
    }
    int connect(uint16_t port) {
        const auto peer = address("10.0.0.1", port);
        return scout_connect(get(), &peer);
    }
    // Until it is over.
    int attempt(uint16_t port) {
        const int begun = connect(port);
        if (begun != error(kEinprogress)) return begun;
        eventually([&] { return (poll() & (SCOUT_OUT | SCOUT_ERR)) != 0; });
        return connect(port);
    }
    uint32_t poll() { return scout_poll(get()) & kEvents; }
    int64_t read() {
        char byte;
        dominoes_iter to(static_cast<void*>(&byte), 1);
        return scout_read(get(), &to, 1);
    }
    int64_t write() {
        dominoes_iter from("x", 1);
        return scout_write(get(), &from, 1);
    }
    int peer() {
        scout_sockaddr peer;
        return scout_peer(get(), &peer);
    }
    uint16_t port() {
        scout_sockaddr local{};
        scout_local(get(), &local);
        return local.port;
    }
    bool is_at(const char* ip) {
        scout_sockaddr local{};
        scout_local(get(), &local);
        return IpAddress::v4(local.addr) == IpAddress::v4(address(ip, 0).addr);
    }
    uint32_t state() {
        struct scout_info info {};
        scout_info(get(), &info);
        return info.state;
    }
    scout_endpoint* get() { return endpoint_.load_acquire(); }

    struct Wake {
        uint32_t events;
        uint32_t state;  // where `states` were asked for
    };
    std::vector<Wake> wakes() {
        std::lock_guard lock(mutex_);
        return wakes_;
    }
    void forget_wakes(bool states = false) {
        std::lock_guard lock(mutex_);
        wakes_.clear();
        states_ = states;
    }

    int result = 0;  // of accept

private:
    void take(scout_endpoint* endpoint) { endpoint_.store_release(endpoint); }
    // The leader of a connection holds no lock here, so that INFO can be asked for.
    void wake() override {
        if (!get()) return;
        std::lock_guard lock(mutex_);
        wakes_.push_back({poll(), states_ ? state() : 0});
    }

    dominoes::Atomic<scout_endpoint*> endpoint_;
    std::mutex mutex_;
    std::vector<Wake> wakes_;
    bool states_ = false;
};

// Two machines and the wire between them. At 10.0.0.1 somebody listens.
struct World {
    World() {
        rig::MemoryLink::connect(links[0], links[1]);
        links[1].mac[5] = 2;
        for (int i : {0, 1}) {
            machines[i] = std::make_unique<rig::Machine>(
                links[i], rig::MachineConfig{.address = i ? "10.0.0.2" : "10.0.0.1", .cpus = {-1}});
            links[i].on_receive = [this, i](dominoes_packet* packet) {
                return scout_receive(machines[i]->nic(), packet);
            };
        }
        listener = std::make_unique<End>(server());
        ready = listener->bind("10.0.0.1", kOpen) == 0 && scout_listen(listener->get(), 0) == 0;
    }
    ~World() {
        listener.reset();
        for (auto& pump : pumps) pump.stop();
    }
    void start() {
        for (auto& pump : pumps) pump.start();
    }
    std::unique_ptr<End> accept() {
        eventually([&] { return (listener->poll() & SCOUT_IN) != 0; });
        return std::make_unique<End>(server(), *listener);
    }
    scout_stack* server() { return machines[0]->stack(); }
    scout_stack* client() { return machines[1]->stack(); }

    rig::MemoryLink links[2];
    rig::Pump pumps[2]{rig::Pump(links[0]), rig::Pump(links[1])};  // outlive the machines
    std::unique_ptr<rig::Machine> machines[2];
    std::unique_ptr<End> listener;
    bool ready = false;
};

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
    TEST(close__leaves_time_wait_where_orphans_are_too_many),
    TEST(close__of_peers_that_do_not_close),
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
    TEST(shutdown__of_an_attempt),
    TEST(shutdown__of_a_listener),
    TEST(shutdown__of_a_listener_without_a_port_of_its_own),
    TEST(wake__after_a_reset_shows_all_of_it),
    TEST(wake__when_established_shows_the_state),
    TEST(wake__after_shutdown_shows_both_directions),
};

}  // namespace

extern const Suite endpoint_host_suite = SUITE("endpoint_host", kTests);

}  // namespace kunit
