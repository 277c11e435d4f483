// SPDX-License-Identifier: GPL-2.0
//
// What happens to a device under a stack: its MTU changes, and its MAC address.
#include <algorithm>
#include <deque>
#include <mutex>

#include "kunit/counted.hh"
#include "kunit/framework.hh"
#include "kunit/packets.hh"
#include "kunit/socket/attached.hh"
#include "scout/net/errors.hh"
#include "scout/stack.h"
#include "tools/rig/socket.hh"

namespace kunit {
namespace {

using namespace scout;
using rig::address;
using rig::Socket;

constexpr uint16_t kPort = 80, kPeerPort = 5000;
constexpr uint32_t kIss = 1000;

// Keeps what is sent. Several threads send.
class KeepingLink final : public rig::Link {
public:
    bool transmit(dominoes_packet* packet) override {
        Bytes bytes(packet->data, packet->data + packet->bytes);
        dominoes_packet_free(packet);
        std::lock_guard lock(mutex_);
        sent_.push_back(std::move(bytes));
        return true;
    }
    // The next IP packet, or ARP packet, of those sent; waits for it.
    Sent next_ip() {
        return next([](const Sent& sent) { return sent.is_ip; });
    }
    Sent next_arp() {
        return next([](const Sent& sent) { return sent.is_arp; });
    }
    // Whether any of them says that our address is here.
    bool announced() {
        std::lock_guard lock(mutex_);
        return std::any_of(sent_.begin(), sent_.end(),
                           [](const Bytes& bytes) { return Sent(bytes).arp.sender_ip == kOurIp; });
    }
    size_t count() {
        std::lock_guard lock(mutex_);
        return sent_.size();
    }

private:
    template <typename Wanted>
    Sent next(Wanted wanted) {
        Sent found{Bytes(kEthHeaderBytes)};
        eventually([&] {
            std::lock_guard lock(mutex_);
            while (!sent_.empty() && !wanted(found)) {
                found = Sent(sent_.front());
                sent_.pop_front();
            }
            return wanted(found);
        });
        return found;
    }

    std::mutex mutex_;
    std::deque<Bytes> sent_;
};

// A machine with a listener, and a neighbour that has been heard.
class LinkHost {
public:
    explicit LinkHost(uint32_t mtu = 1500) : stack(scout_stack_create()), listener(stack) {
        link.mtu = mtu;
        attached = attach(nullptr);
        if (attached != 0) return;
        receive(arp_frame({kArpRequest, kPeerMac, kPeerIp, {}, kOurIp}));
        link.next_arp();  // our announcement
        link.next_arp();  // and the answer
        listening = listener.bind(address("192.0.2.1", kPort)) == 0 && listener.listen(4) == 0;
    }
    ~LinkHost() {
        if (nic) scout_detach(nic);
    }
    int attach(void (*probed)(void*)) {
        struct scout_attach wanted = attachment(link, "192.0.2.1", 24, 2);
        wanted.probed = probed;
        const int error = scout_attach(stack, &wanted, &nic);
        if (error) nic = nullptr;
        return error;
    }
    void receive(const Bytes& frame) {
        dominoes_packet* packet = rig::make_packet(frame);
        if (!scout_receive(nic, packet)) dominoes_packet_free(packet);
    }
    void receive(uint16_t peer_port, uint8_t flags, uint32_t seq, uint32_t ack) {
        receive(framed(ip_packet(kTcp, tcp_segment({peer_port, kPort}, flags, seq, ack))));
    }
    void set_mtu(uint32_t mtu) {
        link.mtu = mtu;
        scout_mtu_changed(nic);
    }

