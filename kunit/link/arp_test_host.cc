// SPDX-License-Identifier: GPL-2.0
#include "scout/link/arp.hh"

#include "kunit/link/arp.hh"

namespace kunit {
namespace {

using namespace neighbours;

// --- demux ---

void demux__drops_what_is_malformed(Check& check) {
    Bed bed;
    const Bytes good = request(kOurIp);
    for (size_t n = kEthHeaderBytes; n < good.size(); ++n) {
        EXPECT(bed.receive(Bytes(good.begin(), good.begin() + static_cast<long>(n))) ==
               Verdict::kDrop);
    }
    EXPECT_EQ(bed.count(Counter::drop_arp_malformed), kArpBytes);
    for (size_t at : {0, 1, 2, 3, 4, 5, 8}) {  // hardware, protocol, lengths, a multicast sender
        Bytes bad = good;
        bad[kEthHeaderBytes + at] ^= 0x11;
        EXPECT(bed.receive(bad) == Verdict::kDrop);
    }
    EXPECT_EQ(bed.count(Counter::drop_arp_malformed), kArpBytes + 7);
    EXPECT_EQ(bed.interface.deferred(), 0);
}

void demux__answers_a_request_for_our_address(Check& check) {
    Bed bed;
    EXPECT(bed.handle(request(kOurIp)) == Verdict::kTake);
    EXPECT_EQ(bed.count(Counter::arp_requests_in), 1);
    const Sent sent(bed.take());
    REQUIRE(sent.is_arp);
    EXPECT(sent.eth.destination == kPeerMac);
    EXPECT(sent.eth.source == kOurMac);
    EXPECT_EQ(sent.arp.operation, kArpReply);
    EXPECT(sent.arp.sender_ip == kOurIp && sent.arp.sender_mac == kOurMac);
    EXPECT(sent.arp.target_ip == kPeerIp && sent.arp.target_mac == kPeerMac);
}

void demux__learns_from_a_request(Check& check) {
    Bed bed;
    bed.handle(request(kOurIp));
    const Held peer(bed, kPeerIp);
    EXPECT_EQ(peer->packed_mac(), kPeerMac.packed());
    // But not about addresses that are not on this link.
    bed.handle(request(kOurIp, kFarIp));
    const Held far(bed, kFarIp);
    EXPECT_EQ(far->packed_mac(), 0);
}

void demux__takes_a_reply_that_was_asked_for(Check& check) {
    Bed bed;
    EXPECT(bed.handle(reply(kOurIp, kOtherIp)) == Verdict::kTake);
    EXPECT_EQ(bed.count(Counter::arp_replies_in), 0);  // nobody asked
    const Held peer(bed, kPeerIp);
    EXPECT(bed.handle(reply(kOurIp)) == Verdict::kTake);
    EXPECT_EQ(bed.count(Counter::arp_replies_in), 1);
    EXPECT_EQ(peer->packed_mac(), kPeerMac.packed());
}

void demux__passes_what_is_not_about_us(Check& check) {
    Bed bed;
    EXPECT(bed.receive(request(kOtherIp)) == Verdict::kPass);
    EXPECT(bed.receive(reply(kOtherIp)) == Verdict::kPass);
    EXPECT(bed.receive(arp_frame({8, kPeerMac, kPeerIp, {}, kOurIp})) == Verdict::kPass);
    EXPECT_EQ(bed.interface.deferred(), 0);
    EXPECT_EQ(bed.sent(), 0);
}

void demux__follows_an_announcement_and_passes_it(Check& check) {
    Bed bed;
    const Held peer(bed, kPeerIp);
    EXPECT(bed.receive(request(kPeerIp, kPeerIp)) == Verdict::kPass);
    EXPECT_EQ(peer->packed_mac(), kPeerMac.packed());
    EXPECT(bed.receive(reply(kPeerIp, kPeerIp, kOtherMac)) == Verdict::kPass);
    EXPECT_EQ(peer->packed_mac(), kOtherMac.packed());
    // It makes no neighbour.
    EXPECT(bed.receive(request(kOtherIp, kOtherIp)) == Verdict::kPass);
    const Held other(bed, kOtherIp);
    EXPECT_EQ(other->packed_mac(), 0);
}

void demux__follows_a_change_of_address(Check& check) {
    Bed bed;
    bed.learn(kPeerIp, kPeerMac);
    const Held peer(bed, kPeerIp);
    bed.learn(kPeerIp, kOtherMac);
    EXPECT_EQ(peer->packed_mac(), kOtherMac.packed());
}

// The host's stack sees it too; and our address is defended, once in 10 s.
void demux__answers_a_claim_to_our_address(Check& check) {
    Bed bed;
    EXPECT(bed.receive(request(kOurIp, kOurIp)) == Verdict::kPass);
    EXPECT(bed.receive(request(kOtherIp, kOurIp)) == Verdict::kPass);
    EXPECT(bed.receive(reply(kOurIp, kOurIp)) == Verdict::kPass);
    EXPECT_EQ(bed.count(Counter::arp_conflicts), 3);
    EXPECT_EQ(bed.count(Counter::arp_defences), 1);
    REQUIRE_EQ(bed.sent(), 1);
    const Sent sent(bed.take());
    REQUIRE(sent.is_arp);
    EXPECT(sent.eth.destination == kBroadcastMac);
    EXPECT(sent.arp.sender_ip == kOurIp && sent.arp.sender_mac == kOurMac);
    EXPECT(sent.arp.target_ip == kOurIp);
    // Our own frames, come back, are no conflict; nor is a neighbour's announcement.
    bed.receive(request(kOurIp, kOurIp, kOurMac));
    bed.receive(request(kPeerIp, kPeerIp));
    EXPECT_EQ(bed.count(Counter::arp_conflicts), 3);
    EXPECT_EQ(bed.sent(), 0);
}

void defend__again_after_a_while(Check& check) {
    Bed bed;
    const uint64_t start = dominoes_now_ns();
    const auto defences = [&bed](uint64_t at_ns) {
        bed.arp->defend(at_ns);
        return bed.count(Counter::arp_defences);
    };
    EXPECT_EQ(defences(start), 1);
    EXPECT_EQ(defences(start + 9 * kSecond), 1);
    EXPECT_EQ(defences(start + 10 * kSecond), 2);
    EXPECT_EQ(defences(start + 19 * kSecond), 2);
    EXPECT_EQ(bed.sent(), 2);
}

void demux__defends_our_address_against_a_probe(Check& check) {
    Bed bed;
    EXPECT(bed.handle(request(kOurIp, IpAddress())) == Verdict::kTake);
    const Sent sent(bed.take());
    REQUIRE(sent.is_arp);
    EXPECT_EQ(sent.arp.operation, kArpReply);
    EXPECT(sent.arp.sender_ip == kOurIp);
}

void demux__counts_what_the_control_thread_cannot_take(Check& check) {
    Bed bed;
    bed.interface.control_full = true;
    EXPECT(bed.receive(request(kOurIp)) == Verdict::kDrop);
    EXPECT_EQ(bed.count(Counter::drop_control_full), 1);
}

// --- the table ---

void create__fails_without_memory(Check& check) {
    if (check.skips_failures()) return;
    TestInterface interface;
    for (uint64_t mask : {1, 2, 4, 8}) {
        check.fail_allocations(mask);
        ArpRouter* router = ArpRouter::create(interface);
        check.fail_allocations(0);
        EXPECT(!router || mask == 8);
        dominoes::destroy(router);
    }
}

void acquire__gives_the_same_neighbour(Check& check) {
    Bed bed;
    EXPECT(!bed.arp->busy());
    const Held one(bed, kPeerIp), two(bed, kPeerIp), other(bed, kOtherIp);
    EXPECT(one.neighbour && one.neighbour == two.neighbour);
    EXPECT(other.neighbour && other.neighbour != one.neighbour);
    EXPECT(bed.arp->busy());
}

void acquire__says_when_there_is_work(Check& check) {
    Bed bed;
    int calls = 0;
    bed.arp->on_busy([](void* n) { ++*static_cast<int*>(n); }, &calls);
    const Held one(bed, kPeerIp);
    EXPECT_EQ(calls, 1);
    const Held two(bed, kOtherIp), again(bed, kPeerIp);
    EXPECT_EQ(calls, 1);
}

void acquire__fails_without_memory(Check& check) {
    if (check.skips_failures()) return;
    Bed bed;
    check.fail_allocations(1);
    EXPECT(bed.arp->acquire(kPeerIp) == nullptr);
    check.fail_allocations(0);
    EXPECT(!bed.arp->busy());
}

IpAddress nth(uint32_t n) { return IpAddress::v4(0x0a000000 + n); }

void acquire__reuses_the_oldest_when_full(Check& check) {
    Bed bed;
    std::vector<Neighbour*> all;
    for (uint32_t i = 0; i < ArpRouter::kMaxNeighbours; ++i)
        all.push_back(bed.arp->acquire(nth(i)));
    EXPECT(bed.arp->acquire(nth(5000)) == nullptr);  // all are referenced
    bed.arp->hold(*all[11], waiting("never to be sent"));
    bed.arp->release(all[11]);
    bed.arp->release(all[7]);
    // Both are free, and 7 is older.
    Neighbour* first = bed.arp->acquire(nth(5000));
    REQUIRE(first);
    Neighbour* eleventh = bed.arp->acquire(nth(11));
    EXPECT(eleventh == all[11]);
    bed.arp->release(eleventh);
    Neighbour* second = bed.arp->acquire(nth(5001));
    EXPECT(second != nullptr);
    EXPECT(bed.arp->acquire(nth(7)) == nullptr);
    bed.arp->release(first);
    bed.arp->release(second);
    for (uint32_t i = 0; i < all.size(); ++i) {
        if (i != 7 && i != 11) bed.arp->release(all[i]);
    }
}

// --- packets that wait ---

void hold__sends_once_resolved(Check& check) {
    Bed bed;
    const Held peer(bed, kPeerIp);
    bed.arp->hold(*peer.neighbour, waiting("first"));
    const Sent asked(bed.take());
    REQUIRE(asked.is_arp);
    EXPECT(asked.eth.destination == kBroadcastMac);
    EXPECT_EQ(asked.arp.operation, kArpRequest);
    EXPECT(asked.arp.target_ip == kPeerIp && asked.arp.target_mac.is_zero());
    EXPECT(asked.arp.sender_ip == kOurIp && asked.arp.sender_mac == kOurMac);
    EXPECT_EQ(bed.count(Counter::arp_requests_out), 1);
    EXPECT_EQ(bed.sent(), 0);
    bed.handle(reply(kOurIp));
    EXPECT(bed.take() == eth(kOurMac, kPeerMac, kEtherIp, text("first")));
    EXPECT_EQ(bed.sent(), 0);
}

void hold__keeps_the_newest_and_asks_once(Check& check) {
    Bed bed;
    const Held peer(bed, kPeerIp);
    const auto nth = [](uint32_t i) { return eth(kOurMac, {}, kEtherIp, Bytes(i)); };
    for (uint32_t i = 0; i < ArpQueue::kMax + 3; ++i)
        bed.arp->hold(*peer.neighbour, rig::make_packet(nth(i)));
    EXPECT_EQ(bed.count(Counter::arp_requests_out), 1);
    EXPECT_EQ(bed.count(Counter::drop_arp_waiting), 3);
    bed.take();
    bed.handle(reply(kOurIp));
    for (uint32_t i = 3; i < ArpQueue::kMax + 3; ++i)
        EXPECT(bed.take() == eth(kOurMac, kPeerMac, kEtherIp, Bytes(i)));
    EXPECT_EQ(bed.sent(), 0);
}

void queue__is_in_order_all_the_way_round(Check& check) {
    ArpQueue queue;
    uint32_t put = 0, taken = 0;
    for (uint32_t n : {1u, 5u, ArpQueue::kMax, 7u, ArpQueue::kMax - 1}) {
        for (uint32_t i = 0; i < n; ++i) EXPECT(!queue.put(rig::make_packet(Bytes(++put))));
        for (uint32_t i = 0; i < n; ++i) {
            dominoes_packet* packet = queue.take();
            REQUIRE(packet);
            EXPECT_EQ(dominoes_packet_bytes(packet), ++taken);
            dominoes_packet_free(packet);
        }
        EXPECT(!queue.take());
    }
    EXPECT(!queue.put(rig::make_packet(Bytes(9))));  // freed with the queue
}

void hold__sends_at_once_what_has_been_resolved_meanwhile(Check& check) {
    Bed bed;
    bed.learn();
    const Held peer(bed, kPeerIp);
    bed.arp->hold(*peer.neighbour, waiting("late"));
    EXPECT(bed.take() == eth(kOurMac, kPeerMac, kEtherIp, text("late")));
    EXPECT_EQ(bed.count(Counter::arp_requests_out), 0);
}

// A packet is put down for each neighbour just as it is resolved, once: none is lost, none sent
// twice.
struct Resolver {
    static constexpr uint32_t kNeighbours = 250;

