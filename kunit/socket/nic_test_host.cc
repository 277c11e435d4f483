// SPDX-License-Identifier: GPL-2.0
//
// A device is attached, told of what happens to it, and detached.
#include "scout/socket/nic.hh"

#include "dominoes/guard.hh"
#include "kunit/socket/tcp_host.hh"
#include "scout/socket/stack.hh"
#include "tools/rig/port_memory.hh"

namespace kunit {
namespace {

using namespace one_device;

constexpr int64_t error(Errno number) { return -int64_t{number}; }

Nic& of(scout_nic* nic) { return *reinterpret_cast<Nic*>(nic); }

// Counts announcements (RFC 5227 section 2.3). Several threads send.
class ArpLink final : public rig::Link {
public:
    bool transmit(dominoes_packet* packet) override {
        const Sent sent(Bytes(packet->data, packet->data + packet->bytes));
        dominoes_packet_free(packet);
        if (sent.is_arp && sent.arp.sender_ip == kOurIp && sent.arp.target_ip == kOurIp)
            announced_.fetch_add_relaxed(1);
        return true;
    }
    uint32_t announced() const { return announced_.load_acquire(); }

private:
    Atomic<uint32_t> announced_;
};

// A stack without a device.
struct Bare {
    Bare() : stack(scout_stack_create()), attach(attachment(link, "192.0.2.1", 24, 1)) {}
    ~Bare() {
        detach();
        scout_stack_destroy(stack);
    }
    int try_attach() {
        const int result = scout_attach(stack, &attach, &nic);
        if (result != 0) nic = nullptr;
        return result;
    }
    void detach() {
        if (nic) scout_detach(nic);
        nic = nullptr;
    }
    // ARP as the other host sends it.
    void hear(ArpOperation operation, IpAddress sender, IpAddress target) {
        dominoes_packet* packet =
            rig::make_packet(arp_frame({operation, kOtherMac, sender, {}, target}));
        if (!scout_receive(nic, packet)) dominoes_packet_free(packet);
    }

