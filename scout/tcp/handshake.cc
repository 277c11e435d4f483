// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/handshake.hh"

#include "scout/tcp/ack_receive.hh"
#include "scout/tcp/ack_send.hh"
#include "scout/tcp/congestion.hh"
#include "scout/tcp/ecn.hh"
#include "scout/tcp/keepalive.hh"
#include "scout/tcp/output.hh"
#include "scout/tcp/path_mtu.hh"
#include "scout/tcp/receive.hh"
#include "scout/tcp/recovery.hh"
#include "scout/tcp/rtt.hh"
#include "scout/tcp/timer.hh"
#include "scout/tcp/tuning.hh"

namespace scout::tcp {
namespace {

using dominoes::clamp;
using dominoes::max;
using dominoes::min;

// RFC 7323 section 2.2: scaling only if both SYNs carry the option.
void agree_on_window_scale(TcpState& state, const SegmentEvent& event) {
    if (!(event.options & kHasWindowScale)) {
        state.rcv_scale = 0;
        return;
    }
    state.agreed |= kAgreedWindowScale;
    state.snd_scale = static_cast<uint8_t>(min<uint32_t>(event.window_scale, kMaxWindowScale));
}

// RFC 9293 section 3.7.1; RFC 6691: less the options that every segment carries.
void agree_on_mss(TcpState& state, const SegmentEvent& event) {
    const uint32_t announced = event.options & kHasMss ? event.mss : kDefaultMss;
    state.mss = min(max(announced, kMinMss), state.own_mss);
    if (state.agreed & kAgreedTimestamps) state.mss -= kTimestampBytes;
}

// What the peer's SYN says.
void take_syn(TcpState& state, const SegmentEvent& event) {
    state.irs = kSeqBase + event.seq;
    state.rcv_nxt = state.irs + 1;
    state.last_ack_sent = state.rcv_nxt;
    state.rcv_adv = state.rcv_nxt + min(state.receive_bytes, 65535u);
    state.snd_wnd = event.window;
    state.max_snd_wnd = event.window;
    state.snd_wl1 = state.irs;
    state.snd_wl2 = state.snd_una;
    if (event.options & kHasTimestamps) {
        state.agreed |= kAgreedTimestamps;
        state.ts_recent = event.ts_val;
        state.ts_recent_ns = state.now_ns;
    }
    if (event.options & kHasSackPermitted) state.agreed |= kAgreedSack;
    agree_on_window_scale(state, event);
    agree_on_mss(state, event);
    ecn_agree(state, event);
}

// First: the ACK bit. Whether it may go on.
bool check_ack_in_syn_sent(StepContext& step, const SegmentEvent& event) {
    TcpState& state = step.state;
    if (!(event.flags & kAck)) return true;
    const uint64_t ack = extend_seq(event.ack, state.snd_una);
    if (ack > state.iss && ack <= state.snd_nxt) return true;
    if (!(event.flags & kRst)) send_reset_for(step, ack);
    return false;
}

// Second: the RST bit; only believed with an acceptable ACK (RFC 5961 section 3.2).
bool check_reset_in_syn_sent(StepContext& step, const SegmentEvent& event) {
    if (!(event.flags & kRst)) return true;
    if (event.flags & kAck) end_connection(step, kEconnrefused, true);
    return false;
}

// Fourth: the SYN bit.
void check_syn_in_syn_sent(StepContext& step, const SegmentEvent& event) {
    TcpState& state = step.state;
    if (!(event.flags & kSyn)) return;  // fifth: neither SYN nor RST, so drop it
    take_syn(state, event);
    if (!(event.flags & kAck)) {
        // Simultaneous open (RFC 9293 figure 8).
        state.phase = TcpPhase::kSynReceived;
        state.backoff = 0;
        stop_timer(state, TimerKind::kRetransmit);
        return send_syn(step);
    }
    Segment segment = segment_of(state, event);
    take_acknowledgement(step, segment);
    enter_established(step);
    step.ack_now = true;
    segment_text(step, segment);
    check_fin(step, segment);
}

}  // namespace

void connect(StepContext& step) {
    TcpState& state = step.state;
    if (state.phase != TcpPhase::kClosed || state.passive) return;
    state.phase = TcpPhase::kSynSent;
    send_syn(step);
}

void segment_in_listen(StepContext& step, const SegmentEvent& event) {
    TcpState& state = step.state;
    if (event.flags & kRst) return;                                             // first
    if (event.flags & kAck) return send_reset_for(step, kSeqBase + event.ack);  // second
    if (!(event.flags & kSyn)) return;                                          // fourth
    // Third. Data in the SYN is treated as not received: the peer will send it again.
    take_syn(state, event);
    state.phase = TcpPhase::kSynReceived;
    if (!state.syn_answered) return send_syn(step);
    state.snd_nxt = state.iss + 1;
    state.last_sent_ns = state.now_ns;
}

void segment_in_syn_sent(StepContext& step, const SegmentEvent& event) {
    if (!check_ack_in_syn_sent(step, event)) return;
    if (!check_reset_in_syn_sent(step, event)) return;
    // Third: security; not supported.
    check_syn_in_syn_sent(step, event);
}

void send_syn(StepContext& step) {
    TcpState& state = step.state;
    const bool answer = state.phase == TcpPhase::kSynReceived;
    const bool first = state.snd_nxt == state.iss;
    const uint8_t flags = (answer ? kSyn | kAck : kSyn) | ecn_syn_flags(state);
    TransmitEffect& syn = emit_segment(step, state.iss, 0, flags);
    syn.options |= kHasMss;
    syn.syn_mss = static_cast<uint16_t>(state.own_mss);
    if (!answer || state.agreed & kAgreedSack) syn.options |= kHasSackPermitted;
    if (!answer || state.agreed & kAgreedWindowScale) {
        syn.options |= kHasWindowScale;
        syn.window_scale = state.rcv_scale;
    }
    state.last_sent_ns = state.now_ns;
    if (!first) return rtt_abandon(state);
    state.snd_nxt = state.iss + 1;
    rtt_begin(state, state.snd_nxt);
}

void enter_established(StepContext& step) {
    TcpState& state = step.state;
    state.phase = state.fin_queued ? TcpPhase::kFinWait1 : TcpPhase::kEstablished;
    state.established = 1;
    state.retries = 0;
    state.backoff = 0;
    state.soft_error = kNoError;
    state.quick_acks = kQuickAcks;
    state.replicas_next = state.replicas_wanted;
    if (state.srtt_ns == 0 && state.syn_lost) state.rto_ns = kRtoAfterLostSyn;  // RFC 6298 (5.7)
    path_mtu_begin(state);
    congestion_begin(state);
    keepalive_begin(state);
    tuning_begin(state);
    step.effects.emit(EffectKind::kEstablished);
}

}  // namespace scout::tcp
