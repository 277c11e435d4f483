// SPDX-License-Identifier: GPL-2.0
//
// RFC 826, "Packet Reception": what an ARP packet says of its sender is merged into the table
// before it is asked to whom it is, and what it wants.
#include "kunit/packets.hh"

namespace kunit {
namespace {

using namespace scout;

// A neighbour at kPeerMac.
struct Known {
    explicit Known(Bed& bed) : bed_(bed) {
        bed.learn();
        neighbour = bed.arp->acquire(kPeerIp);
    }
    ~Known() { bed_.arp->release(neighbour); }
    bool is_at(MacAddress mac) const { return neighbour->packed_mac() == mac.packed(); }
    Bed& bed_;
    Neighbour* neighbour;
};

// The peer, which is at another MAC address now, says something to `target`.
Bytes from_peer(uint16_t operation, IpAddress target, MacAddress mac = kOtherMac) {
    return arp_frame({operation, mac, kPeerIp, {}, target});
}

void merge__whomever_it_is_to(Check& check) {
    constexpr uint16_t kInverseRequest = 8;
    for (const IpAddress target : {kOtherIp, kGatewayIp, kFarIp, IpAddress(), kPeerIp}) {
        for (const uint16_t operation :
             {uint16_t{kArpRequest}, uint16_t{kArpReply}, kInverseRequest}) {
            Bed bed;
            const Known peer(bed);
            EXPECT(peer.is_at(kPeerMac));
            EXPECT(bed.receive(from_peer(operation, target)) == Verdict::kPass);
            EXPECT(peer.is_at(kOtherMac));
            EXPECT_EQ(bed.sent(), 0);
        }
    }
}

void merge__at_once_where_it_is_to_us(Check& check) {
    for (const uint16_t operation : {kArpRequest, kArpReply}) {
        Bed bed;
        const Known peer(bed);
        EXPECT(bed.receive(from_peer(operation, kOurIp)) == Verdict::kTake);
        EXPECT(peer.is_at(kOtherMac));
    }
}

void merge__sends_what_waits(Check& check) {
    Bed bed;
    Neighbour* peer = bed.arp->acquire(kPeerIp);
    REQUIRE(peer);
    bed.arp->hold(*peer, rig::make_packet(eth(kOurMac, {}, kEtherIp, text("waits"))));
    bed.take();  // the request
    EXPECT(bed.receive(from_peer(kArpRequest, kOtherIp)) == Verdict::kPass);
    EXPECT(bed.take() == eth(kOurMac, kOtherMac, kEtherIp, text("waits")));
    bed.arp->release(peer);
}

// "If Merge_flag is false, add the triplet": only by what is to us.
void merge__makes_no_neighbour(Check& check) {
    Bed bed;
    for (const uint16_t operation : {kArpRequest, kArpReply})
        EXPECT(bed.receive(from_peer(operation, kOtherIp)) == Verdict::kPass);
    EXPECT(!bed.arp->busy());
    EXPECT_EQ(bed.interface.deferred(), 0);
}

// The request is the control thread's, and older by then.
void learn__does_not_undo_what_was_heard_since(Check& check) {
    Bed bed;
    const Known peer(bed);
    EXPECT(bed.receive(from_peer(kArpRequest, kOurIp, kPeerMac)) == Verdict::kTake);
    EXPECT(bed.receive(from_peer(kArpRequest, kPeerIp)) == Verdict::kPass);
    EXPECT_EQ(bed.interface.run_control(), 1);
    EXPECT(peer.is_at(kOtherMac));
}

// Whoever claims it.
void merge__not_our_own_address(Check& check) {
    Bed bed;
    Neighbour* ourselves = bed.arp->acquire(kOurIp);
    REQUIRE(ourselves);
    for (const IpAddress target : {kOurIp, kOtherIp})
        EXPECT(bed.receive(arp_frame({kArpRequest, kOtherMac, kOurIp, {}, target})) ==
               Verdict::kPass);
    EXPECT_EQ(ourselves->packed_mac(), 0);
    bed.arp->release(ourselves);
}

void merge__nothing_while_tentative(Check& check) {
    Bed bed;
    const Known peer(bed);
    bed.interface.tentative.store_relaxed(1);
    EXPECT(bed.receive(from_peer(kArpRequest, kOtherIp)) == Verdict::kPass);
    EXPECT(peer.is_at(kPeerMac));
}
// What was not asked for has to be confirmed, if it is used (Linux: NUD_STALE, then DELAY and
// PROBE).
void merge__of_another_address_is_in_doubt(Check& check) {
    Bed bed;
    const Known peer(bed);
    bed.receive(from_peer(kArpRequest, kOtherIp, kOtherMac));
    const uint64_t start = dominoes_now_ns();
    peer.neighbour->mark_used();
    bed.arp->tick(start + 10 * kSecond);
    EXPECT_EQ(bed.sent(), 1);
}

constexpr Test kTests[] = {
    TEST(merge__of_another_address_is_in_doubt),
    TEST(merge__whomever_it_is_to),
    TEST(merge__at_once_where_it_is_to_us),
    TEST(merge__sends_what_waits),
    TEST(merge__makes_no_neighbour),
    TEST(learn__does_not_undo_what_was_heard_since),
    TEST(merge__not_our_own_address),
    TEST(merge__nothing_while_tentative),
};

}  // namespace

extern const Suite rfc826_host_suite = SUITE("rfc826_host", kTests);

}  // namespace kunit
