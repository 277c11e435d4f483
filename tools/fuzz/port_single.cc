// SPDX-License-Identifier: GPL-2.0
#include "tools/fuzz/port_single.hh"

#include <sanitizer/common_interface_defs.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "dominoes/port.h"

namespace {

// --- memory, time, chance ------------------------------------------------------------------------

constexpr uint64_t kBeginning = 1'000'000'000'000;

uint64_t failures = 0;
size_t live = 0;
uint64_t now = kBeginning;
uint64_t chance = 1;

void* allocate(size_t bytes, size_t alignment) {
    const bool refuse = failures & 1;
    failures >>= 1;
    if (refuse) return nullptr;
    void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) & ~(alignment - 1));
    if (!memory) return nullptr;
    ++live;
    return std::memset(memory, 0, bytes);
}

void release(void* memory) {
    if (!memory) return;
    --live;
    std::free(memory);
}

// SplitMix64 (Steele, Lea and Flood, 2014).
uint64_t mix(uint64_t z) {
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

}  // namespace

// --- fibers --------------------------------------------------------------------------------------

struct dominoes_thread {
    static constexpr size_t kStackBytes = 256 * 1024;

    void (*run)(void*);
    void* argument;
    ucontext_t context;
    void* fake_stack = nullptr;  // the sanitizer's
    char* stack = nullptr;
    uint64_t wake_at = 0;  // UINT64_MAX: only by unpark
    bool token = false;
    bool ended = false;
};

namespace {

std::vector<dominoes_thread*> fibers;
dominoes_thread* current = nullptr;  // nullptr: the fuzzer itself
ucontext_t fuzzer;
void* fuzzer_fake_stack = nullptr;
const void* fuzzer_stack = nullptr;
size_t fuzzer_stack_bytes = 0;
unsigned read_depth = 0;

void leave_fiber() {
    dominoes_thread* self = current;
    if (read_depth) dominoes_bug(__FILE__, __LINE__, "waits in a read section");
    __sanitizer_start_switch_fiber(self->ended ? nullptr : &self->fake_stack, fuzzer_stack,
                                   fuzzer_stack_bytes);
    swapcontext(&self->context, &fuzzer);
    __sanitizer_finish_switch_fiber(self->fake_stack, nullptr, nullptr);
}

void fiber_main() {
    __sanitizer_finish_switch_fiber(nullptr, &fuzzer_stack, &fuzzer_stack_bytes);
    current->run(current->argument);
    current->ended = true;
    leave_fiber();
}

void enter_fiber(dominoes_thread* fiber) {
    current = fiber;
    __sanitizer_start_switch_fiber(&fuzzer_fake_stack, fiber->stack, dominoes_thread::kStackBytes);
    swapcontext(&fuzzer, &fiber->context);
    __sanitizer_finish_switch_fiber(fuzzer_fake_stack, nullptr, nullptr);
    current = nullptr;
}

bool runnable(const dominoes_thread* fiber) {
    return !fiber->ended && (fiber->token || fiber->wake_at <= now);
}

// Every fiber that can has a turn. Whether there was one.
bool round() {
    bool any = false;
    for (size_t i = 0; i < fibers.size(); ++i) {
        if (!runnable(fibers[i])) continue;
        any = true;
        enter_fiber(fibers[i]);
    }
    return any;
}

uint64_t next_wake() {
    uint64_t next = UINT64_MAX;
    for (const dominoes_thread* fiber : fibers)
        if (!fiber->ended) next = std::min(next, fiber->wake_at);
    return next;
}

struct Retired {
    dominoes_retired* what;
    void (*release)(dominoes_retired*);
};
std::vector<Retired> retired;

// Nobody reads between two turns.
void release_retired() {
    if (read_depth) dominoes_bug(__FILE__, __LINE__, "waits in a read section");
    while (!retired.empty()) {
        const std::vector<Retired> batch = std::exchange(retired, {});
        for (const Retired& each : batch) each.release(each.what);
    }
}

// Somebody waits for what others do.
void let_others() {
    if (current) return leave_fiber();
    if (round()) return;
    if (!retired.empty()) return release_retired();
    const uint64_t next = next_wake();
    if (next == UINT64_MAX) dominoes_bug(__FILE__, __LINE__, "waits for ever");
    now = std::max(now, next);
}

}  // namespace

void fuzz::port_reset(uint64_t seed) {
    now = kBeginning;
    chance = seed;
    failures = 0;
}
void fuzz::run_fibers() {
    constexpr uint32_t kMostRounds = 100'000;
    uint32_t rounds = 0;
    while (round())
        if (++rounds > kMostRounds) dominoes_bug(__FILE__, __LINE__, "goes on for ever");
    release_retired();
}
void fuzz::pass(uint64_t ns) {
    const uint64_t until = now + ns;
    run_fibers();
    for (uint64_t next; (next = next_wake()) <= until;) {
        now = std::max(now, next);
        run_fibers();
    }
    now = until;
    run_fibers();
}
void fuzz::fail_allocations(uint64_t mask) { failures = mask; }
size_t fuzz::live_blocks() { return live; }

