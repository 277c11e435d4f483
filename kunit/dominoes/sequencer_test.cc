// SPDX-License-Identifier: GPL-2.0
#include "dominoes/sequencer.hh"

#include "kunit/framework.hh"

namespace kunit {
namespace {

// Checks that items come in order, each the serial number + 1.
struct Sink {
    uint64_t next = 0;
    uint64_t wrong = 0;
    uint32_t runs = 0;
    Atomic<uint32_t> inside;

    static void drain(void* self, uint64_t serial, uint64_t item) {
        auto* sink = static_cast<Sink*>(self);
        sink->wrong += sink->inside.fetch_add_acq_rel(1) != 0;
        sink->wrong += serial != sink->next++ || item != serial + 1;
        sink->inside.fetch_sub_acq_rel(1);
    }
    static void run_done(void* self) { ++static_cast<Sink*>(self)->runs; }
};

void create__survives_failed_allocations(Check& check) {
    survives_failures(
        check, 2, [] { return Sequencer::create(8, Sink::drain, nullptr); }, destroy<Sequencer>);
}

void has_room__up_to_the_slots(Check& check) {
    Sink sink;
    Owned<Sequencer> sequencer(Sequencer::create(4, Sink::drain, &sink));
    REQUIRE(sequencer);
    EXPECT(sequencer->has_room(4));
    EXPECT(!sequencer->has_room(5));
    sequencer->place(1, 2);
    EXPECT(!sequencer->has_room(5));
    sequencer->place(0, 1);
    EXPECT_EQ(sequencer->head(), 2);
    EXPECT(sequencer->has_room(6));
    EXPECT(!sequencer->has_room(7));
}

void place__restores_the_order(Check& check) {
    Sink sink;
    Owned<Sequencer> sequencer(Sequencer::create(8, Sink::drain, &sink, Sink::run_done));
    REQUIRE(sequencer);
    sequencer->place(3, 4);
    sequencer->place(1, 2);
    sequencer->place(2, 3);
    EXPECT_EQ(sink.next, 0);
    sequencer->place(0, 1);
    EXPECT_EQ(sink.next, 4);
    EXPECT_EQ(sink.wrong, 0);
    EXPECT_EQ(sink.runs, 1);
    sequencer->place(4, 5);
    EXPECT_EQ(sequencer->head(), 5);
}

// The drain callback is slow at times, owners come in any order, and the last item may be
// anybody's.
void place__by_many_threads(Check& check) {
    constexpr uint32_t kOwners = 3;
    const uint64_t items = check.scale(60000, 300);
    Sink sink;
    Owned<Sequencer> sequencer(Sequencer::create(16, Sink::drain, &sink));
    REQUIRE(sequencer);
    {
        auto own = [&](uint64_t owner) {
            Dice dice(owner);
            for (uint64_t serial = owner; serial < items; serial += kOwners) {
                dice.pause(1000);
                while (!sequencer->has_room(serial + 1)) {
                    dominoes_relax();
                    dominoes_thread_yield();
                }
                sequencer->place(serial, serial + 1);
            }
        };
        Thread a([&] { own(0); });
        Thread b([&] { own(1); });
        Thread c([&] { own(2); });
        EXPECT(a.started() && b.started() && c.started());
    }
    EXPECT_EQ(sink.next, items);
    EXPECT_EQ(sink.wrong, 0);
    EXPECT_EQ(sequencer->head(), items);
}

// Two owners take turns at the head, each at the moment the other drains.
void place__at_the_moment_of_a_drain(Check& check) {
    const uint64_t items = check.scale(200'000, 1000);
    Sink sink;
    Owned<Sequencer> sequencer(Sequencer::create(4, Sink::drain, &sink));
    REQUIRE(sequencer);
    {
        auto own = [&](uint64_t owner) {
            Dice dice(owner);
            for (uint64_t serial = owner; serial < items; serial += 2) {
                if (!EXPECT(eventually([&] { return sequencer->head() + 1 >= serial; }))) return;
                dice.pause(100);
                sequencer->place(serial, serial + 1);
            }
        };
        Thread even([&] { own(0); });
        Thread odd([&] { own(1); });
        EXPECT(even.started() && odd.started());
    }
    EXPECT_EQ(sink.next, items);
    EXPECT_EQ(sink.wrong, 0);
}

void clear__discards_what_is_left(Check& check) {
    Sink sink;
    Owned<Sequencer> sequencer(Sequencer::create(8, Sink::drain, &sink));
    REQUIRE(sequencer);
    sequencer->place(0, 1);
    sequencer->place(2, 3);
    sequencer->place(7, 8);
    uint64_t sum = 0;
    sequencer->clear([](void* total, uint64_t item) { *static_cast<uint64_t*>(total) += item; },
                     &sum);
    EXPECT_EQ(sum, 3 + 8);
    sum = 0;
    sequencer->clear([](void* total, uint64_t item) { *static_cast<uint64_t*>(total) += item; },
                     &sum);
    EXPECT_EQ(sum, 0);
}

constexpr Test kTests[] = {
    TEST(create__survives_failed_allocations), TEST(has_room__up_to_the_slots),
    TEST(place__restores_the_order),           TEST(place__by_many_threads),
    TEST(place__at_the_moment_of_a_drain),     TEST(clear__discards_what_is_left),
};

}  // namespace

extern const Suite sequencer_suite = SUITE("sequencer", kTests);

}  // namespace kunit
