// SPDX-License-Identifier: GPL-2.0
//
// Every argument below is about one of two things. Either data is handed over: a release (or
// stronger) store is read by an acquire load, and their numbers name each other. Or two threads
// each write one variable and then read the other's (Dekker): all four accesses are seq_cst, so
// that in their single order one of the two writes comes first, and the other thread's read must
// see it. Fences would be cheaper here and there, but ThreadSanitizer does not understand them.
//
// No loop here waits for another thread. Each goes round again only because another has got on
// meanwhile, so being interrupted by a softirq that uses the same channel, or preempted by a thread
// of any priority, costs whoever is interrupted a turn at most, and the other nothing. Where one
// works for all, beside the loop it says what the others miss while that one does not run.
#include "dominoes/ring_channel.hh"

#include "dominoes/domain.hh"

namespace dominoes {

// A slot's stamp grows by the capacity at each lap, so its next one is known without the position.
// The first lap starts from a stamp that no position has.
RingChannel::RingChannel(Request* slots, uint32_t capacity)
    : slots_(slots), capacity_(capacity), backlog_bound_(capacity) {
    for (uint32_t i = 0; i < capacity; ++i) {
        new (&slots[i]) Request;
        slots[i].stamp.store_relaxed(uint64_t{i} + 1 - capacity);
    }
}

RingChannel* RingChannel::create(uint32_t capacity) {
    DOMINOES_ASSERT(capacity >= 2 && is_power_of_two(capacity));
    auto* slots = static_cast<Request*>(dominoes_alloc(sizeof(Request) * capacity));
    if (!slots) return nullptr;
    auto* channel = make<RingChannel>(slots, capacity);
    if (!channel) dominoes_free(slots);
    return channel;
}

RingChannel::~RingChannel() {
    for (uint64_t position = reclaimed(); position < tail(); ++position) {
        Request& request = slot(position);
        if (request.release) request.release(request);
    }
    dominoes_free(slots_);
}

// --- producers ---------------------------------------------------------------------------------

Request* RingChannel::claim(uint32_t headroom) { return claim_and_mark(headroom, 0); }

Request* RingChannel::claim_last() {
    Request* request = claim_and_mark(0, kClosed);
    if (request) tell_space();  // as close()
    return request;
}

// `mark` is set in the tail by the claim itself.
Request* RingChannel::claim_and_mark(uint32_t headroom, uint64_t mark) {
    dominoes_publish_begin();
    // (1) seq_cst: a producer that called want_space() reads it after; pairs with close().
    uint64_t tail = tail_.load_seq_cst();
    // Again only if another has claimed. From here to publish() nothing interrupts or preempts us
    // but hard interrupts, which do not publish: subscribers wait that long and no longer.
    while (has_room(tail, headroom)) {
        // (2) seq_cst: the write of a producer in two Dekker pairs. A domain going idle clears its
        // `scheduled` flag, then reads the tail (12); we move the tail, then read the flag in
        // publish(). Either we see it cleared and schedule the domain, or it sees our claim and
        // stays awake. And a domain that joins sets its bit in active_ (13), then reads the tail;
        // we read the bits at (5).
        if (!tail_.compare_exchange_seq_cst(tail, (tail + 1) | mark)) continue;
        Request& request = slot(tail);
        request.primary.store_relaxed(kNoPrimary);  // published by the stamp (4), like all the rest
        request.owned = nullptr;
        request.release = nullptr;
        return &request;
    }
    dominoes_publish_end();
    return nullptr;
}

// Also true when `tail` is out of date, and the CAS is going to say so: a tail that is too old
// makes the ring look emptier, never fuller, against a `reclaimed_` that is newer.
bool RingChannel::has_room(uint64_t tail, uint32_t headroom) {
    if (tail & kClosed) return false;
    const int64_t most = int64_t{capacity_} - 1 - headroom;
    const int64_t unnoticed = static_cast<int64_t>(backlog_bound_) - 1;
    const int64_t behind = backlog(tail, min(most, unnoticed));
    if (behind > unnoticed && on_backlog_) on_backlog_(on_backlog_context_);
    return behind <= most;
}

// How far the slowest is behind `position`; up to `bound` it may be less than what this says.
int64_t RingChannel::backlog(uint64_t position, int64_t bound) {
    // (3) acquire: whoever reclaimed the slot has finished with it; pairs with (11), directly or
    // through the release below. seq_cst: see want_space().
    const auto seen = static_cast<int64_t>(position - reclaimed_seen_.load_acquire());
    if (seen <= bound) return seen;
    const uint64_t reclaimed = reclaimed_.load_seq_cst();
    reclaimed_seen_.store_release(reclaimed);
    return static_cast<int64_t>(position - reclaimed);
}

void RingChannel::publish(Request& request) {
    // The old stamp is our own to read: it was written a lap ago, by the publisher whose request
    // has been reclaimed (3). From the new one on the slot may be reclaimed at any time.
    const uint64_t stamp = request.stamp.load_relaxed() + capacity_;
    request.stamp.store_release(stamp);  // (4) release: all of the slot, to the acquire in peek()
    // (5) seq_cst: after the claim (2), against (13). The read section of the publish section keeps
    // the subscriptions alive that are found here.
    const uint64_t active = active_.load_seq_cst() >> kMaxReplicas & kSlots;
    schedule((active & counts(0)) && !wants_all(stamp - 1) ? counts(0) : active);
    dominoes_publish_end();
}

// Whether the domains that are woken lazily are to see the request at `position` as well. Who has
// claimed before close() need not see that it is closed: close() schedules all, and what is claimed
// counts as pending.
bool RingChannel::wants_all(uint64_t position) {
    if (!is_lazy() || tail_.load_relaxed() & kClosed) return true;
    const int64_t lag = lazy_.lag;
    return backlog(position, lag - 1) >= lag || first_behind(position) >= lazy_.help;
}

// How far the first is behind `position`; as backlog(). Nothing but a hint hangs on it. In a read
// section.
int64_t RingChannel::first_behind(uint64_t position) {
    const auto seen = static_cast<int64_t>(position - first_seen_.load_relaxed());
    if (seen < int64_t{lazy_.help}) return seen;
    const Subscription* first = subscriptions_[0].load_acquire();  // as in schedule()
    if (!first) return seen;
    const uint64_t cursor = first->cursor();
    first_seen_.store_relaxed(cursor);
    return static_cast<int64_t>(position - cursor);
}

// In a read section.
void RingChannel::schedule(uint64_t slots) {
    for (; slots; slots &= slots - 1) {
        // (6) acquire: pairs with the release in activate().
        subscriptions_[__builtin_ctzll(slots)].load_acquire()->domain().schedule();
    }
}

void RingChannel::wake_all() {
    dominoes_read_lock();
    schedule(active_.load_seq_cst() >> kMaxReplicas & kSlots);  // as (5)
    dominoes_read_unlock();
}

// seq_cst, after all claims: a producer that has called want_space() either finds the channel
// closed (1) or is found here.
void RingChannel::close() {
    tail_.fetch_or_seq_cst(kClosed);
    tell_space();
    if (is_lazy()) wake_all();
}

bool RingChannel::closed() const { return tail_.load_acquire() & kClosed; }

uint64_t RingChannel::tail() const { return tail_.load_seq_cst() & ~kClosed; }

void RingChannel::on_backlog(uint32_t bound, void (*callback)(void* context), void* context) {
    on_backlog_ = callback;
    on_backlog_context_ = context;
    backlog_bound_ = bound;
}

void RingChannel::on_space(void (*callback)(void* context), void* context) {
    on_space_ = callback;
    on_space_context_ = context;
}

// seq_cst: the producer writes this, then reads reclaimed_ (3) in a further claim(); the reclaimer
// writes reclaimed_ (11), then reads this. (reclaimed_seen_ can only be behind, and then reclaimed_
// is read.)
void RingChannel::want_space() { space_wanted_.store_seq_cst(1); }

void RingChannel::tell_space() {
    if (!space_wanted_.load_seq_cst()) return;
    if (space_wanted_.exchange_seq_cst(0) && on_space_) on_space_(on_space_context_);
}

// --- who subscribes ----------------------------------------------------------------------------

bool RingChannel::activate(Subscription& subscription, uint64_t position) {
    const uint64_t used = active_.load_acquire() & kSlots;
    if (used == kSlots) return false;
    const int free = __builtin_ctzll(~used);
    subscription.cursor_.store_relaxed(position);
    subscriptions_[free].store_release(&subscription);  // (6)
    // (7) seq_cst: the reclaimer writes its goal (9), then reads active_ (10); we write active_,
    // then read the goal. So either it sees us and heeds our cursor, or we see that it goes past
    // our position, and retreat before anybody runs the domain. A subscriber that called us with
    // its cursor + 1 advances only later: its cursor has kept the goal, and who sees the new one
    // (8) sees us at (10).
    change_active(counts(free), 0);
    if (goal_.load_seq_cst() > position) {
        change_active(0, counts(free));
        reclaim();  // our cursor may have been heeded
        return false;
    }
    subscription.slot_ = free;
    change_active(scheduled(free), 0);  // (13) seq_cst, with (2) and (5): see there
    return true;
}

void RingChannel::deactivate(Subscription& subscription) {
    const int slot = subscription.slot_;
    if (slot < 0) return;
    subscription.slot_ = -1;
    change_active(0, counts(slot) | scheduled(slot));
    reclaim();  // it may have been the slowest
}

// Competes with subscribers that leave, each once.
void RingChannel::change_active(uint64_t set, uint64_t clear) {
    uint64_t old = active_.load_relaxed();
    while (!active_.compare_exchange_seq_cst(old, ((old & ~clear) | set) + kChange)) {
    }
}

// A pointer without its bit is stale, and may be overwritten at any time.
Subscription* RingChannel::subscription(unsigned i) const {
    if (i >= kMaxReplicas || !(active_.load_acquire() & scheduled(static_cast<int>(i))))
        return nullptr;
    return subscriptions_[i].load_acquire();
}

// --- consumers ---------------------------------------------------------------------------------

Request* RingChannel::peek(const Subscription& subscription, uint32_t ahead) {
    const uint64_t position = subscription.cursor_.load_relaxed() + ahead;  // our own
    Request& request = slot(position);
    return request.stamp.load_acquire() == position + 1 ? &request : nullptr;  // pairs with (4)
}

void RingChannel::advance(Subscription& subscription, uint32_t count) {
    const uint64_t before = subscription.cursor_.load_relaxed();
    // (8) Release: we are done with these slots; pairs with the load in passed_by_all(). seq_cst:
    // only the slowest has to reclaim, but the slowest must not miss it. We write the cursor, then
    // read reclaimed_; the reclaimer writes reclaimed_ (11), then reads the cursors once more. So
    // either it sees our new cursor, or we see that all before us is reclaimed, and that it is our
    // turn.
    subscription.cursor_.store_seq_cst(before + count);
    if (before <= reclaimed_.load_seq_cst()) reclaim();
}

uint32_t RingChannel::deliver(Subscription& subscription, uint32_t most) {
    uint32_t taken = 0;
    while (taken < most) {
        Request* request = peek(subscription, taken);
        if (!request || !subscription.deliver(*request)) break;
        ++taken;
        if (subscription.domain().retiring()) break;
    }
    if (taken) advance(subscription, taken);
    return taken;
}

// (12) seq_cst, in tail(): pairs with (2). What is claimed and not yet published counts: its
// publisher may already have seen the domain scheduled.
bool RingChannel::pending(const Subscription& subscription) const {
    return tail() != subscription.cursor_.load_relaxed();
}

uint64_t RingChannel::lag(const Subscription& subscription) const {
    const uint64_t cursor = subscription.cursor();  // first, so that the tail is not behind it
    return tail() - cursor;
}

// --- reclaiming --------------------------------------------------------------------------------

uint64_t RingChannel::reclaimed() const { return reclaimed_.load_acquire(); }

// One at a time. Whoever finds another at it only counts itself in; the other goes round again
// until nobody has come meanwhile. acq_rel: all are read-modify-writes of one variable, so the last
// round has acquired from everybody it was left to by, and sees their cursors. While the one at it
// is preempted nothing is reclaimed: producers find the channel full, and nobody spins.
void RingChannel::reclaim() {
    dominoes_read_lock();  // the subscriptions it looks at may be retired meanwhile
    if (reclaimers_.fetch_add_acq_rel(1) == 0) {
        bool moved = false;
        uint32_t counted = 1;
        do moved |= reclaim_passed();
        while (!reclaimers_.compare_exchange_acq_rel(counted, 0));
        if (moved) tell_space();
    }
    dominoes_read_unlock();
}

bool RingChannel::reclaim_passed() {
    const uint64_t first = reclaimed_.load_relaxed();  // only the reclaimer writes it
    uint64_t from = first;
    for (uint64_t to; (to = passed_by_all()) > from; from = to) {
        for (uint64_t position = from; position < to; ++position) {
            Request& request = slot(position);
            if (request.release) request.release(request);
        }
        reclaimed_.store_seq_cst(to);  // (11) release to (3); seq_cst with (8) and want_space()
    }
    return from != first;
}

// Again only if a subscription has come or gone meanwhile.
uint64_t RingChannel::passed_by_all() {
    for (;;) {
        const uint64_t active = active_.load_seq_cst();
        if (!(active & kSlots)) return 0;
        uint64_t passed = ~uint64_t{0};
        for (uint64_t left = active & kSlots; left; left &= left - 1) {
            const Subscription* s = subscriptions_[__builtin_ctzll(left)].load_acquire();  // (6)
            passed = min(passed, s->cursor_.load_seq_cst());                               // (8)
        }
        goal_.store_seq_cst(passed);                          // (9)
        if (active_.load_seq_cst() == active) return passed;  // (10)
    }
}

}  // namespace dominoes