    ArpLink link;
    scout_stack* stack;
    struct scout_attach attach;
    scout_nic* nic = nullptr;
};

// A connection from the peer's port 5000. Its SYN comes once: a copy would be answered by a reset
// where the listener is gone.
std::unique_ptr<Socket> accept(TcpHost& machine, Socket& listener) {
    machine.receive(segment_frame(5000, kSyn, 1000, 0));
    const Bytes answer = machine.link.wait_for(80, 5000);
    if (answer.empty()) return nullptr;
    const uint32_t ack = load_be32(answer.data() + kIpHeaderBytes + 4) + 1;
    machine.receive(segment_frame(5000, kAck, 1001, ack));
    int why = 0;
    return listener.accept(why);
}

// --- attach ---

constexpr struct {
    const char* address;
    uint32_t bits;
    const char* gateway;  // nullptr: none
    bool good;
} kAddresses[] = {
    {"192.0.2.1", 24, nullptr, true},      {"192.0.2.1", 24, "192.0.2.254", true},
    {"192.0.2.1", 32, nullptr, true},      {"192.0.2.1", 1, nullptr, true},
    {"192.0.2.1", 0, nullptr, false},      {"192.0.2.1", 33, nullptr, false},
    {"0.0.0.0", 24, nullptr, false},       {"127.0.0.1", 8, nullptr, false},
    {"224.0.0.1", 24, nullptr, false},     {"255.255.255.255", 24, nullptr, false},
    {"192.0.2.255", 24, nullptr, false},  // all of the network
    {"192.0.2.1", 24, "192.0.3.1", false}, {"192.0.2.1", 24, "192.0.2.1", false},
};

void create__checks_the_addresses(Check& check) {
    for (const auto& given : kAddresses) {
        Bare bare;
        bare.attach.address = address(given.address, 0);
        bare.attach.prefix_len = given.bits;
        if (given.gateway) bare.attach.gateway = address(given.gateway, 0);
        EXPECT_EQ(bare.try_attach(), given.good ? 0 : error(kEinval));
    }
    Bare other, beyond;
    other.attach.address.family = 10;
    EXPECT_EQ(other.try_attach(), error(kEinval));
    beyond.attach.gateway = address("192.0.2.254", 0);
    beyond.attach.gateway.family = 10;
    EXPECT_EQ(beyond.try_attach(), error(kEinval));
}

void create__checks_the_numbers(Check& check) {
    constexpr struct {
        uint32_t replicas, cpus, mtu;
        bool good;
    } kNumbers[] = {
        {1, 1, 1500, true},   {16, 2, SCOUT_MIN_MTU, true}, {0, 1, 1500, false},
        {17, 1, 1500, false}, {1, 0, 1500, false},          {1, 1, SCOUT_MIN_MTU - 1, false},
    };
    for (const auto& given : kNumbers) {
        Bare bare;
        bare.attach.replicas = given.replicas;
        bare.attach.cpu_count = given.cpus;
        bare.link.mtu = given.mtu;
        EXPECT_EQ(bare.try_attach(), given.good ? 0 : error(kEinval));
        if (given.good) EXPECT_EQ(of(bare.nic).replicas(), given.replicas);
    }
}

void create__survives_failed_allocations(Check& check) {
    Bare bare;
    REQUIRE(bare.try_attach() == 0);  // the stack keeps the context
    bare.detach();
    const size_t before = rig::live_allocations();
    survives_failures(
        check, 8,
        [&] {
            const int result = bare.try_attach();
            EXPECT(result == 0 || result == error(kEnomem));
            if (!bare.nic) EXPECT_EQ(rig::live_allocations(), before);
            return bare.nic;
        },
        [&](scout_nic*) { bare.detach(); });
    EXPECT_EQ(rig::live_allocations(), before);
}

void create__announces_the_address(Check& check) {
    Bare bare;
    EXPECT_EQ(bare.try_attach(), 0);
    EXPECT(!scout_tentative(bare.nic));
    EXPECT_EQ(bare.link.announced(), 1);
}

// --- an address that has to be asked for ---

struct Probed : Bare {
    Probed() {
        attach.probed = [](void* told) {
            static_cast<Atomic<uint32_t>*>(told)->fetch_add_relaxed(1);
        };
        attach.probed_context = &told;
    }
    Atomic<uint32_t> told;
};

// The stack does not know it yet, and the link is not told of it either.
void begin_probing__nobody_uses_the_address(Check& check) {
    Probed probed;
    REQUIRE(probed.try_attach() == 0);
    EXPECT(scout_tentative(probed.nic));
    uint8_t owner[6];
    EXPECT_EQ(scout_probed(probed.nic, owner), error(kEagain));
    Socket socket(probed.stack);
    EXPECT_EQ(socket.bind(address("192.0.2.1", 80)), error(kEaddrnotavail));
    scout_announce(probed.nic);
    EXPECT_EQ(probed.link.announced(), 0);
}

void end_probing__says_who_has_the_address(Check& check) {
    Probed probed;
    REQUIRE(probed.try_attach() == 0);
    probed.hear(kArpReply, kPeerIp, kPeerIp);  // is about another
    EXPECT_EQ(probed.told.load_acquire(), 0);
    probed.hear(kArpReply, kOurIp, kPeerIp);
    EXPECT(eventually([&] { return probed.told.load_acquire() > 0; }));
    uint8_t owner[6] = {};
    EXPECT_EQ(scout_probed(probed.nic, owner), error(kEaddrinuse));
    EXPECT_EQ(__builtin_memcmp(owner, kOtherMac.bytes, 6), 0);
    EXPECT(scout_tentative(probed.nic));
    probed.hear(kArpReply, kOurIp, kPeerIp);
    probed.detach();
    EXPECT_EQ(probed.told.load_acquire(), 1);
}

// --- detach ---

void detach__ends_connections_and_listeners(Check& check) {
    TcpHost machine;
    REQUIRE(machine.nic);
    Socket listener(machine.stack), attempt(machine.stack);
    const auto to = address("192.0.2.2", 80);
    REQUIRE(listener.bind(address("192.0.2.1", 80)) == 0 && listener.listen() == 0);
    EXPECT_EQ(scout_connect(attempt.get(), &to), error(kEinprogress));
    const auto open = accept(machine, listener);
    REQUIRE(open);
    scout_detach(machine.nic);
    machine.nic = nullptr;
    EXPECT_EQ(scout_take_error(attempt.get()), kEnetdown);
    EXPECT_EQ(scout_take_error(open->get()), kEnetdown);
    EXPECT_EQ(scout_take_error(listener.get()), kEnetdown);
    EXPECT_EQ(machine.link.resets(), 0);  // without a word
    Socket late(machine.stack);
    EXPECT_EQ(scout_connect(late.get(), &to), error(kEnetunreach));
}

// Whatever was on its way to the control thread.
void detach__leaves_nothing_behind(Check& check) {
    Bare bare;
    size_t before = 0;
    for (int i = 0; i < 10; ++i) {
        REQUIRE(bare.try_attach() == 0);
        for (uint32_t host = 2; host < 100; ++host)
            bare.hear(kArpRequest, IpAddress::v4(0xc0000200 + host), kOurIp);
        bare.detach();
        if (i == 0) before = rig::live_allocations();  // the stack keeps the context
        EXPECT_EQ(rig::live_allocations(), before);
    }
}

// --- what happens to the device ---

void mtu_changed__connections_are_told(Check& check) {
    TcpHost machine;
    REQUIRE(machine.nic);
    Socket listener(machine.stack);
    REQUIRE(listener.bind(address("192.0.2.1", 80)) == 0 && listener.listen() == 0);
    const auto socket = accept(machine, listener);
    REQUIRE(socket);
    EXPECT(eventually([&] { return socket->info().mss == 536; }));
    for (uint32_t mtu : {400u, 300u, 500u}) {  // each time, and not only once
        machine.link.mtu = mtu;
        scout_mtu_changed(machine.nic);
        EXPECT(eventually([&] { return socket->info().mss == mtu - 40; }));
    }
}

void announce__whenever_it_is_told_to(Check& check) {
    Bare bare;
    REQUIRE(bare.try_attach() == 0);
    for (uint32_t i = 2; i <= 3; ++i) {
        scout_announce(bare.nic);
        EXPECT_EQ(bare.link.announced(), i);
    }
}

// --- frames ---

// What is not for us is the host's; what is, and is no good, is not.
void receive__takes_what_is_ours(Check& check) {
    TcpHost machine;
    REQUIRE(machine.nic);
    const uint64_t packets = machine.count(Counter::rx_packets);
    const uint64_t bytes = machine.count(Counter::rx_bytes);
    auto takes = [&](const Bytes& frame) {
        dominoes_packet* packet = rig::make_packet(frame);
        const bool taken = scout_receive(machine.nic, packet);
        if (!taken) dominoes_packet_free(packet);
        return taken;
    };
    const Bytes segment = segment_frame(5000, kRst, 0, 0);
    EXPECT(takes(segment));
    EXPECT_EQ(machine.count(Counter::rx_packets), packets + 1);
    EXPECT_EQ(machine.count(Counter::rx_bytes), bytes + segment.size() - kEthHeaderBytes);
    Bytes broken = segment;
    broken.back() ^= 1;
    EXPECT(takes(broken));
    EXPECT_EQ(machine.count(Counter::drop_tcp_checksum), 1);
    EXPECT_EQ(machine.count(Counter::rx_packets), packets + 2);
    const Bytes to_another =
        ip_packet(kTcp, tcp_segment({5000, 80}, kRst, 0, 0), kPeerIp, kOtherIp);
    EXPECT(!takes(framed(to_another)));
    EXPECT(!takes(eth(kPeerMac, kOurMac, 0x88cc, Bytes(60))));
    EXPECT_EQ(machine.count(Counter::rx_packets), packets + 2);
}

// The control thread waits for the mutex, which the test has. What does not fit into its channel is
// dropped, and the rest is done when it goes on.
void defer__drops_what_the_control_thread_has_no_room_for(Check& check) {
    constexpr uint32_t kFrames = 300, kRoom = 256;
    TcpHost machine;
    REQUIRE(machine.nic);
    Socket listener(machine.stack);
    REQUIRE(listener.bind(address("192.0.2.1", 80)) == 0 && listener.listen() == 0);
    {
        MutexGuard guard(of(machine.nic).stack().mutex());
        machine.receive(segment_frame(4999, kSyn, 1000, 0));
        for (uint16_t port = 5000; port < 5000 + kFrames; ++port)
            machine.receive(segment_frame(port, kAck, 1000, 1));
        EXPECT(machine.count(Counter::drop_control_full) >= kFrames - kRoom);
        EXPECT_EQ(machine.link.resets(), 0);
    }
    const uint64_t dropped = machine.count(Counter::drop_control_full);
    EXPECT(dropped < kFrames);
    EXPECT(eventually([&] { return machine.link.resets() == kFrames - dropped; }));
}

// --- ports ---

// Of the ports 32768 to 60999 all but one are taken, one way or another.
void pick_port__what_is_left(Check& check) {
    constexpr uint16_t kFirst = 32768, kLast = 60999, kLeft = 40000;
    if (check.skips_long()) return;
    TcpHost machine;
    REQUIRE(machine.nic);
    Nic& nic = of(machine.nic);
    Socket bound(machine.stack);
    std::vector<Listener*> listeners;
    auto listen = [&](uint16_t port) {
        listeners.push_back(make<Listener>(port, Attributes(), 1u, nullptr));
        return listeners.back() && nic.tcp().listen(*listeners.back()) == 0;
    };
    auto pick = [&] {
        MutexGuard guard(nic.stack().mutex());
        return nic.pick_port();
    };
    const uint16_t any = pick();
    EXPECT(any >= kFirst && any <= kLast);
    {
        MutexGuard guard(nic.stack().mutex());
        bool all = true;
        for (uint32_t port = kFirst; port <= kLast; ++port)
            if (port != kLeft) all &= listen(static_cast<uint16_t>(port));
        EXPECT(all);
    }
    EXPECT_EQ(pick(), kLeft);
    EXPECT_EQ(bound.bind(address("192.0.2.1", kLeft)), 0);
    EXPECT_EQ(pick(), 0);
    MutexGuard guard(nic.stack().mutex());
    for (Listener* listener : listeners) {
        nic.tcp().unlisten(*listener);
        listener->release();
    }
}

constexpr Test kTests[] = {
    TEST(create__checks_the_addresses),
    TEST(create__checks_the_numbers),
    TEST(create__survives_failed_allocations),
    TEST(create__announces_the_address),
    TEST(begin_probing__nobody_uses_the_address),
    TEST(end_probing__says_who_has_the_address),
    TEST(detach__ends_connections_and_listeners),
    TEST(detach__leaves_nothing_behind),
    TEST(mtu_changed__connections_are_told),
    TEST(announce__whenever_it_is_told_to),
    TEST(receive__takes_what_is_ours),
    TEST(defer__drops_what_the_control_thread_has_no_room_for),
    TEST(pick_port__what_is_left),
};

}  // namespace

extern const Suite nic_host_suite = SUITE("nic_host", kTests);

}  // namespace kunit
