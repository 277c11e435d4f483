// SPDX-License-Identifier: GPL-2.0
//
// Consistency Manager (dissertation 3.1.5, 3.2.1): proves that replicas are replicas. Every
// `interval` requests each replica posts a digest of its state at that position: the first to come
// there leaves it, and the others compare theirs with it. It also watches how far replicas lag.
#pragma once

#include "dominoes/atomic.hh"

namespace dominoes {

// A 64-bit digest of plain bytes. `bytes` is a multiple of 8. Two runs of bytes that differ only
// within one word always have different digests. Not cryptographic.
uint64_t digest(const void* data, size_t bytes);

class ConsistencyManager : Pinned {
public:
    // `interval` is a power of two, 0: never. `lag_bound` is the channel's capacity: the most that
    // two replicas can be apart. nullptr when memory is short. Context: process.
    [[nodiscard]] static ConsistencyManager* create(uint32_t interval, uint32_t lag_bound);
    // For create(): takes over `posts`, of which there are `count`.
    ConsistencyManager(uint32_t interval, uint32_t lag_bound, Atomic<uint64_t>* posts,
                       uint32_t count)
        : interval_(interval), lag_bound_(lag_bound), posts_(posts), count_(count) {}
    ~ConsistencyManager() { dominoes_free(posts_); }

    // Whether the state after the request at `position` is to be posted.
    bool due(uint64_t position) const { return interval_ && (position & (interval_ - 1)) == 0; }
    // Posts it; due(position). False: another replica's digest of this position differs; told to
    // one caller, the first, as replication is at its end with that. Any replica, once a position.
    bool post(uint64_t position, uint64_t digest);

    // A replica is stalled that is so far behind, 3/4 of the bound, and has not moved for so long.
    // One that is only behind is busy.
    uint64_t stall_lag() const { return uint64_t{lag_bound_} * 3 / 4; }
    static constexpr uint64_t kStallNs = 200'000'000;
    // Whether `replica`, which at `now_ns` stands at `cursor`, `lag` requests behind the tail, is
    // stalled, told to one caller, the first, until it has gone on. For others to ask, again and
    // again: a stalled replica does nothing, not even that. Context: any.
    [[nodiscard]] bool stalls(uint32_t replica, uint64_t cursor, uint64_t lag, uint64_t now_ns);
    // Whether it was said to be, and has yet to be said to have gone on.
    bool stalled(uint32_t replica) const { return watched_[replica].stalled.load_relaxed() != 0; }
    // It is `lag` behind: once that is below half the bound it has gone on. Only the replica
    // itself.
    void goes_on(uint32_t replica, uint64_t lag);

    uint64_t checks() const { return checks_.load_relaxed(); }          // comparisons made
    uint64_t mismatches() const { return mismatches_.load_relaxed(); }  // that failed

private:
    struct alignas(kCacheLine) Watched {
        Atomic<uint64_t> cursor;    // where it stood when it was last seen to be too far behind,
        Atomic<uint64_t> since_ns;  // and first so there; 0: never
        Atomic<uint32_t> stalled;
    };

    bool moved(Watched& watched, uint64_t cursor, uint64_t now_ns);

    const uint32_t interval_;
    const uint32_t lag_bound_;
    Atomic<uint64_t>* const posts_;
    const uint32_t count_;
    Atomic<uint64_t> checks_;
    Atomic<uint64_t> mismatches_;
    Watched watched_[kMaxReplicas];
};

}  // namespace dominoes
