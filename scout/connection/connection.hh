// SPDX-License-Identifier: GPL-2.0
//
// Connection: one TCP connection, as far as its replicas share it: the channel that orders its
// events, the application's end, the sequencer that restores the order of what is sent, the
// consistency manager, and the replicas themselves.
//
// It begins with one replica, the leader, which does all that is serial: handshake, timers,
// teardown. When it comes to be established the leader starts the others with copies of its state,
// at that point of the order. It ends when step() says kClosed: each replica leaves on seeing that,
// the last one out tells the interface.
//
// Lifetime: counted references, held by the router's table (until the leader has left), by each
// replica that takes part, and by the endpoint. The memory is retired after the last, because a
// demultiplexer may still be looking.
#pragma once

#include "dominoes/consistency_manager.hh"
#include "scout/connection/appwrap.hh"
#include "scout/connection/replica.hh"
#include "scout/net/attributes.hh"
#include "scout/net/map.hh"
#include "scout/net/participants.hh"
#include "scout/net/stack_types.hh"
#include "scout/tcp/info.hh"

namespace scout {

class Interface;
class Listener;
class Neighbour;
class TcpRouter;

class Connection final : public MapNode<ConnectionKey>, public dominoes_retired, dominoes::Pinned {
public:
    struct Plan {
        Participants participants;
        const Attributes* attributes;
        Neighbour* neighbour;
        Listener* listener;  // nullptr: active open
        void* user;          // nullptr: none yet (passive)
        uint64_t id;
        uint32_t iss;   // initial send sequence number
        bool answered;  // the peer's SYN was answered with that already
    };

    // A connection, whose leader begins with start(). Takes over the plan's references to neighbour
    // and listener, and holds two of its own: the router's table's, and the endpoint's (if passive:
    // that of the endpoint to be). nullptr when memory is short. Context: process.
    [[nodiscard]] static Connection* create(TcpRouter& router, const Plan& plan);
    Connection(TcpRouter& router, const Plan& plan);
    ~Connection();
    // The leader takes its place, and begins with what was published before. False: that failed.
    [[nodiscard]] bool start();
    // What the serial part decides for a connection; less its initial sequence number.
    static TcpConfig config(const Interface& interface, const Participants& participants,
                            const Attributes& attributes);
    void hold() { references_.fetch_add_relaxed(1); }
    void release();

    // --- shape ---
    TcpRouter& router() { return router_; }
    Neighbour& neighbour() { return neighbour_; }
    const Participants& participants() const { return participants_; }
    const Attributes& attributes() const { return attributes_; }
    uint64_t id() const { return id_; }
    dominoes::Policy policy() const { return policy_; }
    dominoes::RingChannel& channel() { return *channel_; }
    Appwrap& appwrap() { return *appwrap_; }
    dominoes::ConsistencyManager& consistency() { return *consistency_; }

    // --- for publishers ---

    // Publishes a segment; `packet` is kept until every replica has passed it (nullptr: no
    // payload). False: the channel is full or closed, nothing was taken. Context: any.
    bool publish_segment(const SegmentEvent& event, dominoes_packet* packet);
    bool publish_icmp(const IcmpEvent& event);
    // The live ones among `attributes` have changed. `push`: kNoDelay was set. One caller at a
    // time.
    void set_options(const Attributes& attributes, bool push);
    // The device's MTU, or how much it takes at once, has changed.
    void link_changed();
    // The connection is to end with `error`, without a word to the peer if `silent`.
    void abort(uint32_t error, bool silent);
    // The application lets go: an orderly close if it has read everything that was received when
    // this comes up in the order, else a reset (RFC 1122 4.2.2.13).
    void close(bool reset);
    // Whether close() need not wait: the FIN is acknowledged, and so all before it, or there is
    // none to wait for, since close() would reset the connection or that is over.
    bool drained() const;

    // --- for replicas ---

