// SPDX-License-Identifier: GPL-2.0
//
// RingChannel::set_patience(): who comes for which requests.
#include "dominoes/ring_channel.hh"
#include "kunit/framework.hh"

namespace kunit {
namespace {

constexpr uint32_t kHelp = 4, kPatience = 8;

struct Bench {
    TestContext context;
    Owned<RingChannel> channel{RingChannel::create(16)};

    bool ready() {
        if (!context.running() || !channel) return false;
        channel->set_patience(kHelp, kPatience);
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

// A first domain, which sees to everything, and one that has patience.
struct Domains {
    Taker first;
    Taker patient;

    explicit Domains(Bench& bench)
        : first(*bench.context, *bench.channel, take),
          patient(*bench.context, *bench.channel, take) {}
    bool subscribe(Bench& bench) {
        return first.subscribe() && patient.subscribe() && bench.settle();
    }
};

// A first subscription that does nothing by itself, and a domain that has patience.
struct Behind {
    Reader first;
    Taker patient;

    explicit Behind(Bench& bench)
        : first(*bench.context, *bench.channel), patient(*bench.context, *bench.channel, take) {}
    bool subscribe(Bench& bench) {
        return first.activate(0) && patient.subscribe() && bench.settle();
    }
};

void patience__the_others_come_for_several(Check& check) {
    Bench bench;
    REQUIRE(bench.ready());
    Domains domains(bench);
    REQUIRE(domains.subscribe(bench));
    for (uint32_t i = 0; i < kPatience; i += kHelp) REQUIRE(bench.publish_and_settle(kHelp));
    EXPECT_EQ(domains.first.domain().processed(), kPatience);
    EXPECT_EQ(domains.patient.domain().processed(), 0);
    REQUIRE(bench.publish_and_settle(1));
    EXPECT_EQ(domains.patient.domain().processed(), kPatience + 1);
    REQUIRE(bench.publish_and_settle(1));
    EXPECT_EQ(domains.patient.domain().processed(), kPatience + 1);
}

void patience__ends_when_hurried_or_closed(Check& check) {
    Bench bench;
    REQUIRE(bench.ready());
    Domains domains(bench);
    REQUIRE(domains.subscribe(bench));
    REQUIRE(bench.publish_and_settle(1));
    bench.channel->hurry();
    REQUIRE(bench.settle());
    EXPECT_EQ(domains.patient.domain().processed(), 1);
    REQUIRE(bench.publish_and_settle(1));
    EXPECT_EQ(domains.patient.domain().processed(), 1);
    bench.channel->close();
    REQUIRE(bench.settle());
    EXPECT_EQ(domains.patient.domain().processed(), 2);
}

void patience__ends_with_the_last_request(Check& check) {
    Bench bench;
    REQUIRE(bench.ready());
    Domains domains(bench);
    REQUIRE(domains.subscribe(bench));
    Request* last = bench.channel->claim_last();
    REQUIRE(last);
    bench.channel->publish(*last);
    REQUIRE(bench.settle());
    EXPECT_EQ(domains.patient.domain().processed(), 1);
}

void patience__ends_when_the_first_is_behind(Check& check) {
    Bench bench;
    REQUIRE(bench.ready());
    Behind behind(bench);
    REQUIRE(behind.subscribe(bench));
    REQUIRE(bench.publish_and_settle(kHelp));
    EXPECT_EQ(behind.patient.domain().processed(), 0);
    for (uint64_t requests = kHelp + 1; requests <= 10; ++requests) {
        REQUIRE(bench.publish_and_settle(1));
        EXPECT_EQ(behind.patient.domain().processed(), requests);
    }
    bench.channel->advance(*behind.first, 9);
    REQUIRE(bench.publish_and_settle(1));
    EXPECT_EQ(behind.patient.domain().processed(), 10);
    bench.channel->advance(*behind.first, 2);
    REQUIRE(bench.publish_and_settle(kPatience - 1));
    EXPECT_EQ(behind.patient.domain().processed(), 10 + kPatience);
}

void patience__nobody_is_left_to_when_the_first_has_gone(Check& check) {
    Bench bench;
    REQUIRE(bench.ready());
    Behind behind(bench);
    REQUIRE(behind.subscribe(bench));
    bench.channel->deactivate(*behind.first);
    REQUIRE(bench.publish_and_settle(1));
    EXPECT_EQ(behind.patient.domain().processed(), 1);
}

constexpr Test kTests[] = {
    TEST(patience__the_others_come_for_several),
    TEST(patience__ends_when_hurried_or_closed),
    TEST(patience__ends_with_the_last_request),
    TEST(patience__ends_when_the_first_is_behind),
    TEST(patience__nobody_is_left_to_when_the_first_has_gone),
};

}  // namespace

extern const Suite patience_suite = SUITE("patience", kTests);

}  // namespace kunit
