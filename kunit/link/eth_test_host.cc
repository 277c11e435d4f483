// SPDX-License-Identifier: GPL-2.0
#include "kunit/packets.hh"

namespace kunit {
namespace {

using namespace scout;

Bytes arp_request_from_peer() { return Bytes(kArpBytes); }

void demux__drops_what_is_short(Check& check) {
    Bed bed;
    for (size_t n = 0; n < kEthHeaderBytes; ++n) {
        EXPECT(bed.receive(Bytes(n)) == Verdict::kDrop);
        EXPECT_EQ(bed.count(Counter::drop_eth_short), n + 1);
    }
}

void demux__passes_frames_to_others(Check& check) {
    Bed bed;
    const Bytes ip = ip_packet(kUdp, udp_datagram(1, 2, {}));
    EXPECT(bed.receive(eth(kPeerMac, kOtherMac, kEtherIp, ip)) == Verdict::kPass);
    EXPECT(bed.receive(eth(kPeerMac, {{1, 0, 0x5e, 0, 0, 1}}, kEtherIp, ip)) == Verdict::kPass);
    EXPECT(bed.receive(eth({{3, 0, 0, 0, 0, 2}}, kOurMac, kEtherIp, ip)) == Verdict::kPass);
    EXPECT_EQ(bed.count(Counter::drop_udp_no_port), 0);
    EXPECT(bed.receive(framed(ip)) != Verdict::kPass);
    EXPECT_EQ(bed.count(Counter::drop_udp_no_port), 1);
}

void demux__passes_other_types(Check& check) {
    Bed bed;
    for (uint16_t type : {uint16_t{0x86dd}, uint16_t{kEtherVlan}, uint16_t{kEtherProviderVlan},
                          uint16_t{0x0026}, uint16_t{0x88cc}}) {
        EXPECT(bed.receive(eth(kPeerMac, kOurMac, type, arp_request_from_peer())) ==
               Verdict::kPass);
    }
}

void demux__notes_a_broadcast(Check& check) {
    Bed bed;
    const Bytes ip = ip_packet(kUdp, udp_datagram(1, 2, {}));
    EXPECT(bed.receive(eth(kPeerMac, kBroadcastMac, kEtherIp, ip)) == Verdict::kDrop);
    EXPECT_EQ(bed.count(Counter::drop_udp_no_port), 1);
    EXPECT_EQ(bed.interface.deferred(), 0);  // no ICMP error about a broadcast
}

// A path of our own, whose driver tells what became of the message.
struct TellingDriver final : DriverStage {
    using DriverStage::DriverStage;
    void held() override { ++held_count; }
    void send(dominoes_packet* packet) override {
        ++sent_count;
        DriverStage::send(packet);
    }
    uint32_t held_count = 0;
    uint32_t sent_count = 0;
};

void push__prepends_the_header(Check& check) {
    Bed bed;
    bed.learn();
    Neighbour* peer = bed.arp->acquire(kPeerIp);
    REQUIRE(peer);
    TellingDriver driver(bed.interface);
    EthStage stage(driver, bed.interface, *bed.arp, *peer);
    Msg msg;
    msg.set_payload("hello", 5);
    EXPECT(stage.push(msg));
    EXPECT_EQ(driver.sent_count, 1);
    EXPECT_EQ(driver.held_count, 0);
    EXPECT(bed.take() == eth(kOurMac, kPeerMac, kEtherIp, text("hello")));
    bed.arp->release(peer);
}

void push__holds_what_has_no_address_yet(Check& check) {
    Bed bed;
    Neighbour* peer = bed.arp->acquire(kPeerIp);
    REQUIRE(peer);
    TellingDriver driver(bed.interface);
    EthStage stage(driver, bed.interface, *bed.arp, *peer);
    Msg msg;
    msg.set_payload("hello", 5);
    EXPECT(stage.push(msg));
    EXPECT_EQ(driver.sent_count, 0);
    EXPECT_EQ(driver.held_count, 1);
    EXPECT(Sent(bed.take()).is_arp);
    bed.handle(arp_frame({kArpReply, kPeerMac, kPeerIp, kOurMac, kOurIp}, kOurMac));
    EXPECT(bed.take() == eth(kOurMac, kPeerMac, kEtherIp, text("hello")));
    bed.arp->release(peer);
}

constexpr Test kTests[] = {
    TEST(demux__drops_what_is_short), TEST(demux__passes_frames_to_others),
    TEST(demux__passes_other_types),  TEST(demux__notes_a_broadcast),
    TEST(push__prepends_the_header),  TEST(push__holds_what_has_no_address_yet),
};

}  // namespace

extern const Suite eth_host_suite = SUITE("eth_host", kTests);

}  // namespace kunit
