// SPDX-License-Identifier: GPL-2.0
//
// For the tests that need packets, which run on the host only: builders of frames, and a bed with
// the routers of an interface, whose device keeps what is sent and whose control thread runs when
// told to.
//
//     192.0.2.1 (ours) ── link ── 192.0.2.2 (peer), 192.0.2.3 (other), 192.0.2.254 (gateway)
#pragma once

#include <deque>
#include <vector>

#include "dominoes/context.hh"
#include "kunit/test.hh"
#include "scout/ip/icmp.hh"
#include "scout/ip/ip.hh"
#include "scout/link/arp.hh"
#include "scout/link/eth.hh"
#include "scout/net/checksum.hh"
#include "scout/tcp/header.hh"
#include "scout/udp/udp.hh"
#include "tools/rig/rig.hh"

namespace kunit {

using Bytes = std::vector<uint8_t>;

inline constexpr scout::IpAddress kOurIp = scout::IpAddress::v4(0xc0000201);
inline constexpr scout::IpAddress kPeerIp = scout::IpAddress::v4(0xc0000202);
inline constexpr scout::IpAddress kOtherIp = scout::IpAddress::v4(0xc0000203);
inline constexpr scout::IpAddress kGatewayIp = scout::IpAddress::v4(0xc00002fe);
inline constexpr scout::IpAddress kFarIp = scout::IpAddress::v4(0xcb007107);
inline constexpr scout::MacAddress kOurMac{{2, 0, 0, 0, 0, 1}};
inline constexpr scout::MacAddress kPeerMac{{2, 0, 0, 0, 0, 2}};
inline constexpr scout::MacAddress kOtherMac{{2, 0, 0, 0, 0, 3}};

inline constexpr uint64_t kSecond = 1'000'000'000;

// --- frames, from the payload out ---

inline Bytes text(const char* characters) {
    return Bytes(characters, characters + __builtin_strlen(characters));
}

inline Bytes operator+(Bytes front, const Bytes& back) {
    front.insert(front.end(), back.begin(), back.end());
    return front;
}

inline Bytes eth(scout::MacAddress from, scout::MacAddress to, uint16_t type,
                 const Bytes& payload) {
    Bytes header(scout::kEthHeaderBytes);
    scout::write_eth(header.data(), {to, from, type});
    return header + payload;
}

inline Bytes arp_frame(const scout::ArpMessage& message,
                       scout::MacAddress to = scout::kBroadcastMac) {
    Bytes body(scout::kArpBytes);
    scout::write_arp(body.data(), message);
    return eth(message.sender_mac, to, scout::kEtherArp, body);
}

inline void put16(Bytes& bytes, size_t at, uint16_t value) {
    scout::store_be16(&bytes.at(at + 1) - 1, value);
}

inline Bytes ip_packet(uint8_t protocol, const Bytes& payload, scout::IpAddress from = kPeerIp,
                       scout::IpAddress to = kOurIp) {
    Bytes bytes(scout::kIpHeaderBytes);
    scout::IpHeader header{};
    header.total_bytes = static_cast<uint32_t>(bytes.size() + payload.size());
    header.ttl = 64;
    header.protocol = protocol;
    header.source = from;
    header.destination = to;
    scout::write_ip(bytes.data(), header);
    return bytes + payload;
}

// The part of an IP packet's payload from `begin` on, `bytes` long (8 divides `begin`), as a
// fragment of it; more follow unless it goes to the end.
inline Bytes ip_fragment(const Bytes& packet, size_t begin, size_t bytes, uint16_t id = 1) {
    const size_t header = (packet[0] & 15) * 4u;
    const size_t end = header + begin + bytes;
    Bytes out(packet.begin(), packet.begin() + static_cast<long>(header));
    const size_t more = end < packet.size() ? 0x2000 : 0;
    put16(out, 2, static_cast<uint16_t>(header + bytes));
    put16(out, 4, id);
    put16(out, 6, static_cast<uint16_t>(more | begin / 8));
    put16(out, 10, 0);
    put16(out, 10, scout::checksum(out.data(), header));
    out.insert(out.end(), packet.begin() + static_cast<long>(header + begin),
               packet.begin() + static_cast<long>(end));
    return out;
}

// Cut into fragments of at most `most` bytes of payload, a multiple of 8.
inline std::vector<Bytes> ip_fragments(const Bytes& packet, size_t most, uint16_t id = 1) {
    const size_t payload = packet.size() - (packet[0] & 15) * 4u;
    std::vector<Bytes> all;
    for (size_t at = 0; at < payload; at += most)
        all.push_back(ip_fragment(packet, at, dominoes::min(most, payload - at), id));
    return all;
}

// In a frame from the peer to us.
inline Bytes framed(const Bytes& ip) { return eth(kPeerMac, kOurMac, scout::kEtherIp, ip); }

inline Bytes udp_datagram(uint16_t from, uint16_t to, const Bytes& payload,
                          scout::IpAddress source = kPeerIp,
                          scout::IpAddress destination = kOurIp) {
    Bytes bytes = Bytes(scout::kUdpHeaderBytes) + payload;
    const auto length = static_cast<uint16_t>(bytes.size());
    put16(bytes, 0, from);
    put16(bytes, 2, to);
    put16(bytes, 4, length);
    scout::ChecksumSum sum(scout::pseudo_sum(source, destination, scout::kUdp, length));
    sum.add(bytes.data(), bytes.size());
    put16(bytes, 6, sum.checksum() ? sum.checksum() : 0xffff);
    return bytes;
}

// Without options.
inline Bytes tcp_segment(scout::TcpPorts ports, uint8_t flags, uint32_t seq, uint32_t ack,
                         const Bytes& payload = {}, scout::IpAddress source = kPeerIp,
                         scout::IpAddress destination = kOurIp) {
    scout::TransmitEffect segment{};
    segment.flags = flags;
    segment.seq = seq;
    segment.ack = ack;
    segment.window = 65535;
    Bytes header(scout::tcp_header_bytes(segment));
    scout::tcp_format(segment, 0, ports, header.data());
    Bytes bytes = header + payload;
    const auto length = static_cast<uint32_t>(bytes.size());
    scout::ChecksumSum sum(scout::pseudo_sum(source, destination, scout::kTcp, length));
    sum.add(bytes.data(), bytes.size());
    put16(bytes, scout::kTcpChecksumOffset, sum.checksum());
    return bytes;
}

inline Bytes udp_frame(uint16_t from, uint16_t to, const Bytes& payload) {
    return framed(ip_packet(scout::kUdp, udp_datagram(from, to, payload)));
}

inline Bytes icmp_message(uint8_t type, uint8_t code, uint32_t rest, const Bytes& payload) {
    Bytes bytes = Bytes(scout::kIcmpHeaderBytes) + payload;
    bytes[0] = type;
    bytes[1] = code;
    scout::store_be32(&bytes[4], rest);
    put16(bytes, 2, scout::checksum(bytes.data(), bytes.size()));
    return bytes;
}

// --- the bed ---

// Keeps what is sent.
class CaptureLink final : public rig::Link {
public:
    bool transmit(dominoes_packet* packet) override {
        if (!refusing) sent.emplace_back(packet->data, packet->data + packet->bytes);
        dominoes_packet_free(packet);
        return !refusing;
    }
    // The oldest frame sent and not yet taken; empty if there is none.
    Bytes take() {
        if (sent.empty()) return {};
        Bytes bytes = std::move(sent.front());
        sent.pop_front();
        return bytes;
    }
    std::deque<Bytes> sent;
    bool refusing = false;
};

class TestInterface final : public scout::Interface {
public:
    TestInterface() : Interface(shared_by_none_) {
        link = &device;
        address = kOurIp;
        prefix = {kOurIp, 24};
        gateway = kGatewayIp;
    }
    ~TestInterface() {
        for (auto& work : deferred_) dominoes_packet_free(work.frame.packet);
        for (auto* context : contexts_) dominoes::Context::destroy(context);
    }
    // From now on there are replicas: so many by default, each in a context of its own.
    bool start_contexts(uint32_t count) {
        for (uint32_t i = 0; i < count; ++i) {
            contexts_.push_back(dominoes::Context::create(-1, "test"));
            if (!contexts_.back()) return false;
        }
        return true;
    }
    uint32_t replicas() const override {
        return dominoes::max<uint32_t>(1, static_cast<uint32_t>(contexts_.size()));
    }
    dominoes::Context& context(uint64_t n) override { return *contexts_[n % contexts_.size()]; }
    void replicas_begin() override { live_.fetch_add_relaxed(1); }
    void replicas_ended() override { live_.fetch_sub_acq_rel(1); }
    // As a device does before it goes away.
    void wait_for_replicas() const {
        while (live_.load_acquire()) dominoes_thread_yield();
    }

