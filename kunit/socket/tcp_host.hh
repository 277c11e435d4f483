// SPDX-License-Identifier: GPL-2.0
//
// For tests of TCP in a whole stack, on the host: a machine with one device, whose link remembers
// what TCP has sent; the test is the peer.
#pragma once

#include <map>
#include <mutex>

#include "kunit/counted.hh"
#include "kunit/framework.hh"
#include "kunit/packets.hh"
#include "kunit/socket/attached.hh"
#include "scout/net/errors.hh"
#include "scout/stack.h"
#include "scout/tcp/header.hh"
#include "tools/rig/socket.hh"

namespace kunit::one_device {

using namespace scout;
using rig::address;
using rig::Socket;

// Keeps the SYNs that are sent, from their IP headers on, and of each connection what was
// acknowledged last; counts resets. Several threads send.
class TcpLink final : public rig::Link {
public:
    bool transmit(dominoes_packet* packet) override {
        const Sent sent(Bytes(packet->data, packet->data + packet->bytes));
        dominoes_packet_free(packet);
        if (!sent.is_ip || sent.ip.protocol != kTcp) return true;
        const TcpPorts ports = tcp_ports(sent.payload.data());
        SegmentEvent segment;
        const auto bytes = static_cast<uint32_t>(sent.payload.size());
        if (tcp_parse(sent.payload.data(), bytes, bytes, segment) != TcpParse::kOk) return true;
        std::lock_guard lock(mutex_);
        const std::pair key(ports.source, ports.destination);
        if (segment.flags & kRst) ++resets_;
        if (segment.flags & kAck) acknowledged_[key] = segment.ack;
        if (segment.flags & kSyn)
            syns_.emplace(key, Bytes(sent.frame.begin() + kEthHeaderBytes, sent.frame.end()));
        return true;
    }
    // That from `port` to the peer's; empty: there was none.
    Bytes syn(uint16_t port, uint16_t peer_port) {
        std::lock_guard lock(mutex_);
        const auto found = syns_.find({port, peer_port});
        return found == syns_.end() ? Bytes() : found->second;
    }
    // Waits for it; empty: it does not come.
    Bytes wait_for(uint16_t port, uint16_t peer_port) {
        Bytes found;
        eventually([&] {
            found = syn(port, peer_port);
            return !found.empty();
        });
        return found;
    }
    // What `port` has acknowledged to the peer's.
    uint32_t acknowledged(uint16_t port, uint16_t peer_port) {
        std::lock_guard lock(mutex_);
        return acknowledged_[{port, peer_port}];
    }
    uint32_t resets() {
        std::lock_guard lock(mutex_);
        return resets_;
    }

private:
    std::mutex mutex_;
    std::map<std::pair<uint16_t, uint16_t>, Bytes> syns_;
    std::map<std::pair<uint16_t, uint16_t>, uint32_t> acknowledged_;
    uint32_t resets_ = 0;
};

// A machine whose neighbour answers ARP, and nothing else.
class TcpHost {
public:
    TcpHost() : stack(scout_stack_create()) {
        const struct scout_attach attach = attachment(link, "192.0.2.1", 24, 2);
        if (scout_attach(stack, &attach, &nic) != 0) nic = nullptr;
        receive(arp_frame({kArpRequest, kPeerMac, kPeerIp, {}, kOurIp}));
    }
    ~TcpHost() {
        if (nic) scout_detach(nic);
        scout_stack_destroy(stack);
    }
    // `vouched`: hardware has verified its checksum.
    void receive(const Bytes& frame, bool vouched = false) {
        dominoes_packet* packet = rig::make_packet(frame);
        packet->checksum_vouched = vouched;
        if (!scout_receive(nic, packet)) dominoes_packet_free(packet);
    }
    // Somebody on the way says that `quoted` did not arrive.
    void receive_error(uint8_t code, const Bytes& quoted) {
        receive(framed(ip_packet(kIcmp, icmp_message(kIcmpUnreachable, code, 0, quoted))));
    }
    uint64_t count(Counter counter) const { return counted(nic, counter); }
    bool counts(Counter counter, uint64_t wanted) const {
        return scout::counts(nic, counter, wanted);
    }

    TcpLink link;
    scout_stack* stack;
    scout_nic* nic = nullptr;
};

// A segment from a port of the peer's to our port 80.
inline Bytes segment_frame(uint16_t peer_port, uint8_t flags, uint32_t seq, uint32_t ack,
                           const char* payload = "") {
    const Bytes segment = tcp_segment({peer_port, 80}, flags, seq, ack, text(payload));
    return framed(ip_packet(kTcp, segment));
}

// What answers `syn`, which is sent until it is; empty: nothing.
inline Bytes answer_to(TcpHost& machine, const Bytes& syn, uint16_t peer_port) {
    Bytes answer;
    eventually([&] {
        machine.receive(syn);
        answer = machine.link.syn(80, peer_port);
        return !answer.empty();
    });
    return answer;
}

}  // namespace kunit::one_device
