// SPDX-License-Identifier: GPL-2.0
#include "scout/link/arp_probe.hh"

#include "kunit/test.hh"
#include "scout/link/arp.hh"

namespace kunit {
namespace {

using namespace scout;
using Act = ArpProbe::Act;
using Turn = ArpProbe::Turn;

constexpr uint64_t kStart = 5'000'000'000;
constexpr uint64_t kSecond = 1'000'000'000;
constexpr IpAddress kAddress = IpAddress::v4(0xc0000201);
constexpr IpAddress kOther = IpAddress::v4(0xc0000203);
constexpr MacAddress kOwn{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kRival{{2, 0, 0, 0, 0, 7}};
constexpr MacAddress kThird{{2, 0, 0, 0, 0, 8}};

// A probing of the address, in time of its own: each turn is taken when it is due.
struct Probing {
    Probing() {
        probe.on_over([](void* self) { ++static_cast<Probing*>(self)->told; }, this);
    }
    Act turn() {
        now_ns = due_ns;
        const Turn turn = probe.advance(now_ns);
        due_ns = turn.next_ns;
        return turn.act;
    }
    uint64_t pause_ns() const { return due_ns - now_ns; }
    void turns(uint32_t count) {
        for (; count != 0; --count) turn();
    }
    void hear(uint16_t operation, MacAddress mac, IpAddress sender, IpAddress target) {
        probe.hear({operation, mac, sender, {}, target}, kAddress, kOwn);
    }

    ArpProbe probe;
    uint64_t now_ns = 0;
    uint64_t due_ns = kStart;
    uint32_t told = 0;
};

constexpr uint32_t kToTheEnd = 2 + ArpProbe::kProbeNum;  // turns: both waits, and what is between

void advance__probes_three_times_in_random_intervals(Check& check) {
    uint32_t low[3] = {}, high[3] = {};
    const auto random = [&](uint32_t i, uint64_t pause_ns, uint64_t min_ns) {
        EXPECT(pause_ns >= min_ns && pause_ns <= min_ns + kSecond);
        ++(pause_ns < min_ns + kSecond / 2 ? low : high)[i];
    };
    for (uint32_t i = 0; i < 100; ++i) {
        Probing probing;
        EXPECT(probing.turn() == Act::kNothing);
        random(0, probing.pause_ns(), 0);
        for (uint32_t gap = 1; gap < 3; ++gap) {
            EXPECT(probing.turn() == Act::kProbe);
            random(gap, probing.pause_ns(), kSecond);
        }
        EXPECT(probing.turn() == Act::kProbe);
        EXPECT_EQ(probing.pause_ns(), 2 * kSecond);
        EXPECT(!probing.probe.over());
    }
    // All on one side has a chance of one in 2^99.
    for (uint32_t gap = 0; gap < 3; ++gap) EXPECT(low[gap] != 0 && high[gap] != 0);
}

void advance__calls_it_free_when_nobody_was_heard(Check& check) {
    Probing probing;
    probing.turns(kToTheEnd - 1);
    EXPECT(!probing.probe.over() && !probing.probe.free());
    EXPECT_EQ(probing.told, 0);
    EXPECT(probing.turn() == Act::kNothing);
    EXPECT(probing.probe.over() && probing.probe.free());
    EXPECT_EQ(probing.told, 1);
    EXPECT_EQ(probing.due_ns, ArpProbe::kNever);
}

void advance__announces_it_twice(Check& check) {
    Probing probing;
    probing.turns(kToTheEnd);
    probing.due_ns = kStart + 60 * kSecond;
    EXPECT(probing.turn() == Act::kAnnounce);
    EXPECT_EQ(probing.pause_ns(), 2 * kSecond);
    EXPECT(probing.turn() == Act::kAnnounce);
    EXPECT_EQ(probing.due_ns, ArpProbe::kNever);
    EXPECT_EQ(probing.told, 1);
}

void not_sent__is_to_be_sent_again(Check& check) {
    Probing probing;
    probing.turn();
    for (uint32_t i = 0; i < 10; ++i) {
        EXPECT(probing.turn() == Act::kProbe);
        probing.probe.not_sent();
        EXPECT(probing.pause_ns() >= kSecond);
    }
    for (uint32_t i = 0; i < ArpProbe::kProbeNum; ++i) EXPECT(probing.turn() == Act::kProbe);
    EXPECT(probing.turn() == Act::kNothing);
    EXPECT(probing.probe.free());
}

void expect_owner(Check& check, Probing& probing, MacAddress owner) {
    EXPECT(probing.probe.over() && !probing.probe.free());
    EXPECT_EQ(probing.probe.owner().packed(), owner.packed());
    EXPECT_EQ(probing.told, 1);
    EXPECT(probing.turn() == Act::kNothing);
    EXPECT_EQ(probing.due_ns, ArpProbe::kNever);
}

// Whatever it says, and to whom; also from a MAC address like ours.
void hear__who_sends_from_the_address_has_it(Check& check) {
    constexpr ArpOperation kOperations[] = {kArpRequest, kArpReply};
    constexpr IpAddress kTargets[] = {kAddress, kOther, {}};
    constexpr MacAddress kSenders[] = {kRival, kOwn};
    for (ArpOperation operation : kOperations) {
        for (IpAddress target : kTargets) {
            for (MacAddress mac : kSenders) {
                Probing probing;
                probing.turns(2);
                probing.hear(operation, mac, kAddress, target);
                expect_owner(check, probing, mac);
            }
        }
    }
}

void hear__who_probes_for_it_as_well_is_a_rival(Check& check) {
    Probing probing;
    probing.turn();
    probing.hear(kArpRequest, kRival, {}, kAddress);
    expect_owner(check, probing, kRival);
}

void hear__our_own_probe_is_none(Check& check) {
    Probing probing;
    probing.turns(2);
    probing.hear(kArpRequest, kOwn, {}, kAddress);
    EXPECT(!probing.probe.over());
    EXPECT(probing.turn() == Act::kProbe);
}

void hear__others_go_on_with_their_business(Check& check) {
    Probing probing;
    probing.turns(2);
    probing.hear(kArpRequest, kRival, kOther, kAddress);  // who looks for the address
    probing.hear(kArpRequest, kRival, {}, kOther);        // who probes for another
    probing.hear(kArpRequest, kRival, kOther, kOther);
    probing.hear(kArpReply, kRival, kOther, kAddress);
    probing.hear(kArpReply, kRival, {}, kAddress);  // no probe is a reply
    EXPECT(!probing.probe.over());
    EXPECT_EQ(probing.told, 0);
}

void hear__the_first_owner_stays(Check& check) {
    Probing probing;
    probing.turn();
    probing.hear(kArpReply, kRival, kAddress, {});
    probing.hear(kArpReply, kThird, kAddress, {});
    expect_owner(check, probing, kRival);
}

// In the last wait; and when it was thought free, but is not used yet.
void hear__to_the_end_and_beyond(Check& check) {
    for (uint32_t turns = kToTheEnd - 1; turns <= kToTheEnd; ++turns) {
        Probing probing;
        probing.turns(turns);
        probing.hear(kArpReply, kRival, kAddress, {});
        expect_owner(check, probing, kRival);
    }
}

constexpr Test kTests[] = {
    TEST(advance__probes_three_times_in_random_intervals),
    TEST(advance__calls_it_free_when_nobody_was_heard),
    TEST(advance__announces_it_twice),
    TEST(not_sent__is_to_be_sent_again),
    TEST(hear__who_sends_from_the_address_has_it),
    TEST(hear__who_probes_for_it_as_well_is_a_rival),
    TEST(hear__our_own_probe_is_none),
    TEST(hear__others_go_on_with_their_business),
    TEST(hear__the_first_owner_stays),
    TEST(hear__to_the_end_and_beyond),
};

}  // namespace

extern const Suite arp_probe_suite = SUITE("arp_probe", kTests);

}  // namespace kunit