    scout::Verdict defer(scout::Router& router, Handler handle, scout::Frame& frame) override {
        if (control_full) return drop(scout::Counter::drop_control_full);
        deferred_.push_back({&router, handle, frame});
        return scout::Verdict::kTake;
    }
    // What the control thread would do. Returns how many frames there were.
    size_t run_control() {
        size_t count = 0;
        for (; !deferred_.empty(); ++count) {
            auto work = deferred_.front();
            deferred_.pop_front();
            work.handle(*work.router, work.frame);
            dominoes_packet_free(work.frame.packet);
        }
        return count;
    }
    size_t deferred() const { return deferred_.size(); }

    CaptureLink device;
    bool control_full = false;

private:
    struct Work {
        scout::Router* router;
        Handler handle;
        scout::Frame frame;
    };
    scout::Shared shared_by_none_;
    std::deque<Work> deferred_;
    std::vector<dominoes::Context*> contexts_;
    dominoes::Atomic<uint32_t> live_;
};

class CountingUser final : public rig::User {
public:
    void wake() override { __atomic_fetch_add(&wakes_, 1, __ATOMIC_RELAXED); }
    uint32_t wakes() const { return __atomic_load_n(&wakes_, __ATOMIC_RELAXED); }
    // For UdpEndpoint::create().
    void* handle() { return static_cast<rig::User*>(this); }

private:
    uint32_t wakes_ = 0;
};

class Bed {
public:
    Bed() {
        eth.connect(ip, *arp);
        ip.connect(scout::kIcmp, icmp);
        ip.connect(scout::kUdp, *udp);
        ip.connect_errors(icmp);
        icmp.connect(scout::kUdp, *udp);
    }
    ~Bed() {
        interface.wait_for_replicas();
        dominoes_retire_barrier();
    }

