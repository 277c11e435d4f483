// SPDX-License-Identifier: GPL-2.0
//
// TimerChannel: timers on a hierarchical timing wheel, started and cancelled in O(1) (dissertation
// 3.2.5; Varghese and Lauck, 1987). It belongs to one context and is used only there, so it has no
// lock. An expiry calls the timer's callback, which publishes a request on the connection's channel:
// that puts it into the one total order, and if the channel is full the callback says so and is called
// again a tick later.
#pragma once

#include "dominoes/base.hh"

namespace dominoes {

class Timer : Pinned {
public:
    // False: could not be published; try again next tick.
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
    Timer* next_ = nullptr;
    Timer* prev_ = nullptr;
};

class TimerChannel : Pinned {
public:
    static constexpr uint64_t kTickNs = 1'000'000;

    explicit TimerChannel(uint64_t now_ns);

    // Fires at the first tick not before `deadline_ns`. An armed timer is moved. O(1).
    void start(Timer& timer, uint64_t deadline_ns);
    // O(1); nothing if it is not armed.
    void cancel(Timer& timer);
    // Fires what is due. Returns how many fired.
    uint32_t advance(uint64_t now_ns);
    // When advance() should next be called: not later than the earliest deadline, rounded to ticks, and
    // never for nothing more often than the wheel's levels ask; UINT64_MAX if no timer is armed.
    uint64_t next_expiry_ns() const;
};

}  // namespace dominoes
