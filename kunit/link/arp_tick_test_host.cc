// SPDX-License-Identifier: GPL-2.0
//
// What the table of neighbours does as time passes.
#include "kunit/link/arp.hh"

namespace kunit {
namespace {

using namespace neighbours;

void tick__asks_three_times_and_gives_up(Check& check) {
    Bed bed;
    const Held peer(bed, kPeerIp);
    const uint64_t start = dominoes_now_ns();
    bed.arp->hold(*peer.neighbour, waiting("lost"));
    bed.arp->tick(start + kSecond / 10);  // too early
    EXPECT_EQ(bed.count(Counter::arp_requests_out), 1);
    for (uint64_t second = 1; second <= 2; ++second) {
        bed.arp->tick(start + second * kSecond);
        EXPECT_EQ(bed.count(Counter::arp_requests_out), 1 + second);
        EXPECT(!peer->failed());
    }
    bed.arp->tick(start + 3 * kSecond);
    EXPECT_EQ(bed.count(Counter::arp_requests_out), 3);
    EXPECT_EQ(bed.count(Counter::arp_failed), 1);
    EXPECT(peer->failed());
    bed.arp->tick(start + 4 * kSecond);
    EXPECT_EQ(bed.count(Counter::arp_failed), 1);

    bed.interface.device.sent.clear();
    bed.handle(reply(kOurIp));
    EXPECT(!peer->failed());
    EXPECT_EQ(bed.sent(), 0);  // the packet was given up too
    EXPECT_EQ(bed.count(Counter::drop_arp_waiting), 1);
}

void tick__begins_anew_after_a_failure(Check& check) {
    Bed bed;
    const Held peer(bed, kPeerIp);
    const uint64_t start = dominoes_now_ns();
    bed.arp->hold(*peer.neighbour, waiting("lost"));
    for (uint64_t second = 1; second <= 3; ++second) bed.arp->tick(start + second * kSecond);
    EXPECT(peer->failed());
    bed.interface.device.sent.clear();
    bed.arp->hold(*peer.neighbour, waiting("again"));
    EXPECT_EQ(bed.sent(), 1);
    EXPECT(peer->failed());  // until it is answered
    bed.take();
    bed.handle(reply(kOurIp));
    EXPECT(!peer->failed());
    EXPECT(bed.take() == eth(kOurMac, kPeerMac, kEtherIp, text("again")));
}

void tick__refreshes_what_is_used(Check& check) {
    Bed bed;
    bed.learn();
    const Held peer(bed, kPeerIp);
    const uint64_t start = dominoes_now_ns();
    bed.arp->tick(start + 61 * kSecond);
    EXPECT_EQ(bed.sent(), 0);  // not used
    peer->mark_used();
    bed.arp->tick(start + 59 * kSecond);
    EXPECT_EQ(bed.sent(), 0);  // still fresh
    bed.arp->tick(start + 61 * kSecond);
    const Sent sent(bed.take());
    REQUIRE(sent.is_arp);
    EXPECT(sent.eth.destination == kPeerMac);
    EXPECT_EQ(peer->packed_mac(), kPeerMac.packed());  // works meanwhile
    bed.handle(reply(kOurIp));
    bed.arp->tick(start + 62 * kSecond);
    EXPECT_EQ(bed.sent(), 0);
}

void tick__asks_everyone_when_a_refresh_goes_unanswered(Check& check) {
    Bed bed;
    bed.learn();
    const Held peer(bed, kPeerIp);
    const uint64_t start = dominoes_now_ns() + 61 * kSecond;
    peer->mark_used();
    for (uint64_t second = 0; second < 6; ++second) {
        bed.arp->tick(start + second * kSecond);
        const Sent sent(bed.take());
        REQUIRE(sent.is_arp);
        EXPECT(sent.eth.destination == (second < 3 ? kPeerMac : kBroadcastMac));
        EXPECT(peer->packed_mac() != 0);
    }
    bed.arp->tick(start + 6 * kSecond);
    EXPECT_EQ(bed.count(Counter::arp_failed), 1);
    EXPECT(peer->failed());
    EXPECT_EQ(peer->packed_mac(), 0);
}

void tick__forgets_what_nobody_uses(Check& check) {
    Bed bed;
    bed.learn(kOtherIp, kOtherMac);
    const Held peer(bed, kPeerIp);
    const uint64_t start = dominoes_now_ns();
    bed.arp->tick(start + 599 * kSecond);
    {
        const Held other(bed, kOtherIp);
        EXPECT_EQ(other->packed_mac(), kOtherMac.packed());
        bed.arp->tick(start + 601 * kSecond);  // it is held
        EXPECT_EQ(other->packed_mac(), kOtherMac.packed());
    }
    bed.arp->tick(dominoes_now_ns() + 601 * kSecond);
    const Held other(bed, kOtherIp);
    EXPECT_EQ(other->packed_mac(), 0);
    const Held again(bed, kPeerIp);
    EXPECT(again.neighbour == peer.neighbour);
}

void tick__until_nothing_is_left(Check& check) {
    Bed bed;
    int calls = 0;
    bed.arp->on_busy([](void* n) { ++*static_cast<int*>(n); }, &calls);
    bed.learn();
    EXPECT(bed.arp->busy());
    bed.arp->tick(dominoes_now_ns() + 601 * kSecond);
    EXPECT(!bed.arp->busy());
    bed.learn();
    EXPECT_EQ(calls, 2);
}

constexpr Test kTests[] = {
    TEST(tick__asks_three_times_and_gives_up),
    TEST(tick__begins_anew_after_a_failure),
    TEST(tick__refreshes_what_is_used),
    TEST(tick__asks_everyone_when_a_refresh_goes_unanswered),
    TEST(tick__forgets_what_nobody_uses),
    TEST(tick__until_nothing_is_left),
};

}  // namespace

extern const Suite arp_tick_host_suite = SUITE("arp_tick_host", kTests);

}  // namespace kunit
