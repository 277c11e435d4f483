// SPDX-License-Identifier: GPL-2.0
//
// For tests of a whole stack, on the host: a machine with three devices, whose links remember what
// was asked for, and what programs do with it.
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>

#include "kunit/counted.hh"
#include "kunit/packets.hh"
#include "kunit/socket/attached.hh"
#include "scout/net/errors.hh"
#include "scout/stack.h"
#include "tools/rig/socket.hh"

namespace kunit::devices {

using namespace scout;
using rig::address;
using rig::Socket;

inline constexpr int64_t error(Errno number) { return -int64_t{number}; }

// Remembers what was asked for by ARP. Several threads send.
class AskedLink final : public rig::Link {
public:
    bool transmit(dominoes_packet* packet) override {
        const Sent sent(Bytes(packet->data, packet->data + packet->bytes));
        dominoes_packet_free(packet);
        std::lock_guard lock(mutex_);
        if (sent.is_arp) asked_.push_back(sent.arp.target_ip);
        if (sent.is_ip) ttl_ = sent.ip.ttl;
        return true;
    }
    bool asked_for(const char* ip) {
        std::lock_guard lock(mutex_);
        const auto wanted = IpAddress::v4(address(ip, 0).addr);
        return std::find(asked_.begin(), asked_.end(), wanted) != asked_.end();
    }

    // Of the last datagram; 0: there was none.
    uint8_t ttl() {
        std::lock_guard lock(mutex_);
        return ttl_;
    }

private:
    std::mutex mutex_;
    uint8_t ttl_ = 0;
    std::vector<IpAddress> asked_;
};

struct Device {
    Device(scout_stack* stack, const char* ip, uint32_t bits, const char* gateway = nullptr) {
        struct scout_attach attach = attachment(link, ip, bits, 1);
        if (gateway) attach.gateway = address(gateway, 0);
        if (scout_attach(stack, &attach, &nic) != 0) nic = nullptr;
    }
    ~Device() { detach(); }
    void detach() {
        if (nic) scout_detach(nic);
        nic = nullptr;
    }
    // In fragments of at most `most` bytes.
    void receive(const char* from, const char* to, uint16_t port, const Bytes& data,
                 size_t most = 1480) {
        const auto source = IpAddress::v4(address(from, 0).addr);
        const auto destination = IpAddress::v4(address(to, 0).addr);
        const Bytes datagram = udp_datagram(4000, port, data, source, destination);
        const Bytes whole = ip_packet(kUdp, datagram, source, destination);
        for (const Bytes& part : ip_fragments(whole, most)) receive(part);
    }
    void receive(const Bytes& ip) { receive_frame(framed(ip)); }
    void receive_frame(const Bytes& frame) {
        dominoes_packet* packet = rig::make_packet(frame);
        if (!scout_receive(nic, packet)) dominoes_packet_free(packet);
    }
    // From port 4000 of `from`.
    void receive_syn(const char* from, const char* to, uint16_t port) {
        const auto source = IpAddress::v4(address(from, 0).addr);
        const auto destination = IpAddress::v4(address(to, 0).addr);
        const Bytes syn = tcp_segment({4000, port}, kSyn, 0, 0, {}, source, destination);
        receive(ip_packet(kTcp, syn, source, destination));
    }
    uint64_t count(Counter counter) const { return counted(nic, counter); }
    bool counts(Counter counter, uint64_t wanted) const {
        return scout::counts(nic, counter, wanted);
    }

    AskedLink link;
    scout_nic* nic = nullptr;
};

// Three devices, the nearest of which is not the first.
struct MultiHost {
    MultiHost() : stack(scout_stack_create()) {
        wide = std::make_unique<Device>(stack, "10.0.0.1", 8);
        narrow = std::make_unique<Device>(stack, "10.1.0.1", 16);
        routed = std::make_unique<Device>(stack, "192.0.2.1", 24, "192.0.2.254");
    }
    ~MultiHost() {
        for (auto* device : {&wide, &narrow, &routed}) device->reset();
        scout_stack_destroy(stack);
    }

    scout_stack* stack;
    std::unique_ptr<Device> wide, narrow, routed;
};

inline dominoes_sockaddr local_of(Socket& socket) {
    dominoes_sockaddr local{};
    scout_local(socket.get(), &local);
    return local;
}

inline bool is_at(Socket& socket, const char* ip) {
    const auto local = local_of(socket);
    return IpAddress::v4(local.addr) == IpAddress::v4(address(ip, 0).addr);
}

inline int64_t send_to(Socket& socket, const char* ip) {
    const auto to = address(ip, 9);
    dominoes_iter from("x", 1);
    return scout_send_to(socket.get(), &to, &from, 1);
}

inline int64_t receive(Socket& socket) {
    char byte[64];
    dominoes_sockaddr from;
    dominoes_iter to(byte, sizeof byte);
    return scout_receive_from(socket.get(), &from, &to, sizeof byte, false);
}

// The same, once it has come.
inline int64_t receive_surely(Socket& socket) {
    const uint64_t end_ns = dominoes_now_ns() + 20 * kSecond;
    int64_t got = receive(socket);
    for (; got == error(kEagain) && dominoes_now_ns() < end_ns; got = receive(socket))
        dominoes_thread_yield();
    return got;
}

inline int begin_connect(Socket& socket, const char* ip) {
    const auto to = address(ip, 80);
    return scout_connect(socket.get(), &to);
}

}  // namespace kunit::devices
