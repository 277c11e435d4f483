// SPDX-License-Identifier: GPL-2.0
//
// dominoes/port.h for Linux programs, but for memory and packets: time, threads, and a small RCU.
#include <execinfo.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <condition_variable>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "dominoes/port.h"
#include "tools/rig/port_memory.hh"

// --- time, chance, words -----------------------------------------------------------------------

namespace {

int log_threshold() {
    const char* level = std::getenv("DOMINOES_LOG");
    return level ? std::atoi(level) : int{DOMINOES_LOG_WARNING};
}

// A hundred lines a second, so that a test that provokes a warning in a loop can still be read.
bool may_log() {
    static std::atomic<uint64_t> second{0};
    static std::atomic<unsigned> lines{0};
    const uint64_t now = dominoes_now_ns() / 1'000'000'000;
    if (second.exchange(now) != now) lines = 0;
    return lines.fetch_add(1) < 100;
}

}  // namespace

uint64_t dominoes_now_ns(void) {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

void dominoes_random(void* out, size_t bytes) {
    auto* at = static_cast<uint8_t*>(out);
    while (bytes) {
        const ssize_t got = getrandom(at, bytes, 0);
        if (got <= 0) continue;
        at += got;
        bytes -= static_cast<size_t>(got);
    }
}

void dominoes_log(int level, const char* format, ...) {
    static const int threshold = log_threshold();
    if (level > threshold || !may_log()) return;
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    std::fprintf(stderr, "dominoes: %s\n", line);
}

void dominoes_bug(const char* file, int line, const char* expression) {
    std::fprintf(stderr, "dominoes: BUG at %s:%d: %s\n", file, line, expression);
    void* frames[32];
    backtrace_symbols_fd(frames, backtrace(frames, 32), STDERR_FILENO);
    std::abort();
}

// --- readers and what they may see --------------------------------------------------------------

namespace {

// A thread that reads. `since` is the epoch its outermost section began in; 0: it is in none.
struct Reader {
    std::atomic<uint64_t> since{0};
    unsigned depth = 0;
    bool known = false;  // to the reclaimer
};

constinit thread_local Reader this_reader;
constinit std::atomic<uint64_t> epoch{1};
// Where the kernel can interrupt all our threads to order their memory accesses (membarrier),
// readers need no fence: the rare reclaimer pays for both. Set before the first reader is known.
constinit bool asymmetric = false;

// A fence that ThreadSanitizer understands too.
void fence() {
    static constinit std::atomic<uint64_t> word{0};
    word.fetch_add(0, std::memory_order_seq_cst);
}

// Epoch-based reclamation: what is retired is released when all sections have ended that began
// before. Where the kernel can interrupt all our threads to order their memory accesses
// (membarrier), readers need no fence: the rare reclaimer pays for both.
class Reclaimer {
public:
    // Never destroyed: threads may outlive main().
    static Reclaimer& instance() {
        static auto* reclaimer = new Reclaimer;
        return *reclaimer;
    }

    void add(Reader* reader) {
        std::lock_guard lock(readers_mutex_);
        readers_.push_back(reader);
    }
    void remove(Reader* reader) {
        std::lock_guard lock(readers_mutex_);
        std::erase(readers_, reader);
    }

    void retire(dominoes_retired* retired, void (*release)(dominoes_retired*)) {
        retired->opaque[0] = nullptr;
        retired->opaque[1] = reinterpret_cast<void*>(release);
        std::lock_guard lock(mutex_);
        (first_ ? last_->opaque[0] : first_slot()) = retired;
        last_ = retired;
        ++retired_;
        changed_.notify_all();
    }

    void barrier() {
        std::unique_lock lock(mutex_);
        const uint64_t wanted = retired_;
        changed_.wait(lock, [&] { return released_ >= wanted; });
    }

private:
    Reclaimer() {
        asymmetric = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
        std::thread([this] { run(); }).detach();
    }

    void*& first_slot() { return reinterpret_cast<void*&>(first_); }

    [[noreturn]] void run() {
        for (;;) {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return first_ != nullptr; });
            dominoes_retired* batch = first_;
            first_ = nullptr;
            lock.unlock();
            wait_for_readers();
            uint64_t count = 0;
            for (; batch; ++count) {
                dominoes_retired* retired = batch;  // freed by its release
                batch = static_cast<dominoes_retired*>(retired->opaque[0]);
                reinterpret_cast<void (*)(dominoes_retired*)>(retired->opaque[1])(retired);
            }
            lock.lock();
            released_ += count;
            changed_.notify_all();
        }
    }

    void wait_for_readers() {
        const uint64_t begun = epoch.fetch_add(1) + 1;
        if (asymmetric) {
            syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
        } else {
            fence();
        }
        while (!all_left(begun)) std::this_thread::sleep_for(std::chrono::microseconds(20));
    }

    // Whether all sections have ended that began before the epoch `begun`.
    bool all_left(uint64_t begun) {
        std::lock_guard lock(readers_mutex_);
        for (const Reader* reader : readers_) {
            const uint64_t since = reader->since.load(std::memory_order_acquire);
            if (since != 0 && since < begun) return false;
        }
        return true;
    }

    std::mutex readers_mutex_;
    std::vector<Reader*> readers_;

    std::mutex mutex_;
    std::condition_variable changed_;
    dominoes_retired* first_ = nullptr;
    dominoes_retired* last_ = nullptr;
    uint64_t retired_ = 0;
    uint64_t released_ = 0;
};

void make_known() {
    struct Membership {
        Membership() { Reclaimer::instance().add(&this_reader); }
        ~Membership() { Reclaimer::instance().remove(&this_reader); }
    };
    thread_local Membership membership;
    this_reader.known = true;
}

}  // namespace

