// SPDX-License-Identifier: GPL-2.0
//
// What a nic of the tests has counted.
#pragma once

#include "dominoes/port.h"
#include "scout/net/counters.hh"
#include "scout/stack.h"

namespace scout {

inline uint64_t counted(scout_nic* nic, Counter counter) {
    uint64_t values[Counters::kCount] = {};
    scout_stats(nic, values, Counters::kCount);
    return values[static_cast<uint32_t>(counter)];
}

// Waits for the control thread to count so far.
inline bool counts(scout_nic* nic, Counter counter, uint64_t wanted) {
    constexpr uint64_t kPatienceNs = 20'000'000'000;
    const uint64_t end_ns = dominoes_now_ns() + kPatienceNs;
    while (counted(nic, counter) != wanted && dominoes_now_ns() < end_ns) dominoes_thread_yield();
    return counted(nic, counter) == wanted;
}

}  // namespace scout
