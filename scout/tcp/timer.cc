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

void syn_timeout(Turn& turn) {
    TcpState& state = turn.state;
    if (state.retries >= kMostSynRetransmissions) return give_up(turn);
    ++state.retries;
    ++state.backoff;
    ++state.timeouts;
    state.syn_lost = 1;
    send_syn(turn);
}

// RFC 9293 section 3.8.6.1. What is held back by SWS avoidance is sent now, if the window is not
// shut.
void persist_timeout(Turn& turn) {
    TcpState& state = turn.state;
    if (retransmissions_exhausted(state)) return give_up(turn);
    if (state.snd_wnd > 0) {
        turn.override = true;
        return;
    }
    ++state.retries;
    ++state.backoff;
    send_window_probe(turn);
}

// RFC 6298 (5.4) to (5.7).
void retransmission_expired(Turn& turn) {
    TcpState& state = turn.state;
    if (in_phase(state, TcpPhase::kSynSent, TcpPhase::kSynReceived)) return syn_timeout(turn);
    if (flight(state) == 0) return persist_timeout(turn);
    if (running(state, TimerKind::kProbe) && deadline(state, TimerKind::kProbe) <= state.now_ns) {
        // Both are due: the probe goes first (RFC 8985 section 7.2).
        stop_timer(state, TimerKind::kProbe);
        return probe_timeout(turn);
    }
    if (retransmissions_exhausted(state)) return give_up(turn);
    ++state.timeouts;
    path_mtu_timeout(state);
    recovery_timeout(state);
    ++state.retries;
    ++state.backoff;
}

}  // namespace

// R2 (RFC 9293 section 3.8.3): what an ICMP error said is more telling than that time is up.
void give_up(Turn& turn) {
    TcpState& state = turn.state;
    end_connection(turn, state.soft_error ? state.soft_error : kEtimedout, true);
}

bool timer_due(TcpState& state, TimerKind timer) {
    state.timer_armed[static_cast<uint32_t>(timer)] = 0;
    if (!running(state, timer) || deadline(state, timer) > state.now_ns) return false;
    stop_timer(state, timer);
    return true;
}

void arm_timers(Turn& turn) {
    TcpState& state = turn.state;
    for (uint32_t i = 0; i < kTimerKinds; ++i) {
        const uint64_t due = state.timer_deadline[i];
        if (due == 0 || (state.timer_armed[i] != 0 && state.timer_armed[i] <= due)) continue;
        state.timer_armed[i] = due;
        turn.effects.emit(EffectKind::kTimer).timer = {static_cast<TimerKind>(i), 0, due};
    }
}

void cancel_timers(Turn& turn) {
    TcpState& state = turn.state;
    for (uint32_t i = 0; i < kTimerKinds; ++i) {
        state.timer_deadline[i] = 0;
        if (state.timer_armed[i] == 0) continue;
        state.timer_armed[i] = 0;
        turn.effects.emit(EffectKind::kTimer).timer = {static_cast<TimerKind>(i), 0, 0};
    }
}

void timeout(Turn& turn, const TimeoutEvent& event) {
    TcpState& state = turn.state;
    if (static_cast<uint32_t>(event.timer) >= kTimerKinds || !timer_due(state, event.timer)) return;
    switch (event.timer) {
        case TimerKind::kRetransmit:
            return retransmission_expired(turn);
        case TimerKind::kDelayedAck:
            turn.ack_now = true;
            return;
        case TimerKind::kTimeWait:
            return end_connection(turn, kNoError, false);
        case TimerKind::kOutput:
            turn.override = state.cork;
            return;
        case TimerKind::kReorder:
            return recovery_reorder_timeout(state);
        case TimerKind::kProbe:
            return probe_timeout(turn);
        case TimerKind::kKeepAlive:
            return keepalive_expired(turn);
        case TimerKind::kUserTimeout:
            return give_up(turn);
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
