// SPDX-License-Identifier: GPL-2.0
//
// For the tests of the ring channel.
#pragma once

#include "dominoes/ring_channel.hh"
#include "kunit/framework.hh"

namespace kunit {

// A channel and a context for the scope.
struct Bench {
    TestContext context;
    Owned<RingChannel> channel;

    explicit Bench(uint32_t capacity) : channel(RingChannel::create(capacity)) {}
    bool ready() const { return context.running() && channel; }
};

}  // namespace kunit