    // Owned by the stack's user, and so outlives the endpoint below.
    struct Stack {
        explicit Stack(scout_stack* s) : stack(s) {}
        ~Stack() { scout_stack_destroy(stack); }
        operator scout_stack*() const { return stack; }
        scout_stack* stack;
    };
    KeepingLink link;
    Stack stack;
    Socket listener;
    scout_nic* nic = nullptr;
    int attached = 0;
    bool listening = false;
};

// A connection that the peer has opened, without options.
struct Open {
    explicit Open(LinkHost& machine, uint16_t peer_port = kPeerPort) {
        machine.receive(peer_port, kSyn, kIss, 0);
        const Sent answer = machine.link.next_ip();
        if (!answer.is_ip || answer.payload.size() < kTcpMinHeader) return;
        const auto bytes = static_cast<uint32_t>(answer.payload.size());
        if (tcp_parse(answer.payload.data(), bytes, bytes, syn) != TcpParse::kOk) return;
        machine.receive(peer_port, kAck, kIss + 1, syn.seq + 1);
        int error = 0;
        socket = machine.listener.accept(error);
    }
    bool has_mss(uint32_t mss) {
        return eventually([&] { return socket->info().mss == mss; });
    }
    SegmentEvent syn{};
    std::unique_ptr<Socket> socket;
};

// RFC 9293 MUST-16.
void mtu_changed__reaches_connections(Check& check) {
    LinkHost machine;
    REQUIRE(machine.listening);
    Open one(machine, kPeerPort), two(machine, kPeerPort + 1);
    REQUIRE(one.socket && two.socket);
    EXPECT_EQ(one.syn.mss, 1460);
    EXPECT(one.has_mss(536));
    machine.set_mtu(300);
    EXPECT(one.has_mss(260));
    EXPECT(two.has_mss(260));
    EXPECT_EQ(one.socket->write(Bytes(520).data(), 520), 520);
    EXPECT_EQ(machine.link.next_ip().ip.total_bytes, 300);
    EXPECT_EQ(machine.link.next_ip().ip.total_bytes, 300);
    machine.set_mtu(9000);
    EXPECT(one.has_mss(536));
    EXPECT(two.has_mss(536));
}

void mtu_changed__new_connections_announce_it(Check& check) {
    LinkHost machine;
    REQUIRE(machine.listening);
    machine.set_mtu(300);
    Open open(machine);
    REQUIRE(open.socket);
    EXPECT_EQ(open.syn.mss, 260);
    machine.set_mtu(1500);
    EXPECT_EQ(open.socket->write(Bytes(520).data(), 520), 520);
    EXPECT(open.has_mss(260));
}

// A datagram finds the MTU as it is.
void mtu_changed__datagrams_are_cut(Check& check) {
    LinkHost machine;
    REQUIRE(machine.listening);
    Socket socket(machine.stack, Socket::kUdp);
    const auto to = address("192.0.2.2", 9);
    const Bytes data(800);
    const auto send = [&] {
        rig::Iter from(static_cast<const void*>(data.data()), data.size());
        return scout_send_to(socket.get(), &to, &from, data.size());
    };
    EXPECT_EQ(socket.bind(address("192.0.2.1", 0)), 0);
    EXPECT_EQ(send(), 800);
    EXPECT_EQ(machine.link.next_ip().ip.total_bytes, 828);
    machine.set_mtu(500);
    EXPECT_EQ(send(), 800);
    EXPECT_EQ(machine.link.next_ip().ip.total_bytes, 500);
    EXPECT_EQ(machine.link.next_ip().ip.total_bytes, 348);
}

void attach__not_below_the_least_mtu(Check& check) {
    for (const uint32_t mtu : {0u, 39u, 68u, SCOUT_MIN_MTU - 1u})
        EXPECT_EQ(LinkHost(mtu).attached, -int{kEinval});
    EXPECT_EQ(LinkHost(SCOUT_MIN_MTU).attached, 0);
}

void announce__from_the_new_mac_address(Check& check) {
    LinkHost machine;
    REQUIRE(machine.listening);
    __builtin_memcpy(machine.link.mac, kOtherMac.bytes, 6);
    scout_announce(machine.nic);
    const Sent sent = machine.link.next_arp();
    REQUIRE(sent.is_arp);
    EXPECT(sent.eth.source == kOtherMac && sent.eth.destination == kBroadcastMac);
    EXPECT(sent.arp.sender_ip == kOurIp && sent.arp.sender_mac == kOtherMac);
    EXPECT(sent.arp.target_ip == kOurIp);
    EXPECT_EQ(machine.link.count(), 0);
}

// RFC 5227 section 2.1.1: not before it is known to be ours.
void announce__not_while_tentative(Check& check) {
    LinkHost machine;
    REQUIRE(machine.listening);
    scout_detach(machine.nic);
    REQUIRE_EQ(machine.attach([](void*) {}), 0);
    scout_announce(machine.nic);
    EXPECT(!machine.link.announced());
}

constexpr Test kTests[] = {
    TEST(mtu_changed__reaches_connections),   TEST(mtu_changed__new_connections_announce_it),
    TEST(mtu_changed__datagrams_are_cut),     TEST(attach__not_below_the_least_mtu),
    TEST(announce__from_the_new_mac_address), TEST(announce__not_while_tentative),
};

}  // namespace

extern const Suite link_host_suite = SUITE("link_host", kTests);

}  // namespace kunit
