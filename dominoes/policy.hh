// SPDX-License-Identifier: GPL-2.0
//
// Ownership policies: which replica performs an effect (dissertation 3.1.4, 6.1.4). A policy is a
// pure function of what every replica knows, but for greedy, where the first replica to come to a
// request owns it.
#pragma once

#include "dominoes/request.hh"

namespace dominoes {

// Values of enum dominoes_policy in the ABI.
enum class Policy : uint32_t { kGreedy, kRoundRobin, kPinned, kSpecialised };
inline constexpr uint32_t kPolicies = 4;

// What kind of work an effect is, as far as ownership goes.
enum class Work : uint8_t {
    kDeliver,   // copy bytes to the application
    kTransmit,  // build a data segment
    kAnswer,    // build a pure acknowledgement or control segment
    kSerial,    // timers, notifications: always the leader, which is replica 0
};

// The replicas that take part, as a bit mask; part of the replicated state, so that all agree.
using ReplicaSet = uint32_t;

// Whether `replica` owns the `serial`-th piece of `work` (serial numbers count per connection)
// caused by `request`, when `replicas` take part. Exactly one of them does.
bool owns(Policy policy, Request& request, Work work, uint64_t serial, ReplicaSet replicas,
          uint32_t replica);

// Whether the lowest replica does all that the others do not come to do, so that they may be late.
bool lowest_suffices(Policy policy);

}  // namespace dominoes
