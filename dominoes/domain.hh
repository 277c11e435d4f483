// SPDX-License-Identifier: GPL-2.0
//
// Domain: where requests are processed (dissertation 3.2.4). It has a replica of some state, a list of
// subscriptions, and a context (a thread) that runs it when there is work.
#pragma once

#include "dominoes/ring_channel.hh"

namespace dominoes {

class Context;

class Domain : Pinned {
public:
    // The user-supplied parts. `schedule` chooses the subscription to serve next (nullptr: the first
    // with work, round robin). All but `retired` may be nullptr.
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

    uint32_t id() const;       // the user's; a replica's number
    void* state() const;       // the replicated state
    Context& context() const;
    Subscription* subscriptions() const;  // linked by next_of_domain

    // Start and end serving `subscription` from `position`. Called in the domain's own context, or
    // before it was first scheduled.
    bool subscribe(Subscription& subscription, uint64_t position);
    void unsubscribe(Subscription& subscription);

    // Processes one batch of one subscription. True: there may be more.
    bool run();

    // Puts the domain on its context's ready queue if it is not there. Context: any.
    void schedule();
    // Asks the context to let go of the domain: it ends its subscriptions, and hooks.retired is called,
    // in the context, once. Context: any.
    void retire();

    // Requests processed so far. Any thread may ask.
    uint64_t processed() const;
};

}  // namespace dominoes
