// SPDX-License-Identifier: GPL-2.0
//
// tcp_step(): takes an event to the unit it belongs to, and at the end sends what the state then
// asks for.
#include "scout/tcp/ack_send.hh"
#include "scout/tcp/handshake.hh"
#include "scout/tcp/header.hh"
#include "scout/tcp/icmp.hh"
#include "scout/tcp/output.hh"
#include "scout/tcp/path_mtu.hh"
#include "scout/tcp/probe.hh"
#include "scout/tcp/recovery.hh"
#include "scout/tcp/segment.hh"
#include "scout/tcp/timer.hh"
#include "scout/tcp/tuning.hh"
#include "scout/tcp/user.hh"
#include "scout/tcp/user_timeout.hh"

namespace scout {
namespace tcp {
namespace {

// Whether the device may have room again by now (scout/tcp/recovery.hh).
bool ends_hold(const dominoes::Request& request) {
    switch (kind_of(request)) {
        case EventKind::kSegment:
            return true;
        case EventKind::kTimeout: {
            const TimerKind timer = request.as<TimeoutEvent>().timer;
            return timer != TimerKind::kOutput && timer != TimerKind::kDelayedAck;
        }
        default:
            return false;
    }
}

// What every request brings, whatever it is about.
void begin(TcpState& state, const dominoes::Request& request) {
    ++state.requests;
    if (ends_hold(request)) state.held = 0;
    state.now_ns = dominoes::max(state.now_ns, request.now_ns);
    state.replicas = state.replicas_next;
    if (state.irs == 0) return;
    const uint64_t read = dominoes::min(request.as<Event>().app_read, received_in_order(state));
    state.app_read = dominoes::max(state.app_read, read);
}

void dispatch(StepContext& step, const dominoes::Request& request) {
    switch (kind_of(request)) {
        case EventKind::kSegment:
            return segment_arrives(step, request.as<SegmentEvent>());
        case EventKind::kConnect:
            return connect(step);
        case EventKind::kSend:
            return send(step, request.as<SendEvent>());
        case EventKind::kRead:
            step.window_update = true;
            return;
        case EventKind::kShutdown:
            return shutdown(step);
        case EventKind::kAbort:
            return abort(step, request.as<AbortEvent>());
        case EventKind::kTimeout:
            return timeout(step, request.as<TimeoutEvent>());
        case EventKind::kOption:
            return set_options(step, request.as<OptionEvent>());
        case EventKind::kIcmp:
            return icmp_error(step, request.as<IcmpEvent>());
        case EventKind::kCloseReads:
            return close_reads(step);
        case EventKind::kRing:
            return tuning_ring(step, request.as<RingEvent>());
        case EventKind::kRefused:
            return recovery_refused(step.state, request.as<RefusedEvent>());
        case EventKind::kLink:
            return path_mtu_link(step.state, request.as<LinkEvent>());
        case EventKind::kDebug:
            return;  // the caller's business
    }
}

void send_what_is_due(StepContext& step) {
    TcpState& state = step.state;
    keep_path_mtu(state);
    // While something is missing the peer must see an ACK without data, or it is no duplicate.
    if (step.ack_now && !state.received.empty()) send_ack(step);
    output(step);
    const bool update = step.window_update && state.established && window_update_due(state);
    if (step.ack_now || update) send_ack(step);
    keep_retransmission_timer(state);
    keep_probe_timer(step);
    keep_user_timeout(state);
    tuning_due(step);
    arm_timers(step);
}

void say_farewell(StepContext& step) {
    TcpState& state = step.state;
    cancel_timers(step);
    if (state.tell_error) step.effects.emit(EffectKind::kError).error = state.close_error;
    step.effects.emit(EffectKind::kClosed).error = state.close_error;
    state.finished = 1;
}

// RFC 9293 section 3.10.7.1: a segment that was under way when the connection ended.
void closed(TcpState& state, const dominoes::Request& request, Effects& effects) {
    state.replicas = state.replicas_next;
    TransmitEffect reset;
    if (kind_of(request) != EventKind::kSegment) return;
    const auto& event = request.as<SegmentEvent>();
    // A SYN that finds what is left of a listener's connection is the listener's, when it comes
    // again.
    if (state.passive && (event.flags & (kSyn | kAck)) == kSyn) return;
    if (!tcp_reset_reply(event, reset)) return;
    reset.ttl = state.options.ttl;
    reset.tos = state.options.tos;
    reset.serial = state.transmissions++;
    effects.emit(EffectKind::kTransmit).transmit = reset;
}

// The smallest scale with which a ring of `bytes` can be announced (RFC 7323 section 2.3).
uint8_t window_scale_for(uint32_t bytes) {
    uint8_t scale = 0;
    while (scale < kMaxWindowScale && bytes >> scale > 65535) ++scale;
    return scale;
}

}  // namespace

void end_connection(StepContext& step, uint32_t error, bool tell) {
    if (step.ended) return;
    TcpState& state = step.state;
    step.ended = true;
    state.phase = TcpPhase::kClosed;
    state.close_error = error;
    state.tell_error = tell;
    state.replicas_next = 1;
}

}  // namespace tcp

void tcp_init(TcpState& state, const TcpConfig& config) {
    __builtin_memset(&state, 0, sizeof state);
    state.phase = config.passive ? TcpPhase::kListen : TcpPhase::kClosed;
    state.passive = config.passive;
    state.iss = kSeqBase + config.iss;
    state.snd_una = state.snd_nxt = state.snd_small = state.iss;
    state.recover = state.fack = state.iss;
    state.receive_bytes = config.receive_bytes;
    state.send_bytes = config.send_bytes;
    state.tuning.receive_max = dominoes::max(config.receive_bytes, config.receive_max);
    state.tuning.send_max = dominoes::max(config.send_bytes, config.send_max);
    state.max_piece = config.max_piece;
    state.ts_offset = config.ts_offset;
    state.own_mss = dominoes::max<uint32_t>(config.mss, tcp::kMinMss);
    state.mss = state.own_mss;
    state.link_mtu = kIpMaxBytes;  // own_mss says it all
    state.rcv_mss = dominoes::min(tcp::kDefaultMss, state.own_mss);
    state.rcv_scale = tcp::window_scale_for(state.tuning.receive_max);
    state.rto_ns = tcp::kInitialRto;
    state.undo_exact = 1;
    state.options = config.options;
    state.congestion = config.congestion;
    state.ecn_asked = config.ecn;
    state.syn_answered = config.answered;
    state.replicas = state.replicas_next = 1;
    state.replicas_wanted = config.replicas ? config.replicas : 1;
}

void tcp_step(TcpState& state, const dominoes::Request& request, Effects& effects) {
    effects.clear();
    if (state.finished) return tcp::closed(state, request, effects);
    tcp::begin(state, request);
    tcp::StepContext step{.state = state, .effects = effects};
    tcp::dispatch(step, request);
    if (step.ended) {
        tcp::say_farewell(step);
    } else {
        tcp::send_what_is_due(step);
    }
}

uint64_t tcp_released(const TcpState& state) {
    const uint64_t acknowledged = minus(state.snd_una, state.iss + 1);
    return dominoes::min(acknowledged, state.written);
}

}  // namespace scout
