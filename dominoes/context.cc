// SPDX-License-Identifier: GPL-2.0
#include "dominoes/context.hh"

namespace dominoes {

namespace {

struct Call {
    void (*call)(void* argument);
    void* argument;
};

}  // namespace

Context::Context(int cpu, Owned<RingChannel>&& control)
    : cpu_(cpu),
      timers_(dominoes_now_ns()),
      control_channel_(move(control)),
      control_(0, this, *this, Domain::Hooks{}),
      control_subscription_(*control_channel_, control_, &Context::called, nullptr) {
    (void)control_.subscribe(control_subscription_, 0);  // the first: there is a slot
}

Context* Context::create(int cpu, const char* name) {
    Owned<RingChannel> control(RingChannel::create(kControlCapacity));
    if (!control) return nullptr;
    Owned<Context> context(make<Context>(cpu, move(control)));
    if (!context) return nullptr;
    context->thread_ = dominoes_thread_start(
        [](void* self) { static_cast<Context*>(self)->loop(); }, context.get(), cpu, name);
    return context->thread_ ? context.release() : nullptr;
}

void Context::destroy(Context* context) {
    if (!context) return;
    DOMINOES_ASSERT(context->domains() == 0);
    context->stopping_.store_seq_cst(1);  // (1) pairs with (4), as ready_ does
    context->wake();
    // Who has pushed a domain that has long retired may still be about to wake the thread.
    dominoes_retire(&context->grace_, [](dominoes_retired*) {});
    dominoes_retire_barrier();
    dominoes_thread_join(context->thread_);
    dominoes::destroy(context);
}

// --- the control channel -----------------------------------------------------------------------

bool Context::run_in_context(void (*call)(void* argument), void* argument) {
    Request* request = control_channel_->claim(0);
    if (!request) return false;
    request->as<Call>() = {call, argument};
    control_channel_->publish(*request);
    return true;
}

bool Context::called(void*, Request& request) {
    const Call& call = request.as<Call>();
    call.call(call.argument);
    return true;
}

// --- who schedules domains ---------------------------------------------------------------------

// In a read section (Domain::schedule()).
void Context::push(Domain& domain) {
    Domain* head = ready_.load_relaxed();
    do domain.next_ready_ = head;  // again only if another has pushed
    // (2) Release: next_ready_ and what the scheduler wrote, to (5). seq_cst: we push, then look
    // whether the context is parked (3); it says that it parks (3), then looks at ready_ (4). One
    // sees the other.
    while (!ready_.compare_exchange_seq_cst(head, &domain));
    wake();
}

// (3) One of those who find it parked wakes it.
void Context::wake() {
    if (parked_.load_seq_cst() && parked_.exchange_seq_cst(0)) dominoes_thread_unpark(thread_);
}

// --- the thread --------------------------------------------------------------------------------

void Context::loop() {
    for (;;) {
        take_ready();
        bool busy = fire_timers();
        if (Domain* domain = next()) {
            busy |= serve(*domain);
        } else if (stopping_.load_acquire() && !ready_.load_relaxed()) {
            return;  // what was pushed before it was told to stop, it has seen
        }
        if (busy) {
            fruitless_ = 0;
            idle_since_ = 0;
        } else if (fruitless_ >= queued_) {  // everybody who waits for a turn has had one
            fruitless_ = 0;
            idle();
        }
        dominoes_thread_yield();
    }
}

bool Context::fire_timers() {
    const uint64_t due = timers_.next_expiry_ns();
    if (due == UINT64_MAX) return false;
    const uint64_t now = dominoes_now_ns();
    return due <= now && timers_.advance(now) > 0;
}

void Context::take_ready() {
    if (!ready_.load_relaxed()) return;
    Domain* newest_first = ready_.exchange_acq_rel(nullptr);  // (5) acquire: pairs with (2)
    Domain* oldest_first = nullptr;
    while (Domain* domain = newest_first) {
        newest_first = domain->next_ready_;
        domain->next_ready_ = oldest_first;
        oldest_first = domain;
    }
    while (Domain* domain = oldest_first) {
        oldest_first = domain->next_ready_;
        queue(*domain);
        fruitless_ = 0;
    }
}

void Context::queue(Domain& domain) {
    domain.next_ready_ = nullptr;
    (first_ ? last_->next_ready_ : first_) = &domain;
    last_ = &domain;
    ++queued_;
}

Domain* Context::next() {
    Domain* domain = first_;
    if (!domain) return nullptr;
    first_ = domain->next_ready_;
    --queued_;
    return domain;
}

// Whether the domain has got anywhere.
bool Context::serve(Domain& domain) {
    if (domain.retiring()) {
        domain.leave();
        return true;
    }
    const uint64_t before = domain.processed();
    const bool more = domain.run();
    const bool progress = domain.processed() != before;
    runs_.store_relaxed(runs_.load_relaxed() + progress);
    if (more || domain.rest()) {
        queue(domain);
        ++fruitless_;  // unless there was progress
    }
    return progress;
}

// Nothing is ready, or nothing that is ready can go on.
void Context::idle() {
    const uint64_t now = dominoes_now_ns();
    if (!idle_since_) idle_since_ = now;
    if (now - idle_since_ < kPollNs && !dominoes_thread_should_yield()) {
        dominoes_relax();
        return;
    }
    park(min(timers_.next_expiry_ns(), queued_ ? now + kRetryNs : UINT64_MAX));
    idle_since_ = 0;
}

void Context::park(uint64_t deadline_ns) {
    parked_.store_seq_cst(1);                                   // (3)
    if (!ready_.load_seq_cst() && !stopping_.load_seq_cst()) {  // (4)
        parks_.store_relaxed(parks_.load_relaxed() + 1);
        dominoes_thread_park(deadline_ns);
    }
    parked_.store_relaxed(0);  // who has seen it still set wakes us in vain
}

}  // namespace dominoes
