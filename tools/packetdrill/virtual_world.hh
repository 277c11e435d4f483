// SPDX-License-Identifier: GPL-2.0
//
// VirtualWorld: the simulator's Scheduler, driven from outside of it: whoever calls lends it the
// thread until all fibers have come to rest. Callers take turns; they may be different threads.
#pragma once

#include <boost/context/fiber.hpp>
#include <functional>

#include "tools/sim/scheduler.hh"

namespace packetdrill {

class VirtualWorld {
public:
    VirtualWorld();
    // Nothing of the core is left.
    ~VirtualWorld();
    VirtualWorld(const VirtualWorld&) = delete;

    // Runs `act` as the driver, and then all fibers until none can go on at this time.
    void perform(const std::function<void()>& act);
    uint64_t now_ns() const { return scheduler_.now_ns(); }
    // When a fiber wants to go on; UINT64_MAX: none of its own.
    uint64_t next_deadline() const { return scheduler_.next_deadline(); }
    void advance_to(uint64_t ns);

private:
    void drive();
    void enter();

    sim::Scheduler scheduler_;
    const std::function<void()>* act_ = nullptr;  // nullptr: the end
    boost::context::fiber inside_;                // while a caller runs
    boost::context::fiber outside_;               // while the world does
};

}  // namespace packetdrill