    // A frame arrives; what is not taken is freed.
    scout::Verdict receive(const Bytes& bytes) {
        dominoes_packet* packet = rig::make_packet(bytes);
        scout::Frame frame(packet);
        const scout::Verdict verdict = eth.demux(frame);
        if (verdict != scout::Verdict::kTake) dominoes_packet_free(packet);
        return verdict;
    }
    // It arrives, and the control thread does its part.
    scout::Verdict handle(const Bytes& bytes) {
        const scout::Verdict verdict = receive(bytes);
        interface.run_control();
        return verdict;
    }
    // The peer answers for `ip`.
    void learn(scout::IpAddress ip = kPeerIp, scout::MacAddress mac = kPeerMac) {
        handle(arp_frame({scout::kArpRequest, mac, ip, {}, kOurIp}));
        interface.device.sent.clear();
    }
    uint64_t count(scout::Counter counter) const { return interface.counters.get(counter); }
    Bytes take() { return interface.device.take(); }
    size_t sent() const { return interface.device.sent.size(); }

    TestInterface interface;
    scout::EthRouter eth{interface};
    scout::IpRouter ip{interface};
    dominoes::Owned<scout::ArpRouter> arp{scout::ArpRouter::create(interface)};
    scout::IcmpRouter icmp{interface, *arp};
    dominoes::Owned<scout::UdpRouter> udp{scout::UdpRouter::create(interface, *arp, icmp)};
};

// A frame that was sent, taken apart and checked as a receiver would.
struct Sent {
    explicit Sent(const Bytes& bytes) : frame(bytes) {
        if (scout::parse_eth(frame.data(), length(), eth) != scout::EthResult::kOk) return;
        const uint8_t* body = frame.data() + scout::kEthHeaderBytes;
        const uint32_t left = length() - scout::kEthHeaderBytes;
        is_arp = eth.type == scout::kEtherArp &&
                 scout::parse_arp(body, left, arp) == scout::ArpResult::kOk;
        is_ip = eth.type == scout::kEtherIp &&
                scout::parse_ip(body, left, left, ip) == scout::IpResult::kOk;
        if (is_ip) payload.assign(body + ip.header_bytes, body + ip.total_bytes);
    }
    uint32_t length() const { return static_cast<uint32_t>(frame.size()); }
    // Whether the TCP or UDP checksum is right.
    bool checksum_right() const {
        scout::ChecksumSum sum(scout::pseudo_sum(ip.source, ip.destination, ip.protocol,
                                                 static_cast<uint32_t>(payload.size())));
        sum.add(payload.data(), payload.size());
        return sum.checksum() == 0;
    }
    Bytes payload_from(size_t at) const {
        return Bytes(payload.begin() + static_cast<long>(at), payload.end());
    }

    Bytes frame;
    scout::EthHeader eth{};
    bool is_arp = false;
    bool is_ip = false;
    scout::ArpMessage arp{};
    scout::IpHeader ip{};
    Bytes payload;  // of the IP packet
};

}  // namespace kunit
