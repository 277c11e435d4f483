// SPDX-License-Identifier: GPL-2.0
//
// For the tests of a connection and its replicas, on the host: one connection from our port 5000 to
// the peer's port 80, which the test opens; the test is the peer, and the application. Sequence
// numbers are relative: each end's SYN is 0.
#pragma once

#include <mutex>

#include "dominoes/guard.hh"
#include "kunit/framework.hh"
#include "kunit/packets.hh"
#include "scout/connection/tcp_router.hh"
#include "scout/net/errors.hh"

namespace kunit::one_connection {

using namespace scout;

// Keeps the segments that are sent. Several threads send.
class SegmentLink final : public rig::Link {
public:
    bool transmit(dominoes_packet* packet) override {
        const Sent sent(Bytes(packet->data, packet->data + packet->bytes));
        dominoes_packet_free(packet);
        SegmentEvent event;
        const auto bytes = static_cast<uint32_t>(sent.payload.size());
        if (!sent.is_ip || sent.ip.protocol != kTcp ||
            tcp_parse(sent.payload.data(), bytes, bytes, event) != TcpParse::kOk)
            return true;
        std::lock_guard lock(mutex_);
        sent_.push_back(event);
        return true;
    }
    std::vector<SegmentEvent> sent() {
        std::lock_guard lock(mutex_);
        return sent_;
    }

private:
    std::mutex mutex_;
    std::vector<SegmentEvent> sent_;
};

class OneConnection {
public:
    static constexpr uint32_t kPeerIss = 1000;
    static constexpr Participants kBetween{{kOurIp, 5000}, {kPeerIp, 80}, kTcp};

    explicit OneConnection(uint32_t replicas = 1,
                           dominoes::Policy policy = dominoes::Policy::kGreedy) {
        set(Attribute::kReplicas, replicas);
        set(Attribute::kPolicy, static_cast<int64_t>(policy));
        bed.interface.link = &link;
        bed.ip.connect(kTcp, *tcp);
        bed.learn();
        ready = bed.interface.start_contexts(replicas);
    }
    ~OneConnection() {
        if (connection) {
            if (!connection->appwrap().is_over()) connection->abort(kNoError, true);
            bed.interface.wait_for_replicas();
            connection->appwrap().user().leave();
            connection->release();
        }
        dominoes_retire_barrier();
    }

    void set(Attribute attribute, int64_t value) {
        attributes.set(static_cast<uint32_t>(attribute), value);
    }
    // The SYN has left. False: it does not.
    bool connect() {
        {
            dominoes::MutexGuard guard(bed.interface.shared.mutex());
            if (tcp->connect(kBetween, attributes, user.handle(), &connection) != 0) return false;
        }
        return sees_syn();
    }
    bool sees_syn() {
        return eventually([&] {
            const auto sent = link.sent();
            if (!sent.empty()) iss_ = sent[0].seq;
            return !sent.empty();
        });
    }
    bool establish() {
        if (!connect()) return false;
        peer(kSyn | kAck, 0, 1);
        return eventually([&] { return connection->phase() == TcpPhase::kEstablished; });
    }
    void peer(uint8_t flags, uint32_t seq, uint32_t ack, const Bytes& payload = {}) {
        bed.receive(framed(
            ip_packet(kTcp, tcp_segment({80, 5000}, flags, kPeerIss + seq, iss_ + ack, payload))));
    }
    // How many were sent with all of `flags`, but for their sequence numbers.
    size_t count(uint8_t flags) {
        size_t found = 0;
        for (const SegmentEvent& segment : link.sent()) found += (segment.flags & flags) == flags;
        return found;
    }
    bool sends(uint8_t flags) {
        return eventually([&] { return count(flags) > 0; });
    }
    // Whether all up to `seq` has been sent.
    bool sends_up_to(uint32_t seq) {
        return eventually([&] {
            for (const SegmentEvent& segment : link.sent())
                if (segment.seq - iss_ + segment.payload_bytes == seq) return true;
            return false;
        });
    }
    bool acknowledges(uint32_t seq) {
        return eventually([&] {
            for (const SegmentEvent& segment : link.sent())
                if (segment.flags & kAck && segment.ack - kPeerIss == seq) return true;
            return false;
        });
    }
    bool reaches(TcpPhase phase) {
        return eventually([&] { return connection->phase() == phase; });
    }
    int64_t write(size_t bytes) {
        const Bytes data(bytes);
        dominoes_iter from(data.data(), data.size());
        return connection->appwrap().write(&from, data.size());
    }
    int64_t read() {
        Bytes data(65536);
        dominoes_iter to(static_cast<void*>(data.data()), data.size());
        return connection->appwrap().read(&to, data.size());
    }
    // The program closes it, and has no further use for it.
    void close(bool reset) { connection->close(reset); }
    bool is_over() {
        return eventually([&] { return connection->appwrap().is_over(); });
    }

    Bed bed;
    SegmentLink link;
    dominoes::Owned<TcpRouter> tcp{TcpRouter::create(bed.interface, *bed.arp)};
    Attributes attributes;
    CountingUser user;
    Connection* connection = nullptr;
    bool ready;

private:
    uint32_t iss_ = 0;
};

}  // namespace kunit::one_connection
