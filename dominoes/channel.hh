// SPDX-License-Identifier: GPL-2.0
//
// Channel and Subscription (dissertation 3.2.3, 3.2.4): a stream of requests, and one domain's
// place in it. Every active subscription sees every request, in one order.
#pragma once

#include "dominoes/request.hh"

namespace dominoes {

class Channel;
class Domain;

// One domain's view of one channel. It can be asked both ways: channel.subscription(i) lists who
// consumes a channel, domain.subscriptions() what a domain watches.
class Subscription : Pinned {
public:
    // What to do with one request. False: cannot take it now (a later stage is full); it stays at
    // the head and is offered again, when the context has served the others.
    using Callback = bool (*)(void* context, Request& request);

    Subscription(Channel& channel, Domain& domain, Callback callback, void* context)
        : channel_(channel), domain_(domain), callback_(callback), context_(context) {}

    Channel& channel() const { return channel_; }
    Domain& domain() const { return domain_; }
    bool active() const { return slot_ >= 0; }
    bool deliver(Request& request) { return callback_(context_, request); }
    // The position of the next request this subscription will see. Any thread may ask.
    uint64_t cursor() const { return cursor_.load_acquire(); }

    Subscription* next_of_domain = nullptr;  // maintained by Domain

private:
    friend class RingChannel;

    Channel& channel_;
    Domain& domain_;
    const Callback callback_;
    void* const context_;
    int slot_ = -1;  // index in the channel; -1: inactive. Written by (de)activate only.
    // On a line of its own: written by the consumer once a batch, read by whoever reclaims.
    alignas(kCacheLine) Atomic<uint64_t> cursor_;
};

class Channel : Pinned {
public:
    virtual ~Channel() = default;
    // Objects of make() are freed by destroy(); the compiler's deleting destructor wants a name.
    static void operator delete(void* object) { dominoes_free(object); }

    // Claims the next position and returns its slot with primary = kNoPrimary, release = nullptr;
    // or nullptr when fewer than `headroom` + 1 slots are free or the channel is closed. A
    // successful claim() begins a publish section (dominoes_publish_begin), which publish() ends:
    // between the two the caller does not sleep, and nothing may fail. `headroom` lets the events
    // that free resources (acknowledgements, timers, control) pass when bulk producers have filled
    // the rest. Context: any.
    virtual Request* claim(uint32_t headroom) = 0;
    // Makes a claimed request visible, and schedules the domains that are to see it at once.
    // Context: any.
    virtual void publish(Request& request) = 0;

    // Starts delivery to `subscription` at `position`, which must lie between what has been
    // reclaimed and the tail: the current tail(), or, called by a subscriber, its own cursor + 1
    // (so a replica joins at a known point of the order, with no request lost or seen twice).
    // False: no slot is free, or other subscribers have passed the position (take a new tail()).
    // From here on publishers schedule the domain; for what lies between the position and the tail
    // the caller does so. Serial: one caller at a time per channel.
    virtual bool activate(Subscription& subscription, uint64_t position) = 0;
    // Ends delivery. Synchronous when called from the subscription's own domain. Publishers and
    // other consumers, in their read sections, may look at the subscription a last time: free it
    // with dominoes_retire().
    virtual void deactivate(Subscription& subscription) = 0;

    // Gives `subscription` up to `most` requests, in order, and moves its cursor past them: a
    // batch. Returns how many it took; it stops after one with which the domain was retired, and
    // before one that was refused. Called by the subscription's domain.
    virtual uint32_t deliver(Subscription& subscription, uint32_t most) = 0;
    // Whether anything is published for `subscription`, or about to be. Called by its domain.
    virtual bool pending(const Subscription& subscription) const = 0;

    // The i-th subscription, i < kMaxReplicas, or nullptr.
    virtual Subscription* subscription(unsigned i) const = 0;
    // The position the next claim() will get.
    virtual uint64_t tail() const = 0;
};

}  // namespace dominoes
