// SPDX-License-Identifier: GPL-2.0
//
// TimerChannel: timers on a hierarchical timing wheel, started and cancelled in O(1) (dissertation
// 3.2.5; Varghese and Lauck, 1987). It belongs to one context and is used only there, so it has no
// lock. An expiry calls the timer's callback, which publishes a request on the connection's
// channel: that puts it into the one total order, and if the channel is full the callback says so
// and is called again a tick later.
#pragma once

#include "dominoes/base.hh"

namespace dominoes {

class TimerChannel;

// A place in a list of timers, or its head.
class TimerLink : Pinned {
private:
    friend class Timer;
    friend class TimerChannel;
    TimerLink* next_ = nullptr;
    TimerLink* prev_ = nullptr;
};

class Timer : private TimerLink {
public:
    // False: could not be published; try again next tick. It may start and cancel any timer.
    using Callback = bool (*)(void* context);

    Timer(Callback callback, void* context) : callback_(callback), context_(context) {}
    ~Timer() { DOMINOES_ASSERT(!armed()); }
    bool armed() const { return next_ != nullptr; }
    uint64_t deadline_ns() const { return deadline_ns_; }

private:
    friend class TimerChannel;
    const Callback callback_;
    void* const context_;
    uint64_t deadline_ns_ = 0;
    uint64_t tick_ = 0;  // when it fires
};

// Four wheels of 64 slots. A slot of the first is a tick, a slot of each further one a turn of the
// one before. A timer lies in the first wheel that reaches it, and moves down when its slot comes
// round, so at most three times. What lies beyond the last (4.6 hours) goes round that once more.
class TimerChannel : Pinned {
public:
    static constexpr uint64_t kTickNs = 1'000'000;

    explicit TimerChannel(uint64_t now_ns);

    // Fires at the first tick not before `deadline_ns`, but not before the next tick. An armed
    // timer is moved. O(1).
    void start(Timer& timer, uint64_t deadline_ns);
    // O(1); nothing if it is not armed.
    void cancel(Timer& timer);
    // Fires what is due. Returns how many fired.
    uint32_t advance(uint64_t now_ns);
    // When advance() should next be called: not later than the earliest deadline, rounded to ticks,
    // and never for nothing more often than the wheel's levels ask; UINT64_MAX if no timer is
    // armed.
    uint64_t next_expiry_ns() const;

private:
    static constexpr unsigned kLevels = 4;
    static constexpr unsigned kSlotBits = 6;
    static constexpr unsigned kSlots = 1 << kSlotBits;
    static constexpr uint64_t kReach = uint64_t{1} << kLevels * kSlotBits;  // in ticks
    static constexpr uint64_t kNever = UINT64_MAX;

    uint64_t next_event(unsigned level) const;
    uint64_t next_event() const;
    void insert(Timer& timer);
    void link(Timer& timer, unsigned list);
    void unlink(Timer& timer);
    // Moves a slot's timers to the list due_, and empties it one by one.
    void take(unsigned list);
    Timer* pop();
    uint32_t fire();

    // The last list is for the timers of a slot whose turn it is.
    static constexpr unsigned kDue = kLevels * kSlots;
    TimerLink lists_[kDue + 1];
    uint64_t occupied_[kLevels + 1] = {};  // a bit for each list

    uint64_t tick_;    // done with all ticks up to here,
    uint64_t target_;  // but during advance(), which is on its way to there
};

}  // namespace dominoes
