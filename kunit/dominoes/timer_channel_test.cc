// SPDX-License-Identifier: GPL-2.0
#include "dominoes/timer_channel.hh"

#include "kunit/framework.hh"

namespace kunit {
namespace {

constexpr uint64_t kMs = TimerChannel::kTickNs;
constexpr uint64_t kHour = 3600 * 1000 * kMs;
constexpr uint64_t kStart = 123'456'789'012;  // in the middle of a tick

struct Shot {
    TimerChannel* channel = nullptr;
    uint64_t now = 0;  // what advance() was last told
    uint32_t fired = 0;
    uint32_t refuse = 0;  // how many times to say no
    uint64_t again_ns = 0;
    Timer* victim = nullptr;
    Timer timer{&Shot::shoot, this};

    static bool shoot(void* self) {
        auto* s = static_cast<Shot*>(self);
        ++s->fired;
        if (s->victim) s->channel->cancel(*s->victim);
        if (s->again_ns) s->channel->start(s->timer, s->now + s->again_ns);
        if (!s->refuse) return true;
        --s->refuse;
        return false;
    }
};

// A wheel is too large for a kernel's stack.
struct Wheel {
    Owned<TimerChannel> channel{make<TimerChannel>(kStart)};
    explicit operator bool() const { return static_cast<bool>(channel); }
    TimerChannel* operator->() const { return channel.get(); }
};

// --- start ---

// Whatever the distance: not before the deadline, and at the first tick after it.
void start__fires_at_the_first_tick(Check& check) {
    Wheel wheel;
    REQUIRE(wheel);
    uint64_t now = kStart;
    for (uint64_t distance = 1; distance < 5 * kHour; distance = distance * 3 / 2 + 12'345) {
        Shot shot;
        const uint64_t deadline = now + distance;
        wheel->start(shot.timer, deadline);
        EXPECT(shot.timer.armed());
        EXPECT_EQ(shot.timer.deadline_ns(), deadline);
        uint32_t wakes = 0;
        while (!shot.fired && wakes < 20) {
            const uint64_t next = wheel->next_expiry_ns();
            EXPECT(next > now && next < deadline + kMs);
            wheel->advance(next - 1);
            EXPECT_EQ(shot.fired, 0);
            now = next;
            wheel->advance(now);
            ++wakes;
        }
        EXPECT_EQ(shot.fired, 1);
        EXPECT(now >= deadline && now - deadline < kMs);
        EXPECT(!shot.timer.armed());
        EXPECT(wakes <= 5);  // a parked context is hardly disturbed
        EXPECT_EQ(wheel->next_expiry_ns(), UINT64_MAX);
        wheel->cancel(shot.timer);
    }
}

void start__in_the_past_fires_next_tick(Check& check) {
    Wheel wheel;
    REQUIRE(wheel);
    Shot shot;
    wheel->start(shot.timer, 0);
    EXPECT_EQ(wheel->advance(kStart), 0);
    EXPECT_EQ(wheel->advance(kStart + kMs), 1);
    wheel->start(shot.timer, UINT64_MAX);  // never comes, but is no trouble
    EXPECT(wheel->next_expiry_ns() > kStart + 4 * kHour);
    EXPECT_EQ(wheel->advance(kStart + 10 * kHour), 0);
    wheel->cancel(shot.timer);
}

void start__moves_an_armed_timer(Check& check) {
    Wheel wheel;
    REQUIRE(wheel);
    Shot shot;
    wheel->start(shot.timer, kStart + 5 * kMs);
    wheel->start(shot.timer, kStart + 500 * kMs);
    EXPECT_EQ(wheel->advance(kStart + 400 * kMs), 0);
    EXPECT_EQ(wheel->advance(kStart + 501 * kMs), 1);
    EXPECT_EQ(shot.fired, 1);
}

// Beyond what the wheels reach at once: on time, and woken for once a round of the last.
void start__beyond_the_reach_of_the_wheels(Check& check) {
    constexpr uint64_t kDay = 24 * kHour;
    constexpr uint64_t kRound = 63 * (kMs << 18);  // from a slot of the last to the one before it
    static constexpr uint64_t kDistances[] = {5 * kHour, 24 * kDay, 49 * kDay, 400 * kDay};
    for (uint64_t distance : kDistances) {
        Wheel wheel;
        REQUIRE(wheel);
        Shot shot;
        uint64_t now = kStart;
        uint32_t wakes = 0;
        wheel->start(shot.timer, now + distance);
        for (; !shot.fired && now <= kStart + distance; ++wakes) {
            now = wheel->next_expiry_ns();
            wheel->advance(now);
        }
        EXPECT_EQ(shot.fired, 1);
        EXPECT_EQ(now, ((kStart + distance) / kMs + 1) * kMs);
        EXPECT(wakes <= distance / kRound + 5);
        // Time may also come in one piece.
        wheel->start(shot.timer, now + distance);
        EXPECT_EQ(wheel->advance(now + distance - kMs), 0);
        EXPECT_EQ(wheel->advance(now + distance), 1);
    }
}

// Many at once, some of them cancelled, each at its time however coarsely the time moves.
void start__many_at_all_distances(Check& check) {
    constexpr uint32_t kCount = 400;
    Wheel wheel;
    auto* shots = static_cast<Shot*>(dominoes_alloc(sizeof(Shot) * kCount));
    REQUIRE(wheel && shots);
    uint64_t random = 42;
    for (uint32_t i = 0; i < kCount; ++i) {
        new (&shots[i]) Shot;
        random = random * 6364136223846793005 + 1442695040888963407;
        wheel->start(shots[i].timer, kStart + (random >> (8 + i % 36)) % (2 * kHour));
    }
    for (uint32_t i = 0; i < kCount; i += 7) wheel->cancel(shots[i].timer);
    uint64_t now = kStart;
    uint32_t wrong = 0;
    while (now < kStart + 2 * kHour + kMs) {
        random = random * 6364136223846793005 + 1442695040888963407;
        now += (random >> (20 + random % 24)) % (kHour / 10) + 1;
        wheel->advance(now);
        for (uint32_t i = 0; i < kCount; ++i) {
            const uint64_t deadline = shots[i].timer.deadline_ns();
            const bool due = max(deadline, kStart) / kMs + 1 <= now / kMs;
            const bool early = shots[i].fired && deadline > now;
            const bool late = !shots[i].fired && due && i % 7;
            wrong += early || late || shots[i].fired > 1 || (i % 7 == 0 && shots[i].fired);
        }
        if (wrong) break;
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(wheel->next_expiry_ns(), UINT64_MAX);
    for (uint32_t i = 0; i < kCount; ++i) shots[i].~Shot();
    dominoes_free(shots);
}

// --- cancel ---

void cancel__forgets(Check& check) {
    Wheel wheel;
    REQUIRE(wheel);
    Shot a, b;
    wheel->start(a.timer, kStart + 5 * kMs);
    wheel->start(b.timer, kStart + 5 * kMs);
    wheel->cancel(a.timer);
    EXPECT(!a.timer.armed() && b.timer.armed());
    EXPECT(wheel->next_expiry_ns() < kStart + 6 * kMs);
    wheel->cancel(b.timer);
    EXPECT_EQ(wheel->next_expiry_ns(), UINT64_MAX);
    wheel->cancel(b.timer);
    EXPECT_EQ(wheel->advance(kStart + kHour), 0);
}

void cancel__of_another_in_a_callback(Check& check) {
    Wheel wheel;
    REQUIRE(wheel);
    Shot first, second, third;
    first.channel = wheel.operator->();
    first.victim = &second.timer;
    wheel->start(first.timer, kStart + 5 * kMs);
    wheel->start(second.timer, kStart + 5 * kMs);
    wheel->start(third.timer, kStart + 5 * kMs);
    EXPECT_EQ(wheel->advance(kStart + 6 * kMs), 2);
    EXPECT_EQ(first.fired, 1);
    EXPECT_EQ(second.fired, 0);
    EXPECT_EQ(third.fired, 1);
}

// --- advance ---

void advance__callback_starts_itself(Check& check) {
    Wheel wheel;
    REQUIRE(wheel);
    Shot shot;
    shot.channel = wheel.operator->();
    shot.again_ns = 10 * kMs;
    shot.refuse = 1;  // and is started once, all the same
    shot.now = kStart;
    wheel->start(shot.timer, kStart + 10 * kMs);
    for (uint64_t ms = 1; ms <= 100; ++ms) {
        shot.now = kStart + ms * kMs;
        wheel->advance(shot.now);
    }
    EXPECT(shot.fired >= 9 && shot.fired <= 10);
    // However far the time jumps, it comes once.
    shot.now += kHour;
    EXPECT_EQ(wheel->advance(shot.now), 1);
    wheel->cancel(shot.timer);
}

void advance__retries_what_was_refused(Check& check) {
    Wheel wheel;
    REQUIRE(wheel);
    Shot shot;
    shot.refuse = 3;
    wheel->start(shot.timer, kStart + kMs);
    uint64_t now = kStart + 200 * kMs;  // late by many ticks
    for (uint32_t tries = 1; tries <= 4; ++tries) {
        EXPECT_EQ(wheel->advance(now), 1);
        EXPECT_EQ(shot.fired, tries);
        EXPECT_EQ(wheel->advance(now), 0);  // not before the next tick
        EXPECT_EQ(shot.timer.armed(), tries < 4);
        now += kMs;
    }
}

// --- next_expiry_ns ---

void next_expiry_ns__is_exact_when_near(Check& check) {
    Wheel wheel;
    REQUIRE(wheel);
    EXPECT_EQ(wheel->next_expiry_ns(), UINT64_MAX);
    Shot near, far;
    wheel->start(far.timer, kStart + kHour);
    wheel->start(near.timer, kStart + 20 * kMs);
    const uint64_t expected = ((kStart + 20 * kMs) / kMs + 1) * kMs;
    EXPECT_EQ(wheel->next_expiry_ns(), expected);
    wheel->cancel(near.timer);
    wheel->cancel(far.timer);
}

constexpr Test kTests[] = {
    TEST(start__fires_at_the_first_tick),    TEST(start__in_the_past_fires_next_tick),
    TEST(start__moves_an_armed_timer),       TEST(start__beyond_the_reach_of_the_wheels),
    TEST(start__many_at_all_distances),      TEST(cancel__forgets),
    TEST(cancel__of_another_in_a_callback),  TEST(advance__callback_starts_itself),
    TEST(advance__retries_what_was_refused), TEST(next_expiry_ns__is_exact_when_near),
};

}  // namespace

extern const Suite timer_channel_suite = SUITE("timer_channel", kTests);

}  // namespace kunit
