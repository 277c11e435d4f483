// SPDX-License-Identifier: GPL-2.0
#include "dominoes/consistency_manager.hh"

#include "kunit/framework.hh"

namespace kunit {
namespace {

// --- digest ---

void digest__sees_every_bit(Check& check) {
    for (size_t bytes = 8; bytes <= 48; bytes += 8) {
        uint64_t words[6] = {1, 2, 3, 4, 5, 6};
        const uint64_t whole = digest(words, bytes);
        EXPECT_EQ(digest(words, bytes), whole);
        uint32_t flips = 0;
        for (size_t bit = 0; bit < bytes * 8; ++bit) {
            words[bit / 64] ^= uint64_t{1} << bit % 64;
            const uint64_t changed = whole ^ digest(words, bytes);
            words[bit / 64] ^= uint64_t{1} << bit % 64;
            EXPECT(changed != 0);
            for (uint64_t left = changed; left; left &= left - 1) ++flips;
        }
        // About half the bits of the digest change with any one of the data.
        EXPECT(flips > bytes * 8 * 28 && flips < bytes * 8 * 36);
    }
}

void digest__sees_length_and_order(Check& check) {
    const uint64_t zeros[4] = {};
    EXPECT(digest(zeros, 0) != digest(zeros, 8));
    EXPECT(digest(zeros, 16) != digest(zeros, 24));
    const uint64_t there[4] = {1, 2, 3, 4};
    const uint64_t back[4] = {2, 1, 4, 3};
    EXPECT(digest(there, 32) != digest(back, 32));
}

// --- create ---

void create__survives_failed_allocations(Check& check) {
    survives_failures(
        check, 2, [] { return ConsistencyManager::create(8, 64); }, destroy<ConsistencyManager>);
}

void due__every_interval(Check& check) {
    Owned<ConsistencyManager> manager(ConsistencyManager::create(16, 64));
    Owned<ConsistencyManager> never(ConsistencyManager::create(0, 64));
    REQUIRE(manager && never);
    uint32_t times = 0;
    for (uint64_t position = 0; position < 160; ++position) {
        times += manager->due(position);
        EXPECT(!never->due(position));
    }
    EXPECT_EQ(times, 10);
}

// --- post ---

void post__agrees_for_many_laps(Check& check) {
    Owned<ConsistencyManager> manager(ConsistencyManager::create(4, 32));
    REQUIRE(manager);
    const uint32_t posts = check.scale(1'500'000, 3000);  // the laps' numbers wrap too
    for (uint64_t i = 0; i < posts; ++i) {
        const uint64_t state = i * 77;
        if (!manager->post(i * 4, state) || !manager->post(i * 4, state)) break;
    }
    EXPECT_EQ(manager->checks(), posts);
    EXPECT_EQ(manager->mismatches(), 0);
}

void post__finds_a_mismatch(Check& check) {
    Owned<ConsistencyManager> manager(ConsistencyManager::create(4, 32));
    REQUIRE(manager);
    EXPECT(manager->post(0, 111));
    EXPECT(manager->post(0, 111));
    EXPECT(manager->post(4, 222));
    EXPECT(!manager->post(4, 223));
    EXPECT(manager->post(4, 223));  // told once
    EXPECT_EQ(manager->checks(), 3);
    EXPECT_EQ(manager->mismatches(), 2);
}

// One replica runs ahead by all that the channel lets it; the other still compares each post.
void post__compares_across_the_lag(Check& check) {
    constexpr uint64_t kBound = 32, kInterval = 4;
    Owned<ConsistencyManager> manager(ConsistencyManager::create(kInterval, kBound));
    REQUIRE(manager);
    for (uint64_t fast = 0; fast < 1000; fast += kInterval) {
        EXPECT(manager->post(fast, fast));
        if (fast >= kBound) EXPECT(manager->post(fast - kBound, fast - kBound));
    }
    EXPECT_EQ(manager->checks(), (1000 - kBound) / kInterval);
}

// Of two replicas that post at the same time, one compares.
void post__misses_no_mismatch_between_threads(Check& check) {
    const uint32_t rounds = check.scale(300, 20);
    for (uint32_t round = 0; round < rounds; ++round) {
        Owned<ConsistencyManager> manager(ConsistencyManager::create(1, 128));
        REQUIRE(manager);
        Atomic<uint32_t> ready;
        Atomic<uint32_t> told;
        auto race = [&](uint32_t replica) {
            ready.fetch_add_acq_rel(1);
            while (ready.load_acquire() != 2) dominoes_thread_yield();
            for (uint64_t position = 0; position < 100; ++position) {
                const uint64_t state = position == 57 && replica ? 1 : position * 3;
                if (!manager->post(position, state)) told.fetch_add_acq_rel(1);
            }
        };
        {
            Thread first([&] { race(0); });
            Thread second([&] { race(1); });
            REQUIRE(first.started() && second.started());
        }
        EXPECT_EQ(manager->checks(), 100);
        EXPECT_EQ(manager->mismatches(), 1);
        EXPECT_EQ(told.load_acquire(), 1);
    }
}

// --- stalls ---

constexpr uint64_t kStallNs = ConsistencyManager::kStallNs;

void stalls__told_once_until_it_goes_on(Check& check) {
    Owned<ConsistencyManager> manager(ConsistencyManager::create(0, 1024));
    REQUIRE(manager);
    EXPECT_EQ(manager->stall_lag(), 768);
    const uint64_t now = 1, later = now + kStallNs;
    EXPECT(!manager->stalls(3, 0, 768, now) && !manager->stalls(2, 0, 1000, now));
    EXPECT(!manager->stalls(3, 0, 767, later) && !manager->stalled(3));
    EXPECT(!manager->stalls(3, 0, 768, later - 1));
    EXPECT(manager->stalls(3, 0, 768, later) && manager->stalled(3));
    EXPECT(!manager->stalls(3, 0, 1000, later));
    EXPECT(manager->stalls(2, 0, 1000, later));
    manager->goes_on(3, 512);
    EXPECT(!manager->stalls(3, 0, 1000, later));
    manager->goes_on(3, 511);
    EXPECT(!manager->stalled(3) && manager->stalled(2));
    EXPECT(!manager->stalls(3, 700, 1000, later));
    EXPECT(manager->stalls(3, 700, 1000, later + kStallNs));
}

// Far behind for long, and at work all the while.
void stalls__not_while_it_moves(Check& check) {
    Owned<ConsistencyManager> manager(ConsistencyManager::create(0, 1024));
    REQUIRE(manager);
    uint64_t now = 1, cursor = 0;
    for (uint32_t i = 0; i < 100; ++i, now += kStallNs / 2, cursor += 32)
        EXPECT(!manager->stalls(0, cursor, 1000, now));
    EXPECT(!manager->stalls(0, cursor - 32, 1000, now - kStallNs / 2));
    EXPECT(manager->stalls(0, cursor - 32, 1000, now + kStallNs / 2));
}

// The time of a caller that was held up is older than what another has noted since.
void stalls__not_by_a_clock_that_is_behind(Check& check) {
    Owned<ConsistencyManager> manager(ConsistencyManager::create(0, 1024));
    REQUIRE(manager);
    EXPECT(!manager->stalls(0, 5, 1000, 10 * kStallNs));
    EXPECT(!manager->stalls(0, 5, 1000, 10 * kStallNs - 1));
    EXPECT(!manager->stalls(0, 5, 1000, kStallNs));
}

void stalls__told_to_one_of_two_at_once(Check& check) {
    const uint32_t rounds = check.scale(5000, 50);
    Owned<ConsistencyManager> manager(ConsistencyManager::create(0, 64));
    REQUIRE(manager);
    EXPECT(!manager->stalls(0, 0, 64, 1));
    Atomic<uint32_t> arrived;
    Atomic<uint32_t> told;
    auto ask = [&](bool is_the_replica) {
        uint32_t wanted = 0;
        auto meet = [&] {
            arrived.fetch_add_acq_rel(1);
            for (wanted += 2; arrived.load_acquire() < wanted;) dominoes_thread_yield();
        };
        for (uint32_t round = 0; round < rounds; ++round) {
            meet();
            if (manager->stalls(0, 0, 64, 1 + kStallNs)) told.fetch_add_relaxed(1);
            meet();
            if (is_the_replica) manager->goes_on(0, 0);
        }
    };
    {
        Thread one([&] { ask(true); });
        Thread other([&] { ask(false); });
        REQUIRE(one.started() && other.started());
    }
    EXPECT_EQ(told.load_acquire(), rounds);
}

constexpr Test kTests[] = {
    TEST(digest__sees_every_bit),
    TEST(digest__sees_length_and_order),
    TEST(create__survives_failed_allocations),
    TEST(due__every_interval),
    TEST(post__agrees_for_many_laps),
    TEST(post__finds_a_mismatch),
    TEST(post__compares_across_the_lag),
    TEST(post__misses_no_mismatch_between_threads),
    TEST(stalls__told_once_until_it_goes_on),
    TEST(stalls__not_while_it_moves),
    TEST(stalls__not_by_a_clock_that_is_behind),
    TEST(stalls__told_to_one_of_two_at_once),
};

}  // namespace

extern const Suite consistency_manager_suite = SUITE("consistency_manager", kTests);

}  // namespace kunit
