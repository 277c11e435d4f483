// SPDX-License-Identifier: GPL-2.0
//
// Machines of the userspace rig: a stack attached to a link, and a wire between two of them with a
// thread for each end that does what interrupts do.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tools/rig/memory_link.hh"
#include "tools/rig/socket.hh"

namespace rig {

struct MachineConfig {
    std::string address = "10.0.0.1";
    uint32_t prefix_len = 24;
    uint32_t replicas = 1;
    std::vector<int> cpus = {-1};  // one context for each; -1: bound nowhere
};

// A stack with one device. Endpoints are closed before it.
class Machine {
public:
    // Throws std::bad_alloc, or std::invalid_argument if attaching fails.
    Machine(Link& link, const MachineConfig& config);
    ~Machine();
    Machine(const Machine&) = delete;

    scout_stack* stack() { return stack_; }
    scout_nic* nic() { return nic_; }
    // Ends every connection; endpoints stay.
    void detach();
    uint64_t counter(const std::string& name) const;

private:
    scout_stack* stack_;
    scout_nic* nic_ = nullptr;
};

// Delivers what arrives at a MemoryLink, in a thread, from start() to stop().
class Pump {
public:
    explicit Pump(MemoryLink& link);
    ~Pump() { stop(); }
    void start();
    void stop();

private:
    void run();

    MemoryLink& link_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool arrived_ = false;
    bool stop_ = false;
    std::thread thread_;
};

}  // namespace rig
