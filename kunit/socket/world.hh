// SPDX-License-Identifier: GPL-2.0
//
// For the tests of a TCP endpoint, on the host: what a program does with one, and two machines with
// the wire between them.
#pragma once

#include <arpa/inet.h>

#include <memory>
#include <mutex>
#include <vector>

#include "kunit/framework.hh"
#include "scout/net/errors.hh"
#include "scout/net/participants.hh"
#include "scout/stack.h"
#include "tools/rig/machine.hh"

namespace kunit::two_machines {

using namespace scout;
using rig::address;

inline constexpr uint16_t kOpen = 7000, kShut = 7001;
// What a program sees.
inline constexpr uint32_t kEvents = SCOUT_IN | SCOUT_OUT | SCOUT_ERR | SCOUT_HUP | SCOUT_RDHUP;
inline constexpr uint32_t kUnconnected = SCOUT_OUT | SCOUT_HUP;
inline constexpr uint32_t kFailed = SCOUT_IN | SCOUT_OUT | SCOUT_HUP | SCOUT_RDHUP;

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
        dominoes_sockaddr peer;
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
        dominoes_sockaddr peer;
        return scout_peer(get(), &peer);
    }
    uint16_t port() {
        dominoes_sockaddr local{};
        scout_local(get(), &local);
        return ntohs(local.port);
    }
    bool is_at(const char* ip) {
        dominoes_sockaddr local{};
        scout_local(get(), &local);
        return IpAddress::v4(local.addr) == IpAddress::v4(address(ip, 0).addr);
    }
    uint32_t state() {
        struct dominoes_info info {};
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

}  // namespace kunit::two_machines
