// SPDX-License-Identifier: GPL-2.0
#include "dominoes/request.hh"

#include "kunit/framework.hh"

namespace kunit {
namespace {

void try_own__first_to_come_owns(Check& check) {
    Request request;
    request.primary.store_relaxed(kNoPrimary);
    EXPECT(request.try_own(3));
    EXPECT(request.try_own(3));
    EXPECT(!request.try_own(0));
    EXPECT_EQ(request.primary.load_relaxed(), 3);
}

void try_own__one_of_many_threads_wins(Check& check) {
    const uint32_t rounds = check.scale(20000, 200);
    auto* requests = static_cast<Request*>(dominoes_alloc(sizeof(Request) * rounds));
    REQUIRE(requests);
    for (uint32_t i = 0; i < rounds; ++i) requests[i].primary.store_relaxed(kNoPrimary);
    uint32_t won[2] = {};
    {
        auto race = [&](uint32_t replica) {
            for (uint32_t i = 0; i < rounds; ++i) won[replica] += requests[i].try_own(replica);
        };
        Thread first([&] { race(0); });
        Thread second([&] { race(1); });
        EXPECT(first.started() && second.started());
    }
    EXPECT_EQ(won[0] + won[1], rounds);
    dominoes_free(requests);
}

constexpr Test kTests[] = {
    TEST(try_own__first_to_come_owns),
    TEST(try_own__one_of_many_threads_wins),
};

}  // namespace

extern const Suite request_suite = SUITE("request", kTests);

}  // namespace kunit
