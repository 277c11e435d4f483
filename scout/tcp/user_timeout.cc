// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/user_timeout.hh"

#include "scout/tcp/output.hh"
#include "scout/tcp/rtt.hh"
#include "scout/tcp/timer.hh"

namespace scout::tcp {
namespace {

// Changes with every progress: an acknowledgement, or data let out by the window.
uint64_t stage(const TcpState& state) { return 2 * state.snd_una + (flight(state) != 0); }

void start(TcpState& state) {
    if (state.options.user_timeout_ms == 0) return stop_timer(state, TimerKind::kUserTimeout);
    const uint64_t due = state.stalled_ns + user_timeout_ns(state);
    start_timer(state, TimerKind::kUserTimeout, minus(due, state.now_ns));
}

}  // namespace

void user_timeout_changed(TcpState& state) {
    if (state.stalled_stage != 0) start(state);
}

void keep_user_timeout(TcpState& state) {
    if (flight(state) == 0 && !waits_for_window(state)) {
        state.stalled_stage = 0;
        return stop_timer(state, TimerKind::kUserTimeout);
    }
    if (state.stalled_stage == stage(state)) return;
    state.stalled_stage = stage(state);
    state.stalled_ns = state.now_ns;
    start(state);
}

bool retransmissions_exhausted(const TcpState& state) {
    // Nobody waits for it any longer. An answer to a window probe ends the retries, but not the
    // backing off, so that no peer keeps an orphan by such answers.
    const bool orphan = state.reads_closed;
    if (orphan &&
        (state.retries >= kMaxOrphanRetransmissions || retransmission_timeout(state) >= kMaxRto))
        return true;
    return state.options.user_timeout_ms == 0 && state.retries >= kMaxRetransmissions;
}

}  // namespace scout::tcp
