// SPDX-License-Identifier: GPL-2.0
//
// Context: a thread on one CPU that runs many domains (dissertation 3.2.4, 4.3). It polls briefly while
// nothing else wants the CPU, then parks; whoever schedules a domain wakes a parked context. It has a
// control channel, and a timer wheel for the connections whose timers it keeps.
#pragma once

#include "dominoes/domain.hh"
#include "dominoes/timer_channel.hh"

namespace dominoes {

class Context : Pinned {
public:
    // Starts the thread on `cpu` (-1: any). nullptr when memory or threads are short.
    // Context: process.
    [[nodiscard]] static Context* create(int cpu, const char* name);
    // Stops and joins the thread. No domain may be left. Context: process.
    static void destroy(Context* context);

    // Runs `call(argument)` in the context, soon and in order of the calls. False: the control channel
    // is full. Context: any.
    bool run_in_context(void (*call)(void* argument), void* argument);

    // Only in the context itself.
    TimerChannel& timers();

    int cpu() const;
    // Domains that are here now. Any thread may ask.
    uint32_t domains() const;

    struct Stats {
        uint64_t runs;   // batches
        uint64_t parks;  // times it slept
    };
    Stats stats() const;
};

}  // namespace dominoes
