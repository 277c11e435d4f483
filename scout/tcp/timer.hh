// SPDX-License-Identifier: GPL-2.0
//
// Timers that cost nothing to move: the state holds when each is due and when the wheel will fire.
// The wheel is only told when something is due earlier than it knows; when it fires too early it is
// told again.
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

inline uint64_t& deadline(TcpState& state, TimerKind timer) {
    return state.timer_deadline[static_cast<uint32_t>(timer)];
}
inline uint64_t deadline(const TcpState& state, TimerKind timer) {
    return state.timer_deadline[static_cast<uint32_t>(timer)];
}
inline bool running(const TcpState& state, TimerKind timer) {
    return state.timer_deadline[static_cast<uint32_t>(timer)] != 0;
}
inline void stop_timer(TcpState& state, TimerKind timer) { deadline(state, timer) = 0; }
inline void start_timer(TcpState& state, TimerKind timer, uint64_t in_ns) {
    deadline(state, timer) = state.now_ns + in_ns;
}
// Starts it, or brings it forward.
inline void hasten_timer(TcpState& state, TimerKind timer, uint64_t in_ns) {
    if (!running(state, timer) || deadline(state, timer) > state.now_ns + in_ns)
        start_timer(state, timer, in_ns);
}

// The wheel has fired. Whether the timer was really due; it is stopped then.
bool timer_due(TcpState& state, TimerKind timer);

// Tells the wheel what it must know, at the end of a step.
void arm_timers(StepContext& step);
// Takes every timer off the wheel.
void cancel_timers(StepContext& step);

// The peer has not answered for too long: the connection ends.
void give_up(StepContext& step);

// TIMEOUTS (RFC 9293 section 3.10.8).
void timeout(StepContext& step, const TimeoutEvent& event);

// The retransmission timer runs while something is in flight, and as the persist timer while
// something waits for the window (RFC 6298 section 5, RFC 9293 section 3.8.6.1).
void keep_retransmission_timer(TcpState& state);

}  // namespace scout::tcp