void dominoes_read_lock(void) {
    Reader& reader = this_reader;
    if (reader.depth++) return;
    if (!reader.known) [[unlikely]]
        make_known();
    // Release and acquire to and from all_left(), so that a section that saw an object happened
    // before its release.
    reader.since.store(epoch.load(std::memory_order_acquire), std::memory_order_release);
    if (asymmetric) {
        std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
        fence();
    }
}

void dominoes_read_unlock(void) {
    Reader& reader = this_reader;
    if (--reader.depth == 0) reader.since.store(0, std::memory_order_release);
}

// A program cannot forbid its own preemption.
void dominoes_publish_begin(void) { dominoes_read_lock(); }
void dominoes_publish_end(void) { dominoes_read_unlock(); }

void dominoes_retire(dominoes_retired* retired, void (*release)(dominoes_retired*)) {
    Reclaimer::instance().retire(retired, release);
}
void dominoes_retire_barrier(void) { Reclaimer::instance().barrier(); }

// --- waiting -----------------------------------------------------------------------------------

struct dominoes_mutex {
    std::mutex mutex;
};

dominoes_mutex* dominoes_mutex_create(void) { return rig::create<dominoes_mutex>(); }
void dominoes_mutex_destroy(dominoes_mutex* mutex) { rig::destroy(mutex); }
void dominoes_mutex_lock(dominoes_mutex* mutex) { mutex->mutex.lock(); }
void dominoes_mutex_unlock(dominoes_mutex* mutex) { mutex->mutex.unlock(); }

// Like the kernel's: each complete() lets one wait() pass.
struct dominoes_completion {
    std::mutex mutex;
    std::condition_variable changed;
    unsigned done = 0;
};

dominoes_completion* dominoes_completion_create(void) { return rig::create<dominoes_completion>(); }
void dominoes_completion_destroy(dominoes_completion* completion) { rig::destroy(completion); }

void dominoes_completion_wait(dominoes_completion* completion) {
    std::unique_lock lock(completion->mutex);
    completion->changed.wait(lock, [&] { return completion->done > 0; });
    --completion->done;
}

// Under the lock: the one who waits may destroy it as soon as it is given up.
void dominoes_completion_complete(dominoes_completion* completion) {
    std::lock_guard lock(completion->mutex);
    ++completion->done;
    completion->changed.notify_one();
}

// --- threads -----------------------------------------------------------------------------------

struct dominoes_thread {
    void (*run)(void*);
    void* argument;
    int cpu;
    char name[16];
    pthread_t handle;
    std::atomic<uint32_t> unparked{0};  // the token of park(), and the futex it waits on
};

namespace {

thread_local dominoes_thread* this_thread = nullptr;
std::atomic<unsigned> running{0};

unsigned available_cpus() {
    static const unsigned count = [] {
        cpu_set_t set;
        return sched_getaffinity(0, sizeof set, &set) ? 1u : static_cast<unsigned>(CPU_COUNT(&set));
    }();
    return count;
}

// Where there is no such CPU, or it is not ours, any will do.
void pin(int cpu) {
    if (cpu < 0 || cpu >= CPU_SETSIZE) return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    (void)pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

void* thread_main(void* self) {
    this_thread = static_cast<dominoes_thread*>(self);
    pthread_setname_np(pthread_self(), this_thread->name);
    pin(this_thread->cpu);
    this_thread->run(this_thread->argument);
    return nullptr;
}

void futex_wait(std::atomic<uint32_t>& word, uint32_t while_it_is, uint64_t deadline_ns) {
    timespec deadline;
    deadline.tv_sec = static_cast<time_t>(deadline_ns / 1'000'000'000);
    deadline.tv_nsec = static_cast<long>(deadline_ns % 1'000'000'000);
    syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, while_it_is,
            deadline_ns == UINT64_MAX ? nullptr : &deadline, nullptr, FUTEX_BITSET_MATCH_ANY);
}

}  // namespace

dominoes_thread* dominoes_thread_start(void (*run)(void*), void* argument, int cpu,
                                       const char* name) {
    auto* thread = rig::create<dominoes_thread>();
    if (!thread) return nullptr;
    thread->run = run;
    thread->argument = argument;
    thread->cpu = cpu;
    std::snprintf(thread->name, sizeof thread->name, "%s", name);
    running.fetch_add(1);
    if (pthread_create(&thread->handle, nullptr, thread_main, thread) == 0) return thread;
    running.fetch_sub(1);
    rig::destroy(thread);
    return nullptr;
}

void dominoes_thread_join(dominoes_thread* thread) {
    pthread_join(thread->handle, nullptr);
    running.fetch_sub(1);
    rig::destroy(thread);
}

void dominoes_thread_park(uint64_t deadline_ns) {
    std::atomic<uint32_t>& token = this_thread->unparked;
    if (token.exchange(0)) return;
    futex_wait(token, 0, deadline_ns);
    token.exchange(0);
}

void dominoes_thread_unpark(dominoes_thread* thread) {
    if (thread->unparked.exchange(1)) return;
    syscall(SYS_futex, &thread->unparked, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

// A program is not told; where there are more threads than CPUs it is likely.
bool dominoes_thread_should_yield(void) {
    return running.load(std::memory_order_relaxed) > available_cpus();
}

void dominoes_thread_yield(void) {
    if (dominoes_thread_should_yield()) sched_yield();
}

void dominoes_relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

void dominoes_thread_delay(uint64_t ns) {
    constexpr uint64_t kSpinNs = 50'000;
    const uint64_t until = dominoes_now_ns() + ns;
    if (ns > kSpinNs) std::this_thread::sleep_for(std::chrono::nanoseconds(ns - kSpinNs));
    while (dominoes_now_ns() < until) dominoes_relax();
}
