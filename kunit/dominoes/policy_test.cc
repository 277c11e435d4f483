// SPDX-License-Identifier: GPL-2.0
#include "dominoes/policy.hh"

#include "kunit/framework.hh"

namespace kunit {
namespace {

constexpr Policy kPolicies[] = {Policy::kGreedy, Policy::kRoundRobin, Policy::kPinned,
                                Policy::kSpecialised};
constexpr Work kWorks[] = {Work::kDeliver, Work::kTransmit, Work::kAnswer, Work::kSerial};

constexpr uint64_t kSerials[] = {0, 1, 7, ~uint64_t{0} - 3};

// The owner; kMaxReplicas if there is none, kMaxReplicas + 1 if there are several.
uint32_t owner(Policy policy, Request& request, Work work, uint64_t serial, ReplicaSet replicas) {
    uint32_t found = kMaxReplicas;
    for (uint32_t replica = 0; replica < kMaxReplicas; ++replica) {
        if (!owns(policy, request, work, serial, replicas, replica)) continue;
        if (found != kMaxReplicas) return kMaxReplicas + 1;
        found = replica;
    }
    return found;
}

void owns__exactly_one_of_those_who_take_part(Check& check) {
    uint32_t wrong = 0;
    for (ReplicaSet set = 1; set < 1u << kMaxReplicas; set = set * 5 / 4 + 1) {
        for (Policy policy : kPolicies) {
            for (Work work : kWorks) {
                for (uint64_t serial : kSerials) {
                    Request request;
                    request.primary.store_relaxed(kNoPrimary);
                    const uint32_t found = owner(policy, request, work, serial, set);
                    wrong += found >= kMaxReplicas || !(set >> found & 1);
                }
            }
        }
    }
    EXPECT_EQ(wrong, 0);
}

void owns__nobody_outside_the_set(Check& check) {
    Request request;
    request.primary.store_relaxed(kNoPrimary);
    EXPECT(!owns(Policy::kGreedy, request, Work::kDeliver, 0, 0b0110, 0));
    EXPECT_EQ(request.primary.load_relaxed(), kNoPrimary);
    EXPECT(owns(Policy::kGreedy, request, Work::kDeliver, 0, 0b0110, 2));
    EXPECT(!owns(Policy::kGreedy, request, Work::kTransmit, 9, 0b0110, 1));
    EXPECT(owns(Policy::kGreedy, request, Work::kTransmit, 9, 0b0110, 2));
}

void owns__serial_work_is_the_leaders(Check& check) {
    Request request;
    for (Policy policy : kPolicies) {
        request.primary.store_relaxed(3);
        EXPECT_EQ(owner(policy, request, Work::kSerial, 5, 0b1011), 0);
        EXPECT_EQ(owner(policy, request, Work::kSerial, 5, 0b1010), 1);
    }
}

void owns__round_robin_is_even(Check& check) {
    Request request;
    uint32_t pieces[kMaxReplicas] = {};
    for (uint64_t serial = 0; serial < 300; ++serial)
        ++pieces[owner(Policy::kRoundRobin, request, Work::kTransmit, serial, 0b10101)];
    EXPECT_EQ(pieces[0], 100);
    EXPECT_EQ(pieces[2], 100);
    EXPECT_EQ(pieces[4], 100);
}

void owns__pinned_is_the_lowest(Check& check) {
    Request request;
    for (Work work : kWorks) EXPECT_EQ(owner(Policy::kPinned, request, work, 3, 0b1100), 2);
}

void owns__specialised_sends_with_the_last(Check& check) {
    Request request;
    uint32_t pieces[kMaxReplicas] = {};
    for (uint64_t serial = 0; serial < 10; ++serial) {
        EXPECT_EQ(owner(Policy::kSpecialised, request, Work::kTransmit, serial, 0b0111), 2);
        EXPECT_EQ(owner(Policy::kSpecialised, request, Work::kAnswer, serial, 0b0111), 2);
        ++pieces[owner(Policy::kSpecialised, request, Work::kDeliver, serial, 0b0111)];
        EXPECT_EQ(owner(Policy::kSpecialised, request, Work::kDeliver, serial, 0b0100), 2);
    }
    EXPECT_EQ(pieces[0], 5);
    EXPECT_EQ(pieces[1], 5);
}

// What the lowest finds nobody to have done it does, whatever the serial number.
void lowest_suffices__if_it_owns_what_is_left(Check& check) {
    for (Policy policy : kPolicies) {
        bool owns_all = true;
        for (Work work : kWorks) {
            for (uint64_t serial : kSerials) {
                Request request;
                request.primary.store_relaxed(kNoPrimary);
                owns_all &= owns(policy, request, work, serial, 0b0111, 0);
            }
        }
        EXPECT_EQ(lowest_suffices(policy), owns_all);
    }
}

constexpr Test kTests[] = {
    TEST(owns__exactly_one_of_those_who_take_part),
    TEST(owns__nobody_outside_the_set),
    TEST(owns__serial_work_is_the_leaders),
    TEST(owns__round_robin_is_even),
    TEST(owns__pinned_is_the_lowest),
    TEST(owns__specialised_sends_with_the_last),
    TEST(lowest_suffices__if_it_owns_what_is_left),
};

}  // namespace

extern const Suite policy_suite = SUITE("policy", kTests);

}  // namespace kunit
