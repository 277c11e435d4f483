// SPDX-License-Identifier: GPL-2.0
#include "dominoes/use_slot.hh"

#include "kunit/framework.hh"

namespace kunit {
namespace {

// Counts its references; the memory stays, so that a mistake can be seen.
struct alignas(2) Object {
    void hold() { references.fetch_add_relaxed(1); }
    void release() {
        if (references.fetch_sub_acq_rel(1) == 1) gone.store_release(1);
    }
    Atomic<uint32_t> references{1};
    Atomic<uint32_t> gone;
};

// `pointer` no longer shows `object`, and does not hold it.
void replace(Atomic<Object*>& pointer, UseSlot<Object>& slot, Object* by) {
    Object* object = pointer.exchange_seq_cst(by);
    slot.replaced(*object);
    object->release();
}

void enter__shows_what_there_is(Check& check) {
    Object object;
    Atomic<Object*> pointer;
    UseSlot<Object> slot;
    EXPECT(slot.enter(pointer) == nullptr);
    slot.leave();
    pointer.store_release(&object);
    EXPECT(slot.enter(pointer) == &object);
    slot.leave();
    EXPECT_EQ(object.references.load_acquire(), 1);
}

void replaced__while_a_call_uses_it(Check& check) {
    Object first, second;
    Atomic<Object*> pointer;
    UseSlot<Object> slot;
    pointer.store_release(&first);
    EXPECT(slot.enter(pointer) == &first);
    replace(pointer, slot, &second);
    EXPECT_EQ(first.gone.load_acquire(), 0);
    replace(pointer, slot, nullptr);  // nobody has used the second
    EXPECT_EQ(second.gone.load_acquire(), 1);
    slot.leave();
    EXPECT_EQ(first.gone.load_acquire(), 1);
    EXPECT_EQ(first.references.load_acquire(), 0);
}

void replaced__when_the_call_has_ended(Check& check) {
    Object object;
    Atomic<Object*> pointer;
    UseSlot<Object> slot;
    pointer.store_release(&object);
    EXPECT(slot.enter(pointer) == &object);
    slot.leave();
    replace(pointer, slot, nullptr);
    EXPECT_EQ(object.gone.load_acquire(), 1);
    EXPECT(slot.enter(pointer) == nullptr);
    slot.leave();
    EXPECT_EQ(object.references.load_acquire(), 0);
}

// Whatever the race, what a call uses is there until it ends, and is gone in the end.
void replaced__at_any_time(Check& check) {
    constexpr uint32_t kObjects = 64;
    static Object objects[kObjects];
    Atomic<Object*> pointer;
    UseSlot<Object> slot;
    Atomic<uint32_t> done, used_when_gone;
    {
        Thread caller([&] {
            Dice dice(1);
            while (!done.load_acquire()) {
                const Use<Object> use(slot, pointer);
                dice.pause(20);
                if (use && use->gone.load_acquire()) used_when_gone.store_release(1);
            }
        });
        Dice dice(2);
        for (uint32_t round = 0; round < check.scale(50'000, 100); ++round) {
            Object& object = objects[round % kObjects];
            if (!eventually([&] { return round < kObjects || object.gone.load_acquire(); })) break;
            object.gone.store_release(0);
            object.references.store_release(1);
            pointer.store_seq_cst(&object);
            dice.pause(40);
            replace(pointer, slot, nullptr);
        }
        done.store_release(1);
    }
    EXPECT_EQ(used_when_gone.load_acquire(), 0);
    for (const Object& object : objects) EXPECT_EQ(object.references.load_acquire(), 0);
}

constexpr Test kTests[] = {
    TEST(enter__shows_what_there_is),
    TEST(replaced__while_a_call_uses_it),
    TEST(replaced__when_the_call_has_ended),
    TEST(replaced__at_any_time),
};

}  // namespace

extern const Suite use_slot_suite = SUITE("use_slot", kTests);

}  // namespace kunit
