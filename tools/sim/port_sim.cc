// SPDX-License-Identifier: GPL-2.0
//
// dominoes/port.h over the Scheduler, but for memory, hash and packets, which all ports for
// programs share: the core as it is, in one thread, in virtual time, the same way for the same
// seed.
#include <cstdarg>
#include <cstdio>

#include "tools/rig/port_memory.hh"
#include "tools/sim/scheduler.hh"

using sim::Scheduler;

namespace {

Scheduler& world() { return Scheduler::current(); }

}  // namespace

// --- time, chance, words -----------------------------------------------------------------------

uint64_t dominoes_now_ns(void) {
    world().could_switch();
    return world().now_ns();
}

void dominoes_random(void* out, size_t bytes) {
    auto* at = static_cast<uint8_t*>(out);
    for (size_t i = 0; i < bytes; ++i) at[i] = static_cast<uint8_t>(world().entropy().next());
}

void dominoes_log(int level, const char* format, ...) {
    if (!world().on_log) return;
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    world().on_log(level, line);
}

void dominoes_bug(const char* file, int line, const char* expression) {
    world().fail("BUG at " + std::string(file) + ":" + std::to_string(line) + ": " + expression);
}

// --- mutual exclusion in time ------------------------------------------------------------------

void dominoes_publish_begin(void) { world().enter_section(); }
void dominoes_publish_end(void) { world().leave_section(); }
void dominoes_read_lock(void) { world().enter_section(); }
void dominoes_read_unlock(void) { world().leave_section(); }

void dominoes_retire(dominoes_retired* retired, void (*release)(dominoes_retired*)) {
    world().retire(retired, release);
}
void dominoes_retire_barrier(void) { world().retire_barrier(); }

struct dominoes_mutex {
    bool locked = false;
    Scheduler::Waiters waiters;
};

dominoes_mutex* dominoes_mutex_create(void) { return rig::create<dominoes_mutex>(); }
void dominoes_mutex_destroy(dominoes_mutex* mutex) { rig::destroy(mutex); }

void dominoes_mutex_lock(dominoes_mutex* mutex) {
    world().may_sleep();
    world().could_switch();
    // Who looks at what is left after a failure is no fiber and does not wait.
    while (mutex->locked && world().self()) mutex->waiters.wait(world());
    mutex->locked = true;
}

void dominoes_mutex_unlock(dominoes_mutex* mutex) {
    mutex->locked = false;
    mutex->waiters.wake_one(world());
    world().could_switch();
}

// Like the kernel's: each complete() lets one wait() pass.
struct dominoes_completion {
    unsigned done = 0;
    Scheduler::Waiters waiters;
};

dominoes_completion* dominoes_completion_create(void) { return rig::create<dominoes_completion>(); }
void dominoes_completion_destroy(dominoes_completion* completion) { rig::destroy(completion); }

void dominoes_completion_wait(dominoes_completion* completion) {
    world().may_sleep();
    while (completion->done == 0) completion->waiters.wait(world());
    --completion->done;
}

void dominoes_completion_complete(dominoes_completion* completion) {
    ++completion->done;
    completion->waiters.wake_one(world());
}

// --- threads -----------------------------------------------------------------------------------

dominoes_thread* dominoes_thread_start(void (*run)(void*), void* argument, int, const char* name) {
    return world().start(run, argument, name);
}
void dominoes_thread_join(dominoes_thread* thread) { world().join(thread); }

void dominoes_thread_park(uint64_t deadline_ns) { world().park(deadline_ns); }
void dominoes_thread_unpark(dominoes_thread* thread) {
    world().unpark(thread);
    world().could_switch();
}

// So that nobody polls while time stands still.
bool dominoes_thread_should_yield(void) { return true; }
void dominoes_thread_yield(void) {
    world().may_sleep();
    world().yield();
}
void dominoes_relax(void) { world().yield(); }
void dominoes_thread_delay(uint64_t ns) {
    world().may_sleep();
    world().sleep_until(world().now_ns() + ns);
}
