// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/user.hh"

#include "scout/tcp/keepalive.hh"
#include "scout/tcp/output.hh"
#include "scout/tcp/timer.hh"
#include "scout/tcp/user_timeout.hh"

namespace scout::tcp {
namespace {

// RFC 9293 section 3.10.5: where a peer believes in the connection. CLOSING and LAST-ACK need none
// once the FIN is out; they are entered before that.
bool abort_needs_reset(const TcpState& state) {
    if (in_phase(state, TcpPhase::kClosing, TcpPhase::kLastAck)) return !state.fin_sent;
    return in_phase(state, TcpPhase::kSynReceived, TcpPhase::kEstablished, TcpPhase::kFinWait1,
                    TcpPhase::kFinWait2, TcpPhase::kCloseWait);
}

void abort_with(StepContext& step, uint32_t error, bool silent) {
    if (!silent && abort_needs_reset(step.state)) send_reset(step);
    end_connection(step, error, error != 0);
}

// In TIME-WAIT all is over but the waiting, which is not for the application.
bool unread(const TcpState& state) {
    return state.irs != 0 && state.phase != TcpPhase::kTimeWait &&
           state.app_read < received_in_order(state);
}

}  // namespace

void send(StepContext& step, const SendEvent& event) {
    TcpState& state = step.state;
    if (state.fin_queued) return;
    state.written = dominoes::max(state.written, event.written);
}

void shutdown(StepContext& step) {
    TcpState& state = step.state;
    if (state.fin_queued) return;
    switch (state.phase) {
        case TcpPhase::kClosed:
        case TcpPhase::kListen:
        case TcpPhase::kSynSent:
            return end_connection(step, kNoError, false);
        case TcpPhase::kEstablished:
            state.phase = TcpPhase::kFinWait1;
            break;
        case TcpPhase::kCloseWait:
            state.phase = TcpPhase::kLastAck;
            break;
        default:
            break;  // SYN-RECEIVED: after ESTABLISHED
    }
    state.fin_queued = 1;
}

void close_reads(StepContext& step) {
    TcpState& state = step.state;
    if (state.reads_closed) return;
    if (unread(state)) return abort_with(step, kNoError, false);
    state.reads_closed = 1;
    // Nobody waits for the peer's FIN any longer; nor does the connection, beyond a limit.
    if (state.phase == TcpPhase::kFinWait2)
        start_timer(state, TimerKind::kTimeWait, kFinWait2Length);
}

void abort(StepContext& step, const AbortEvent& event) {
    abort_with(step, event.error, event.silent != 0);
}

void set_options(StepContext& step, const OptionEvent& event) {
    TcpState& state = step.state;
    const TcpOptions before = state.options;
    state.options = event.options;
    // As on Linux: what is there goes, corked or not.
    step.override = event.push && state.options.no_delay && state.options.cork;
    if (state.options.keep_alive != before.keep_alive ||
        state.options.keep_idle_s != before.keep_idle_s)
        keepalive_changed(state);
    if (state.options.user_timeout_ms != before.user_timeout_ms) user_timeout_changed(state);
}

}  // namespace scout::tcp
