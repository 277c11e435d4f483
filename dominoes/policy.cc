// SPDX-License-Identifier: GPL-2.0
#include "dominoes/policy.hh"

namespace dominoes {

namespace {

// Loops over the few bits there are: the compiler's popcount may be a call into a library.
uint32_t count(ReplicaSet set) {
    uint32_t bits = 0;
    for (; set; set &= set - 1) ++bits;
    return bits;
}

uint32_t lowest(ReplicaSet set) { return static_cast<uint32_t>(__builtin_ctz(set)); }
uint32_t highest(ReplicaSet set) { return 31 - static_cast<uint32_t>(__builtin_clz(set)); }

// By 32 bits of the serial number: all replicas agree, and a 64-bit division takes longer.
uint32_t round_robin(ReplicaSet set, uint64_t serial) {
    for (uint32_t skip = static_cast<uint32_t>(serial) % count(set); skip; --skip) set &= set - 1;
    return lowest(set);
}

// One replica sends, so that it alone has the transmit path in its cache; the others receive
// (dissertation 6.1.4).
uint32_t specialised(ReplicaSet set, Work work, uint64_t serial) {
    const uint32_t sender = highest(set);
    const ReplicaSet others = set & ~(ReplicaSet{1} << sender);
    return work != Work::kDeliver || !others ? sender : round_robin(others, serial);
}

}  // namespace

bool owns(Policy policy, Request& request, Work work, uint64_t serial, ReplicaSet replicas,
          uint32_t replica) {
    if (!(replicas >> replica & 1)) return false;
    if (work == Work::kSerial) return replica == lowest(replicas);
    switch (policy) {
        case Policy::kGreedy:
            return request.try_own(replica);
        case Policy::kRoundRobin:
            return replica == round_robin(replicas, serial);
        case Policy::kPinned:
            return replica == lowest(replicas);
        case Policy::kSpecialised:
            return replica == specialised(replicas, work, serial);
    }
    return replica == lowest(replicas);
}

bool lowest_suffices(Policy policy) {
    return policy == Policy::kGreedy || policy == Policy::kPinned;
}

}  // namespace dominoes
