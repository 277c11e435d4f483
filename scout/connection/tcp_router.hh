// SPDX-License-Identifier: GPL-2.0
//
// The TCP router of one interface: finds the connection a segment is for and publishes it there;
// and all that is serial: ports, listeners, the making of connections, resets for segments of no
// connection.
//
// The tables are read without a lock and written under the stack's mutex, in threads.
#pragma once

#include "scout/connection/connection.hh"
#include "scout/connection/listener.hh"
#include "scout/ip/icmp.hh"

namespace scout {

class TcpRouter final : public Router, public IcmpListener {
public:
    // nullptr when memory is short. Context: process.
    [[nodiscard]] static TcpRouter* create(Interface& interface, ArpRouter& arp);
    TcpRouter(Interface& interface, ArpRouter& arp) : interface_(interface), arp_(arp) {}
    ~TcpRouter();

    Verdict demux(Frame& frame) override;
    bool icmp_error(const IcmpError& error) override;

    // --- under the stack's mutex; negative errnos; context: process ---

    // Whether `port` may be bound: nobody listens there, or (unless `reuse`) is connected through
    // it.
    bool port_free(uint16_t port, bool reuse);
    // Unlike one that is free to be bound, also not of a connection in TIME-WAIT: a connection to
    // the same peer would be the same connection.
    bool port_unused(uint16_t port);
    // Starts an active open. The endpoint's reference is the caller's.
    int connect(const Participants& participants, const Attributes& attributes, void* user,
                Connection** connection);
    // It is over, or being aborted: another may have its addresses before its leader has left.
    void remove(Connection& connection) { connections_->remove(connection); }
    int listen(Listener& listener);
    void unlisten(Listener& listener);
    // Every connection and listener ends with `error`. What is no longer known to the table has
    // ended.
    void end_all(uint32_t error);
    // Every connection is told what the device carries now.
    void link_changed();
    template <typename Visit>
    void for_each(Visit visit) {
        connections_->for_each(visit);
    }
    template <typename Visit>
    void for_each_listener(Visit visit) {
        listeners_->for_each(visit);
    }
    uint32_t count() const { return connections_->count(); }
    Interface& interface() { return interface_; }
    ArpRouter& arp() { return arp_; }

    // --- without it ---

    // The leader of `connection` has left: out of the table, and its reference released. Takes the
    // stack's mutex. Context: thread.
    void forget(Connection& connection);

private:
    using Connections = Map<ConnectionKey, Connection>;
    using Listeners = Map<uint16_t, Listener>;

    Verdict parse(Frame& frame, SegmentEvent& event);
    Verdict unmatched(Frame& frame, const SegmentEvent& event);
    static void handle_syn(Router& router, Frame& frame);
    struct Answerer;
    void answer_with_cookie(const Frame& frame, SegmentEvent syn, Listener& listener);
    bool take_cookie(const Frame& frame, const SegmentEvent& event);
    bool open_by_cookie(const Frame& frame, const SegmentEvent& ack, Connection*& connection);
    static void handle_unmatched(Router& router, Frame& frame);
    void passive_open(Frame& frame, const SegmentEvent& syn);
    bool may_reopen(const Connection& connection, const Frame& frame, const SegmentEvent& event);
    Connection* make_way(Connection* old, const SegmentEvent& syn, uint32_t& iss);
    Connection* make_passive(const Participants& participants, Listener& listener,
                             const SegmentEvent& syn, uint32_t iss, bool answered);
    Connection* make(const Participants& participants, const Attributes& attributes,
                     Listener* listener, void* user, uint32_t iss, bool answered);
    void enter(Connection& connection);
    uint32_t draw_sequence(const Participants& participants);
    void send_reset(const Frame& frame, const SegmentEvent& event);
    bool send_bare(const Frame& frame, const TransmitEffect& segment);
    static ConnectionKey key_of(const Frame& frame);

    Interface& interface_;
    ArpRouter& arp_;
    dominoes::Owned<Connections> connections_;
    dominoes::Owned<Listeners> listeners_;
    Answerer* answerer_ = nullptr;  // under the stack's mutex
    bool ending_ = false;
};

}  // namespace scout
