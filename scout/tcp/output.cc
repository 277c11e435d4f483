// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/output.hh"

#include "scout/tcp/ack_send.hh"
#include "scout/tcp/congestion.hh"
#include "scout/tcp/ecn.hh"
#include "scout/tcp/probe.hh"
#include "scout/tcp/prr.hh"
#include "scout/tcp/recovery.hh"
#include "scout/tcp/rtt.hh"
#include "scout/tcp/timer.hh"
#include "scout/tcp/tuning.hh"
#include "scout/tcp/undo.hh"

namespace scout::tcp {
namespace {

using dominoes::max;
using dominoes::min;

bool may_send_data(const TcpState& state) {
    return in_phase(state, TcpPhase::kEstablished, TcpPhase::kCloseWait, TcpPhase::kFinWait1,
                    TcpPhase::kClosing, TcpPhase::kLastAck);
}

bool fin_unsent(const TcpState& state) { return state.fin_queued && !state.fin_sent; }

uint32_t active_replicas(const TcpState& state) {
    uint32_t count = 0;
    for (dominoes::ReplicaSet set = state.replicas; set != 0; set &= set - 1) ++count;
    return count;
}

// How a run is cut into packets: as large as they may be, but so that every replica has one to
// build, and that a window is two packets at least, for an acknowledgement to come in between.
uint32_t piece_bytes(const TcpState& state, uint64_t bytes) {
    const uint64_t most = min<uint64_t>(state.max_piece, state.cwnd / 2);
    const uint32_t largest = max(static_cast<uint32_t>(most / state.mss), 1u) * state.mss;
    const uint32_t replicas = active_replicas(state);
    if (replicas <= 1) return largest;
    const uint64_t share = max<uint64_t>((bytes + replicas - 1) / replicas, kMinPiece);
    return static_cast<uint32_t>(
        min<uint64_t>((share + state.mss - 1) / state.mss * state.mss, largest));
}

// As much of `length` as this step may still emit.
uint64_t within_budget(const StepContext& step, uint64_t length) {
    if (step.runs_left == 0) return 0;
    return min(length, uint64_t{step.pieces_left} * piece_bytes(step.state, length));
}

// Sends [seq, seq + length) of the sequence space, which may end with our FIN. Returns how many
// bytes of data that is.
uint32_t emit_data(StepContext& step, uint64_t seq, uint64_t length) {
    TcpState& state = step.state;
    const uint64_t data_end = min(seq + length, send_seq(state, state.written));
    const uint32_t bytes = static_cast<uint32_t>(data_end - seq);
    uint8_t flags = kAck;
    // RFC 9293 section 3.9.1.2: PSH goes with the last of what is buffered.
    if (bytes > 0 && data_end == send_seq(state, state.written)) flags |= kPsh;
    if (state.fin_queued && seq + length > fin_seq(state)) flags |= kFin;
    const TransmitEffect& run = emit_segment(step, seq, bytes, flags);
    --step.runs_left;
    step.pieces_left -= min(step.pieces_left, run.pieces());
    state.bytes_sent += bytes;
    state.last_sent_ns = state.now_ns;
    return bytes;
}

// Sends so much of what was never sent; the budget allows it.
void send_fresh(StepContext& step, uint64_t bytes, bool fin) {
    TcpState& state = step.state;
    emit_data(step, state.snd_nxt, bytes + fin);
    // Nothing was in flight, so the timer, if it ran, was the persist timer.
    if (flight(state) == 0) stop_timer(state, TimerKind::kRetransmit);
    rtt_begin(state, state.snd_nxt + (bytes ? min<uint64_t>(bytes, state.mss) : 1));
    state.snd_nxt += bytes + fin;
    state.sent.sent(state.snd_una, state.snd_nxt, state.now_ns, state.srtt_ns / kRunsInRoundTrip);
    prr_sent(state, bytes);
    if (bytes % state.mss != 0) state.snd_small = state.snd_nxt;
    if (fin) state.fin_sent = 1;
    step.news = true;
    acknowledgement_left(step);
}

// Sends [seq, seq + length) again, which the budget allows.
void send_again(StepContext& step, uint64_t seq, uint64_t length) {
    TcpState& state = step.state;
    const uint32_t bytes = emit_data(step, seq, length);
    rtt_abandon(state);
    state.bytes_retransmitted += bytes;
    state.sent.resent(state.snd_una, seq, seq + length, state.now_ns);
    undo_resent(state, seq, seq + length);
    prr_sent(state, bytes);
}

// Sends again what is lost, as far as cwnd allows (RFC 6675 section 5 step C).
void resend(StepContext& step) {
    TcpState& state = step.state;
    // A window that the peer has shrunk does not stop the first segment (RFC 9293 section 3.8.6).
    const uint64_t limit = state.snd_una + max<uint64_t>(state.snd_wnd, state.mss);
    while (state.sent.lost_bytes() > 0) {
        const SeqRange lost = state.sent.first_lost(state.snd_una);
        uint64_t length = minus(min(lost.end, limit), lost.start);
        uint64_t room = minus(state.cwnd, pipe(state));
        if (state.retransmit_now) room = max<uint64_t>(room, state.mss);
        if (length > room) length = room - room % state.mss;
        if (length == 0) return;
        length = within_budget(step, length);
        if (length == 0) return start_timer(state, TimerKind::kOutput, 0);
        send_again(step, lost.start, length);
        state.retransmit_now = 0;
    }
}

// In a fast recovery, the head again: most likely it is what was lost twice. Else, RFC 8985 section
// 7.3: new data if there is any, or the last segment again. That does not begin before what was
// sent last: a FIN that went alone goes alone.
void send_probe(StepContext& step) {
    TcpState& state = step.state;
    if (state.recovery == TcpRecovery::kFast) {
        send_again(step, state.snd_una, min<uint64_t>(flight(state), state.mss));
        return probe_sent(state, true);
    }
    const uint64_t window = minus(state.snd_una + state.snd_wnd, state.snd_nxt);
    const uint64_t fresh = min<uint64_t>(min(unsent(state), window), state.mss);
    if (fresh > 0) {
        send_fresh(step, fresh, false);
    } else {
        const uint64_t last = state.snd_nxt - state.sent.last_start(state.snd_una);
        const uint64_t length = min<uint64_t>(last, state.mss);
        send_again(step, state.snd_nxt - length, length);
    }
    probe_sent(state, fresh == 0);
}

// Whether a segment that is not full has to wait for more data or for an acknowledgement. Nagle's
// algorithm (RFC 9293 section 3.7.4) in Minshall's form: only while another such segment is in
// flight.
bool held_back(const StepContext& step) {
    const TcpState& state = step.state;
    if (state.fin_queued || step.override) return false;
    if (state.options.cork) return true;
    return !state.options.no_delay && state.snd_small > state.snd_una;
}

// How much new data may be sent: whole segments, and the rest if silly-window avoidance allows
// (RFC 9293 section 3.8.6.2.1).
uint64_t sendable(const StepContext& step) {
    const TcpState& state = step.state;
    const uint64_t window = minus(state.snd_una + state.snd_wnd, state.snd_nxt);
    const uint64_t network = minus(state.cwnd, pipe(state));
    const uint64_t most = min(unsent(state), min(window, network));
    const uint64_t rest = most % state.mss;
    if (rest == 0) return most;
    if (most == unsent(state)) return held_back(step) ? most - rest : most;
    const bool only_window_limits = window <= network && most < state.mss;
    if (only_window_limits && (2 * most >= state.max_snd_wnd || step.override)) return most;
    return most - rest;
}

void send_new(StepContext& step) {
    TcpState& state = step.state;
    if (unsent(state) == 0 && !fin_unsent(state)) return;
    uint64_t bytes = sendable(step);
    if (bytes > 0 && flight(state) == 0) {
        congestion_after_idle(state);
        bytes = sendable(step);
    }
    const uint64_t window = minus(state.snd_una + state.snd_wnd, state.snd_nxt);
    bool fin = fin_unsent(state) && bytes == unsent(state) && window > bytes;
    if (bytes == 0 && !fin) {
        if (state.options.cork && unsent(state) && !running(state, TimerKind::kOutput))
            start_timer(state, TimerKind::kOutput, kCorkLimit);
        return;
    }
    const uint64_t now = within_budget(step, max<uint64_t>(bytes, 1));
    if (now < bytes || now == 0) {
        start_timer(state, TimerKind::kOutput, 0);
        if (now == 0) return;
        bytes = now;
        fin = false;
    }
    send_fresh(step, bytes, fin);
}

void add_timestamps(const TcpState& state, TransmitEffect& run) {
    // RFC 7323 section 3.2: offered in a SYN, and once agreed on in every segment.
    const bool offer = (run.flags & (kSyn | kAck)) == kSyn;
    if (!offer && !(state.agreed & kAgreedTimestamps)) return;
    run.options |= kHasTimestamps;
    run.ts_val = timestamp_clock(state);
    run.ts_ecr = run.flags & kAck ? state.ts_recent : 0;
}

}  // namespace

TransmitEffect& emit_segment(StepContext& step, uint64_t seq, uint32_t bytes, uint8_t flags) {
    TcpState& state = step.state;
    TransmitEffect& run = step.effects.emit(EffectKind::kTransmit).transmit;
    run = TransmitEffect{};
    run.serial = state.transmissions;
    run.stream_offset = bytes ? send_offset(state, seq) : 0;
    run.bytes = bytes;
    run.mss = static_cast<uint16_t>(state.mss);
    run.piece_bytes = bytes ? piece_bytes(state, bytes) : state.mss;
    run.seq = static_cast<uint32_t>(seq);
    run.flags = flags;
    if (flags & kAck) run.ack = static_cast<uint32_t>(state.rcv_nxt);
    run.ttl = state.options.ttl;
    run.tos = state.options.tos;
    run.window = flags & kRst ? uint16_t{0} : announce_window(state, flags & kSyn);
    add_timestamps(state, run);
    ecn_mark(state, run, seq);
    tuning_sent(state);
    state.transmissions += run.pieces();
    state.segments_out += bytes ? (bytes - 1) / state.mss + 1 : 1;
    return run;
}

void output(StepContext& step) {
    TcpState& state = step.state;
    if (!may_send_data(state) || state.held) return;
    if (step.probe) send_probe(step);
    resend(step);
    send_new(step);
}

bool waits_for_window(const TcpState& state) {
    if (!may_send_data(state) || flight(state) != 0) return false;
    if (unsent(state) == 0 && !fin_unsent(state)) return false;
    const bool only_corked = state.options.cork && !state.fin_queued && unsent(state) < state.mss &&
                             unsent(state) <= state.snd_wnd;
    return !only_corked;
}

void send_window_probe(StepContext& step) { emit_segment(step, step.state.snd_una - 1, 0, kAck); }

void send_reset_for(StepContext& step, uint64_t seq) { emit_segment(step, seq, 0, kRst); }

void send_reset(StepContext& step) { emit_segment(step, step.state.snd_nxt, 0, kRst | kAck); }

}  // namespace scout::tcp
