// SPDX-License-Identifier: GPL-2.0
#include "dominoes/snapshot.hh"

#include "kunit/framework.hh"

namespace kunit {
namespace {

// All words of one that was published are alike.
struct Value {
    uint64_t words[32];

    static Value of(uint64_t number) {
        Value value;
        for (uint64_t& word : value.words) word = number;
        return value;
    }
    bool whole() const {
        for (uint64_t word : words)
            if (word != words[0]) return false;
        return true;
    }
};

void read__what_was_published(Check& check) {
    Snapshot<Value> snapshot;
    EXPECT(snapshot.read().whole());
    EXPECT_EQ(snapshot.read().words[0], 0);
    for (uint64_t i = 1; i < 5; ++i) {
        snapshot.publish(Value::of(i));
        EXPECT(snapshot.read().whole());
        EXPECT_EQ(snapshot.read().words[0], i);
    }
}

// A reader that looks again and again, and never finds less than before.
struct Watch {
    Snapshot<Value>& snapshot;
    uint64_t latest = 0;
    Atomic<uint32_t> wrong{};

    void look() {
        const Value value = snapshot.read();
        if (!value.whole() || value.words[0] < latest) wrong.store_relaxed(1);
        latest = value.words[0];
    }
};

void read__beside_the_writer(Check& check) {
    Snapshot<Value> snapshot;
    Watch watch{snapshot};
    Atomic<uint32_t> done;
    Thread reader([&] {
        while (!done.load_acquire()) watch.look();
    });
    REQUIRE(reader.started());
    const uint32_t rounds = check.scale(200'000);
    for (uint64_t i = 1; i <= rounds; ++i) snapshot.publish(Value::of(i));
    done.store_release(1);
    reader.join();
    EXPECT(!watch.wrong.load_relaxed());
    EXPECT(snapshot.read().words[0] == rounds);
}

// A packet arrives on the writer's CPU in the midst of publish(): its reader must not wait for a
// writer that cannot go on before it has ended.
void read__interrupts_the_writer(Check& check) {
    struct Interrupted {
        Snapshot<Value> snapshot;
        Watch watch{snapshot};
        Atomic<uint32_t> publishing;
        Atomic<uint32_t> amidst;  // how often that was so
    } interrupted;
    const uint32_t wanted = check.scale(500, 20);
    Thread writer(
        [&] {
            const bool begun = check.interrupts_begin(
                [](void* self) {
                    auto& at = *static_cast<Interrupted*>(self);
                    at.watch.look();
                    if (at.publishing.load_relaxed())
                        at.amidst.store_relaxed(at.amidst.load_relaxed() + 1);
                },
                &interrupted);
            REQUIRE(begun);
            for (uint64_t i = 1; interrupted.amidst.load_relaxed() < wanted; ++i) {
                interrupted.publishing.store_relaxed(1);
                interrupted.snapshot.publish(Value::of(i));
                interrupted.publishing.store_relaxed(0);
                dominoes_thread_yield();
            }
            check.interrupts_end();
        },
        0);
    REQUIRE(writer.started());
    writer.join();
    EXPECT(!interrupted.watch.wrong.load_relaxed());
    EXPECT(interrupted.amidst.load_relaxed() >= wanted);
}

constexpr Test kTests[] = {
    TEST(read__what_was_published),
    TEST(read__beside_the_writer),
    TEST(read__interrupts_the_writer),
};

}  // namespace

extern const Suite snapshot_suite = SUITE("snapshot", kTests);

}  // namespace kunit
