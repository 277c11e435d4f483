// SPDX-License-Identifier: GPL-2.0
//
// Consistency Manager (dissertation 3.1.5, 3.2.1): proves that replicas are replicas. Every `interval`
// requests each replica posts a digest of its state at that position; whoever finds another replica's
// digest of the same position compares. It also watches how far replicas lag.
#pragma once

#include "dominoes/atomic.hh"

namespace dominoes {

// A 64-bit digest of plain bytes. `bytes` is a multiple of 8. Not cryptographic.
uint64_t digest(const void* data, size_t bytes);

class ConsistencyManager : Pinned {
public:
    // `interval` is a power of two, 0: never. `lag_bound` is the channel's capacity: the most that two
    // replicas can be apart.
    [[nodiscard]] static ConsistencyManager* create(uint32_t interval, uint32_t lag_bound);

    // Whether the state after the request at `position` is to be posted.
    bool due(uint64_t position) const;
    // Posts it. False: another replica's digest of this position differs (reported once).
    bool post(uint32_t replica, uint64_t position, uint64_t digest);

    // Notes how far `replica` is behind the tail; reports, rate limited, when it is stalled: beyond
    // 3/4 of the bound.
    void note_lag(uint32_t replica, uint64_t lag);

    uint64_t checks() const;      // comparisons made
    uint64_t mismatches() const;  // that failed
    uint64_t max_lag(uint32_t replica) const;
};

}  // namespace dominoes
