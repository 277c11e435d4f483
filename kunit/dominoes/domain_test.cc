// SPDX-License-Identifier: GPL-2.0
#include "dominoes/domain.hh"

#include "kunit/framework.hh"

namespace kunit {
namespace {

// Two channels and a domain that the test runs itself; what it processes is noted in order.
struct Twin {
    TestContext context;
    Owned<RingChannel> channels[2];
    uint64_t log[16] = {};
    uint32_t logged = 0;
    uint32_t subscribed = 0;
    uint32_t unsubscribed = 0;
    uint32_t batches = 0;
    Atomic<uint32_t> retired;

    Twin() {
        for (Owned<RingChannel>& channel : channels) channel.reset(RingChannel::create(128));
    }
    bool ready() const { return context.running() && channels[0] && channels[1]; }
    static bool note(void* self, Request& request) {
        auto* twin = static_cast<Twin*>(self);
        if (twin->logged < 16) twin->log[twin->logged] = request.as<uint64_t>();
        ++twin->logged;
        return true;
    }
    static Twin& of(Domain& domain) { return *static_cast<Twin*>(domain.state()); }
    static constexpr Domain::Hooks kHooks = {
        .schedule = nullptr,
        .subscribed = [](Domain& domain, Subscription&) { ++of(domain).subscribed; },
        .unsubscribed = [](Domain& domain, Subscription&) { ++of(domain).unsubscribed; },
        .batch_done = [](Domain& domain) { ++of(domain).batches; },
        .retired = [](Domain& domain) { of(domain).retired.store_release(1); },
    };
    bool retire(Domain& domain) {
        domain.retire();
        return eventually([this] { return retired.load_acquire() != 0; });
    }
};

// --- subscribe, unsubscribe ---

void subscribe__lists_and_tells(Check& check) {
    Twin twin;
    REQUIRE(twin.ready());
    Domain domain(7, &twin, *twin.context, Twin::kHooks);
    Subscription a(*twin.channels[0], domain, Twin::note, &twin);
    Subscription b(*twin.channels[1], domain, Twin::note, &twin);
    EXPECT_EQ(domain.id(), 7);
    EXPECT(domain.state() == &twin);
    EXPECT(&domain.context() == &*twin.context);
    EXPECT(!domain.subscriptions());
    EXPECT_EQ(twin.context->domains(), 0);
    REQUIRE(domain.subscribe(a, 0) && domain.subscribe(b, 0));
    EXPECT_EQ(twin.context->domains(), 1);
    EXPECT(domain.subscriptions() == &b && b.next_of_domain == &a && !a.next_of_domain);
    EXPECT_EQ(twin.subscribed, 2);
    domain.unsubscribe(b);
    EXPECT(domain.subscriptions() == &a && !b.active() && a.active());
    domain.unsubscribe(b);  // harmless
    domain.unsubscribe(a);
    EXPECT(!domain.subscriptions());
    EXPECT_EQ(twin.unsubscribed, 2);
    EXPECT(twin.retire(domain));
    EXPECT_EQ(twin.context->domains(), 0);
}

void subscribe__changes_nothing_when_refused(Check& check) {
    Twin twin;
    REQUIRE(twin.ready());
    RingChannel& channel = *twin.channels[0];
    Reader reader(*twin.context, channel);
    REQUIRE(reader.activate(0) && publish(channel, 0));
    channel.advance(*reader, 1);
    Domain domain(0, &twin, *twin.context, Twin::kHooks);
    Subscription late(channel, domain, Twin::note, &twin);
    EXPECT(!domain.subscribe(late, 0));
    EXPECT(!domain.subscriptions());
    EXPECT_EQ(twin.context->domains(), 0);
    EXPECT_EQ(twin.subscribed, twin.unsubscribed);
}

// --- run ---

void run__takes_turns_of_batches(Check& check) {
    Twin twin;
    REQUIRE(twin.ready());
    Domain domain(0, &twin, *twin.context, Twin::kHooks);
    Subscription a(*twin.channels[0], domain, Twin::note, &twin);
    Subscription b(*twin.channels[1], domain, Twin::note, &twin);
    // Before they are subscribed, so that the context is not told and leaves the domain to us.
    for (uint64_t i = 0; i < 40; ++i) {
        publish(*twin.channels[0], 100);
        publish(*twin.channels[1], 200);
    }
    REQUIRE(domain.subscribe(a, 0) && domain.subscribe(b, 0));
    const uint32_t wanted[] = {32, 64, 72, 80};  // 32 of b, 32 of a, the 8 left of each
    for (uint32_t total : wanted) {
        EXPECT(domain.run());
        EXPECT_EQ(twin.logged, total);
        EXPECT_EQ(domain.processed(), total);
    }
    EXPECT(!domain.run());
    EXPECT_EQ(twin.batches, 4);
    EXPECT_EQ(a.cursor(), 40);
    EXPECT(twin.retire(domain));
}

void run__asks_the_schedule_hook(Check& check) {
    Twin twin;
    REQUIRE(twin.ready());
    Domain::Hooks hooks = Twin::kHooks;
    hooks.schedule = [](Domain& d) -> Subscription* { return d.subscriptions()->next_of_domain; };
    Domain domain(0, &twin, *twin.context, hooks);
    Subscription a(*twin.channels[0], domain, Twin::note, &twin);
    Subscription b(*twin.channels[1], domain, Twin::note, &twin);
    publish(*twin.channels[0], 100);
    publish(*twin.channels[1], 200);
    REQUIRE(domain.subscribe(a, 0) && domain.subscribe(b, 0));
    EXPECT(domain.run());
    EXPECT_EQ(twin.logged, 1);
    EXPECT_EQ(twin.log[0], 100);
    EXPECT(domain.run());  // b still has one
    EXPECT_EQ(twin.logged, 1);
    EXPECT(twin.retire(domain));
}

// A request that is refused stays, and what was processed before it does not come again.
void run__offers_again_what_was_refused(Check& check) {
    TestContext context;
    Owned<RingChannel> channel(RingChannel::create(16));
    REQUIRE(context.running() && channel);
    Atomic<uint32_t> refusals;
    Atomic<uint64_t> processed;
    Atomic<uint32_t> open;
    {
        uint64_t expected = 0;
        TestDomain domain(*context, *channel, [&](Request& request) {
            if (request.as<uint64_t>() == 3 && !open.load_acquire()) {
                refusals.fetch_add_acq_rel(1);
                return false;
            }
            if (request.as<uint64_t>() == expected) processed.store_release(++expected);
            return true;
        });
        REQUIRE(domain.subscribe());
        for (uint64_t i = 0; i < 6; ++i) EXPECT(publish(*channel, i));
        EXPECT(eventually([&] { return refusals.load_acquire() > 3; }));
        EXPECT_EQ(processed.load_acquire(), 3);
        open.store_release(1);
        EXPECT(eventually([&] { return processed.load_acquire() == 6; }));
        EXPECT(eventually([&] { return domain.domain().processed() == 6; }));
    }
}

// --- schedule ---

// Publishing is all that wakes the domain, and it always does, also at the moment it goes to rest.
void schedule__loses_no_request(Check& check) {
    const uint32_t requests = check.scale(200'000, 500);
    TestContext context;
    Owned<RingChannel> channel(RingChannel::create(64));
    REQUIRE(context.running() && channel);
    Dice dice;
    Atomic<uint64_t> seen;
    TestDomain domain(*context, *channel, [&](Request&) {
        seen.store_release(seen.load_relaxed() + 1);
        return true;
    });
    REQUIRE(domain.subscribe());
    for (uint64_t i = 0; i < requests; ++i) {
        REQUIRE(publish(*channel, i));
        REQUIRE(eventually([&] { return seen.load_acquire() == i + 1; }));
        dice.pause(1000);
    }
}

// --- retire ---

void retire__ends_subscriptions_and_tells_once(Check& check) {
    TestContext context;
    Owned<RingChannel> channel(RingChannel::create(16));
    REQUIRE(context.running() && channel);
    Atomic<uint32_t> seen;
    TestDomain domain(*context, *channel, [&](Request&) {
        seen.fetch_add_acq_rel(1);
        return true;
    });
    REQUIRE(domain.subscribe());
    EXPECT_EQ(context->domains(), 1);
    EXPECT(publish(*channel, 0));
    EXPECT(eventually([&] { return seen.load_acquire() == 1; }));
    EXPECT(domain.retire());
    EXPECT(!domain.subscription().active());
    EXPECT(!channel->subscription(0));
    EXPECT_EQ(context->domains(), 0);
    domain.domain().retire();
    domain.domain().schedule();
    EXPECT(publish(*channel, 1));
    dominoes_thread_delay(2'000'000);
    EXPECT_EQ(domain.retired(), 1);
    EXPECT_EQ(seen.load_acquire(), 1);
}

void retire__by_itself_sees_no_further_request(Check& check) {
    TestContext context;
    Owned<RingChannel> channel(RingChannel::create(16));
    REQUIRE(context.running() && channel);
    for (uint64_t i = 0; i < 8; ++i) EXPECT(publish(*channel, i));
    Atomic<uint32_t> seen;
    Domain* self = nullptr;
    TestDomain domain(*context, *channel, [&](Request& request) {
        seen.fetch_add_acq_rel(1);
        if (request.as<uint64_t>() == 2) self->retire();
        return true;
    });
    self = &domain.domain();
    REQUIRE(domain.subscribe(0));
    EXPECT(eventually([&] { return domain.retired() == 1; }));
    EXPECT_EQ(seen.load_acquire(), 3);
}

// Domains come and go, and are freed, while producers that may be about to schedule them publish.
void retire__while_others_publish(Check& check) {
    struct Mortal : dominoes_retired {
        Domain domain;
        Subscription subscription;
        Mortal(Context& context, Channel& channel)
            : domain(0, this, context,
                     Domain::Hooks{.schedule = nullptr,
                                   .subscribed = nullptr,
                                   .unsubscribed = nullptr,
                                   .batch_done = nullptr,
                                   .retired =
                                       [](Domain& d) {
                                           dominoes_retire(static_cast<Mortal*>(d.state()),
                                                           [](dominoes_retired* r) {
                                                               destroy(static_cast<Mortal*>(r));
                                                           });
                                       }}),
              subscription(
                  channel, domain, [](void*, Request&) { return true; }, nullptr) {}
    };
    const uint32_t lives = check.scale(300, 5);
    Owned<RingChannel> channel(RingChannel::create(64));  // the contexts' threads end before it
    TestContext contexts[2];
    REQUIRE(channel && contexts[0].running() && contexts[1].running());
    Atomic<uint32_t> done;
    {
        TestDomain constant(*contexts[0], *channel, [](Request&) { return true; });
        REQUIRE(constant.subscribe());
        auto produce = [&] {
            for (uint64_t i = 0; !done.load_acquire(); ++i) publish_surely(*channel, i);
        };
        Thread a(produce);
        Thread b(produce);
        EXPECT(a.started() && b.started());
        for (uint32_t i = 0; i < lives; ++i) {
            Mortal* mortal = make<Mortal>(*contexts[i % 2], *channel);
            if (!EXPECT(mortal)) break;
            while (!mortal->domain.subscribe(mortal->subscription, channel->tail())) {
            }
            mortal->domain.schedule();
            dominoes_thread_delay(20'000);
            mortal->domain.retire();
        }
        done.store_release(1);
    }
    EXPECT(eventually([&] { return contexts[0]->domains() + contexts[1]->domains() == 0; }));
}

constexpr Test kTests[] = {
    TEST(subscribe__lists_and_tells),
    TEST(subscribe__changes_nothing_when_refused),
    TEST(run__takes_turns_of_batches),
    TEST(run__asks_the_schedule_hook),
    TEST(run__offers_again_what_was_refused),
    TEST(schedule__loses_no_request),
    TEST(retire__ends_subscriptions_and_tells_once),
    TEST(retire__by_itself_sees_no_further_request),
    TEST(retire__while_others_publish),
};

}  // namespace

extern const Suite domain_suite = SUITE("domain", kTests);

}  // namespace kunit
