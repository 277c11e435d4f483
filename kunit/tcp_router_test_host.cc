// SPDX-License-Identifier: GPL-2.0
//
// The TCP router in a whole stack: whom an ICMP error reaches.
#include "scout/tcp_router.hh"

#include <map>
#include <mutex>

#include "kunit/counted.hh"
#include "kunit/packets.hh"
#include "scout/errors.hh"
#include "scout/stack.h"
#include "scout/tcp_header.hh"
#include "tools/rig/socket.hh"

namespace kunit {
namespace {

using namespace scout;
using rig::address;
using rig::Socket;

constexpr uint8_t kPortUnreachable = 3;
constexpr uint8_t kProtocolUnreachable = 2;

// Keeps the SYNs that are sent, from their IP headers on. Several threads send.
class SynLink final : public rig::Link {
public:
    bool transmit(dominoes_packet* packet) override {
        const Sent sent(Bytes(packet->data, packet->data + packet->bytes));
        dominoes_packet_free(packet);
        if (!sent.is_ip || sent.ip.protocol != kTcp) return true;
        std::lock_guard lock(mutex_);
        syns_.emplace(tcp_ports(sent.payload.data()).source,
                      Bytes(sent.frame.begin() + kEthHeaderBytes, sent.frame.end()));
        return true;
    }
    // Waits for that from `port`; empty: it does not come.
    Bytes wait_for(uint16_t port) {
        const uint64_t end_ns = dominoes_now_ns() + 20 * kSecond;
        for (; dominoes_now_ns() < end_ns; dominoes_thread_yield()) {
            std::lock_guard lock(mutex_);
            if (const auto syn = syns_.find(port); syn != syns_.end()) return syn->second;
        }
        return {};
    }

private:
    std::mutex mutex_;
    std::map<uint16_t, Bytes> syns_;
};

// A machine whose neighbour answers ARP, and nothing else.
class Machine {
public:
    Machine() : stack(scout_stack_create()) {
        static constexpr int kCpus[] = {-1, -1};
        struct scout_attach attach {};
        attach.link = &link;
        attach.id = 1;
        attach.address = address("192.0.2.1", 0);
        attach.prefix_len = 24;
        attach.replicas = 2;
        attach.cpus = kCpus;
        attach.cpu_count = 2;
        if (scout_attach(stack, &attach, &host) != 0) host = nullptr;
        receive(arp_frame({kArpRequest, kPeerMac, kPeerIp, {}, kOurIp}));
    }
    ~Machine() {
        if (host) scout_detach(host);
        scout_stack_destroy(stack);
    }
    void receive(const Bytes& frame) {
        dominoes_packet* packet = rig::make_packet(frame);
        if (!scout_receive(host, packet)) dominoes_packet_free(packet);
    }
    // Somebody on the way says that `quoted` did not arrive.
    void receive_error(uint8_t code, const Bytes& quoted) {
        receive(framed(ip_packet(kIcmp, icmp_message(kIcmpUnreachable, code, 0, quoted))));
    }
    uint64_t count(Counter counter) const { return counted(host, counter); }
    bool counts(Counter counter, uint64_t wanted) const {
        return scout::counts(host, counter, wanted);
    }

    SynLink link;
    scout_stack* stack;
    scout_host* host = nullptr;
};

// An attempt to connect that nobody answers.
struct Attempt {
    Attempt(Machine& machine, uint16_t port) : socket(machine.stack) {
        const auto to = address("192.0.2.2", 80);
        begun = socket.bind(address("192.0.2.1", port)) == 0 &&
                scout_connect(socket.get(), &to) == -int{kEinprogress};
        syn = machine.link.wait_for(port);
    }
    // Waits for it to end.
    int outcome() {
        const uint64_t end_ns = dominoes_now_ns() + 20 * kSecond;
        while (!(scout_poll(socket.get()) & SCOUT_OUT) && dominoes_now_ns() < end_ns)
            dominoes_thread_yield();
        return scout_take_error(socket.get());
    }

    Socket socket;
    bool begun;
    Bytes syn;
};

// Had the first error reached the other connection, too, that would have ended with its code.
void icmp_error__reaches_the_connection_it_quotes(Check& check) {
    Machine machine;
    REQUIRE(machine.host);
    Attempt one(machine, 5000), other(machine, 5001);
    REQUIRE(one.begun && other.begun && !one.syn.empty() && !other.syn.empty());
    machine.receive_error(kPortUnreachable, one.syn);
    EXPECT_EQ(one.outcome(), kEconnrefused);
    EXPECT(machine.counts(Counter::icmp_errors_in, 1));
    machine.receive_error(kProtocolUnreachable, other.syn);
    EXPECT_EQ(other.outcome(), kEnoprotoopt);
    EXPECT(machine.counts(Counter::icmp_errors_in, 2));
}

// About the same but for one part of the key.
void icmp_error__about_no_connection(Check& check) {
    Machine machine;
    REQUIRE(machine.host);
    Attempt attempt(machine, 5000);
    REQUIRE(attempt.begun && !attempt.syn.empty());
    constexpr size_t kPeerIpAt = 16, kOurPortAt = kIpHeaderBytes, kPeerPortAt = kOurPortAt + 2;
    uint32_t unmatched = 0;
    for (size_t at : {kPeerIpAt + 2, kOurPortAt, kPeerPortAt}) {
        Bytes wrong = attempt.syn;
        wrong[at + 1] ^= 1;
        put16(wrong, 10, 0);
        put16(wrong, 10, checksum(wrong.data(), kIpHeaderBytes));
        machine.receive_error(kPortUnreachable, wrong);
        EXPECT(machine.counts(Counter::drop_icmp_unmatched, ++unmatched));
    }
    EXPECT_EQ(machine.count(Counter::icmp_errors_in), 0);
    machine.receive_error(kProtocolUnreachable, attempt.syn);
    EXPECT_EQ(attempt.outcome(), kEnoprotoopt);
}

constexpr Test kTests[] = {
    TEST(icmp_error__reaches_the_connection_it_quotes),
    TEST(icmp_error__about_no_connection),
};

}  // namespace

extern const Suite tcp_router_host_suite = SUITE("tcp_router_host", kTests);

}  // namespace kunit
