// SPDX-License-Identifier: GPL-2.0
//
// StepWatch: sees every step of every replica, although the core knows nothing of it: the linker
// puts it before tcp_step() (--wrap). It checks what must hold of a state between steps, and writes
// the timeline of requests.
#pragma once

#include "tools/sim/report.hh"
#include "tools/sim/scheduler.hh"

namespace sim {

class StepWatch {
public:
    StepWatch(Scheduler& scheduler, Report& report);
    ~StepWatch();
    StepWatch(const StepWatch&) = delete;
};

}  // namespace sim
