// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/scheduler.hh"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tools/rig/port_memory.hh"
#include "tools/sim/stack.hh"

namespace sim {

using State = Fiber::State;

Scheduler* Scheduler::current_ = nullptr;

Scheduler::Scheduler(uint64_t seed, const ScheduleConfig& config)
    : config_(config), random_(seed, 1), entropy_(seed, 2), now_ns_(config.start_ns) {
    current_ = this;
}

Scheduler::~Scheduler() = default;

// --- the loop ---

bool Scheduler::run(std::function<void()> driver) {
    current_ = this;
    main_body_ = std::move(driver);
    driver_ = std::make_unique<Fiber>();
    reclaimer_ = std::make_unique<Fiber>();
    driver_->run = [](void* self) { static_cast<Scheduler*>(self)->main_body_(); };
    reclaimer_->run = [](void* self) { static_cast<Scheduler*>(self)->reclaim(); };
    for (Fiber* fiber : {driver_.get(), reclaimer_.get()}) fiber->argument = this;
    std::snprintf(driver_->name, sizeof driver_->name, "driver");
    std::snprintf(reclaimer_->name, sizeof reclaimer_->name, "reclaimer");
    prepare(*driver_);
    prepare(*reclaimer_);
    while (driver_->state != State::kDone && failure_.empty()) {
        if (++switches_ > config_.max_switches) {
            failure_ = "it does not come to rest";
        } else if (Fiber* next = pick()) {
            resume(*next);
        } else if (!time_passes()) {
            failure_ = "everybody waits for ever";
        }
    }
    if (!failure_.empty()) return false;
    main_body_ = nullptr;  // the reclaimer has nothing left to do: it ends
    while (reclaimer_->state != State::kDone) resume(*reclaimer_);
    return true;
}

// Of those who can run; the driver that settles comes last.
Fiber* Scheduler::pick() {
    if (!retired_.empty() && in_sections_ == 0 && reclaimer_->state == State::kWaiting)
        make_ready(*reclaimer_);
    if (!ready_.empty()) {
        const size_t index = ready_.size() == 1 ? 0 : random_.below(ready_.size());
        Fiber* fiber = ready_[index];
        ready_[index] = ready_.back();
        ready_.pop_back();
        return fiber;
    }
    return driver_->state == State::kSettling ? driver_.get() : nullptr;
}

// The driver itself waits for a fiber that waits for time to pass.
bool Scheduler::time_passes() {
    const uint64_t next = next_deadline();
    if (next == UINT64_MAX) return false;
    advance_to(next);
    return true;
}

void Scheduler::resume(Fiber& fiber) {
    fiber.state = State::kRunning;
    running_ = &fiber;
    main_stack_.leave_for(fiber.stack);
    fiber.rest = std::move(fiber.rest).resume();
    if (fiber.rest)
        main_stack_.come_back();
    else
        main_stack_.come_back_after(fiber.stack);
    running_ = nullptr;
}

// Back to the loop. It is in main_ that a fiber finds it.
void Scheduler::suspend(State state) {
    Fiber& fiber = *running_;
    fiber.state = state;
    if (state == State::kReady) ready_.push_back(&fiber);
    fiber.stack.leave_for(main_stack_);
    main_ = std::move(main_).resume();
    fiber.stack.come_back();
}

void Scheduler::prepare(Fiber& fiber) {
    const boost::context::stack_context stack = StackPool{}.allocate();
    const boost::context::preallocated memory(stack.sp, stack.size, stack);
    fiber.stack = AsanStack(static_cast<char*>(stack.sp) - stack.size, stack.size);
    fiber.rest = boost::context::fiber(std::allocator_arg, memory, StackPool{},
                                       [this, &fiber](boost::context::fiber&& loop) {
                                           fiber.stack.enter(main_stack_);
                                           main_ = std::move(loop);
                                           fiber.run(fiber.argument);
                                           end(fiber);
                                           fiber.stack.leave_for(main_stack_);
                                           return std::move(main_);
                                       });
    fibers_.push_back(&fiber);
    ready_.push_back(&fiber);
}

void Scheduler::end(Fiber& fiber) {
    fiber.state = State::kDone;
    if (fiber.joiner) make_ready(*fiber.joiner);
}

void Scheduler::make_ready(Fiber& fiber) {
    fiber.state = State::kReady;
    fiber.wake_ns = UINT64_MAX;
    ready_.push_back(&fiber);
}

void Scheduler::fail(std::string why) {
    failure_ = std::move(why);
    if (on_failure) on_failure(failure_);
    if (!running_) {  // nobody is to blame: run() itself
        std::fprintf(stderr, "dominoes-sim: %s\n", failure_.c_str());
        std::abort();
    }
    suspend(State::kDone);
    std::abort();  // it is never resumed
}

std::string Scheduler::describe() const {
    static const char* const kStates[] = {"ready",   "running",  "parked",
                                          "waiting", "settling", "done"};
    std::string all;
    for (const Fiber* fiber : fibers_) {
        char line[96];
        std::snprintf(line, sizeof line, "  fiber %-12s %-8s", fiber->name,
                      kStates[static_cast<int>(fiber->state)]);
        all += line;
        if (fiber->state == State::kParked && fiber->wake_ns != UINT64_MAX) {
            std::snprintf(line, sizeof line, " for %.6f s",
                          static_cast<double>(fiber->wake_ns - now_ns_) * 1e-9);
            all += line;
        }
        if (fiber->depth) all += " in a section";
        all += '\n';
    }
    return all;
}

// --- time ---

void Scheduler::settle() { suspend(State::kSettling); }

uint64_t Scheduler::next_deadline() const {
    uint64_t next = UINT64_MAX;
    for (const Fiber* fiber : fibers_) {
        if (fiber->state == State::kParked) next = std::min(next, fiber->wake_ns);
    }
    return next;
}

void Scheduler::advance_to(uint64_t ns) {
    now_ns_ = std::max(now_ns_, ns);
    for (Fiber* fiber : fibers_) {
        if (fiber->state == State::kParked && fiber->wake_ns <= now_ns_) make_ready(*fiber);
    }
}

// --- threads ---

Fiber* Scheduler::start(void (*run)(void*), void* argument, const char* name) {
    auto* fiber = rig::create<Fiber>();
    if (!fiber) return nullptr;
    fiber->run = run;
    fiber->argument = argument;
    std::snprintf(fiber->name, sizeof fiber->name, "%s-%zu", name, fibers_.size());
    prepare(*fiber);
    return fiber;
}

void Scheduler::join(Fiber* fiber) {
    may_sleep();
    fiber->joiner = running_;
    if (fiber->state != State::kDone) suspend(State::kWaiting);
    std::erase(fibers_, fiber);
    rig::destroy(fiber);
}

void Scheduler::park(uint64_t deadline_ns) {
    may_sleep();
    Fiber& fiber = *running_;
    if (!fiber.unparked && deadline_ns > now_ns_) {
        fiber.wake_ns = deadline_ns;
        suspend(State::kParked);
    }
    fiber.unparked = false;
}

void Scheduler::unpark(Fiber* fiber) {
    fiber->unparked = true;
    if (fiber->state == State::kParked) make_ready(*fiber);
}

void Scheduler::sleep_until(uint64_t ns) {
    while (now_ns_ < ns) {
        running_->wake_ns = ns;
        suspend(State::kParked);
    }
}

void Scheduler::yield() {
    if (running_) suspend(State::kReady);
}

void Scheduler::may_sleep() {
    if (running_ && running_->depth) fail("BUG: may sleep in a section");
}

void Scheduler::could_switch() {
    if (config_.switching == 0 || !running_) return;
    if (running_->depth && !config_.in_sections) return;
    if (random_.chance(config_.switching)) suspend(State::kReady);
    if (config_.stall == 0 || running_->depth || running_ == driver_.get()) return;
    if (random_.chance(config_.stall)) sleep_until(now_ns_ + random_.below(config_.stall_max_ns));
}

// --- waiting ---

void Scheduler::Waiters::wait(Scheduler& scheduler) {
    fibers_.push_back(scheduler.running_);
    scheduler.suspend(State::kWaiting);
}

bool Scheduler::Waiters::wake_one(Scheduler& scheduler) {
    if (fibers_.empty()) return false;
    const size_t index = scheduler.random_.below(fibers_.size());
    Fiber* fiber = fibers_[index];
    fibers_.erase(fibers_.begin() + static_cast<std::ptrdiff_t>(index));
    scheduler.make_ready(*fiber);
    return true;
}

void Scheduler::Waiters::wake_all(Scheduler& scheduler) {
    while (wake_one(scheduler)) {
    }
}

// --- readers and what they may see ---

void Scheduler::enter_section() {
    if (!running_) return;
    if (running_->depth == 0) could_switch();
    if (running_->depth++ == 0) ++in_sections_;
}

void Scheduler::leave_section() {
    if (!running_) return;
    if (--running_->depth != 0) return;
    --in_sections_;
    could_switch();
}

void Scheduler::retire(dominoes_retired* retired, void (*release)(dominoes_retired*)) {
    retired_.push_back({retired, release});
}

void Scheduler::retire_barrier() {
    may_sleep();
    while (!retired_.empty() || reclaiming_) barrier_.wait(*this);
}

// A fiber of its own. What is released was retired when, or before, nobody was in a section.
void Scheduler::reclaim() {
    while (main_body_) {
        if (retired_.empty() || in_sections_ != 0) {
            suspend(State::kWaiting);
            continue;
        }
        const Retired next = retired_.front();
        retired_.pop_front();
        reclaiming_ = true;
        next.release(next.retired);
        reclaiming_ = false;
        if (retired_.empty()) barrier_.wake_all(*this);
    }
}

}  // namespace sim
