// SPDX-License-Identifier: GPL-2.0
#include "scout/connection/tcp_router.hh"

#include "dominoes/guard.hh"
#include "scout/connection/cookie.hh"
#include "scout/connection/isn.hh"
#include "scout/connection/reuse.hh"
#include "scout/ip/datagram.hh"
#include "scout/net/checksum.hh"
#include "scout/net/errors.hh"

namespace scout {

using dominoes::MutexGuard;
using dominoes::ReadSection;

namespace {

Participants participants_of(const ConnectionKey& key) {
    return {{key.local_ip, key.local_port}, {key.peer_ip, key.peer_port}, kTcp};
}

TcpCookieContext cookie_context(const Interface& interface, const ConnectionKey& key,
                                Listener& listener) {
    return {{key.local_ip, key.local_port},
            {key.peer_ip, key.peer_port},
            interface.secret,
            dominoes_now_ns(),
            listener.attributes().buffer(Attribute::kReceiveBytes).max};
}

// Data is left for the peer to send again: the packet stays with the control channel.
SegmentEvent without_text(const SegmentEvent& event) {
    SegmentEvent bare = event;
    bare.payload_bytes = 0;
    bare.flags &= static_cast<uint8_t>(~kFin);
    return bare;
}

// Whether it asks for a connection.
bool opens(const SegmentEvent& event) { return (event.flags & (kSyn | kAck | kRst)) == kSyn; }

}  // namespace

// What answers a SYN with a cookie: the same machine that a connection is, for one step.
struct TcpRouter::Answerer {
    TcpState state;
    dominoes::Request request;
    Effects effects;
};

TcpRouter::~TcpRouter() { dominoes::destroy(answerer_); }

TcpRouter* TcpRouter::create(Interface& interface, ArpRouter& arp) {
    constexpr uint32_t kConnectionBuckets = 1024;
    constexpr uint32_t kListenerBuckets = 64;
    dominoes::Owned<TcpRouter> router(dominoes::make<TcpRouter>(interface, arp));
    if (!router) return nullptr;
    router->connections_.reset(Connections::create(kConnectionBuckets));
    router->listeners_.reset(Listeners::create(kListenerBuckets));
    router->answerer_ = dominoes::make<Answerer>();
    const bool complete = router->connections_ && router->listeners_ && router->answerer_;
    return complete ? router.release() : nullptr;
}

// --- demultiplexing ---

ConnectionKey TcpRouter::key_of(const Frame& frame) {
    const TcpPorts ports = tcp_ports(frame.transport());
    return {frame.destination, frame.source, ports.destination, ports.source};
}

Verdict TcpRouter::demux(Frame& frame) {
    // RFC 9293 MUST-57: a connection has one peer, and nobody else has to hear what it says.
    if (frame.broadcast) return interface_.drop(Counter::drop_tcp_broadcast);
    SegmentEvent event;
    const Verdict verdict = parse(frame, event);
    if (verdict != Verdict::kTake) return verdict;

    ReadSection section;
    Connection* connection = connections_->find(key_of(frame));
    if (!connection || connection->channel().closed()) return unmatched(frame, event);
    if (may_reopen(*connection, frame, event))
        return interface_.defer(*this, &TcpRouter::handle_syn, frame);
    if (!connection->publish_segment(event, frame.packet)) {
        return interface_.drop(Counter::drop_tcp_channel_full);
    }
    interface_.counters.add(Counter::tcp_segments_in);
    return Verdict::kTake;
}

// A SYN that finds TIME-WAIT may open the connection anew: the control thread decides. Here only
// the phase is looked at, which is one word.
bool TcpRouter::may_reopen(const Connection& connection, const Frame& frame,
                           const SegmentEvent& event) {
    return opens(event) && connection.phase() == TcpPhase::kTimeWait &&
           listeners_->find(tcp_ports(frame.transport()).destination);
}

// kTake: `event` is a valid segment.
Verdict TcpRouter::parse(Frame& frame, SegmentEvent& event) {
    const uint32_t available =
        frame.head_bytes - dominoes::min(frame.head_bytes, frame.transport_offset);
    switch (tcp_parse(frame.transport(), dominoes::min(available, frame.transport_bytes),
                      frame.transport_bytes, event)) {
        case TcpParse::kOk:
            break;
        case TcpParse::kShort:
            return interface_.drop(Counter::drop_tcp_short);
        case TcpParse::kHeader:
            return interface_.drop(Counter::drop_tcp_header);
        case TcpParse::kOptions:
            return interface_.drop(Counter::drop_tcp_options);
    }
    const uint16_t pseudo =
        pseudo_sum(frame.source, frame.destination, kTcp, frame.transport_bytes);
    if (!dominoes_packet_checksum_ok(frame.packet, frame.transport_offset, frame.transport_bytes,
                                     pseudo)) {
        return interface_.drop(Counter::drop_tcp_checksum);
    }
    if (!tcp_flags_possible(event.flags)) return interface_.drop(Counter::drop_tcp_flags);
    event.payload_offset = static_cast<uint16_t>(event.payload_offset + frame.transport_offset);
    event.ecn = frame.ecn;
    event.app_read = 0;
    return Verdict::kTake;
}

// A SYN for a listener, or a segment that deserves a reset: work for the control thread.
Verdict TcpRouter::unmatched(Frame& frame, const SegmentEvent& event) {
    if (opens(event) && listeners_->find(tcp_ports(frame.transport()).destination))
        return interface_.defer(*this, &TcpRouter::handle_syn, frame);
    if (event.flags & kRst) return interface_.drop(Counter::drop_tcp_unmatched);
    return interface_.defer(*this, &TcpRouter::handle_unmatched, frame);
}

bool TcpRouter::icmp_error(const IcmpError& error) {
    const IcmpEvent event{{0}, error.seq, error.type, error.code, error.mtu};
    ReadSection section;
    Connection* connection =
        connections_->find({error.local.ip, error.peer.ip, error.local.port, error.peer.port});
    if (!connection) return false;
    if (!connection->publish_icmp(event)) interface_.drop(Counter::drop_tcp_channel_full);
    return true;
}

// --- the control thread ---

void TcpRouter::handle_unmatched(Router& router, Frame& frame) {
    auto& self = static_cast<TcpRouter&>(router);
    SegmentEvent event;
    if (self.parse(frame, event) != Verdict::kTake || self.take_cookie(frame, event)) return;
    self.interface_.counters.add(Counter::drop_tcp_unmatched);
    self.send_reset(frame, event);
}

void TcpRouter::send_reset(const Frame& frame, const SegmentEvent& event) {
    TransmitEffect reset{};
    if (!tcp_reset_reply(event, reset)) return;
    if (send_bare(frame, reset)) interface_.counters.add(Counter::tcp_resets_out);
}

// Answers `frame` with a segment without data, outside any connection.
bool TcpRouter::send_bare(const Frame& frame, const TransmitEffect& segment) {
    const TcpPorts ports = tcp_ports(frame.transport());
    Msg msg;
    tcp_format(segment, 0, {ports.destination, ports.source},
               msg.prepend(tcp_header_bytes(segment)));
    msg.want_checksum(kTcpChecksumOffset);
    return send_datagram(interface_, arp_, frame.source, kTcp, msg, tcp_service(segment)) == 0;
}

void TcpRouter::handle_syn(Router& router, Frame& frame) {
    auto& self = static_cast<TcpRouter&>(router);
    SegmentEvent event;
    if (self.parse(frame, event) == Verdict::kTake) self.passive_open(frame, event);
}

void TcpRouter::passive_open(Frame& frame, const SegmentEvent& syn) {
    const ConnectionKey key = key_of(frame);
    MutexGuard guard(interface_.shared.mutex());
    uint32_t iss = draw_sequence(participants_of(key));
    // If there is one, it was made by an earlier copy of this SYN, or is in TIME-WAIT.
    if (Connection* connection = make_way(connections_->find(key), syn, iss)) {
        if (!connection->publish_segment(without_text(syn), nullptr))
            interface_.drop(Counter::drop_tcp_channel_full);
        return;
    }
    Listener* listener = listeners_->find(key.local_port);
    if (!listener || ending_) return send_reset(frame, syn);
    if (!listener->admit()) return answer_with_cookie(frame, syn, *listener);
    make_passive(participants_of(key), *listener, without_text(syn), iss, false);
}

// A connection that may be opened anew goes without a word, and `iss` is made to follow it.
Connection* TcpRouter::make_way(Connection* old, const SegmentEvent& syn, uint32_t& iss) {
    if (!old) return nullptr;
    const TcpInfo shown = old->shown();
    if (!tcp_may_reopen(shown, syn)) return old;
    iss = tcp_reopening_sequence(shown, iss);
    connections_->remove(*old);
    old->abort(kNoError, true);
    return nullptr;
}

// The listener has admitted it. The SYN is there before the connection can be found: what the peer
// sends at once after a cookie's ACK would overtake it, and LISTEN answers that with a reset.
Connection* TcpRouter::make_passive(const Participants& participants, Listener& listener,
                                    const SegmentEvent& syn, uint32_t iss, bool answered) {
    listener.hold();
    Connection* connection =
        make(participants, listener.attributes(), &listener, nullptr, iss, answered);
    if (!connection) {
        listener.drop();
        listener.release();
        interface_.drop(Counter::drop_tcp_no_memory);
        return nullptr;
    }
    const bool published = connection->publish_segment(syn, nullptr);
    DOMINOES_ASSERT(published);  // its channel is empty
    enter(*connection);
    interface_.counters.add(Counter::tcp_passive_opens);
    return connection;
}

// --- SYN cookies, under the stack's mutex ---

void TcpRouter::answer_with_cookie(const Frame& frame, SegmentEvent syn, Listener& listener) {
    if (listener.crowded()) {
        interface_.drop(Counter::drop_tcp_backlog);
        return;
    }
    const ConnectionKey key = key_of(frame);
    const TcpCookieContext context = cookie_context(interface_, key, listener);
    tcp_cookie_restrict(syn);
    TcpConfig config = Connection::config(interface_, participants_of(key), listener.attributes());
    config.passive = true;
    config.iss = tcp_cookie_sequence(context, syn);
    Answerer& answerer = *answerer_;
    answerer.request.kind = static_cast<uint32_t>(EventKind::kSegment);
    answerer.request.now_ns = context.now_ns;
    answerer.request.as<SegmentEvent>() = without_text(syn);
    tcp_init(answerer.state, config);
    tcp_step(answerer.state, answerer.request, answerer.effects);
    for (const Effect& effect : answerer.effects) {
        if (effect.kind != EffectKind::kTransmit) continue;
        TransmitEffect answer = effect.transmit;
        answer.ts_val = tcp_cookie_timestamp(answer.ts_val, syn);
        if (!send_bare(frame, answer)) {
            interface_.drop(Counter::drop_tcp_backlog);
            return;
        }
        interface_.counters.add(Counter::tcp_cookies_out);
        listener.cookie_sent(context.now_ns);
    }
}

// A segment without a connection: whether it is, or follows, a cookie that came back.
bool TcpRouter::take_cookie(const Frame& frame, const SegmentEvent& event) {
    if ((event.flags & (kSyn | kAck | kRst)) != kAck) return false;
    MutexGuard guard(interface_.shared.mutex());
    Connection* connection = connections_->find(key_of(frame));
    if (connection && connection->channel().closed()) return false;
    if (!connection && !open_by_cookie(frame, event, connection)) return false;
    if (!connection) return true;  // no room at present: the peer will send it again
    SegmentEvent bare = without_text(event);
    bare.ts_ecr = 0;  // holds more than the time
    if (!connection->publish_segment(bare, nullptr))
        interface_.drop(Counter::drop_tcp_channel_full);
    return true;
}

// False: it is no cookie. `connection` stays nullptr if there is no room for one.
bool TcpRouter::open_by_cookie(const Frame& frame, const SegmentEvent& ack,
                               Connection*& connection) {
    const ConnectionKey key = key_of(frame);
    Listener* listener = listeners_->find(key.local_port);
    if (!listener || ending_) return false;
    const TcpCookieContext context = cookie_context(interface_, key, *listener);
    if (!listener->expects_cookie(context.now_ns)) return false;
    SegmentEvent syn;
    if (!tcp_cookie_open(context, ack, syn)) {
        interface_.counters.add(Counter::tcp_cookies_wrong);
        // A reset could end what may still begin: the peer has sent more than what is its cookie's
        // ACK, which found no room, or was lost or overtaken.
        const bool follows = ack.payload_bytes > 0 || ack.flags & kFin;
        if (!follows && !listener->turned_away(context.now_ns)) return false;
        interface_.drop(Counter::drop_tcp_backlog);
        return true;
    }
    if (!listener->admit_proven()) {
        listener->turn_away(context.now_ns);
        interface_.drop(Counter::drop_tcp_backlog);
        return true;
    }
    connection = make_passive(participants_of(key), *listener, syn, ack.ack - 1, true);
    if (connection) interface_.counters.add(Counter::tcp_cookies_in);
    return true;
}

uint32_t TcpRouter::draw_sequence(const Participants& participants) {
    return tcp_initial_sequence(participants.local, participants.peer, dominoes_now_ns(),
                                interface_.secret);
}

// --- under the stack's mutex ---

Connection* TcpRouter::make(const Participants& participants, const Attributes& attributes,
                            Listener* listener, void* user, uint32_t iss, bool answered) {
    IpAddress next_hop;
    if (!interface_.route(participants.peer.ip, next_hop)) return nullptr;
    Neighbour* neighbour = arp_.acquire(next_hop);
    if (!neighbour) return nullptr;
    Connection* connection =
        Connection::create(*this, {participants, &attributes, neighbour, listener, user,
                                   interface_.shared.next_id(), iss, answered});
    if (!connection) arp_.release(neighbour);
    return connection;
}

// From here on it is found, and runs.
void TcpRouter::enter(Connection& connection) {
    const bool fits = connections_->insert(connection) && connection.start();
    DOMINOES_ASSERT(fits);  // the key was looked up, and the first subscription has a slot
}

int TcpRouter::connect(const Participants& participants, const Attributes& attributes, void* user,
                       Connection** connection) {
    IpAddress next_hop;
    if (ending_) return -int{kEnetdown};
    if (!interface_.route(participants.peer.ip, next_hop)) return -int{kEnetunreach};
    if (connections_->find(participants.key())) return -int{kEaddrinuse};
    *connection = make(participants, attributes, nullptr, user, draw_sequence(participants), false);
    if (!*connection) return -int{kEnomem};
    enter(**connection);
    interface_.counters.add(Counter::tcp_active_opens);
    (*connection)->appwrap().outbox().post(Outbox::kConnect);
    return 0;
}

bool TcpRouter::port_free(uint16_t port, bool reuse) {
    if (listeners_->find(port)) return false;
    if (reuse) return true;
    bool free = true;
    connections_->for_each([&](Connection& connection) {
        const bool waits = connection.phase() == TcpPhase::kTimeWait;
        if (connection.key().local_port == port && !waits) free = false;
    });
    return free;
}

bool TcpRouter::port_unused(uint16_t port) {
    bool unused = !listeners_->find(port);
    connections_->for_each([&](Connection& connection) {
        if (connection.key().local_port == port) unused = false;
    });
    return unused;
}

int TcpRouter::listen(Listener& listener) {
    if (ending_) return -int{kEnetdown};
    return listeners_->insert(listener) ? 0 : -int{kEaddrinuse};
}

void TcpRouter::unlisten(Listener& listener) { listeners_->remove(listener); }

void TcpRouter::end_all(uint32_t error) {
    ending_ = true;
    connections_->for_each([error](Connection& connection) { connection.abort(error, true); });
}

void TcpRouter::link_changed() {
    connections_->for_each([](Connection& connection) { connection.link_changed(); });
}

// --- the end of a connection ---

void TcpRouter::forget(Connection& connection) {
    {
        MutexGuard guard(interface_.shared.mutex());
        connections_->remove(connection);
    }
    connection.release();
}

}  // namespace scout
