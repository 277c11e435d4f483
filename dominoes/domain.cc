// SPDX-License-Identifier: GPL-2.0
#include "dominoes/domain.hh"

#include "dominoes/context.hh"

namespace dominoes {

Domain::Domain(uint32_t id, void* state, Context& context, const Hooks& hooks)
    : id_(id), state_(state), context_(context), hooks_(hooks) {}

// --- subscriptions -----------------------------------------------------------------------------

// In the list first: once activated, the domain may run.
bool Domain::subscribe(Subscription& subscription, uint64_t position) {
    Subscription* const rest = subscriptions_;
    const bool first = !counted_;
    subscription.next_of_domain = rest;
    subscriptions_ = &subscription;
    if (first) context_.domain_came();
    counted_ = true;
    if (hooks_.subscribed) hooks_.subscribed(*this, subscription);
    if (subscription.channel().activate(subscription, position)) return true;
    if (hooks_.unsubscribed) hooks_.unsubscribed(*this, subscription);
    subscriptions_ = rest;
    if (first) context_.domain_left();
    counted_ = !first;
    return false;
}

void Domain::unsubscribe(Subscription& subscription) {
    Subscription** link = &subscriptions_;
    while (*link && *link != &subscription) link = &(*link)->next_of_domain;
    if (!*link) return;
    subscription.channel().deactivate(subscription);
    *link = subscription.next_of_domain;
    if (next_served_ == &subscription) next_served_ = nullptr;
    subscription.next_of_domain = nullptr;
    if (hooks_.unsubscribed) hooks_.unsubscribed(*this, subscription);
}

// --- running -----------------------------------------------------------------------------------

bool Domain::run() {
    if (hooks_.schedule) {
        Subscription* chosen = hooks_.schedule(*this);
        return (chosen && run_one(*chosen)) || pending();
    }
    Subscription* const start = next_served_ ? next_served_ : subscriptions_;
    Subscription* s = start;
    while (s) {
        Subscription* next = s->next_of_domain ? s->next_of_domain : subscriptions_;
        next_served_ = next;
        if (run_one(*s)) return true;
        s = next == start ? nullptr : next;
    }
    return pending();
}

bool Domain::run_one(Subscription& subscription) {
    const uint32_t taken = subscription.channel().deliver(subscription, kBatch);
    if (!taken) return false;
    processed_.store_relaxed(processed_.load_relaxed() + taken);  // the only writer
    if (hooks_.batch_done) hooks_.batch_done(*this);
    return true;
}

bool Domain::pending() const {
    for (const Subscription* s = subscriptions_; s; s = s->next_of_domain) {
        if (s->channel().pending(*s)) return true;
    }
    return false;
}

// --- being scheduled ---------------------------------------------------------------------------

void Domain::schedule() {
    // (1) seq_cst, after the caller has made work (a claim, retiring_): pairs with (3).
    if (scheduled_.load_seq_cst()) return;
    dominoes_read_lock();  // the domain may run, retire, and its context be destroyed, before
                           // push() returns
    // (2) acq_rel: whoever turns it from 0 to 1 owns next_ready_, after the last owner let go at
    // (3).
    if (scheduled_.exchange_acq_rel(1) == 0) context_.push(*this);
    dominoes_read_unlock();
}

// (3) seq_cst: we clear the flag, then look for work; who makes work looks at the flag after (1).
// Either they see it cleared, or we see the work.
bool Domain::rest() {
    scheduled_.store_seq_cst(0);
    if (!pending() && !retiring_.load_seq_cst()) return false;
    return scheduled_.exchange_acq_rel(1) == 0;  // (2)
}

void Domain::retire() {
    dominoes_read_lock();  // from the store on the domain may retire and be freed
    retiring_.store_seq_cst(1);
    schedule();
    dominoes_read_unlock();
}

// scheduled_ stays set: nobody will ever put it on the queue again.
void Domain::leave() {
    while (subscriptions_) unsubscribe(*subscriptions_);
    if (counted_) context_.domain_left();
    hooks_.retired(*this);
}

}  // namespace dominoes
