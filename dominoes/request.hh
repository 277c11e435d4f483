// SPDX-License-Identifier: GPL-2.0
//
// Request: one event in the total order of a channel (dissertation 3.2.3). Two cache lines, built
// in place in the channel's slot. The first line is what the framework needs; the payload belongs
// to the protocol, and is read-only once published: every replica reads the same bytes.
#pragma once

#include "dominoes/atomic.hh"

namespace dominoes {

inline constexpr uint32_t kNoPrimary = ~uint32_t{0};

struct alignas(kCacheLine) Request {
    static constexpr size_t kPayloadBytes = 88;

    // Position in the channel + 1 once published; written by the channel only.
    Atomic<uint64_t> stamp;
    // The replica that owns this request's effects; kNoPrimary until claimed (greedy) or set by the
    // publisher. A replica claims it with try_own().
    Atomic<uint32_t> primary;
    // What the payload is; the protocol's business.
    uint32_t kind;
    // "Now", for every replica: stamped by the publisher.
    uint64_t now_ns;
    // What the request holds on to (a packet), and who lets go of it once every subscriber has
    // passed. Called once, by whichever consumer finds that all have passed, or when the channel is
    // destroyed.
    void* owned;
    void (*release)(Request&);
    uint8_t payload[kPayloadBytes];

    uint64_t position() const { return stamp.load_relaxed() - 1; }

    // Whether `replica` is this request's primary, claiming it if nobody is (greedy: dissertation,
    // Algorithm 1). Acquire and release: who comes second sees what the winner had said before, of
    // what it uses.
    bool try_own(uint32_t replica) {
        uint32_t found = primary.load_acquire();
        if (found == kNoPrimary && primary.compare_exchange_acq_rel(found, replica)) return true;
        return found == replica;
    }

    template <typename T>
    T& as() {
        static_assert(sizeof(T) <= kPayloadBytes && __is_trivially_copyable(T));
        return *reinterpret_cast<T*>(payload);
    }
    template <typename T>
    const T& as() const {
        static_assert(sizeof(T) <= kPayloadBytes && __is_trivially_copyable(T));
        return *reinterpret_cast<const T*>(payload);
    }
};

static_assert(sizeof(Request) == 2 * kCacheLine);

}  // namespace dominoes
