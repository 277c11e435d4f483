// SPDX-License-Identifier: GPL-2.0
//
// Domain: where requests are processed (dissertation 3.2.4). It has a replica of some state, a list
// of subscriptions, and a context (a thread) that runs it when there is work.
//
// The user owns it. Once it has been scheduled it must be retired; when hooks.retired has been
// called it may be freed, through dominoes_retire(): a publisher may be about to call schedule() on
// it.
#pragma once

#include "dominoes/ring_channel.hh"

namespace dominoes {

class Context;

class Domain : Pinned {
public:
    // The user-supplied parts. `schedule` chooses the subscription to serve next (nullptr: the
    // first with work, round robin). All but `retired` may be nullptr.
    struct Hooks {
        Subscription* (*schedule)(Domain&);
        void (*subscribed)(Domain&, Subscription&);
        void (*unsubscribed)(Domain&, Subscription&);
        // After each batch, in the domain's context: to publish progress.
        void (*batch_done)(Domain&);
        // The domain has left its context after retire(), which will not touch it again.
        void (*retired)(Domain&);
    };

    // How many requests one run() takes at most.
    static constexpr uint32_t kBatch = 32;

    Domain(uint32_t id, void* state, Context& context, const Hooks& hooks);

    uint32_t id() const { return id_; }     // the user's; a replica's number
    void* state() const { return state_; }  // the replicated state
    Context& context() const { return context_; }
    Subscription* subscriptions() const { return subscriptions_; }  // linked by next_of_domain

    // Start and end serving `subscription` from `position`. Called in the domain's own context, or
    // before it was first scheduled. False: as Channel::activate(), and nothing has changed. As
    // soon as something is published the domain runs, before subscribe() returns even; if something
    // may already be there (position < tail), the caller schedules it.
    bool subscribe(Subscription& subscription, uint64_t position);
    void unsubscribe(Subscription& subscription);

    // Processes one batch of one subscription. True: there may be more. Called by the context.
    bool run();

    // Puts the domain on its context's ready queue if it is not there. Harmless once it has
    // retired. Context: any; who is not in a read section makes sure that the domain is not freed
    // meanwhile.
    void schedule();
    // Asks the context to let go of the domain: it ends its subscriptions, and hooks.retired is
    // called, in the context, once. A domain that retires itself while it processes a request sees
    // no further one. Context: any.
    void retire();
    bool retiring() const { return retiring_.load_relaxed() != 0; }

    // Requests processed so far. Any thread may ask.
    uint64_t processed() const { return processed_.load_relaxed(); }

private:
    friend class Context;

    bool run_one(Subscription& subscription);
    bool pending() const;
    // For the context. rest(): the domain has nothing to do; true: it has again, and is the
    // context's to queue. leave(): retires it.
    bool rest();
    void leave();

    const uint32_t id_;
    void* const state_;
    Context& context_;
    const Hooks hooks_;

    // Used in the domain's own context only.
    Subscription* subscriptions_ = nullptr;
    Subscription* next_served_ = nullptr;
    bool counted_ = false;  // among the context's domains
    Atomic<uint64_t> processed_;

    // Read by every publisher.
    alignas(kCacheLine) Atomic<uint32_t> scheduled_;  // on the ready queue, being run, or retired
    Atomic<uint32_t> retiring_;
    Domain* next_ready_ = nullptr;  // belongs to whoever has set scheduled_
};

}  // namespace dominoes