extern "C" {

void* dominoes_alloc(size_t bytes) { return allocate(bytes, 64); }
void* dominoes_alloc_atomic(size_t bytes) { return allocate(bytes, 64); }
void dominoes_free(void* memory) { release(memory); }
void* dominoes_ring_alloc(size_t bytes) { return allocate(bytes, 4096); }
void dominoes_ring_free(void* ring) { release(ring); }

uint64_t dominoes_now_ns(void) { return now; }

void dominoes_random(void* out, size_t bytes) {
    auto* at = static_cast<uint8_t*>(out);
    for (size_t i = 0; i < bytes; ++i) at[i] = static_cast<uint8_t>(mix(chance += 0x9e3779b9));
}

uint64_t dominoes_keyed_hash(const void* data, size_t bytes, const uint8_t key[16]) {
    uint64_t hash = 0;
    for (size_t i = 0; i < 16; ++i) hash = mix(hash + key[i]);
    const auto* at = static_cast<const uint8_t*>(data);
    for (size_t i = 0; i < bytes; ++i) hash = mix(hash + at[i] + 1);
    return hash;
}

void dominoes_log(int, const char*, ...) {}

void dominoes_bug(const char* file, int line, const char* expression) {
    std::fprintf(stderr, "finding: BUG at %s:%d: %s\n", file, line, expression);
    std::abort();
}

void dominoes_publish_begin(void) { ++read_depth; }
void dominoes_publish_end(void) { --read_depth; }
void dominoes_read_lock(void) { ++read_depth; }
void dominoes_read_unlock(void) { --read_depth; }

void dominoes_retire(dominoes_retired* what, void (*done)(dominoes_retired*)) {
    retired.push_back({what, done});
}
// A fiber may still be in the middle of something, but not of a read section.
void dominoes_retire_barrier(void) { release_retired(); }

struct dominoes_mutex {
    bool held;
};
dominoes_mutex* dominoes_mutex_create(void) {
    return static_cast<dominoes_mutex*>(allocate(sizeof(dominoes_mutex), 64));
}
void dominoes_mutex_destroy(dominoes_mutex* mutex) { release(mutex); }
void dominoes_mutex_lock(dominoes_mutex* mutex) {
    if (read_depth) dominoes_bug(__FILE__, __LINE__, "locks in a read section");
    while (mutex->held) let_others();
    mutex->held = true;
}
void dominoes_mutex_unlock(dominoes_mutex* mutex) { mutex->held = false; }

struct dominoes_completion {
    unsigned done;
};
dominoes_completion* dominoes_completion_create(void) {
    return static_cast<dominoes_completion*>(allocate(sizeof(dominoes_completion), 64));
}
void dominoes_completion_destroy(dominoes_completion* completion) { release(completion); }
void dominoes_completion_wait(dominoes_completion* completion) {
    while (completion->done == 0) let_others();
    --completion->done;
}
void dominoes_completion_complete(dominoes_completion* completion) { ++completion->done; }

dominoes_thread* dominoes_thread_start(void (*run)(void*), void* argument, int, const char*) {
    auto* fiber = new dominoes_thread{};
    fiber->run = run;
    fiber->argument = argument;
    fiber->stack = new char[dominoes_thread::kStackBytes];
    getcontext(&fiber->context);
    fiber->context.uc_stack = {fiber->stack, 0, dominoes_thread::kStackBytes};
    fiber->context.uc_link = nullptr;
    makecontext(&fiber->context, fiber_main, 0);
    fibers.push_back(fiber);
    return fiber;
}

void dominoes_thread_join(dominoes_thread* fiber) {
    while (!fiber->ended) let_others();
    std::erase(fibers, fiber);
    delete[] fiber->stack;
    delete fiber;
}

void dominoes_thread_park(uint64_t deadline_ns) {
    dominoes_thread* self = current;
    self->wake_at = deadline_ns;
    if (!self->token && deadline_ns > now) leave_fiber();
    self->token = false;
    self->wake_at = 0;
}
void dominoes_thread_unpark(dominoes_thread* fiber) { fiber->token = true; }
bool dominoes_thread_should_yield(void) { return true; }
void dominoes_thread_yield(void) {
    if (current) return leave_fiber();
    let_others();
}
void dominoes_relax(void) { now += 100; }
void dominoes_thread_delay(uint64_t ns) { now += ns; }

}  // extern "C"
