// SPDX-License-Identifier: GPL-2.0
#include "dominoes/timer_channel.hh"

namespace dominoes {

TimerChannel::TimerChannel(uint64_t now_ns) : tick_(now_ns / kTickNs), target_(tick_) {
    for (TimerLink& head : lists_) head.next_ = head.prev_ = &head;
}

void TimerChannel::start(Timer& timer, uint64_t deadline_ns) {
    cancel(timer);
    timer.deadline_ns_ = deadline_ns;
    const uint64_t tick = deadline_ns / kTickNs + (deadline_ns % kTickNs != 0);
    timer.tick_ = max(tick, target_ + 1);
    insert(timer);
}

void TimerChannel::cancel(Timer& timer) {
    if (timer.armed()) unlink(timer);
}

uint32_t TimerChannel::advance(uint64_t now_ns) {
    target_ = max(now_ns / kTickNs, tick_);
    uint32_t fired = 0;
    for (uint64_t event; (event = next_event()) <= target_;) {
        tick_ = event;
        // From the top, so that a timer can fall through several levels at once.
        for (unsigned level = kLevels - 1; level > 0; --level) {
            const unsigned shift = level * kSlotBits;
            if (tick_ & ((uint64_t{1} << shift) - 1)) continue;  // not the start of a slot here
            take(level * kSlots + (tick_ >> shift) % kSlots);
            while (Timer* timer = pop()) insert(*timer);
        }
        take(tick_ % kSlots);
        fired += fire();
    }
    tick_ = target_;
    return fired;
}

uint32_t TimerChannel::fire() {
    uint32_t fired = 0;
    while (Timer* timer = pop()) {
        ++fired;
        if (timer->callback_(timer->context_)) continue;  // and may be gone
        if (timer->armed()) continue;                     // started anew by itself
        timer->tick_ = target_ + 1;
        insert(*timer);
    }
    return fired;
}

uint64_t TimerChannel::next_expiry_ns() const {
    const uint64_t event = next_event();
    return event == kNever ? UINT64_MAX : event * kTickNs;
}

uint64_t TimerChannel::next_event() const {
    uint64_t event = kNever;
    for (unsigned level = 0; level < kLevels; ++level) event = min(event, next_event(level));
    return event;
}

// The start of the next occupied slot after the current one, which itself comes last: a turn later.
uint64_t TimerChannel::next_event(unsigned level) const {
    if (!occupied_[level]) return kNever;
    const unsigned shift = level * kSlotBits;
    const uint64_t now = tick_ >> shift;
    const unsigned first = (now + 1) % kSlots;
    const uint64_t turned = occupied_[level] >> first | occupied_[level]
                                                            << (kSlots - first) % kSlots;
    return (now + 1 + static_cast<unsigned>(__builtin_ctzll(turned))) << shift;
}

// During a cascade a timer's tick may be the current one: its slot of the first wheel is taken
// next.
void TimerChannel::insert(Timer& timer) {
    const uint64_t tick = min(timer.tick_, tick_ + kReach - 1);
    unsigned level = 0;
    while ((tick - tick_) >> (level + 1) * kSlotBits) ++level;
    link(timer, level * kSlots + (tick >> level * kSlotBits) % kSlots);
}

void TimerChannel::link(Timer& timer, unsigned list) {
    TimerLink& head = lists_[list];
    timer.next_ = &head;
    timer.prev_ = head.prev_;
    timer.prev_->next_ = &timer;
    head.prev_ = &timer;
    occupied_[list / kSlots] |= uint64_t{1} << list % kSlots;
}

void TimerChannel::unlink(Timer& timer) {
    TimerLink* next = timer.next_;
    next->prev_ = timer.prev_;
    timer.prev_->next_ = next;
    if (next == timer.prev_) {  // only the head is left
        const auto list = static_cast<unsigned>(next - lists_);
        occupied_[list / kSlots] &= ~(uint64_t{1} << list % kSlots);
    }
    timer.next_ = timer.prev_ = nullptr;
}

void TimerChannel::take(unsigned list) {
    TimerLink& from = lists_[list];
    if (from.next_ == &from) return;
    TimerLink& due = lists_[kDue];
    due.next_ = from.next_;
    due.prev_ = from.prev_;
    due.next_->prev_ = due.prev_->next_ = &due;
    from.next_ = from.prev_ = &from;
    occupied_[list / kSlots] &= ~(uint64_t{1} << list % kSlots);
    occupied_[kLevels] = 1;
}

Timer* TimerChannel::pop() {
    TimerLink& due = lists_[kDue];
    if (due.next_ == &due) return nullptr;
    auto* timer = static_cast<Timer*>(due.next_);
    unlink(*timer);
    return timer;
}

}  // namespace dominoes