    // Whether everything step() may transmit at the next request has room in the sequencer.
    bool may_transmit(const TcpState& state);
    // `packet` may be nullptr: nothing is to be sent for this serial number after all.
    void transmit_in_order(uint64_t serial, dominoes_packet* packet);
    void set_timer(dominoes::Context& context, const TimerEffect& effect);
    void established(const TcpState& state, uint64_t position);
    void closed(uint32_t error);
    // In the leader: the peer has acknowledged all, and the FIN (FIN-WAIT-2, TIME-WAIT), or the
    // connection is over. It is no orphan then; how long it stays is bounded.
    void delivered();
    void leader_left();
    void replica_joined();
    void replica_left();
    // What of `state` others may look at; show() also counts, and wakes.
    void publish(const TcpState& state) { shown_.publish(tcp_info(state)); }
    void show(const TcpState& state);
    void leader_went_on();
    bool inconsistent() const { return inconsistent_.load_acquire() != 0; }
    void found_inconsistent(uint32_t replica, uint64_t position);
    void log_state(uint32_t replica, const TcpState& state);

    // --- for whoever asks ---
    void info(EndpointInfo& info);
    TcpInfo shown() const { return shown_.read(); }
    // That of shown(), as one word: what is on every packet's way looks at no more.
    TcpPhase phase() const { return static_cast<TcpPhase>(shown_phase_.load_acquire()); }
    Replica* replica(uint32_t id) { return id < replica_count_ ? replicas_[id] : nullptr; }

    Connection* next_accepted = nullptr;  // maintained by Listener

private:
    struct TimerSlot {
        TimerSlot(Connection& c, TimerKind k)
            : connection(c), kind(k), timer(&TimerSlot::expired, this) {}
        static bool expired(void* context);
        Connection& connection;
        const TimerKind kind;
        dominoes::Timer timer;
    };

    static TcpOptions options(const Attributes& attributes);
    bool allocate(const Plan& plan);
    static void drain(void* context, uint64_t serial, uint64_t item);
    void note_refused(TcpExtent extent);
    void publish_refused();
    void look_for_stalls();
    static void free(dominoes_retired* retired);
    dominoes::Request* claim(EventKind kind, uint32_t headroom);
    void give_up_unreachable();
    bool may_be_orphaned();
    void count(const TcpInfo& now);
    void show_replicas(EndpointInfo& info);

    static constexpr uint32_t kChannelCapacity = 1024;
    // Room left for control when packets fill the channel.
    static constexpr uint32_t kSegmentHeadroom = 16;
    static constexpr uint32_t kTransmitSlots = 4096;
    // How many requests the leader is behind when other replicas come to help; and how many, and
    // for how long, they leave to it at most.
    static constexpr uint32_t kHelp = 16;
    static constexpr uint32_t kLazyLag = 64;
    static constexpr uint64_t kLazyNs = 10'000'000;
    static constexpr uint64_t kNothing = 1;  // the sequencer's item for "nothing to send"
    // In orphan_.
    static constexpr uint32_t kLeft = 1;   // the application has
    static constexpr uint32_t kEnded = 2;  // and need not be waited for

    TcpRouter& router_;
    Interface& interface_;
    Neighbour& neighbour_;
    Listener* const listener_;
    const Participants participants_;
    const Attributes attributes_;
    const uint64_t id_;
    const uint64_t interface_id_;
    const uint32_t iss_;
    const bool answered_;
    const dominoes::Policy policy_;
    const uint32_t wanted_replicas_;
    uint32_t replica_count_ = 0;

    dominoes::RingChannel* channel_ = nullptr;
    Appwrap* appwrap_ = nullptr;
    dominoes::Sequencer* transmit_ = nullptr;
    dominoes::ConsistencyManager* consistency_ = nullptr;
    Replica* replicas_[dominoes::kMaxReplicas] = {};
    TcpExtent refused_{};  // by the device, and not published yet; the drainer's

    TimerSlot timers_[kTimerKinds];
    dominoes::Timer lazy_wake_;  // the leader's
    dominoes::Atomic<uint32_t> references_{2};
    dominoes::Atomic<uint32_t> present_;  // replicas that take part
    dominoes::Atomic<uint32_t> orphan_;   // kLeft alone: counted among the stack's
    dominoes::Atomic<uint32_t>
        inconsistent_;  // one bit, and one a replica that has logged its state
    dominoes::Snapshot<TcpInfo> shown_;
    dominoes::Atomic<uint32_t> shown_phase_{static_cast<uint32_t>(TcpPhase::kClosed)};
    TcpInfo counted_{};         // the leader's: what the counters contain of this connection
    bool handed_over_ = false;  // the leader's: the endpoint's reference has gone to the listener
};

}  // namespace scout
