// SPDX-License-Identifier: GPL-2.0
//
// Listener: a port that accepts connections, and the queue of those that wait for the application.
// Replicas push, the application pops; a closed listener takes no more.
#pragma once

#include "dominoes/atomic.hh"
#include "scout/net/attributes.hh"
#include "scout/net/map.hh"
#include "scout/net/user.hh"

namespace scout {

class Connection;
class TcpRouter;

class Listener final : public MapNode<uint16_t>, public dominoes_retired, dominoes::Pinned {
public:
    static constexpr uint32_t kDefaultBacklog = 128;
    static constexpr uint32_t kMaxBacklog = 4096;

    // Holds one reference, the endpoint's.
    Listener(uint16_t port, const Attributes& attributes, uint32_t backlog, void* user)
        : MapNode(port), attributes_(attributes), backlog_(backlog), user_(user) {}

    void hold() { references_.fetch_add_relaxed(1); }
    // Frees it after the last, once no demultiplexer looks at it. Context: any.
    void release();

    uint16_t port() const { return key(); }
    // Those of connections to come. Context: under the stack's mutex.
    Attributes& attributes() { return attributes_; }
    uint32_t backlog() const { return backlog_; }

    // A handshake begins, which counts against the backlog until accept() or drop(). False: no
    // room.
    bool admit();
    // As admit(), for a handshake that a cookie has proven to be honest: the queue of those that
    // wait for accept() has room, whatever other handshakes there are.
    bool admit_proven();
    // Whether the queue for accept() is full by itself: no handshake should begin.
    bool crowded() const { return queued() >= backlog_; }
    // A SYN is answered with a cookie at `now_ns`; and whether that was lately, so that one may
    // come back.
    void cookie_sent(uint64_t now_ns) { cookie_ns_.store_relaxed(now_ns); }
    bool expects_cookie(uint64_t now_ns) const;
    // The ACK of a cookie finds no room at `now_ns`; and whether one lately did: that peer believes
    // that it has a connection, and can still get it.
    void turn_away(uint64_t now_ns) { turned_away_ns_.store_relaxed(now_ns); }
    bool turned_away(uint64_t now_ns) const;
    // A connection admitted will not come.
    void drop() { pending_.fetch_sub_acq_rel(1); }
    // A connection is established; its endpoint's reference goes to the queue. False: closed,
    // nothing was taken. Context: any.
    bool push(Connection& connection);
    // The connection that has waited longest, with its reference; nullptr: none. One caller at a
    // time.
    Connection* pop();
    // Ends it: what waits is handed to `refuse`, and nothing more comes. One caller at a time, as
    // pop.
    void close(void (*refuse)(Connection& connection));

    // Connections in the queue or in their handshake.
    uint32_t pending() const { return pending_.load_acquire(); }
    // Whether pop() would find one. Context: any.
    bool ready() const { return queued() > 0; }
    User& user() { return user_; }

    // Maintained by the endpoint, which has one at each device that it listens at.
    TcpRouter* router = nullptr;
    dominoes::Atomic<Listener*> next;

private:
    void take_arrived();
    uint32_t queued() const;

    Attributes attributes_;
    const uint32_t backlog_;
    User user_;
    dominoes::Atomic<uint32_t> references_{1};
    dominoes::Atomic<uint32_t> pending_;
    dominoes::Atomic<uint64_t> cookie_ns_;       // when the latest was sent; 0: none was
    dominoes::Atomic<uint64_t> turned_away_ns_;  // when the latest was; 0: none was
    dominoes::Atomic<uint32_t> queued_;          // may be one behind while somebody pushes
    // Pushed by replicas, the latest first.
    dominoes::Atomic<Connection*> arrived_;
    // The application's, the earliest first.
    Connection* first_ = nullptr;
};

}  // namespace scout
