// SPDX-License-Identifier: GPL-2.0
#include "scout/connection/connection.hh"

#include "dominoes/guard.hh"
#include "scout/connection/isn.hh"
#include "scout/connection/listener.hh"
#include "scout/connection/tcp_router.hh"
#include "scout/net/errors.hh"
#include "scout/stack.h"
#include "scout/tcp/constants.hh"

namespace scout {

using dominoes::min;
using dominoes::Request;

// --- creation and end ---

Connection::Connection(TcpRouter& router, const Plan& plan)
    : MapNode(plan.participants.key()),
      router_(router),
      interface_(router.interface()),
      neighbour_(*plan.neighbour),
      listener_(plan.listener),
      participants_(plan.participants),
      attributes_(*plan.attributes),
      id_(plan.id),
      interface_id_(interface_.id),
      iss_(plan.iss),
      answered_(plan.answered),
      policy_(static_cast<dominoes::Policy>(plan.attributes->get(Attribute::kPolicy))),
      wanted_replicas_(static_cast<uint32_t>(plan.attributes->get(Attribute::kReplicas))),
      timers_{{*this, TimerKind::kRetransmit}, {*this, TimerKind::kDelayedAck},
              {*this, TimerKind::kTimeWait},   {*this, TimerKind::kOutput},
              {*this, TimerKind::kReorder},    {*this, TimerKind::kProbe},
              {*this, TimerKind::kKeepAlive},  {*this, TimerKind::kUserTimeout}},
      lazy_wake_(
          [](void* self) {
              static_cast<Connection*>(self)->channel_->wake_all();
              return true;
          },
          this) {}

Connection* Connection::create(TcpRouter& router, const Plan& plan) {
    dominoes::Owned<Connection> connection(dominoes::make<Connection>(router, plan));
    return connection && connection->allocate(plan) ? connection.release() : nullptr;
}

bool Connection::allocate(const Plan& plan) {
    using dominoes::ConsistencyManager;
    using dominoes::RingChannel;
    using dominoes::Sequencer;
    channel_ = RingChannel::create(kChannelCapacity);
    if (!channel_) return false;
    const auto interval = static_cast<uint32_t>(attributes_.get(Attribute::kDigestInterval));
    appwrap_ = Appwrap::create(*channel_, attributes_.buffer(Attribute::kReceiveBytes),
                               attributes_.buffer(Attribute::kSendBytes), plan.user);
    transmit_ = Sequencer::create(kTransmitSlots, &Connection::drain, this, [](void* self) {
        static_cast<Connection*>(self)->publish_refused();
    });
    consistency_ = ConsistencyManager::create(interval, kChannelCapacity);
    if (!appwrap_ || !transmit_ || !consistency_) return false;
    channel_->on_backlog(
        static_cast<uint32_t>(consistency_->stall_lag()),
        [](void* self) { static_cast<Connection*>(self)->look_for_stalls(); }, this);
    if (wanted_replicas_ > 1 && lowest_suffices(policy_)) channel_->set_lazy(kHelp, kLazyLag);
    for (; replica_count_ < wanted_replicas_; ++replica_count_) {
        Replica*& replica = replicas_[replica_count_];
        replica = Replica::create(*this, replica_count_, interface_.context(id_ + replica_count_));
        if (!replica) return false;
    }
    return true;
}

TcpOptions Connection::options(const Attributes& attributes) {
    auto number = [&](Attribute a) { return static_cast<uint32_t>(attributes.get(a)); };
    auto byte = [&](Attribute a) { return static_cast<uint8_t>(attributes.get(a)); };
    return {
        .keep_idle_s = number(Attribute::kKeepIdle),
        .keep_interval_s = number(Attribute::kKeepInterval),
        .keep_count = number(Attribute::kKeepCount),
        .user_timeout_ms = number(Attribute::kUserTimeout),
        .keep_alive = byte(Attribute::kKeepAlive),
        .no_delay = byte(Attribute::kNoDelay),
        .cork = byte(Attribute::kCork),
        .ttl = byte(Attribute::kTtl),
        .tos = byte(Attribute::kTos),
        .reserved = {},
    };
}

TcpConfig Connection::config(const Interface& interface, const Participants& participants,
                             const Attributes& attributes) {
    auto number = [&](Attribute a) { return static_cast<uint32_t>(attributes.get(a)); };
    static_assert(SCOUT_MIN_MTU == tcp::kHeaderBytes + tcp::kMinMss);
    const uint32_t mtu = dominoes::max<uint32_t>(dominoes_link_mtu(interface.link), SCOUT_MIN_MTU);
    const uint32_t limit = mtu - tcp::kHeaderBytes;
    const auto mss = min<uint32_t>(limit, number(Attribute::kMss));
    const BufferSize receive = attributes.buffer(Attribute::kReceiveBytes);
    const BufferSize send = attributes.buffer(Attribute::kSendBytes);
    return {
        .passive = false,
        .iss = 0,
        .ts_offset = tcp_timestamp_offset(participants.local, participants.peer, interface.secret),
        .receive_bytes = receive.initial,
        .send_bytes = send.initial,
        .mss = static_cast<uint16_t>(mss),
        .max_piece = dominoes::max(mss, dominoes_link_max_segment(interface.link)),
        .congestion = static_cast<TcpCongestion>(number(Attribute::kCongestion)),
        .replicas = (dominoes::ReplicaSet{1} << number(Attribute::kReplicas)) - 1,
        .options = options(attributes),
        .ecn = number(Attribute::kEcn) != 0,
        .receive_max = receive.max,
        .send_max = send.max,
    };
}

bool Connection::start() {
    interface_.replicas_begin();
    TcpConfig mine = config(interface_, participants_, attributes_);
    mine.passive = listener_ != nullptr;
    mine.iss = iss_;
    mine.answered = answered_;
    // if it fails it has left, and said that the connection ended
    return replicas_[0]->start(mine);
}

Connection::~Connection() {
    for (Replica* replica : replicas_) dominoes::destroy(replica);
    dominoes::destroy(consistency_);
    dominoes::destroy(transmit_);
    dominoes::destroy(appwrap_);
    dominoes::destroy(channel_);
}

void Connection::free(dominoes_retired* retired) {
    dominoes::destroy(static_cast<Connection*>(retired));
}

void Connection::release() {
    if (references_.fetch_sub_acq_rel(1) == 1) dominoes_retire(this, &Connection::free);
}

// --- publishers ---

Request* Connection::claim(EventKind kind, uint32_t headroom) {
    Request* request = channel_->claim(headroom);
    if (!request) return nullptr;
    request->kind = static_cast<uint32_t>(kind);
    request->now_ns = dominoes_now_ns();
    return request;
}

bool Connection::publish_segment(const SegmentEvent& event, dominoes_packet* packet) {
    Request* request = claim(EventKind::kSegment, kSegmentHeadroom);
    if (!request) return false;
    auto& published = request->as<SegmentEvent>();
    published = event;
    published.app_read = appwrap_->read_position();
    if (event.payload_bytes) {
        request->owned = packet;
        request->release = [](Request& passed) {
            dominoes_packet_free(static_cast<dominoes_packet*>(passed.owned));
        };
    }
    channel_->publish(*request);
    if (!event.payload_bytes && packet) dominoes_packet_free(packet);
    return true;
}

bool Connection::publish_icmp(const IcmpEvent& event) {
    Request* request = claim(EventKind::kIcmp, kSegmentHeadroom);
    if (!request) return false;
    request->as<IcmpEvent>() = event;
    channel_->publish(*request);
    return true;
}

bool Connection::TimerSlot::expired(void* context) {
    auto* self = static_cast<TimerSlot*>(context);
    Connection& connection = self->connection;
    if (connection.channel_->closed()) return true;
    if (self->kind == TimerKind::kRetransmit) connection.give_up_unreachable();
    Request* request = connection.claim(EventKind::kTimeout, 0);
    if (!request) return false;  // the wheel calls again next tick
    request->as<TimeoutEvent>() =
        TimeoutEvent{{connection.appwrap_->read_position()}, self->kind, 0};
    connection.channel_->publish(*request);
    return true;
}

// An attempt to connect ends when nobody has answered ARP for the next hop; a connection that was
// open may outlive that.
void Connection::give_up_unreachable() {
    if (!appwrap_->is_connected() && neighbour_.failed()) abort(kEhostunreach, true);
}

void Connection::set_options(const Attributes& attributes, bool push) {
    appwrap_->outbox().set_options(options(attributes), push);
    appwrap_->outbox().post(Outbox::kOption);
}

void Connection::link_changed() {
    appwrap_->outbox().set_link(dominoes_link_mtu(interface_.link),
                                dominoes_link_max_segment(interface_.link));
    appwrap_->outbox().post(Outbox::kLink);
}

void Connection::abort(uint32_t error, bool silent) {
    appwrap_->outbox().set_abort(error, silent);
    appwrap_->outbox().post(Outbox::kAbort);
}

void Connection::close(bool reset) {
    appwrap_->user().leave();
    if (reset || !appwrap_->is_connected() || !may_be_orphaned()) return abort(kNoError, false);
    appwrap_->close();
}

// Counts it among the orphans, if there is room for one more. The device may be on its way out: as
// long as the connection is not over it waits for that, and then for read sections.
bool Connection::may_be_orphaned() {
    dominoes::ReadSection section;
    if (appwrap_->is_over() || orphan_.load_acquire() & kEnded) return true;
    if (!interface_.shared.orphan_begins()) {
        interface_.counters.add(Counter::tcp_orphans_reset);
        return false;
    }
    if (orphan_.fetch_or_acq_rel(kLeft) & kEnded) interface_.shared.orphan_ended();
    return true;
}

// More than once, for most connections.
void Connection::delivered() {
    if (orphan_.fetch_or_acq_rel(kEnded) == kLeft) interface_.shared.orphan_ended();
}

bool Connection::drained() const {
    const TcpPhase now = phase();
    return appwrap_->is_over() || appwrap_->unread() > 0 || now == TcpPhase::kFinWait2 ||
           now == TcpPhase::kTimeWait;
}

// --- replicas ---

bool Connection::may_transmit(const TcpState& state) {
    return inconsistent() || transmit_->has_room(state.transmissions + Effects::kMaxTransmissions);
}

void Connection::transmit_in_order(uint64_t serial, dominoes_packet* packet) {
    if (inconsistent()) {  // no order is left to keep: this is the reset
        if (packet) transmit_packet(interface_, packet);
        return;
    }
    transmit_->place(serial, packet ? reinterpret_cast<uint64_t>(packet) : kNothing);
}

void Connection::drain(void* context, uint64_t, uint64_t item) {
    if (item == kNothing) return;
    auto* self = static_cast<Connection*>(context);
    auto* packet = reinterpret_cast<dominoes_packet*>(item);
    const TcpExtent extent = tcp_extent(*packet);  // afterwards it is gone
    if (!transmit_packet(self->interface_, packet)) self->note_refused(extent);
}

// A full queue refuses many in a row, which are one event.
void Connection::note_refused(TcpExtent extent) {
    if (extent.start == extent.end) return;  // nobody waits for an acknowledgement of it
    if (refused_.end != extent.start) {
        publish_refused();
        refused_.start = extent.start;
    }
    refused_.end = extent.end;
}

// Where the channel is full it is left to acknowledgements and timeouts to find that it is lost.
void Connection::publish_refused() {
    if (refused_.start == refused_.end) return;
    if (Request* request = claim(EventKind::kRefused, kSegmentHeadroom)) {
        request->as<RefusedEvent>() = {{appwrap_->read_position()}, refused_.start, refused_.end};
        channel_->publish(*request);
    }
    refused_ = {};
}

void Connection::set_timer(dominoes::Context& context, const TimerEffect& effect) {
    dominoes::Timer& timer = timers_[static_cast<uint32_t>(effect.timer)].timer;
    if (effect.deadline_ns) {
        context.timers().start(timer, effect.deadline_ns);
    } else {
        context.timers().cancel(timer);
    }
}

// In the leader, which is alone up to here: the others join at `position`, the next one.
void Connection::established(const TcpState& state, uint64_t position) {
    for (uint32_t id = 1; id < replica_count_; ++id) {
        const bool joined = replicas_[id]->join(state, position);
        DOMINOES_ASSERT(joined);  // there are as many subscription slots as replicas
    }
    interface_.counters.add(Counter::tcp_established);
    interface_.counters.add(Counter::replicas_started, replica_count_);
    appwrap_->established();
    if (!listener_) return;
    handed_over_ = listener_->push(*this);
    if (!handed_over_) abort(kNoError, false);
}

void Connection::closed(uint32_t error) {
    delivered();
    channel_->close();
    appwrap_->over();
    interface_.counters.add(error ? Counter::tcp_aborted : Counter::tcp_closed);
}

void Connection::leader_left() {
    dominoes::TimerChannel& timers = replicas_[0]->context().timers();
    for (TimerSlot& slot : timers_) timers.cancel(slot.timer);
    timers.cancel(lazy_wake_);
    router_.forget(*this);
    if (!listener_) return;
    if (!handed_over_) {
        listener_->drop();
        release();  // the reference of the endpoint that never came to be
    }
    listener_->release();
}

void Connection::replica_joined() {
    hold();
    present_.fetch_add_acq_rel(1);
}

// The last one out leaves nothing that refers to the interface.
void Connection::replica_left() {
    if (present_.fetch_sub_acq_rel(1) == 1) {
        transmit_->clear(
            [](void*, uint64_t item) {
                if (item != kNothing)
                    dominoes_packet_free(reinterpret_cast<dominoes_packet*>(item));
            },
            nullptr);
        interface_.counters.add(Counter::digest_checks, consistency_->checks());
        router_.arp().release(&neighbour_);
        interface_.replicas_ended();
    }
    release();
}

void Connection::found_inconsistent(uint32_t replica, uint64_t position) {
    inconsistent_.fetch_or_acq_rel(1);
    interface_.counters.add(Counter::digest_mismatches);
    dominoes_log(
        DOMINOES_LOG_ERROR,
        "connection %llu: the state of replica %u differs from another's after request %llu; "
        "the connection is reset",
        static_cast<unsigned long long>(id_), replica, static_cast<unsigned long long>(position));
    abort(kEio, false);
}

// In a publisher, which runs when a stalled replica does not; its read section keeps replicas and
// nic.
void Connection::look_for_stalls() {
    const uint64_t now_ns = dominoes_now_ns();
    for (uint32_t i = 0; i < dominoes::kMaxReplicas; ++i) {
        const dominoes::Subscription* subscription = channel_->subscription(i);
        if (!subscription) continue;
        const uint32_t replica = subscription->domain().id();
        const uint64_t cursor = subscription->cursor();
        const uint64_t lag = channel_->lag(*subscription);
        if (!consistency_->stalls(replica, cursor, lag, now_ns)) continue;
        interface_.counters.add(Counter::replica_stalls);
        dominoes_log(DOMINOES_LOG_WARNING,
                     "connection %llu: replica %u is %llu requests behind and does not move: it is "
                     "stalled",
                     static_cast<unsigned long long>(id_), replica,
                     static_cast<unsigned long long>(lag));
    }
}

// Each replica once.
void Connection::log_state(uint32_t replica, const TcpState& state) {
    const uint32_t bit = 2u << replica;
    if (inconsistent_.fetch_or_acq_rel(bit) & bit) return;
    const TcpInfo i = tcp_info(state);
    dominoes_log(DOMINOES_LOG_ERROR,
                 "connection %llu replica %u: digest %016llx requests %llu phase %u cwnd %llu "
                 "srtt %u us rto %u us sent %llu received %llu",
                 static_cast<unsigned long long>(id_), replica,
                 static_cast<unsigned long long>(dominoes::digest(&state, sizeof state)),
                 static_cast<unsigned long long>(state.requests),
                 static_cast<uint32_t>(state.phase), static_cast<unsigned long long>(i.cwnd),
                 i.srtt_us, i.rto_us, static_cast<unsigned long long>(i.bytes_sent),
                 static_cast<unsigned long long>(i.bytes_received));
}

void Connection::show(const TcpState& state) {
    const TcpInfo now = tcp_info(state);
    shown_.publish(now);
    count(now);
    if (now.phase == phase()) return;
    // Release: whoever acquires the phase finds the snapshot at least as new.
    shown_phase_.store_release(static_cast<uint32_t>(now.phase));
    appwrap_->user().wake();  // one who lingers waits for the FIN to be acknowledged
}

// After each batch of the leader's. What the others leave to it they are to pass as well before
// long, as they keep packets.
void Connection::leader_went_on() {
    if (!channel_->is_lazy() || channel_->reclaimed() == channel_->tail()) return;
    if (lazy_wake_.armed()) return;
    replicas_[0]->context().timers().start(lazy_wake_, dominoes_now_ns() + kLazyNs);
}

void Connection::count(const TcpInfo& now) {
    auto add = [this](Counter counter, uint32_t value, uint32_t& counted) {
        if (value != counted) interface_.counters.add(counter, value - counted);
        counted = value;
    };
    add(Counter::tcp_retransmits, now.timeouts, counted_.timeouts);
    add(Counter::tcp_fast_retransmits, now.fast_recoveries, counted_.fast_recoveries);
    add(Counter::tcp_ecn_reductions, now.ecn_reductions, counted_.ecn_reductions);
    add(Counter::tcp_challenge_acks, now.challenge_acks, counted_.challenge_acks);
}

// --- for whoever asks ---

namespace {

uint32_t saturated(uint64_t value) {
    return static_cast<uint32_t>(min<uint64_t>(value, ~uint32_t{0}));
}

}  // namespace

void Connection::info(EndpointInfo& info) {
    const TcpInfo now = shown_.read();
    info = {};
    info.id = id_;
    info.ifindex = static_cast<uint32_t>(interface_id_);
    info.protocol = kTcp;
    info.local = to_program(participants_.local);
    info.peer = to_program(participants_.peer);
    info.policy = static_cast<uint32_t>(policy_);
    info.recv_queue = appwrap_->unread();
    info.send_queue = appwrap_->unacknowledged();
    info.digest_checks = consistency_->checks();
    info.digest_mismatches = consistency_->mismatches();
    info.state = static_cast<uint32_t>(now.phase);
    info.bytes_received = now.bytes_received;
    info.bytes_sent = now.bytes_sent;
    info.bytes_acked = now.bytes_acked;
    info.bytes_retransmitted = now.bytes_retransmitted;
    info.segments_in = now.segments_in;
    info.segments_out = now.segments_out;
    info.srtt_us = now.srtt_us;
    info.rttvar_us = now.rttvar_us;
    info.rto_us = now.rto_us;
    info.mss = now.mss;
    info.cwnd = saturated(now.cwnd);
    info.ssthresh = saturated(now.ssthresh);
    info.snd_wnd = saturated(now.snd_wnd);
    info.rcv_wnd = saturated(now.rcv_wnd);
    info.rcvbuf = now.receive_bytes;
    info.rcvbuf_limit = now.receive_max;
    info.sndbuf = now.send_bytes;
    info.sndbuf_limit = now.send_max;
    info.retransmits = now.timeouts;
    info.snd_wscale = now.snd_scale;
    info.rcv_wscale = now.rcv_scale;
    info.options = static_cast<uint8_t>(
        now.timestamps * DOMINOES_INFO_TIMESTAMPS | now.window_scaling * DOMINOES_INFO_WSCALE |
        now.sack * DOMINOES_INFO_SACK | now.ecn * DOMINOES_INFO_ECN);
    show_replicas(info);
}

void Connection::show_replicas(EndpointInfo& info) {
    info.replicas = replica_count_;
    for (uint32_t i = 0; i < replica_count_; ++i) {
        const Replica& replica = *replicas_[i];
        const Replica::Stats stats = replica.stats();
        info.replica[i] = {replica.cpu(),         static_cast<uint32_t>(replica.lag()),
                           replica.processed(),   stats.owned,
                           stats.delivered_bytes, stats.sent_segments};
    }
}

}  // namespace scout
