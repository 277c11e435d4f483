// SPDX-License-Identifier: GPL-2.0
//
// Scheduler: all threads of a simulated world as fibers of one thread, and its clock.
//
// Who runs next is drawn from the seed, whenever a fiber waits and, as often as the scenario wants
// it, where real threads could overtake each other as well. Time stands still while anybody can
// run. One fiber, the driver, is the world outside of the core: the network, the applications,
// interrupts. It calls settle() to let all others come to rest, and then says how late it has
// become.
#pragma once

#include <boost/context/fiber.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dominoes/port.h"
#include "tools/sim/asan_stack.hh"
#include "tools/sim/random.hh"

// A thread of dominoes/port.h.
struct dominoes_thread {
    enum class State { kReady, kRunning, kParked, kWaiting, kSettling, kDone };

    void (*run)(void*) = nullptr;
    void* argument = nullptr;
    char name[16] = {};
    State state = State::kReady;
    bool unparked = false;              // the token of park()
    unsigned depth = 0;                 // of sections
    uint64_t wake_ns = UINT64_MAX;      // kParked: at the latest
    boost::context::fiber rest;         // of its life, while it does not run
    sim::AsanStack stack;               // where it does
    dominoes_thread* joiner = nullptr;  // who waits for its end
};

namespace sim {

using Fiber = dominoes_thread;

// How wild a schedule is.
struct ScheduleConfig {
    double switching = 0;      // chance that another fiber goes on where it could
    bool in_sections = false;  // also where the kernel would not preempt, but other CPUs go on
    double stall = 0;  // chance, at the same places, that a fiber does not go on for a while
    uint64_t stall_max_ns = 0;
    uint64_t start_ns = 1'000'000'000;
    uint64_t max_switches = 20'000'000;
};

class Scheduler {
public:
    Scheduler(uint64_t seed, const ScheduleConfig& config);
    // After run() has returned true, or never run.
    ~Scheduler();
    Scheduler(const Scheduler&) = delete;

    // The one that runs, or ran last.
    static Scheduler& current() { return *current_; }

    // Runs `driver` to its end, as a fiber. False: it did not come there, failure() says why, and
    // neither this nor anything the fibers use may be destroyed.
    bool run(std::function<void()> driver);
    const std::string& failure() const { return failure_; }
    // Ends run().
    [[noreturn]] void fail(std::string why);
    // Who waits for what.
    std::string describe() const;

    // --- time ---
    uint64_t now_ns() const { return now_ns_; }
    // Only the driver: until no other fiber can run at this time.
    void settle();
    // Only the driver, settled: when the next fiber wants to go on; UINT64_MAX: none of its own.
    uint64_t next_deadline() const;
    void advance_to(uint64_t ns);

    // --- for the port ---
    Fiber* self() { return running_; }
    Fiber* start(void (*run)(void*), void* argument, const char* name);
    void join(Fiber* fiber);
    void park(uint64_t deadline_ns);
    void unpark(Fiber* fiber);
    void sleep_until(uint64_t ns);
    void yield();
    // A place where a thread of the kernel could sleep: never in a section.
    void may_sleep();
    // A place where another thread could come first, or this one be held up.
    void could_switch();
    void enter_section();
    void leave_section();
    void retire(dominoes_retired* retired, void (*release)(dominoes_retired*));
    void retire_barrier();

    // Fibers that wait for something to be said by another.
    class Waiters {
    public:
        void wait(Scheduler& scheduler);
        // One of them, drawn; false: there is none.
        bool wake_one(Scheduler& scheduler);
        void wake_all(Scheduler& scheduler);

    private:
        std::vector<Fiber*> fibers_;
    };

    uint64_t switches() const { return switches_; }
    // What dominoes_random() gives, and whom dominoes_log() tells.
    Random& entropy() { return entropy_; }
    std::function<void(int level, const char* line)> on_log;
    // Told by fail() first, where it happened.
    std::function<void(const std::string& why)> on_failure;
    // Threads that were started and not joined.
    size_t threads() const { return fibers_.size() - 2; }

private:
    struct Retired {
        dominoes_retired* retired;
        void (*release)(dominoes_retired*);
    };

    void prepare(Fiber& fiber);
    void end(Fiber& fiber);
    void make_ready(Fiber& fiber);
    void suspend(Fiber::State state);
    void resume(Fiber& fiber);
    Fiber* pick();
    bool time_passes();
    void reclaim();

    static Scheduler* current_;

    const ScheduleConfig config_;
    Random random_;
    Random entropy_;
    uint64_t now_ns_;
    uint64_t switches_ = 0;
    std::string failure_;

    boost::context::fiber main_;  // run(), while a fiber runs
    AsanStack main_stack_;
    Fiber* running_ = nullptr;
    std::vector<Fiber*> fibers_;
    std::vector<Fiber*> ready_;
    std::function<void()> main_body_;
    std::unique_ptr<Fiber> driver_;

    unsigned in_sections_ = 0;  // fibers
    std::deque<Retired> retired_;
    std::unique_ptr<Fiber> reclaimer_;
    bool reclaiming_ = false;
    Waiters barrier_;
};

}  // namespace sim
