// SPDX-License-Identifier: GPL-2.0
#include "dominoes/ring_channel.hh"

#include "kunit/dominoes/bench.hh"

namespace kunit {
namespace {

// Counts releases: owned is a counter.
void count_release(Request& request) {
    static_cast<Atomic<uint32_t>*>(request.owned)->fetch_add_acq_rel(1);
}

// --- create ---

void create__survives_failed_allocations(Check& check) {
    survives_failures(
        check, 2, [] { return RingChannel::create(8); }, destroy<RingChannel>);
}

void destroy__releases_what_nobody_consumed(Check& check) {
    Bench bench(8);
    REQUIRE(bench.ready());
    Atomic<uint32_t> released;
    {
        Reader reader(*bench.context, *bench.channel);
        REQUIRE(reader.activate(0));
        for (uint64_t i = 0; i < 5; ++i) publish(*bench.channel, i, 0, count_release, &released);
        bench.channel->advance(*reader, 2);
        EXPECT_EQ(released.load_acquire(), 2);
    }
    bench.channel.reset();
    EXPECT_EQ(released.load_acquire(), 5);
}

// --- claim, publish ---

void claim__gives_fresh_slots_in_order(Check& check) {
    Bench bench(4);
    REQUIRE(bench.ready());
    RingChannel& channel = *bench.channel;
    Reader reader(*bench.context, channel);
    REQUIRE(reader.activate(0));
    for (uint64_t i = 0; i < 11; ++i) {  // almost three laps
        EXPECT_EQ(channel.tail(), i);
        Request* request = channel.claim(0);
        REQUIRE(request);
        EXPECT_EQ(request->primary.load_relaxed(), kNoPrimary);
        EXPECT(!request->release && !request->owned);
        EXPECT(!channel.peek(*reader, 0));  // not before it is published
        request->try_own(1);
        request->release = [](Request&) {};
        channel.publish(*request);
        REQUIRE(channel.peek(*reader, 0) == request);
        EXPECT_EQ(request->position(), i);
        EXPECT(!channel.peek(*reader, 1));
        channel.advance(*reader, 1);
    }
}

void claim__refuses_when_full(Check& check) {
    Bench bench(4);
    REQUIRE(bench.ready());
    RingChannel& channel = *bench.channel;
    Reader reader(*bench.context, channel);
    REQUIRE(reader.activate(0));
    for (uint64_t i = 0; i < 4; ++i) EXPECT(publish(channel, i));
    EXPECT(!channel.claim(0));
    EXPECT_EQ(channel.tail(), 4);
    channel.advance(*reader, 1);
    EXPECT(publish(channel, 4));
    EXPECT(!channel.claim(0));
}

void claim__keeps_headroom(Check& check) {
    Bench bench(8);
    REQUIRE(bench.ready());
    RingChannel& channel = *bench.channel;
    Reader reader(*bench.context, channel);
    REQUIRE(reader.activate(0));
    for (uint64_t i = 0; i < 5; ++i) EXPECT(publish(channel, i, 3));
    EXPECT(!channel.claim(3));
    EXPECT(publish(channel, 5, 2));
    EXPECT(!channel.claim(2));
    EXPECT(publish(channel, 6, 0));
    EXPECT(publish(channel, 7, 0));
    channel.advance(*reader, 3);
    EXPECT(!channel.claim(3));
    channel.advance(*reader, 1);
    EXPECT(publish(channel, 8, 3));
    EXPECT(!channel.claim(8));  // more than there is
}

// Every subscriber sees every request once, all in the same order, each producer's in its own.
void publish__has_one_order_for_all(Check& check) {
    constexpr uint32_t kProducers = 3;
    constexpr uint32_t kSubscribers = 3;
    const uint32_t each = check.scale(40000, 200);
    TestContext contexts[2];
    Owned<RingChannel> channel(RingChannel::create(64));
    REQUIRE(channel && contexts[0].running() && contexts[1].running());

    struct Seen {
        uint64_t position = 0;
        uint64_t next[kProducers] = {};
        uint64_t order = 0;
    } seen[kSubscribers];
    Atomic<uint32_t> wrong;
    Atomic<uint32_t> released;
    auto make_subscriber = [&](uint32_t i) {
        return [&, i](Request& request) {
            const uint64_t number = request.as<uint64_t>();
            const uint64_t producer = number >> 32;
            bool right = request.position() == seen[i].position++;
            right &= producer < kProducers && (number & 0xffffffff) == seen[i].next[producer]++;
            if (!right) wrong.fetch_add_relaxed(1);
            seen[i].order = (seen[i].order ^ number) * 0x9e3779b97f4a7c15;
            return true;
        };
    };
    {
        using Subscriber = TestDomain<decltype(make_subscriber(0))>;
        Owned<Subscriber> subscribers[kSubscribers];
        for (uint32_t i = 0; i < kSubscribers; ++i) {
            subscribers[i].reset(make<Subscriber>(*contexts[i % 2], *channel, make_subscriber(i)));
            REQUIRE(subscribers[i] && subscribers[i]->subscribe());
        }
        {
            auto produce = [&](uint64_t producer) {
                for (uint64_t i = 0; i < each; ++i)
                    publish_surely(*channel, producer << 32 | i, count_release, &released);
            };
            Thread a([&] { produce(0); });
            Thread b([&] { produce(1); });
            Thread c([&] { produce(2); });
            EXPECT(a.started() && b.started() && c.started());
        }
        const uint64_t all = kProducers * uint64_t{each};
        EXPECT(eventually([&] { return channel->reclaimed() == all; }));
        EXPECT_EQ(channel->lag(subscribers[0]->subscription()), 0);
    }
    EXPECT_EQ(wrong.load_acquire(), 0);
    EXPECT_EQ(released.load_acquire(), kProducers * each);
    for (const Seen& s : seen) {
        EXPECT_EQ(s.position, kProducers * uint64_t{each});
        EXPECT_EQ(s.order, seen[0].order);
    }
}

// --- reclaiming ---

void advance__releases_once_after_the_slowest(Check& check) {
    Bench bench(8);
    REQUIRE(bench.ready());
    RingChannel& channel = *bench.channel;
    Reader fast(*bench.context, channel);
    Reader slow(*bench.context, channel);
    REQUIRE(fast.activate(0) && slow.activate(0));
    Atomic<uint32_t> released;
    for (uint64_t i = 0; i < 6; ++i) publish(channel, i, 0, count_release, &released);

    channel.advance(*fast, 4);
    EXPECT_EQ(released.load_acquire(), 0);
    channel.advance(*slow, 3);
    EXPECT_EQ(released.load_acquire(), 3);
    EXPECT_EQ(channel.reclaimed(), 3);
    channel.advance(*slow, 3);
    EXPECT_EQ(released.load_acquire(), 4);
    channel.advance(*fast, 2);
    EXPECT_EQ(released.load_acquire(), 6);
    EXPECT_EQ(channel.lag(*fast), 0);
}

// Two consumers at different paces: a request is released when both have passed, never before,
// never twice, and in the end all are, whoever came last to a cursor.
void advance__loses_no_reclaim(Check& check) {
    struct Record {
        Atomic<uint32_t> passed;
        Atomic<uint32_t> released;
    };
    const uint32_t requests = check.scale(60000, 300);
    TestContext contexts[2];
    Owned<RingChannel> channel(RingChannel::create(16));
    auto* records = static_cast<Record*>(dominoes_alloc(sizeof(Record) * requests));
    REQUIRE(channel && records && contexts[0].running() && contexts[1].running());

    Atomic<uint32_t> early;
    struct Owner {
        Record* records;
        Atomic<uint32_t>* early;
    } owner = {records, &early};
    auto release = [](Request& request) {
        auto* o = static_cast<Owner*>(request.owned);
        Record& record = o->records[request.as<uint64_t>()];
        if (record.passed.load_acquire() != 2) o->early->fetch_add_relaxed(1);
        record.released.fetch_add_acq_rel(1);
    };
    {
        auto pass = [&](Request& request) {
            records[request.as<uint64_t>()].passed.fetch_add_acq_rel(1);
            return true;
        };
        TestDomain first(*contexts[0], *channel, pass);
        TestDomain second(*contexts[1], *channel, [&](Request& request) {
            if (request.position() % 64 == 7) dominoes_thread_delay(2'000);
            return pass(request);
        });
        REQUIRE(first.subscribe() && second.subscribe());
        for (uint64_t i = 0; i < requests; ++i) {
            publish_surely(*channel, i, release, &owner);
            // Let it run dry now and then: what is lost must not be made good by the next request.
            if (i % 1024 == 0) EXPECT(eventually([&] { return channel->reclaimed() == i + 1; }));
        }
        EXPECT(eventually([&] { return channel->reclaimed() == requests; }));
    }
    EXPECT_EQ(early.load_acquire(), 0);
    uint32_t not_once = 0;
    for (uint32_t i = 0; i < requests; ++i) not_once += records[i].released.load_acquire() != 1;
    EXPECT_EQ(not_once, 0);
    dominoes_free(records);
}

// One consumer reclaims what both have passed, while the other moves on to the end: one of them
// must reclaim the rest, for no further request will make them.
void advance__one_of_two_at_once_reclaims(Check& check) {
    const uint32_t rounds = check.scale(50'000, 500);
    Bench bench(8);
    REQUIRE(bench.ready());
    RingChannel& channel = *bench.channel;
    Dice dice;
    TestDomain domain(*bench.context, channel, [](Request&) { return true; });
    Reader reader(*bench.context, channel);
    REQUIRE(domain.subscribe() && reader.activate(0));
    for (uint64_t position = 0; position < 2 * rounds; position += 2) {
        REQUIRE(publish(channel, position) && publish(channel, position + 1));
        dice.pause(500);
        channel.advance(*reader, 1);
        dice.pause(300);
        channel.advance(*reader, 1);
        REQUIRE(eventually([&] { return channel.reclaimed() == position + 2; }));
    }
}

// --- close ---

void close__ends_claims_not_delivery(Check& check) {
    Bench bench(4);
    REQUIRE(bench.ready());
    RingChannel& channel = *bench.channel;
    Reader reader(*bench.context, channel);
    REQUIRE(reader.activate(0));
    EXPECT(publish(channel, 17));
    EXPECT(!channel.closed());
    channel.close();
    EXPECT(channel.closed());
    EXPECT(!channel.claim(0));
    EXPECT_EQ(channel.tail(), 1);
    REQUIRE(channel.peek(*reader, 0));
    EXPECT_EQ(channel.peek(*reader, 0)->as<uint64_t>(), 17);
    EXPECT(channel.pending(*reader));
    channel.advance(*reader, 1);
    EXPECT(!channel.pending(*reader));
}

// Also between the claim and its publication: a request behind the last would be let go of unseen.
void claim_last__leaves_no_room_behind_it(Check& check) {
    Bench bench(4);
    REQUIRE(bench.ready());
    RingChannel& channel = *bench.channel;
    Reader reader(*bench.context, channel);
    REQUIRE(reader.activate(0));
    Atomic<uint32_t> told;
    channel.on_space([](void* flag) { static_cast<Atomic<uint32_t>*>(flag)->store_relaxed(1); },
                     &told);
    EXPECT(publish(channel, 17));
    channel.want_space();
    Request* last = channel.claim_last();
    REQUIRE(last);
    EXPECT(channel.closed());
    EXPECT_EQ(told.load_relaxed(), 1);
    EXPECT(!publish(channel, 19));
    last->as<uint64_t>() = 18;
    channel.publish(*last);
    Request* another = channel.claim_last();
    EXPECT(!another);
    if (another) channel.publish(*another);
    EXPECT_EQ(last->position(), 1);
    EXPECT_EQ(channel.tail(), 2);
    for (uint64_t wanted = 17; wanted <= 18; ++wanted) {
        REQUIRE(channel.peek(*reader, 0));
        EXPECT_EQ(channel.peek(*reader, 0)->as<uint64_t>(), wanted);
        channel.advance(*reader, 1);
    }
}

// --- space ---

void want_space__is_answered_once(Check& check) {
    Bench bench(2);
    REQUIRE(bench.ready());
    RingChannel& channel = *bench.channel;
    Reader reader(*bench.context, channel);
    REQUIRE(reader.activate(0));
    Atomic<uint32_t> told;
    channel.on_space(
        [](void* count) { static_cast<Atomic<uint32_t>*>(count)->fetch_add_relaxed(1); }, &told);
    EXPECT(publish(channel, 0) && publish(channel, 1));
    channel.advance(*reader, 1);
    EXPECT_EQ(told.load_relaxed(), 0);  // nobody has asked
    channel.want_space();
    channel.want_space();
    channel.advance(*reader, 1);
    EXPECT_EQ(told.load_relaxed(), 1);
    EXPECT(publish(channel, 2));
    channel.advance(*reader, 1);
    EXPECT_EQ(told.load_relaxed(), 1);
    channel.want_space();
    channel.close();
    EXPECT_EQ(told.load_relaxed(), 2);
}

// A producer that waits when it is refused is always told.
void want_space__loses_no_wakeup(Check& check) {
    const uint32_t requests = check.scale(200'000, 500);
    Bench bench(2);
    REQUIRE(bench.ready());
    RingChannel& channel = *bench.channel;
    Dice dice;
    Atomic<uint32_t> told;
    channel.on_space([](void* flag) { static_cast<Atomic<uint32_t>*>(flag)->store_release(1); },
                     &told);
    TestDomain domain(*bench.context, channel, [](Request&) { return true; });
    REQUIRE(domain.subscribe());
    for (uint64_t i = 0; i < requests; ++i) {
        while (!publish(channel, i)) {
            dice.pause(300);
            told.store_relaxed(0);
            channel.want_space();
            if (publish(channel, i)) break;
            REQUIRE(eventually([&] { return told.load_acquire() != 0; }));
        }
    }
    EXPECT(eventually([&] { return domain.domain().processed() == requests; }));
}

// --- the slowest ---

void on_backlog__told_by_who_publishes(Check& check) {
    Bench bench(16);
    REQUIRE(bench.ready());
    RingChannel& channel = *bench.channel;
    Reader fast(*bench.context, channel);
    Reader slow(*bench.context, channel);
    REQUIRE(fast.activate(0) && slow.activate(0));
    Atomic<uint32_t> told;
    channel.on_backlog(
        12, [](void* count) { static_cast<Atomic<uint32_t>*>(count)->fetch_add_relaxed(1); },
        &told);
    for (uint64_t i = 0; i < 12; ++i) EXPECT(publish(channel, i));
    channel.advance(*fast, 12);
    EXPECT_EQ(told.load_relaxed(), 0);
    EXPECT(publish(channel, 12));
    EXPECT_EQ(told.load_relaxed(), 1);
    EXPECT(!publish(channel, 13, 8));  // refused, and yet it has seen it
    EXPECT_EQ(told.load_relaxed(), 2);
    channel.advance(*slow, 2);
    EXPECT(publish(channel, 14));  // 11 behind
    EXPECT_EQ(told.load_relaxed(), 2);
}

constexpr Test kTests[] = {
    TEST(create__survives_failed_allocations),
    TEST(destroy__releases_what_nobody_consumed),
    TEST(claim__gives_fresh_slots_in_order),
    TEST(claim__refuses_when_full),
    TEST(claim__keeps_headroom),
    TEST(publish__has_one_order_for_all),
    TEST(advance__releases_once_after_the_slowest),
    TEST(advance__loses_no_reclaim),
    TEST(advance__one_of_two_at_once_reclaims),
    TEST(close__ends_claims_not_delivery),
    TEST(claim_last__leaves_no_room_behind_it),
    TEST(want_space__is_answered_once),
    TEST(want_space__loses_no_wakeup),
    TEST(on_backlog__told_by_who_publishes),
};

}  // namespace

extern const Suite ring_channel_suite = SUITE("ring_channel", kTests);

}  // namespace kunit
