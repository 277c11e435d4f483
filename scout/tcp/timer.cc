// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/timer.hh"

#include "scout/tcp/handshake.hh"
#include "scout/tcp/keepalive.hh"
#include "scout/tcp/output.hh"
#include "scout/tcp/path_mtu.hh"
#include "scout/tcp/probe.hh"
#include "scout/tcp/recovery.hh"
#include "scout/tcp/rtt.hh"
#include "scout/tcp/user_timeout.hh"

namespace scout::tcp {
namespace {

void syn_timeout(StepContext& step) {
    TcpState& state = step.state;
    if (state.retries >= kMaxSynRetransmissions) return give_up(step);
    ++state.retries;
    ++state.backoff;
    ++state.timeouts;
    state.syn_lost = 1;
    send_syn(step);
}

// RFC 9293 section 3.8.6.1. What is held back by SWS avoidance is sent now, if the window is not
// shut.
void persist_timeout(StepContext& step) {
    TcpState& state = step.state;
    if (retransmissions_exhausted(state)) return give_up(step);
    if (state.snd_wnd > 0) {
        step.override = true;
        return;
    }
    ++state.retries;
    ++state.backoff;
    send_window_probe(step);
}

// RFC 6298 (5.4) to (5.7).
void retransmission_expired(StepContext& step) {
    TcpState& state = step.state;
    if (in_phase(state, TcpPhase::kSynSent, TcpPhase::kSynReceived)) return syn_timeout(step);
    if (flight(state) == 0) return persist_timeout(step);
    if (running(state, TimerKind::kProbe) && deadline(state, TimerKind::kProbe) <= state.now_ns) {
        // Both are due: the probe goes first (RFC 8985 section 7.2).
        stop_timer(state, TimerKind::kProbe);
        return probe_timeout(step);
    }
    if (retransmissions_exhausted(state)) return give_up(step);
    ++state.timeouts;
    path_mtu_timeout(state);
    recovery_timeout(state);
    ++state.retries;
    ++state.backoff;
}

}  // namespace

// R2 (RFC 9293 section 3.8.3): what an ICMP error said is more telling than that time is up.
void give_up(StepContext& step) {
    TcpState& state = step.state;
    end_connection(step, state.soft_error ? state.soft_error : kEtimedout, true);
}

bool timer_due(TcpState& state, TimerKind timer) {
    state.timer_armed[static_cast<uint32_t>(timer)] = 0;
    if (!running(state, timer) || deadline(state, timer) > state.now_ns) return false;
    stop_timer(state, timer);
    return true;
}

void arm_timers(StepContext& step) {
    TcpState& state = step.state;
    for (uint32_t i = 0; i < kTimerKinds; ++i) {
        const uint64_t due = state.timer_deadline[i];
        if (due == 0 || (state.timer_armed[i] != 0 && state.timer_armed[i] <= due)) continue;
        state.timer_armed[i] = due;
        step.effects.emit(EffectKind::kTimer).timer = {static_cast<TimerKind>(i), 0, due};
    }
}

void cancel_timers(StepContext& step) {
    TcpState& state = step.state;
    for (uint32_t i = 0; i < kTimerKinds; ++i) {
        state.timer_deadline[i] = 0;
        if (state.timer_armed[i] == 0) continue;
        state.timer_armed[i] = 0;
        step.effects.emit(EffectKind::kTimer).timer = {static_cast<TimerKind>(i), 0, 0};
    }
}

void timeout(StepContext& step, const TimeoutEvent& event) {
    TcpState& state = step.state;
    if (static_cast<uint32_t>(event.timer) >= kTimerKinds || !timer_due(state, event.timer)) return;
    switch (event.timer) {
        case TimerKind::kRetransmit:
            return retransmission_expired(step);
        case TimerKind::kDelayedAck:
            step.ack_now = true;
            return;
        case TimerKind::kTimeWait:
            return end_connection(step, kNoError, false);
        case TimerKind::kOutput:
            step.override = state.options.cork;
            return;
        case TimerKind::kReorder:
            return recovery_reorder_timeout(state);
        case TimerKind::kProbe:
            return probe_timeout(step);
        case TimerKind::kKeepAlive:
            return keepalive_expired(step);
        case TimerKind::kUserTimeout:
            return give_up(step);
    }
}

void keep_retransmission_timer(TcpState& state) {
    if (flight(state) == 0 && !waits_for_window(state)) {
        stop_timer(state, TimerKind::kRetransmit);
    } else if (!running(state, TimerKind::kRetransmit)) {
        start_timer(state, TimerKind::kRetransmit, retransmission_timeout(state));
    }
}

}  // namespace scout::tcp
