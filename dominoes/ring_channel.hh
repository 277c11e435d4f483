// SPDX-License-Identifier: GPL-2.0
//
// RingChannel: the channel as a bounded ring of requests (dissertation 3.2.2 and 3.2.3).
//
// Producers claim a position by CAS on the tail, fill the slot, and publish it with the slot's
// stamp. Each subscription has a cursor on its own cache line, advanced once a batch. There is no
// reference count per request: the consumer that finds that every cursor has passed a request calls
// its release hook, and moves `reclaimed`, which is what producers gate on.
//
// Nobody waits for anybody: a producer retries only when another has claimed, and reclaiming is
// done by one consumer at a time, to whom the others leave it. The memory orders are argued in
// ring_channel.cc.
#pragma once

#include "dominoes/channel.hh"

namespace dominoes {

class RingChannel final : public Channel {
public:
    // `capacity` is a power of two >= 2. nullptr when memory is short. Context: process.
    [[nodiscard]] static RingChannel* create(uint32_t capacity);
    // For create(): takes over `slots`.
    RingChannel(Request* slots, uint32_t capacity);
    // Releases what nobody has consumed. No producer or subscriber may be left.
    ~RingChannel() override;

    Request* claim(uint32_t headroom) override;
    void publish(Request& request) override;
    bool activate(Subscription& subscription, uint64_t position) override;
    void deactivate(Subscription& subscription) override;
    uint32_t deliver(Subscription& subscription, uint32_t most) override;
    bool pending(const Subscription& subscription) const override;
    Subscription* subscription(unsigned i) const override;
    uint64_t tail() const override;

    // The next request for `subscription` after the `ahead` already taken in this batch, or
    // nullptr. Only the subscription's domain calls it.
    Request* peek(const Subscription& subscription, uint32_t ahead);
    // Moves the cursor past `count` requests, and reclaims what everybody has passed.
    void advance(Subscription& subscription, uint32_t count);

    // No further claim succeeds; what is published is still delivered. Wakes who waits for space.
    // Context: any.
    void close();
    // Claims the position that is the last, and closes: nothing comes behind it. As claim(0)
    // otherwise.
    Request* claim_last();
    bool closed() const;

    uint32_t capacity() const { return capacity_; }
    uint64_t reclaimed() const;
    // Requests published and not yet processed by `subscription`. Any thread may ask.
    uint64_t lag(const Subscription& subscription) const;

    // `callback(context)` is called by a consumer that has made space since want_space(), once
    // however many have asked; and by close(). It runs in a read section, and must not sleep. A
    // producer that was refused calls want_space(), tries once more, then sleeps. Set it before the
    // first producer.
    void on_space(void (*callback)(void* context), void* context);
    void want_space();

    // `callback(context)` is called by a producer that finds the slowest subscription `bound`
    // requests behind or more: each time, in its read section, before it publishes. Set it before
    // the first producer.
    void on_backlog(uint32_t bound, void (*callback)(void* context), void* context);

    // Lazy wake-up: publishers schedule the domains of all subscriptions but the first only when
    // the first is `help` requests behind, or the slowest is `lag`, or the channel is closed. That
    // saves waking threads for requests that the first will see to; when it cannot keep up, the
    // others come. Whoever cannot wait for them calls wake_all(). Set it before the first producer.
    void set_lazy(uint32_t help, uint32_t lag) { lazy_ = {help, lag}; }
    bool is_lazy() const { return lazy_.lag != 0; }
    // Schedules the domains of all subscriptions. Context: any.
    void wake_all();

private:
    // active_ has for each subscription a bit that its cursor counts, and one that publishers
    // schedule its domain; and above them a count of changes, so that a subscription that has
    // replaced another in the same slot does not go unnoticed.
    static constexpr uint64_t kSlots = (uint64_t{1} << kMaxReplicas) - 1;
    static constexpr uint64_t kChange = uint64_t{1} << 2 * kMaxReplicas;
    static constexpr uint64_t counts(int slot) { return uint64_t{1} << slot; }
    static constexpr uint64_t scheduled(int slot) { return counts(slot) << kMaxReplicas; }
    // In tail_, so that no claim can slip past close().
    static constexpr uint64_t kClosed = uint64_t{1} << 63;

    Request& slot(uint64_t position) const { return slots_[position & (capacity_ - 1)]; }
    Request* claim_and_mark(uint32_t headroom, uint64_t mark);
    bool has_room(uint64_t tail, uint32_t headroom);
    int64_t backlog(uint64_t position, int64_t bound);
    bool wants_all(uint64_t position);
    int64_t first_behind(uint64_t position);
    void schedule(uint64_t slots);
    void change_active(uint64_t set, uint64_t clear);
    void reclaim();
    bool reclaim_passed();
    uint64_t passed_by_all();
    void tell_space();

    Request* const slots_;
    const uint32_t capacity_;
    void (*on_space_)(void*) = nullptr;
    void* on_space_context_ = nullptr;
    void (*on_backlog_)(void*) = nullptr;
    void* on_backlog_context_ = nullptr;
    uint64_t backlog_bound_;
    struct {
        uint32_t help;
        uint32_t lag;  // 0: every domain is scheduled for every request
    } lazy_{};

    // Written by producers.
    alignas(kCacheLine) Atomic<uint64_t> tail_;
    // Copies of reclaimed_ and of the first cursor, refreshed only when they look too small.
    Atomic<uint64_t> reclaimed_seen_;
    Atomic<uint64_t> first_seen_;

    // Hardly ever written.
    alignas(kCacheLine) Atomic<uint64_t> active_;
    Atomic<Subscription*> subscriptions_[kMaxReplicas];

    // Written by consumers.
    alignas(kCacheLine) Atomic<uint64_t> reclaimed_;
    Atomic<uint64_t> goal_;        // where the reclaimer is about to move it
    Atomic<uint32_t> reclaimers_;  // how many have asked for a round of reclaiming since it began
    Atomic<uint32_t> space_wanted_;
};

}  // namespace dominoes
