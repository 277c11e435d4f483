// SPDX-License-Identifier: GPL-2.0
//
// Who subscribes to a ring channel, and who no longer does, while others are at it.
#include "kunit/dominoes/bench.hh"

namespace kunit {
namespace {

void activate__has_a_slot_for_each_replica(Check& check) {
    Bench bench(4);
    REQUIRE(bench.ready());
    RingChannel& channel = *bench.channel;
    TestDomain idle(*bench.context, channel, [](Request&) { return false; });
    struct Many {
        Subscription subscription;
        static bool no(void*, Request&) { return false; }
        Many(Channel& c, Domain& d) : subscription(c, d, no, nullptr) {}
    };
    Owned<Many> many[kMaxReplicas + 1];
    for (Owned<Many>& one : many) {
        one.reset(make<Many>(channel, idle.domain()));
        REQUIRE(one);
    }
    for (unsigned i = 0; i < kMaxReplicas; ++i) {
        EXPECT(!channel.subscription(i));
        EXPECT(channel.activate(many[i]->subscription, 0));
        EXPECT(channel.subscription(i) == &many[i]->subscription);
    }
    EXPECT(!channel.subscription(kMaxReplicas));
    EXPECT(!channel.activate(many[kMaxReplicas]->subscription, 0));
    channel.deactivate(many[5]->subscription);
    EXPECT(!many[5]->subscription.active());
    EXPECT(!channel.subscription(5));
    EXPECT(channel.activate(many[kMaxReplicas]->subscription, 0));
    EXPECT(channel.subscription(5) == &many[kMaxReplicas]->subscription);
    for (Owned<Many>& one : many) channel.deactivate(one->subscription);
}

void activate__refuses_a_position_that_was_passed(Check& check) {
    Bench bench(8);
    REQUIRE(bench.ready());
    RingChannel& channel = *bench.channel;
    Reader reader(*bench.context, channel);
    Reader late(*bench.context, channel);
    REQUIRE(reader.activate(0));
    for (uint64_t i = 0; i < 4; ++i) publish(channel, i);
    channel.advance(*reader, 3);
    EXPECT(!late.activate(2));
    EXPECT(!(*late).active());
    EXPECT(late.activate(3));
    channel.advance(*reader, 1);
    EXPECT_EQ(channel.reclaimed(), 3);
    EXPECT(channel.peek(*late, 0));
}

// A leader at position p lets a follower join at p + 1 and goes on, while producers publish and
// others reclaim. The follower must see p + 1 first, and nothing that was released: what is
// released is overwritten.
void activate__joins_at_the_leaders_next(Check& check) {
    constexpr uint64_t kPoison = ~uint64_t{0};
    constexpr uint32_t kSees = 40;  // requests, before it leaves
    const uint32_t joins = check.scale(200, 4);
    TestContext contexts[2];
    Owned<RingChannel> channel(RingChannel::create(16));
    REQUIRE(channel && contexts[0].running() && contexts[1].running());

    struct Follower {
        uint64_t expected = 0;
        uint64_t seen = 0;
        Atomic<uint32_t>* wrong = nullptr;
        Atomic<uint32_t> retired;
        Domain domain;
        Subscription subscription;

        Follower(Context& context, Channel& c)
            : domain(
                  1, this, context,
                  Domain::Hooks{.schedule = nullptr,
                                .subscribed = nullptr,
                                .unsubscribed = nullptr,
                                .batch_done = nullptr,
                                .retired =
                                    [](Domain& d) {
                                        static_cast<Follower*>(d.state())->retired.store_release(1);
                                    }}),
              subscription(
                  c, domain,
                  [](void* self, Request& r) { return static_cast<Follower*>(self)->see(r); },
                  this) {}
        bool see(Request& request) {
            if (request.position() != expected++ || request.as<uint64_t>() == kPoison)
                wrong->fetch_add_relaxed(1);
            if (++seen == kSees) domain.retire();
            return true;
        }
    };
    auto** followers = static_cast<Follower**>(dominoes_alloc(sizeof(Follower*) * joins));
    REQUIRE(followers);
    Atomic<uint32_t> wrong;
    for (uint32_t i = 0; i < joins; ++i) {
        followers[i] = make<Follower>(*contexts[1], *channel);
        REQUIRE(followers[i]);
        followers[i]->wrong = &wrong;
    }
    Atomic<uint32_t> joined;
    auto poison = [](Request& request) { request.as<uint64_t>() = kPoison; };
    Atomic<uint32_t> done;
    {
        uint64_t expected = 0;
        TestDomain leader(*contexts[0], *channel, [&](Request& request) {
            if (request.position() != expected++) wrong.fetch_add_relaxed(1);
            const uint32_t next = joined.load_relaxed();
            if (next == joins || request.position() % 16 != 5) return true;
            Follower& follower = *followers[next];
            follower.expected = request.position() + 1;
            if (!follower.domain.subscribe(follower.subscription, request.position() + 1))
                return true;  // all slots taken: another time
            follower.domain.schedule();
            joined.store_release(next + 1);
            return true;
        });
        TestDomain other(*contexts[1], *channel, [](Request&) { return true; });
        REQUIRE(leader.subscribe() && other.subscribe());
        auto produce = [&] {
            for (uint64_t i = 0; !done.load_acquire(); ++i) publish_surely(*channel, i, poison);
        };
        Thread a(produce);
        Thread b(produce);
        EXPECT(a.started() && b.started());
        EXPECT(eventually([&] { return joined.load_acquire() == joins; }));
        for (uint32_t i = 0; i < joins; ++i)
            EXPECT(eventually([&] { return followers[i]->retired.load_acquire() != 0; }));
        done.store_release(1);
    }
    EXPECT_EQ(wrong.load_acquire(), 0);
    wait_for_readers();
    for (uint32_t i = 0; i < joins; ++i) {
        EXPECT_EQ(followers[i]->seen, kSees);
        destroy(followers[i]);
    }
    dominoes_free(followers);
}

// A reclaimer that has looked at who is active, and then sees the leader's new cursor, must notice
// whom the leader has let join meanwhile. Spectators, whose cursors are in another CPU's cache,
// keep it busy between the two.
void activate__is_not_overtaken_by_a_reclaimer(Check& check) {
    constexpr uint32_t kSpectators = 8;
    const uint32_t joins = check.scale(20'000, 300);
    Bench bench(8);
    REQUIRE(bench.ready());
    RingChannel& channel = *bench.channel;
    Dice dice, others(7);
    TestDomain reclaimer(*bench.context, channel, [&](Request&) {
        others.pause(3000);
        return true;
    });
    REQUIRE(reclaimer.subscribe());
    Owned<Reader> readers[kSpectators + 2];
    for (Owned<Reader>& reader : readers) {
        reader.reset(make<Reader>(*bench.context, channel));
        REQUIRE(reader);
    }
    for (uint32_t i = 0; i <= kSpectators; ++i) REQUIRE(readers[i]->activate(0));
    Reader& leader = *readers[kSpectators];
    Reader& follower = *readers[kSpectators + 1];
    for (uint64_t position = 0; position < 2 * joins; position += 2) {
        REQUIRE(publish(channel, position) && publish(channel, position + 1));
        for (uint32_t i = 0; i < kSpectators; ++i) channel.advance(**readers[i], 2);
        dice.pause(3000);
        REQUIRE(follower.activate(position + 1));
        channel.advance(*leader, 2);
        REQUIRE(eventually([&] { return channel.reclaimed() > position; }));
        REQUIRE_EQ(channel.reclaimed(), position + 1);
        channel.advance(*follower, 1);
        channel.deactivate(*follower);
        REQUIRE(eventually([&] { return channel.reclaimed() == position + 2; }));
    }
}

void deactivate__lets_the_others_go_on(Check& check) {
    Bench bench(4);
    REQUIRE(bench.ready());
    RingChannel& channel = *bench.channel;
    Reader fast(*bench.context, channel);
    Reader stalled(*bench.context, channel);
    REQUIRE(fast.activate(0) && stalled.activate(0));
    for (uint64_t i = 0; i < 4; ++i) EXPECT(publish(channel, i));
    channel.advance(*fast, 4);
    EXPECT(!channel.claim(0));
    channel.deactivate(*stalled);
    EXPECT(!(*stalled).active());
    EXPECT_EQ(channel.reclaimed(), 4);
    EXPECT(publish(channel, 4));
    channel.deactivate(*stalled);  // harmless
}

constexpr Test kTests[] = {
    TEST(activate__has_a_slot_for_each_replica), TEST(activate__refuses_a_position_that_was_passed),
    TEST(activate__joins_at_the_leaders_next),   TEST(activate__is_not_overtaken_by_a_reclaimer),
    TEST(deactivate__lets_the_others_go_on),
};

}  // namespace

extern const Suite ring_channel_activate_suite = SUITE("ring_channel_activate", kTests);

}  // namespace kunit
