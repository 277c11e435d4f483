// SPDX-License-Identifier: GPL-2.0
//
// RingChannel: the channel as a bounded ring of requests (dissertation 3.2.2 and 3.2.3).
//
// Producers claim a position by CAS on the tail, fill the slot, and publish it with the slot's stamp.
// Each subscription has a cursor on its own cache line, advanced once a batch. There is no reference
// count per request: the consumer that finds that every cursor has passed a request calls its release
// hook, and moves `reclaimed`, which is what producers gate on.
#pragma once

#include "dominoes/channel.hh"

namespace dominoes {

class RingChannel final : public Channel {
public:
    // `capacity` is a power of two >= 2. nullptr when memory is short. Context: process.
    [[nodiscard]] static RingChannel* create(uint32_t capacity);
    // Releases what nobody has consumed. No producer or subscriber may be left.
    ~RingChannel() override;

    Request* claim(uint32_t headroom) override;
    void publish(Request& request) override;
    bool activate(Subscription& subscription, uint64_t position) override;
    void deactivate(Subscription& subscription) override;
    Subscription* subscription(unsigned i) const override;
    uint64_t tail() const override;

    // The next request for `subscription` after the `ahead` already taken in this batch, or nullptr.
    // Only the subscription's domain calls it.
    Request* peek(const Subscription& subscription, uint32_t ahead);
    // Moves the cursor past `count` requests, and reclaims what everybody has passed.
    void advance(Subscription& subscription, uint32_t count);

    // No further claim succeeds; what is published is still delivered.
    void close();
    bool closed() const;

    uint32_t capacity() const;
    uint64_t reclaimed() const;
    // Requests published and not yet processed by `subscription`. Any thread may ask.
    uint64_t lag(const Subscription& subscription) const;

    // `callback(context)` is called once, by a consumer, after space has been made, for each want_space()
    // since. A producer that was refused calls want_space(), tries once more, then sleeps.
    void on_space(void (*callback)(void* context), void* context);
    void want_space();
};

}  // namespace dominoes
