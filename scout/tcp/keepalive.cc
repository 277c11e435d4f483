// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/keepalive.hh"

#include "scout/tcp/output.hh"
#include "scout/tcp/timer.hh"
#include "scout/tcp/user_timeout.hh"

namespace scout::tcp {
namespace {

bool wanted(const TcpState& state) {
    return state.options.keep_alive && state.established &&
           !in_phase(state, TcpPhase::kTimeWait, TcpPhase::kClosed);
}

uint64_t idle_ns(const TcpState& state) { return state.options.keep_idle_s * kSecond; }

// Where there is a user timeout, that counts, and not how many probes it is.
bool unanswered(const TcpState& state) {
    if (state.options.user_timeout_ms == 0) return state.keep_probes >= state.options.keep_count;
    return state.keep_probes > 0 && state.now_ns - state.heard_ns >= user_timeout_ns(state);
}

}  // namespace

void keepalive_begin(TcpState& state) {
    state.heard_ns = state.now_ns;
    keepalive_changed(state);
}

void keepalive_changed(TcpState& state) {
    state.keep_probes = 0;
    if (!wanted(state)) return stop_timer(state, TimerKind::kKeepAlive);
    const uint64_t due = state.heard_ns + idle_ns(state);
    start_timer(state, TimerKind::kKeepAlive, minus(due, state.now_ns));
}

void keepalive_heard(TcpState& state) {
    state.heard_ns = state.now_ns;
    state.keep_probes = 0;
    if (running(state, TimerKind::kKeepAlive))
        start_timer(state, TimerKind::kKeepAlive, idle_ns(state));
}

void keepalive_expired(StepContext& step) {
    TcpState& state = step.state;
    // What is in flight or waits for the window asks the peer already, and gives up by itself.
    if (flight(state) != 0 || waits_for_window(state))
        return start_timer(state, TimerKind::kKeepAlive, idle_ns(state));
    if (unanswered(state)) {
        send_reset(step);  // should the peer be there after all, it need not keep what has ended
        return give_up(step);
    }
    ++state.keep_probes;
    // The number before SND.NXT, which the peer has acknowledged, and no data: it has to answer.
    send_window_probe(step);
    start_timer(state, TimerKind::kKeepAlive, state.options.keep_interval_s * kSecond);
}

}  // namespace scout::tcp
