// SPDX-License-Identifier: GPL-2.0
#include "tools/rig/machine.hh"

#include <new>
#include <stdexcept>

#include "scout/counters.h"

namespace rig {

Machine::Machine(Link& link, const MachineConfig& config) : stack_(scout_stack_create()) {
    if (!stack_) throw std::bad_alloc();
    struct scout_attach attach {};
    attach.link = &link;
    attach.id = 1;
    attach.address = address(config.address, 0);
    attach.prefix_len = config.prefix_len;
    attach.replicas = config.replicas;
    attach.cpus = config.cpus.data();
    attach.cpu_count = static_cast<uint32_t>(config.cpus.size());
    if (const int error = scout_attach(stack_, &attach, &nic_)) {
        scout_stack_destroy(stack_);
        throw std::invalid_argument("cannot attach: " + std::to_string(error));
    }
}

Machine::~Machine() {
    detach();
    scout_stack_destroy(stack_);
}

void Machine::detach() {
    if (nic_) scout_detach(nic_);
    nic_ = nullptr;
}

uint64_t Machine::counter(const std::string& name) const {
    static const std::vector<std::string> kNames = {
#define X(name, description) #name,
        DOMINOES_COUNTERS(X)
#undef X
    };
    std::vector<uint64_t> values(kNames.size());
    scout_stats(nic_, values.data(), static_cast<uint32_t>(values.size()));
    for (size_t i = 0; i < kNames.size(); ++i) {
        if (kNames[i] == name) return values[i];
    }
    throw std::invalid_argument("no counter " + name);
}

Pump::Pump(MemoryLink& link) : link_(link) {
    link_.on_arrival = [this] {
        std::lock_guard lock(mutex_);
        arrived_ = true;
        changed_.notify_one();
    };
}

void Pump::start() {
    thread_ = std::thread([this] { run(); });
}

void Pump::stop() {
    if (!thread_.joinable()) return;
    {
        std::lock_guard lock(mutex_);
        stop_ = true;
        changed_.notify_one();
    }
    thread_.join();
}

void Pump::run() {
    std::unique_lock lock(mutex_);
    while (!stop_) {
        arrived_ = false;
        lock.unlock();
        link_.deliver();
        const uint64_t next = link_.next_arrival_ns();
        lock.lock();
        const auto due = [this] { return arrived_ || stop_; };
        if (next == MemoryLink::kNever) {
            changed_.wait(lock, due);
        } else {
            const auto when = std::chrono::steady_clock::time_point(std::chrono::nanoseconds(next));
            changed_.wait_until(lock, when, due);
        }
    }
}

}  // namespace rig