    Bed& bed;
    dominoes::Atomic<uint32_t> turn;  // resolve the neighbours below it

    static IpAddress address(uint32_t n) { return IpAddress::v4(0xc0000203 + n); }
    static void run(void* argument) {
        auto& self = *static_cast<Resolver*>(argument);
        for (uint32_t i = 0; i < kNeighbours; ++i) {
            while (self.turn.load_acquire() <= i) dominoes_relax();
            self.bed.receive(request(address(i), address(i)));
        }
    }
};

void hold__while_being_resolved(Check& check) {
    // A busy machine lets the two meet rarely: it gets no more time, and may prove nothing.
    const uint64_t end_ns = dominoes_now_ns() + kSecond / 2;
    for (uint32_t round = check.scale(100, 5); round > 0 && dominoes_now_ns() < end_ns; --round) {
        Bed bed;
        bed.interface.device.refusing = true;  // its queue is not for two threads
        std::vector<Neighbour*> all;
        for (uint32_t i = 0; i < Resolver::kNeighbours; ++i) {
            all.push_back(bed.arp->acquire(Resolver::address(i)));
        }
        Resolver resolver{bed, {}};
        dominoes_thread* thread = dominoes_thread_start(&Resolver::run, &resolver, -1, "resolver");
        REQUIRE(thread);
        for (Neighbour* neighbour : all) {
            dominoes_packet* packet = waiting("x");
            resolver.turn.fetch_add_acq_rel(1);
            bed.arp->hold(*neighbour, packet);
            while (neighbour->packed_mac() == 0 && dominoes_now_ns() < end_ns) dominoes_relax();
        }
        dominoes_thread_join(thread);
        const uint64_t requests = bed.count(Counter::arp_requests_out);
        EXPECT_EQ(bed.count(Counter::tx_refused) - requests, all.size());
        for (Neighbour* neighbour : all) bed.arp->release(neighbour);
    }
}

void announce__tells_everyone(Check& check) {
    Bed bed;
    bed.arp->announce();
    const Sent sent(bed.take());
    REQUIRE(sent.is_arp);
    EXPECT(sent.eth.destination == kBroadcastMac);
    EXPECT(sent.arp.sender_ip == kOurIp && sent.arp.target_ip == kOurIp);
}

// --- an address that is not ours yet ---

// Its first turn is a pause.
void probe(Bed& bed) {
    bed.interface.tentative.store_relaxed(1);
    for (int turn : {0, 1}) bed.arp->advance_probing(turn * kSecond);
}

void advance_probing__sends_a_probe(Check& check) {
    Bed bed;
    probe(bed);
    const Bytes wanted = Bytes(6, 0xff) +
                         Bytes{2, 0, 0, 0, 0, 1, 8, 6} +         // broadcast, from us, ARP
                         Bytes{0, 1, 8, 0, 6, 4, 0, 1} +         // Ethernet, IPv4, request
                         Bytes{2, 0, 0, 0, 0, 1, 0, 0, 0, 0} +   // from us, who have no address
                         Bytes{0, 0, 0, 0, 0, 0, 192, 0, 2, 1};  // for ours
    EXPECT(bed.take() == wanted);
    EXPECT_EQ(bed.sent(), 0);
    EXPECT_EQ(bed.count(Counter::arp_requests_out), 1);
}

void advance_probing__to_the_announcements(Check& check) {
    Bed bed;
    uint64_t now = kSecond;
    bed.interface.tentative.store_relaxed(1);
    while (!bed.arp->probing().over()) now = bed.arp->advance_probing(now);
    EXPECT_EQ(bed.sent(), 3);
    bed.interface.device.sent.clear();
    bed.interface.tentative.store_relaxed(0);
    for (now = kSecond; now != ArpProbe::kNever;) now = bed.arp->advance_probing(now);
    REQUIRE_EQ(bed.sent(), 2);
    for (int i : {0, 1}) {
        const Sent sent(bed.take());
        EXPECT(sent.is_arp && sent.eth.destination == kBroadcastMac);
        EXPECT(sent.arp.sender_ip == kOurIp && sent.arp.target_ip == kOurIp && i < 2);
    }
}

// What was not sent has asked nobody.
void advance_probing__again_when_it_could_not_be_sent(Check& check) {
    Bed bed;
    CaptureLink& device = bed.interface.device;
    uint64_t now = kSecond;
    bed.interface.tentative.store_relaxed(1);
    for (int turn = 0; turn < 12 && !bed.arp->probing().over(); ++turn) {
        device.fail_builds = turn < 4;
        device.refusing = turn >= 4 && turn < 8;
        now = bed.arp->advance_probing(now);
    }
    EXPECT(bed.arp->probing().free());
    EXPECT_EQ(bed.count(Counter::tx_no_memory), 3);
    EXPECT_EQ(bed.count(Counter::tx_refused), 4);
    EXPECT_EQ(bed.sent(), 3);
}

void demux__hears_and_passes_all_while_tentative(Check& check) {
    Bed bed;
    bed.interface.tentative.store_relaxed(1);
    EXPECT(bed.receive(request(kOurIp)) == Verdict::kPass);
    EXPECT(bed.receive(reply(kOurIp)) == Verdict::kPass);
    EXPECT(bed.receive(request(kOurIp, {}, kOurMac)) == Verdict::kPass);  // ours, come back
    EXPECT(!bed.arp->probing().over());
    EXPECT(bed.receive(reply(kPeerIp, kOurIp)) == Verdict::kPass);
    EXPECT(bed.arp->probing().owner() == kPeerMac);
    EXPECT_EQ(bed.interface.deferred(), 0);
    EXPECT_EQ(bed.sent(), 0);  // neither an answer nor a defence
    EXPECT(!bed.arp->busy());
    EXPECT_EQ(bed.count(Counter::arp_conflicts), 0);
}

constexpr Test kTests[] = {
    TEST(demux__drops_what_is_malformed),
    TEST(demux__answers_a_request_for_our_address),
    TEST(demux__learns_from_a_request),
    TEST(demux__takes_a_reply_that_was_asked_for),
    TEST(demux__passes_what_is_not_about_us),
    TEST(demux__follows_an_announcement_and_passes_it),
    TEST(demux__follows_a_change_of_address),
    TEST(demux__answers_a_claim_to_our_address),
    TEST(defend__again_after_a_while),
    TEST(demux__defends_our_address_against_a_probe),
    TEST(demux__counts_what_the_control_thread_cannot_take),
    TEST(create__fails_without_memory),
    TEST(acquire__gives_the_same_neighbour),
    TEST(acquire__says_when_there_is_work),
    TEST(acquire__fails_without_memory),
    TEST(acquire__reuses_the_oldest_when_full),
    TEST(hold__sends_once_resolved),
    TEST(hold__keeps_the_newest_and_asks_once),
    TEST(queue__is_in_order_all_the_way_round),
    TEST(hold__sends_at_once_what_has_been_resolved_meanwhile),
    TEST(hold__while_being_resolved),
    TEST(announce__tells_everyone),
    TEST(advance_probing__sends_a_probe),
    TEST(advance_probing__to_the_announcements),
    TEST(advance_probing__again_when_it_could_not_be_sent),
    TEST(demux__hears_and_passes_all_while_tentative),
};

}  // namespace

extern const Suite arp_host_suite = SUITE("arp_host", kTests);

}  // namespace kunit
