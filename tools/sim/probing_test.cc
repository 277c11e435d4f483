// SPDX-License-Identifier: GPL-2.0
//
// A device whose address is probed for before it is used (RFC 5227 section 2.1): from the attach to
// its announcements, or to who else has it, in virtual time.
#include <gtest/gtest.h>

#include "kunit/counted.hh"
#include "scout/ip/ip.hh"
#include "scout/link/arp.hh"
#include "scout/net/errors.hh"
#include "scout/net/stack_types.hh"
#include "tools/rig/rig.hh"
#include "tools/sim/scenario.hh"
#include "tools/sim/scheduler.hh"

namespace sim {
namespace {

using namespace scout;
using Bytes = std::vector<uint8_t>;

constexpr IpAddress kOurIp = IpAddress::v4(0xc0000201);
constexpr IpAddress kPeerIp = IpAddress::v4(0xc0000202);
constexpr MacAddress kOurMac{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kPeerMac{{2, 0, 0, 0, 0, 2}};
constexpr uint64_t kSecond = 1'000'000'000;

Bytes frame(uint16_t type, size_t bytes) {
    Bytes made(kEthHeaderBytes + bytes);
    write_eth(made.data(), {kOurMac, kPeerMac, type});
    return made;
}

Bytes arp_frame(const ArpMessage& message) {
    Bytes made = frame(kEtherArp, kArpBytes);
    write_arp(&made[kEthHeaderBytes], message);
    return made;
}

Bytes ip_frame() {
    Bytes made = frame(kEtherIp, kIpHeaderBytes + 8);
    IpHeader header{};
    header.total_bytes = kIpHeaderBytes + 8;
    header.ttl = 64;
    header.protocol = kUdp;
    header.source = kPeerIp;
    header.destination = kOurIp;
    write_ip(&made[kEthHeaderBytes], header);
    return made;
}

// Remembers what was sent, and when.
class TimedLink final : public rig::Link {
public:
    bool transmit(dominoes_packet* packet) override {
        ArpMessage message{};  // an operation of 0 is no ARP
        if (load_be16(packet->data + 12) == kEtherArp) {
            parse_arp(packet->data + kEthHeaderBytes, packet->bytes - kEthHeaderBytes, message);
        }
        sent.push_back(message);
        sent_ns.push_back(dominoes_now_ns());
        dominoes_packet_free(packet);
        return true;
    }
    bool is_probe(size_t n) const {
        return sent[n].operation == kArpRequest && sent[n].sender_ip.is_any() &&
               sent[n].target_ip == kOurIp;
    }
    bool is_announcement(size_t n) const {
        return sent[n].operation == kArpRequest && sent[n].sender_ip == kOurIp &&
               sent[n].target_ip == kOurIp;
    }
    uint64_t gap_ns(size_t n) const { return sent_ns[n + 1] - sent_ns[n]; }

    std::vector<ArpMessage> sent;
    std::vector<uint64_t> sent_ns;
};

class NoUser final : public rig::User {
public:
    void wake() override {}
};

struct Probed {
    Probed() : stack(scout_stack_create()) {
        static constexpr int kAnyCpu = -1;
        struct scout_attach attach {};
        attach.link = &link;
        attach.id = 1;
        attach.address = to_program({kOurIp, 0});
        attach.prefix_len = 24;
        attach.replicas = 1;
        attach.cpus = &kAnyCpu;
        attach.cpu_count = 1;
        attach.probed = [](void* self) { ++static_cast<Probed*>(self)->told; };
        attach.probed_context = this;
        EXPECT_EQ(0, scout_attach(stack, &attach, &nic));
    }
    ~Probed() {
        scout_detach(nic);
        scout_stack_destroy(stack);
    }

    void pass(uint64_t ns) {
        Scheduler& world = Scheduler::current();
        const uint64_t end_ns = world.now_ns() + ns;
        for (world.settle(); world.next_deadline() < end_ns; world.settle())
            world.advance_to(world.next_deadline());
        world.advance_to(end_ns);
        world.settle();
    }
    void receive(const Bytes& frame) {
        dominoes_packet* packet = rig::make_packet(frame);
        if (!scout_receive(nic, packet)) dominoes_packet_free(packet);
        Scheduler::current().settle();
    }
    // What an endpoint is told that is bound to the address, to any, or is to be connected.
    int bind() const {
        return try_endpoint(kTcp, [](scout_endpoint* one) {
            const dominoes_sockaddr local = to_program({kOurIp, 80});
            return scout_bind(one, &local);
        });
    }
    int listen() const {
        return try_endpoint(kTcp, [](scout_endpoint* one) { return scout_listen(one, 0); });
    }
    int connect() const {
        return try_endpoint(kUdp, [](scout_endpoint* one) {
            const dominoes_sockaddr peer = to_program({kPeerIp, 80});
            return scout_connect(one, &peer);
        });
    }
    int outcome() { return scout_probed(nic, owner.bytes); }

    int try_endpoint(int protocol, int (*call)(scout_endpoint* endpoint)) const {
        NoUser user;
        scout_endpoint* endpoint = nullptr;
        EXPECT_EQ(
            0, scout_endpoint_create(stack, protocol, static_cast<rig::User*>(&user), &endpoint));
        const int result = call(endpoint);
        scout_endpoint_close(endpoint);
        return result;
    }

    TimedLink link;
    scout_stack* stack;
    scout_nic* nic = nullptr;
    uint32_t told = 0;
    MacAddress owner{};
};

void in_virtual_time(const std::function<void()>& test) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        Scheduler scheduler(seed, {.switching = 0.5});
        ASSERT_TRUE(scheduler.run(test)) << scheduler.failure();
    }
}

const Bytes kRequest = arp_frame({kArpRequest, kPeerMac, kPeerIp, {}, kOurIp});
const Bytes kReply = arp_frame({kArpReply, kPeerMac, kOurIp, kOurMac, {}});

TEST(Probing, ends_in_announcements_when_nobody_answers) {
    in_virtual_time([] {
        Probed probed;
        EXPECT_EQ(-int{kEagain}, probed.outcome());
        while (probed.told == 0 && probed.link.sent.size() < 4) probed.pass(kSecond / 10);
        ASSERT_EQ(3u, probed.link.sent.size());
        for (size_t n : {0, 1, 2}) EXPECT_TRUE(probed.link.is_probe(n));
        for (size_t n : {0, 1}) {
            EXPECT_GE(probed.link.gap_ns(n), kSecond);
            EXPECT_LE(probed.link.gap_ns(n), 2 * kSecond + 2 * kMillisecond);  // and two ticks
        }
        EXPECT_GE(dominoes_now_ns() - probed.link.sent_ns[2], 2 * kSecond);
        EXPECT_TRUE(scout_tentative(probed.nic));
        EXPECT_EQ(0, probed.outcome());
        EXPECT_FALSE(scout_tentative(probed.nic));
        probed.pass(10 * kSecond);
        ASSERT_EQ(5u, probed.link.sent.size());
        EXPECT_TRUE(probed.link.is_announcement(3) && probed.link.is_announcement(4));
        EXPECT_GE(probed.link.gap_ns(3), 2 * kSecond);
        EXPECT_EQ(1u, probed.told);
    });
}

TEST(Probing, uses_the_address_only_afterwards) {
    in_virtual_time([] {
        Probed probed;
        probed.pass(4 * kSecond);
        EXPECT_EQ(-int{kEaddrnotavail}, probed.bind());
        EXPECT_EQ(-int{kEaddrnotavail}, probed.listen());
        EXPECT_EQ(-int{kEnetunreach}, probed.connect());
        const size_t sent = probed.link.sent.size();
        probed.receive(kRequest);
        probed.receive(ip_frame());
        EXPECT_EQ(sent, probed.link.sent.size());
        EXPECT_EQ(1u, counted(probed.nic, Counter::drop_ip_tentative));
        probed.pass(4 * kSecond);
        EXPECT_EQ(0, probed.outcome());
        EXPECT_EQ(0, probed.bind());
        EXPECT_EQ(0, probed.listen());
        EXPECT_EQ(0, probed.connect());
        probed.receive(kRequest);
        EXPECT_EQ(1u, counted(probed.nic, Counter::arp_requests_in));
        EXPECT_EQ(kArpReply, probed.link.sent.back().operation);
    });
}

TEST(Probing, ends_when_another_has_the_address) {
    for (uint64_t after_ns : {kSecond / 100, 3 * kSecond, 8 * kSecond}) {
        in_virtual_time([after_ns] {
            Probed probed;
            probed.pass(after_ns);
            probed.receive(kReply);
            EXPECT_EQ(1u, probed.told);
            const size_t sent = probed.link.sent.size();
            probed.pass(10 * kSecond);
            EXPECT_EQ(-int{kEaddrinuse}, probed.outcome());
            EXPECT_TRUE(probed.owner == kPeerMac);
            EXPECT_EQ(sent, probed.link.sent.size());
            EXPECT_EQ(-int{kEaddrnotavail}, probed.bind());
            EXPECT_EQ(1u, probed.told);
        });
    }
}

TEST(Probing, can_be_left_at_any_time) {
    for (uint64_t tenths = 0; tenths < 80; ++tenths) {
        Scheduler scheduler(tenths + 1, {.switching = 0.5});
        const bool ended = scheduler.run([&] {
            Probed probed;
            probed.pass(tenths * kSecond / 10);
            EXPECT_EQ(probed.told ? 0 : -int{kEagain}, probed.outcome());
        });
        ASSERT_TRUE(ended) << scheduler.failure();
    }
}

}  // namespace
}  // namespace sim
