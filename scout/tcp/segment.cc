// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/segment.hh"

#include "scout/tcp/ack_receive.hh"
#include "scout/tcp/ack_send.hh"
#include "scout/tcp/ecn.hh"
#include "scout/tcp/handshake.hh"
#include "scout/tcp/keepalive.hh"
#include "scout/tcp/output.hh"
#include "scout/tcp/receive.hh"
#include "scout/tcp/timer.hh"

namespace scout::tcp {
namespace {

using dominoes::min;

// A reset's timestamp is not looked at (RFC 7323 section 5.2).
bool carries_timestamp(const TcpState& state, const Segment& segment) {
    return (state.agreed & kAgreedTimestamps) && (segment.event.options & kHasTimestamps) &&
           !segment.has(kRst);
}

bool recent_timestamp_valid(const TcpState& state) {
    return state.now_ns - state.ts_recent_ns < kTimestampLife;
}

// "If an incoming segment is not acceptable, an acknowledgment should be sent in reply". For data
// always, since the peer lacks our ACK; for what holds none sparingly, or two confused ends would
// go on forever.
void answer_unacceptable(StepContext& step, const Segment& segment) {
    if (segment.has(kRst)) return;
    if (segment.payload < segment.payload_end) {
        note_duplicate(step, segment.payload, min(segment.payload_end, step.state.rcv_nxt));
    } else {
        send_challenge_ack(step);
    }
}

// RFC 9293 table 6, as "some of it lies in the window". A segment without data may be at the right
// edge even if the window is not shut: a peer that has filled the window acknowledges from there.
// So may a FIN, which takes no room: some peers send it whatever the window is, and do not again
// when that opens. What follows it is beyond.
bool acceptable(const TcpState& state, const Segment& segment) {
    const bool bare = segment.payload == segment.payload_end && !segment.has(kSyn);
    const uint64_t edge = dominoes::max(state.rcv_adv, state.rcv_fin ? state.rcv_fin + 1 : 0);
    if (bare) return state.rcv_nxt <= segment.seq && segment.seq <= edge;
    return segment.seq < state.rcv_adv && segment.end() > state.rcv_nxt;
}

// "If the RCV.WND is zero, no segments will be acceptable, but special allowance should be made to
// accept valid ACKs, URGs, and RSTs."
bool shut_window_allowance(StepContext& step, Segment& segment) {
    const TcpState& state = step.state;
    if (state.rcv_adv != state.rcv_nxt || segment.has(kSyn)) return false;
    if (segment.seq > state.rcv_nxt || segment.end() <= state.rcv_nxt) return false;
    segment.seq = segment.payload = segment.payload_end = state.rcv_nxt;
    segment.flags &= static_cast<uint8_t>(~kFin);
    step.ack_now = true;
    return true;
}

bool is_repeated_syn(const TcpState& state, const Segment& segment) {
    return state.phase == TcpPhase::kSynReceived && segment.seq == state.irs &&
           (segment.flags & (kSyn | kAck | kRst)) == kSyn;
}

// A reset that is believed (RFC 9293 section 3.10.7.4, second).
void reset_by_peer(StepContext& step) {
    TcpState& state = step.state;
    switch (state.phase) {
        case TcpPhase::kSynReceived:
            // Nobody has been told of a passive open yet.
            return end_connection(step, state.passive ? kEconnreset : kEconnrefused,
                                  !state.passive);
        case TcpPhase::kTimeWait:
            return end_connection(step, kNoError, false);
        case TcpPhase::kClosing:
        case TcpPhase::kLastAck:
            // Only our FIN was on its way: that is an end. Data was: that is a loss.
            if (state.fin_sent && state.snd_una == fin_seq(state))
                return end_connection(step, kNoError, false);
            [[fallthrough]];
        default:
            return end_connection(step, kEconnreset, true);
    }
}

bool check_ack_in_syn_received(StepContext& step, const Segment& segment) {
    const TcpState& state = step.state;
    if (state.snd_una < segment.ack && segment.ack <= state.snd_nxt) return true;
    send_reset_for(step, segment.ack);
    return false;
}

void segment_in_connection(StepContext& step, const SegmentEvent& event) {
    Segment segment = segment_of(step.state, event);
    if (!check_timestamps(step, segment)) return;
    if (!check_sequence(step, segment)) return;
    if (!check_reset(step, segment)) return;
    if (!check_syn(step, segment)) return;
    if (!check_ack(step, segment)) return;
    update_recent_timestamp(step.state, segment);
    ecn_received(step, segment);
    segment_text(step, segment);
    if (step.ended) return;
    check_fin(step, segment);
}

}  // namespace

Segment segment_of(const TcpState& state, const SegmentEvent& event) {
    const uint64_t seq = extend_seq(event.seq, state.rcv_nxt);
    const bool syn = event.flags & kSyn;
    const uint64_t payload = seq + syn;
    return {
        .event = event,
        .seq = seq,
        .payload = payload,
        .payload_end = payload + event.payload_bytes,
        .ack = extend_seq(event.ack, state.snd_una),
        // RFC 7323 section 2.2: a SYN's window is never scaled.
        .window = uint64_t{event.window} << (syn ? 0 : state.snd_scale),
        .flags = event.flags,
    };
}

void segment_arrives(StepContext& step, const SegmentEvent& event) {
    ++step.state.segments_in;
    switch (step.state.phase) {
        case TcpPhase::kClosed:
            return;
        case TcpPhase::kListen:
            return segment_in_listen(step, event);
        case TcpPhase::kSynSent:
            return segment_in_syn_sent(step, event);
        default:
            return segment_in_connection(step, event);
    }
}

bool check_timestamps(StepContext& step, const Segment& segment) {
    const TcpState& state = step.state;
    // RFC 7323 section 3.2 would drop what lacks the agreed option. Boxes that strip it from one of
    // the SYNs only would then cut the connection off, so it is let in, as Linux does.
    if (!carries_timestamp(state, segment)) return true;
    if (!timestamp_before(segment.event.ts_val, state.ts_recent)) return true;
    if (!recent_timestamp_valid(state)) return true;
    answer_unacceptable(step, segment);
    return false;
}

bool check_sequence(StepContext& step, Segment& segment) {
    TcpState& state = step.state;
    if (acceptable(state, segment)) return true;
    if (shut_window_allowance(step, segment)) return true;
    if (is_repeated_syn(state, segment)) {
        // The answer to the first was lost. What is echoed is the time of the one that is answered.
        if (carries_timestamp(state, segment)) state.ts_recent = segment.event.ts_val;
        ecn_agree(state, segment.event);
        send_syn(step);
        return false;
    }
    // TIME-WAIT (fifth and eighth): "the only thing that can arrive is a retransmission of the
    // remote FIN. Acknowledge it, and restart the 2 MSL timeout." Data before that FIN shows as
    // well, as Linux has it, that the peer lacks our ACK.
    if (state.phase == TcpPhase::kTimeWait && segment.length() > 0 && !segment.has(kRst | kSyn))
        start_timer(state, TimerKind::kTimeWait, kTimeWaitLength);
    answer_unacceptable(step, segment);
    return false;
}

bool check_reset(StepContext& step, const Segment& segment) {
    if (!segment.has(kRst)) return true;
    if (segment.seq == step.state.rcv_nxt) {
        reset_by_peer(step);
    } else {
        send_challenge_ack(step);
    }
    return false;
}

bool check_syn(StepContext& step, const Segment& segment) {
    if (!segment.has(kSyn)) return true;
    send_challenge_ack(step);
    return false;
}

bool check_ack(StepContext& step, const Segment& segment) {
    TcpState& state = step.state;
    if (!segment.has(kAck)) return false;
    const bool opening = state.phase == TcpPhase::kSynReceived;
    if (opening && !check_ack_in_syn_received(step, segment)) return false;
    if (segment.ack > state.snd_nxt || segment.ack < state.snd_una - state.max_snd_wnd) {
        send_challenge_ack(step);
        return false;
    }
    ecn_acknowledged(state, segment);
    take_acknowledgement(step, segment);
    keepalive_heard(state);
    if (opening) enter_established(step);
    check_fin_acknowledged(step);
    return !step.ended;
}

void update_recent_timestamp(TcpState& state, const Segment& segment) {
    if (!carries_timestamp(state, segment)) return;
    if (segment.seq > state.last_ack_sent) return;
    state.ts_recent = segment.event.ts_val;  // not before TS.Recent, or that is outdated
    state.ts_recent_ns = state.now_ns;
}

}  // namespace scout::tcp
