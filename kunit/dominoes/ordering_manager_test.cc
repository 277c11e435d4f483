// SPDX-License-Identifier: GPL-2.0
#include "dominoes/ordering_manager.hh"

#include "kunit/framework.hh"

namespace kunit {
namespace {

void count(void* counter) { static_cast<Atomic<uint32_t>*>(counter)->fetch_add_relaxed(1); }

void create__survives_failed_allocations(Check& check) {
    survives_failures(
        check, 3, [] { return OrderingManager::create(8, nullptr, nullptr); },
        destroy<OrderingManager>);
}

void placed__shows_what_is_complete(Check& check) {
    Atomic<uint32_t> moved;
    Owned<OrderingManager> manager(OrderingManager::create(8, count, &moved));
    REQUIRE(manager);
    EXPECT_EQ(manager->readable(), 0);
    manager->placed(1, 200);
    EXPECT_EQ(manager->readable(), 0);
    manager->placed(0, 100);
    EXPECT_EQ(manager->readable(), 200);
    EXPECT_EQ(moved.load_relaxed(), 1);
    manager->placed(2, 200);  // out of order: completes nothing
    EXPECT_EQ(manager->readable(), 200);
    EXPECT_EQ(moved.load_relaxed(), 1);
    manager->placed(3, 500);
    EXPECT_EQ(manager->readable(), 500);
    EXPECT_EQ(moved.load_relaxed(), 2);
}

// Replicas place pieces of a stream in a ring; the reader finds each byte right as soon as it may
// read.
void placed__makes_the_bytes_visible(Check& check) {
    constexpr uint32_t kRing = 4096;
    constexpr uint32_t kPiece = 32;
    const uint64_t pieces = check.scale(30000, 300);
    Owned<OrderingManager> manager(OrderingManager::create(256, nullptr, nullptr));
    auto* ring = static_cast<uint8_t*>(dominoes_alloc(kRing));
    REQUIRE(manager && ring);
    auto byte_at = [](uint64_t offset) {
        return static_cast<uint8_t>((offset * 0x9e3779b1) >> 16);
    };
    Atomic<uint64_t> read;
    uint32_t wrong = 0;
    {
        auto place = [&](uint64_t replica) {
            for (uint64_t piece = replica; piece < pieces; piece += 2) {
                const uint64_t offset = piece * kPiece;
                while (offset + kPiece > read.load_acquire() + kRing) {
                    dominoes_relax();
                    dominoes_thread_yield();
                }
                for (uint64_t at = offset; at < offset + kPiece; ++at)
                    ring[at % kRing] = byte_at(at);
                manager->placed(piece, offset + kPiece);
            }
        };
        Thread first([&] { place(0); });
        Thread second([&] { place(1); });
        REQUIRE(first.started() && second.started());
        for (uint64_t at = 0; at < pieces * kPiece;) {
            const uint64_t readable = manager->readable();
            for (; at < readable; ++at) wrong += ring[at % kRing] != byte_at(at);
            read.store_release(at);
            dominoes_thread_yield();
        }
    }
    EXPECT_EQ(wrong, 0);
    dominoes_free(ring);
}

constexpr Test kTests[] = {
    TEST(create__survives_failed_allocations),
    TEST(placed__shows_what_is_complete),
    TEST(placed__makes_the_bytes_visible),
};

}  // namespace

extern const Suite ordering_manager_suite = SUITE("ordering_manager", kTests);

}  // namespace kunit
