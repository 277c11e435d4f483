// SPDX-License-Identifier: GPL-2.0
#include "dominoes/context.hh"

#include "kunit/framework.hh"

namespace kunit {
namespace {

constexpr uint64_t kMs = 1'000'000;

void create__survives_failed_allocations(Check& check) {
    survives_failures(
        check, 4, [] { return Context::create(-1, "test"); }, Context::destroy);
}

void destroy__runs_what_was_accepted(Check& check) {
    Atomic<uint32_t> ran;
    {
        TestContext context;
        REQUIRE(context.running());
        for (int i = 0; i < 100; ++i) {
            EXPECT(context->run_in_context(
                [](void* count) { static_cast<Atomic<uint32_t>*>(count)->fetch_add_acq_rel(1); },
                &ran));
        }
    }
    EXPECT_EQ(ran.load_acquire(), 100);
}

// It has looked for work and found none. Then, in a timer, comes some, and the order to stop.
void destroy__runs_what_was_accepted_just_before(Check& check) {
    struct Late {
        Context* context;
        Timer timer{[](void* self) { return static_cast<Late*>(self)->fire(); }, this};
        Atomic<uint32_t> accepted;
        Atomic<uint32_t> ran;

        bool fire() {
            auto run = [](void* self) { static_cast<Late*>(self)->ran.store_release(1); };
            accepted.store_release(context->run_in_context(run, this) ? 1 : 2);
            // For the order to come meanwhile, on another CPU.
            for (const uint64_t end = dominoes_now_ns() + kMs; dominoes_now_ns() < end;)
                dominoes_relax();
            return true;
        }
    };
    for (int round = 0; round < 10; ++round) {
        Late late;
        {
            TestContext context;
            REQUIRE(context.running());
            late.context = &*context;
            auto start = [](void* self) {
                auto* l = static_cast<Late*>(self);
                l->context->timers().start(l->timer, dominoes_now_ns());
            };
            EXPECT(context->run_in_context(start, &late));
            EXPECT(eventually([&] { return late.accepted.load_acquire() != 0; }));
        }
        EXPECT_EQ(late.accepted.load_acquire(), 1);
        EXPECT_EQ(late.ran.load_acquire(), 1);
    }
}

void run_in_context__keeps_the_order(Check& check) {
    struct Calls {
        uint64_t next = 0;
        Atomic<uint32_t> wrong;
        Atomic<uint32_t> done;
    } calls;
    struct Call {
        Calls* calls;
        uint64_t number;
    };
    const uint32_t count = check.scale(2000, 50);
    auto* all = static_cast<Call*>(dominoes_alloc(sizeof(Call) * count));
    TestContext context;
    REQUIRE(all && context.running());
    for (uint32_t i = 0; i < count; ++i) {
        all[i] = {&calls, i};
        auto call = [](void* self) {
            auto* c = static_cast<Call*>(self);
            if (c->number != c->calls->next++) c->calls->wrong.fetch_add_relaxed(1);
            c->calls->done.fetch_add_acq_rel(1);
        };
        EXPECT(eventually([&] { return context->run_in_context(call, &all[i]); }));
    }
    EXPECT(eventually([&] { return calls.done.load_acquire() == count; }));
    EXPECT_EQ(calls.wrong.load_relaxed(), 0);
    EXPECT_EQ(context->domains(), 0);  // the control channel's is not one
    dominoes_free(all);
}

void run_in_context__refuses_when_full(Check& check) {
    struct Gate {
        Atomic<uint32_t> entered;
        Atomic<uint32_t> open;
    } gate;
    TestContext context;
    REQUIRE(context.running());
    EXPECT(context->run_in_context(
        [](void* self) {
            auto* g = static_cast<Gate*>(self);
            g->entered.store_release(1);
            (void)eventually([g] { return g->open.load_acquire() != 0; });
        },
        &gate));
    EXPECT(eventually([&] { return gate.entered.load_acquire() != 0; }));
    uint32_t accepted = 0;
    while (accepted < 10'000 && context->run_in_context([](void*) {}, nullptr)) ++accepted;
    EXPECT(accepted > 0 && accepted < 10'000);
    gate.open.store_release(1);
    EXPECT(eventually([&] { return context->run_in_context([](void*) {}, nullptr); }));
}

// Idle is asleep: without timers nothing wakes it, and then the first request does.
void loop__parks_when_idle_and_wakes(Check& check) {
    TestContext context;
    Owned<RingChannel> channel(RingChannel::create(16));
    REQUIRE(context.running() && channel);
    Atomic<uint32_t> seen;
    TestDomain domain(*context, *channel, [&](Request&) {
        seen.fetch_add_acq_rel(1);
        return true;
    });
    REQUIRE(domain.subscribe());
    for (uint32_t round = 1; round <= 5; ++round) {
        EXPECT(publish(*channel, round));
        EXPECT(eventually([&] { return seen.load_acquire() == round; }));
        const uint64_t before = context->stats().parks;
        dominoes_thread_delay(20 * kMs);
        const Context::Stats idle = context->stats();
        dominoes_thread_delay(20 * kMs);
        const Context::Stats later = context->stats();
        EXPECT(idle.parks >= before && idle.parks > 0);
        EXPECT(later.parks <= idle.parks + 1);
        EXPECT_EQ(later.runs, idle.runs);
    }
    EXPECT_EQ(context->stats().runs, 5);
}

// Many wake-ups at the moment of going to sleep.
void loop__loses_no_wakeup(Check& check) {
    const uint32_t rounds = check.scale(20000, 100);
    TestContext context;
    Owned<RingChannel> channel(RingChannel::create(16));
    REQUIRE(context.running() && channel);
    Atomic<uint32_t> seen;
    TestDomain domain(*context, *channel, [&](Request&) {
        seen.fetch_add_acq_rel(1);
        return true;
    });
    REQUIRE(domain.subscribe());
    for (uint32_t i = 0; i < rounds; ++i) {
        EXPECT(publish(*channel, i));
        EXPECT(eventually([&] { return seen.load_acquire() == i + 1; }));
        if (i % 8 == 0) dominoes_thread_delay(8'000 + i % 61 * 100);  // about as long as it polls
    }
}

// A domain that cannot go on does not keep the context busy, nor the other domains waiting.
void loop__rests_while_domains_are_refused(Check& check) {
    TestContext context;
    Owned<RingChannel> channel(RingChannel::create(16));
    Owned<RingChannel> other(RingChannel::create(16));
    REQUIRE(context.running() && channel && other);
    Atomic<uint32_t> open;
    Atomic<uint32_t> seen;
    {
        TestDomain stuck(*context, *channel, [&](Request&) { return open.load_acquire() != 0; });
        TestDomain free(*context, *other, [&](Request&) {
            seen.fetch_add_acq_rel(1);
            return true;
        });
        REQUIRE(stuck.subscribe() && free.subscribe());
        EXPECT(publish(*channel, 0));
        const uint64_t before = context->stats().parks;
        for (uint32_t i = 0; i < 10; ++i) {
            EXPECT(publish(*other, i));
            EXPECT(eventually([&] { return seen.load_acquire() == i + 1; }));
        }
        EXPECT(eventually([&] { return context->stats().parks > before + 3; }));
        open.store_release(1);
        EXPECT(eventually([&] { return stuck.domain().processed() == 1; }));
    }
}

void timers__fire_in_the_context(Check& check) {
    struct Armed {
        Context* context;
        Timer timer;
        uint64_t deadline_ns;
        Atomic<uint64_t> fired_ns;
    };
    TestContext context;
    REQUIRE(context.running());
    Armed armed{.context = &*context,
                .timer = {[](void* self) {
                              static_cast<Armed*>(self)->fired_ns.store_release(dominoes_now_ns());
                              return true;
                          },
                          &armed},
                .deadline_ns = 0,
                .fired_ns = {}};
    EXPECT(context->run_in_context(
        [](void* self) {
            auto* a = static_cast<Armed*>(self);
            a->deadline_ns = dominoes_now_ns() + 30 * kMs;
            a->context->timers().start(a->timer, a->deadline_ns);
        },
        &armed));
    EXPECT(eventually([&] { return armed.fired_ns.load_acquire() != 0; }));
    EXPECT(armed.fired_ns.load_acquire() >= armed.deadline_ns);
    EXPECT(armed.fired_ns.load_acquire() < armed.deadline_ns + 2'000 * kMs);  // a slow machine's
    EXPECT(context->stats().parks < 20);
}

constexpr Test kTests[] = {
    TEST(create__survives_failed_allocations),
    TEST(destroy__runs_what_was_accepted),
    TEST(destroy__runs_what_was_accepted_just_before),
    TEST(run_in_context__keeps_the_order),
    TEST(run_in_context__refuses_when_full),
    TEST(loop__parks_when_idle_and_wakes),
    TEST(loop__loses_no_wakeup),
    TEST(loop__rests_while_domains_are_refused),
    TEST(timers__fire_in_the_context),
};

}  // namespace

extern const Suite context_suite = SUITE("context", kTests);

}  // namespace kunit
