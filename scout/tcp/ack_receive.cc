// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/ack_receive.hh"

#include "scout/tcp/congestion.hh"
#include "scout/tcp/probe.hh"
#include "scout/tcp/recovery.hh"
#include "scout/tcp/rtt.hh"
#include "scout/tcp/timer.hh"

namespace scout::tcp {
namespace {

// Updates the send window unless the segment is older than the one that did so last. What
// acknowledges more is newer, although its sequence number may say otherwise: left out, the right
// edge would move on by what it acknowledges, beyond what the peer has ever allowed.
void take_window(TcpState& state, const Segment& segment) {
    if (segment.ack < state.snd_una) return;
    const bool newer = segment.ack > state.snd_una || state.snd_wl1 < segment.seq ||
                       (state.snd_wl1 == segment.seq && state.snd_wl2 <= segment.ack);
    if (!newer) return;
    // A window too small for what is next is as good as shut, and may shut again at once.
    const bool opens = state.snd_wnd == 0 && segment.window > 0 &&
                       segment.window >= dominoes::min<uint64_t>(unsent(state), state.mss);
    state.snd_wnd = segment.window;
    state.snd_wl1 = dominoes::max(state.snd_wl1, segment.seq);
    state.snd_wl2 = segment.ack;
    state.max_snd_wnd = dominoes::max(state.max_snd_wnd, state.snd_wnd);
    if (opens) {
        state.backoff = 0;
        stop_timer(state, TimerKind::kRetransmit);
    }
}

// Karn's algorithm (RFC 6298 section 5) keeps the timeout backed off until there is a measurement.
// But where many ACKs are lost there is none for long; an ACK that came just when one was due for
// the latest retransmission ends the backing off as well. All but one doubling, which lets the next
// segment be measured should the round trip only have become that much longer.
void reset_backoff(TcpState& state, bool measured) {
    if (measured) {
        state.backoff = 0;
    } else if (rtt_as_expected(state)) {
        state.backoff = dominoes::min(state.backoff, 1u);
    }
}

void advance_snd_una(StepContext& step, const Segment& segment, Delivery& delivery) {
    TcpState& state = step.state;
    reset_backoff(state, rtt_acknowledged(state, segment));
    recovery_advance(state, segment, delivery);
    state.retries = 0;
    state.soft_error = kNoError;
    stop_timer(state,
               TimerKind::kRetransmit);  // RFC 6298 (5.3): begins anew, if anything is in flight
    step.news = true;
}

// RFC 5681 section 2, less that something is in flight: it says nothing but what was said before.
bool says_nothing_new(const TcpState& state, const Segment& segment, uint64_t old_window) {
    // Of the event: the byte of a window probe has been left out of the segment.
    return segment.ack == state.snd_una && segment.event.payload_bytes == 0 &&
           !segment.has(kSyn | kFin) && segment.window == old_window;
}

// RFC 5681 section 2; with SACK, RFC 6675 section 2.
bool is_duplicate(const TcpState& state, const Segment& segment, uint64_t old_window,
                  uint64_t sacked) {
    if (flight(state) == 0 || segment.ack != state.snd_una) return false;
    return state.agreed & kAgreedSack ? sacked > 0 : says_nothing_new(state, segment, old_window);
}

}  // namespace

void take_acknowledgement(StepContext& step, const Segment& segment) {
    TcpState& state = step.state;
    const uint64_t old_window = state.snd_wnd;
    take_window(state, segment);
    // RFC 9293 section 3.8.6.1: while the peer answers, a shut window is no reason to give up.
    if (state.snd_wnd == 0 || flight(state) == 0) state.retries = 0;
    Delivery delivery{.fack = state.fack, .before = flight(state)};
    recovery_take_sack(state, segment.event, delivery);
    if (delivery.bytes > 0) step.news = true;
    const bool twice =
        delivery.dsack_end == state.probe_end ||
        (segment.event.sack_blocks == 0 && says_nothing_new(state, segment, old_window));
    const bool repaired = probe_repaired(state, segment, twice);
    if (segment.ack > state.snd_una) {
        advance_snd_una(step, segment, delivery);
    } else {
        delivery.duplicate = is_duplicate(state, segment, old_window, delivery.bytes);
    }
    if (!state.established) return;
    if (repaired && state.recovery == TcpRecovery::kOpen) congestion_marked(state);
    recovery_respond(state, segment, delivery);
}

void check_fin_acknowledged(StepContext& step) {
    if (!fin_acknowledged(step.state)) return;
    switch (step.state.phase) {
        case TcpPhase::kFinWait1:
            return enter_fin_wait_2(step);
        case TcpPhase::kClosing:
            return enter_time_wait(step);
        case TcpPhase::kLastAck:
            return end_connection(step, kNoError, false);
        default:
            return;
    }
}

void enter_fin_wait_2(StepContext& step) {
    step.state.phase = TcpPhase::kFinWait2;
    if (step.state.reads_closed) start_timer(step.state, TimerKind::kTimeWait, kFinWait2Length);
}

void enter_time_wait(StepContext& step) {
    TcpState& state = step.state;
    state.phase = TcpPhase::kTimeWait;
    for (uint64_t& due : state.timer_deadline) due = 0;
    start_timer(state, TimerKind::kTimeWait, kTimeWaitLength);
    state.replicas_next = 1;
    step.effects.emit(EffectKind::kLeave);
}

}  // namespace scout::tcp
