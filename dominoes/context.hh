// SPDX-License-Identifier: GPL-2.0
//
// Context: a thread on one CPU that runs many domains (dissertation 3.2.4, 4.3). It polls briefly
// while nothing else wants the CPU, then parks; whoever schedules a domain wakes a parked context.
// It has a control channel, and a timer wheel for the connections whose timers it keeps.
#pragma once

#include "dominoes/domain.hh"
#include "dominoes/timer_channel.hh"

namespace dominoes {

class Context : Pinned {
public:
    // Starts the thread on `cpu` (-1: any). nullptr when memory or threads are short.
    // Context: process.
    [[nodiscard]] static Context* create(int cpu, const char* name);
    // Stops and joins the thread, after what run_in_context() has accepted. No domain may be left.
    // Context: process.
    static void destroy(Context* context);
    // For create().
    Context(int cpu, Owned<RingChannel>&& control);

    // Runs `call(argument)` in the context, soon and in order of the calls. False: the control
    // channel is full. Context: any.
    bool run_in_context(void (*call)(void* argument), void* argument);

    // Only in the context itself.
    TimerChannel& timers() { return timers_; }

    int cpu() const { return cpu_; }
    // Domains that are here now: from their first subscription until they have retired. Any thread
    // may ask.
    uint32_t domains() const { return domains_.load_relaxed() - 1; }  // less the control channel's

    struct Stats {
        uint64_t runs;   // batches
        uint64_t parks;  // times it slept
    };
    // Any thread may ask.
    Stats stats() const { return {runs_.load_relaxed(), parks_.load_relaxed()}; }

private:
    friend class Domain;

    // How long it polls before it parks, and how long it parks while domains cannot go on (a later
    // stage is full): who makes room for them does not know of them.
    static constexpr uint64_t kPollNs = 10'000;
    static constexpr uint64_t kRetryNs = 50'000;
    static constexpr uint32_t kControlCapacity = 256;

    // For Domain. Context: any.
    void push(Domain& domain);
    void domain_came() { domains_.fetch_add_relaxed(1); }
    void domain_left() { domains_.fetch_add_relaxed(~uint32_t{0}); }

    static bool called(void* context, Request& request);
    void wake();

    // The thread.
    void loop();
    bool fire_timers();
    void take_ready();
    void queue(Domain& domain);
    Domain* next();
    bool serve(Domain& domain);
    void idle();
    void park(uint64_t deadline_ns);

    const int cpu_;
    dominoes_retired grace_;  // destroy() waits with it
    dominoes_thread* thread_ = nullptr;
    TimerChannel timers_;

    // Domains taken from ready_, first to last, linked by next_ready_.
    Domain* first_ = nullptr;
    Domain* last_ = nullptr;
    uint32_t queued_ = 0;
    uint32_t fruitless_ = 0;   // turns of those still queued since anything happened
    uint64_t idle_since_ = 0;  // 0: not idle

    Owned<RingChannel> control_channel_;
    Domain control_;
    Subscription control_subscription_;

    alignas(kCacheLine) Atomic<uint64_t> runs_;
    Atomic<uint64_t> parks_;

    // Written by those who schedule domains: last in, first out.
    alignas(kCacheLine) Atomic<Domain*> ready_;
    Atomic<uint32_t> parked_;
    Atomic<uint32_t> stopping_;
    Atomic<uint32_t> domains_;
};

}  // namespace dominoes
