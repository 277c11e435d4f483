// SPDX-License-Identifier: GPL-2.0
//
// RingChannel::set_lazy(): who comes for which requests.
#include "dominoes/ring_channel.hh"
#include "kunit/framework.hh"

namespace kunit {
namespace {

constexpr uint32_t kHelp = 4, kLazyLag = 8;

struct Bench {
    TestContext context;
    Owned<RingChannel> channel{RingChannel::create(16)};

    bool ready() {
        if (!context.running() || !channel) return false;
        channel->set_lazy(kHelp, kLazyLag);
        return true;
    }
    bool publish_and_settle(uint64_t requests) {
        for (uint64_t i = 0; i < requests; ++i)
            if (!publish(*channel, i)) return false;
        return settle();
    }
    // Whoever was scheduled has run: the context serves domains in turn, and the one whose turns
    // are counted here comes before what was scheduled earlier twice at most.
    bool settle() {
        for (int turn = 0; turn < 3; ++turn) {
            Atomic<uint32_t> ran;
            const bool accepted = context->run_in_context(
                [](void* flag) { static_cast<Atomic<uint32_t>*>(flag)->store_release(1); }, &ran);
            if (!accepted || !eventually([&] { return ran.load_acquire() != 0; })) return false;
        }
        return true;
    }
};

bool take(Request&) { return true; }

using Taker = TestDomain<bool (*)(Request&)>;

// A first domain, which sees to everything, and one that is woken lazily.
struct Domains {
    Taker first;
    Taker lazy;

    explicit Domains(Bench& bench)
        : first(*bench.context, *bench.channel, take), lazy(*bench.context, *bench.channel, take) {}
    bool subscribe(Bench& bench) { return first.subscribe() && lazy.subscribe() && bench.settle(); }
};

// A first subscription that does nothing by itself, and a domain that is woken lazily.
struct Behind {
    Reader first;
    Taker lazy;

    explicit Behind(Bench& bench)
        : first(*bench.context, *bench.channel), lazy(*bench.context, *bench.channel, take) {}
    bool subscribe(Bench& bench) { return first.activate(0) && lazy.subscribe() && bench.settle(); }
};

void lazy_wakeup__the_others_come_for_several(Check& check) {
    Bench bench;
    REQUIRE(bench.ready());
    Domains domains(bench);
    REQUIRE(domains.subscribe(bench));
    for (uint32_t i = 0; i < kLazyLag; i += kHelp) REQUIRE(bench.publish_and_settle(kHelp));
    EXPECT_EQ(domains.first.domain().processed(), kLazyLag);
    EXPECT_EQ(domains.lazy.domain().processed(), 0);
    REQUIRE(bench.publish_and_settle(1));
    EXPECT_EQ(domains.lazy.domain().processed(), kLazyLag + 1);
    REQUIRE(bench.publish_and_settle(1));
    EXPECT_EQ(domains.lazy.domain().processed(), kLazyLag + 1);
}

void lazy_wakeup__ends_when_woken_or_closed(Check& check) {
    Bench bench;
    REQUIRE(bench.ready());
    Domains domains(bench);
    REQUIRE(domains.subscribe(bench));
    REQUIRE(bench.publish_and_settle(1));
    bench.channel->wake_all();
    REQUIRE(bench.settle());
    EXPECT_EQ(domains.lazy.domain().processed(), 1);
    REQUIRE(bench.publish_and_settle(1));
    EXPECT_EQ(domains.lazy.domain().processed(), 1);
    bench.channel->close();
    REQUIRE(bench.settle());
    EXPECT_EQ(domains.lazy.domain().processed(), 2);
}

void lazy_wakeup__ends_with_the_last_request(Check& check) {
    Bench bench;
    REQUIRE(bench.ready());
    Domains domains(bench);
    REQUIRE(domains.subscribe(bench));
    Request* last = bench.channel->claim_last();
    REQUIRE(last);
    bench.channel->publish(*last);
    REQUIRE(bench.settle());
    EXPECT_EQ(domains.lazy.domain().processed(), 1);
}

void lazy_wakeup__ends_when_the_first_is_behind(Check& check) {
    Bench bench;
    REQUIRE(bench.ready());
    Behind behind(bench);
    REQUIRE(behind.subscribe(bench));
    REQUIRE(bench.publish_and_settle(kHelp));
    EXPECT_EQ(behind.lazy.domain().processed(), 0);
    for (uint64_t requests = kHelp + 1; requests <= 10; ++requests) {
        REQUIRE(bench.publish_and_settle(1));
        EXPECT_EQ(behind.lazy.domain().processed(), requests);
    }
    bench.channel->advance(*behind.first, 9);
    REQUIRE(bench.publish_and_settle(1));
    EXPECT_EQ(behind.lazy.domain().processed(), 10);
    bench.channel->advance(*behind.first, 2);
    REQUIRE(bench.publish_and_settle(kLazyLag - 1));
    EXPECT_EQ(behind.lazy.domain().processed(), 10 + kLazyLag);
}

void lazy_wakeup__nobody_is_left_to_when_the_first_has_gone(Check& check) {
    Bench bench;
    REQUIRE(bench.ready());
    Behind behind(bench);
    REQUIRE(behind.subscribe(bench));
    bench.channel->deactivate(*behind.first);
    REQUIRE(bench.publish_and_settle(1));
    EXPECT_EQ(behind.lazy.domain().processed(), 1);
}

constexpr Test kTests[] = {
    TEST(lazy_wakeup__the_others_come_for_several),
    TEST(lazy_wakeup__ends_when_woken_or_closed),
    TEST(lazy_wakeup__ends_with_the_last_request),
    TEST(lazy_wakeup__ends_when_the_first_is_behind),
    TEST(lazy_wakeup__nobody_is_left_to_when_the_first_has_gone),
};

}  // namespace

extern const Suite lazy_wakeup_suite = SUITE("lazy_wakeup", kTests);

}  // namespace kunit
