// SPDX-License-Identifier: GPL-2.0
//
// SimHost: one machine of the simulated world: a stack, its device on the wire, and its listener.
#pragma once

#include <functional>

#include "tools/sim/application.hh"

namespace sim {

class SimHost final : public rig::User {
public:
    static constexpr uint16_t kPort = 7000;

    SimHost(uint32_t number, const HostConfig& config, Scheduler& scheduler)
        : number_(number), config_(config), scheduler_(scheduler) {}
    ~SimHost() = default;

    // A negative errno, and nothing is left of the attempt.
    int attach(dominoes_link& link);
    int listen();
    void unlisten();
    // Ends every connection with ENETDOWN.
    void detach();
    // After detach(), with no endpoint left; if it was ever attached.
    void destroy();
    // The link's MTU has.
    void mtu_changed() {
        if (nic_) scout_mtu_changed(nic_);
    }
    // Owns the packet.
    void receive(dominoes_packet* packet);

    void wake() override;
    uint64_t due_ns() const { return due_ns_; }
    // Accepts who has come. `whose` says, by the client's port, who is to have the endpoint;
    // nullptr: nobody.
    void accept(const std::function<Application*(uint16_t port)>& whose);

    scout_stack* stack() { return stack_; }
    bool attached() const { return nic_ != nullptr; }
    uint32_t connections() const { return nic_ ? scout_connections(nic_) : 0; }
    uint64_t counter(const char* name) const;

private:
    // The user of an endpoint that was accepted: whose it is turns out only afterwards.
    struct Accepted final : rig::User {
        void wake() override {
            if (application) application->wake();
        }
        Application* application = nullptr;
    };

    const uint32_t number_;
    const HostConfig& config_;
    Scheduler& scheduler_;
    scout_stack* stack_ = nullptr;
    scout_nic* nic_ = nullptr;
    scout_endpoint* listener_ = nullptr;
    std::vector<std::unique_ptr<Accepted>> accepted_;
    uint64_t due_ns_ = kNever;
};

}  // namespace sim
