// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/probe.hh"

#include "scout/tcp/timer.hh"

namespace scout::tcp {
namespace {

// Section 7.2: with anything selectively acknowledged RACK has what it needs, and begins a fast
// recovery if need be.
bool could_help(const TcpState& state) {
    if (!state.established || !(state.agreed & kAgreedSack) || state.srtt_ns == 0) return false;
    if (state.probe_end != 0 || flight(state) == 0 || state.snd_wnd == 0) return false;
    if (state.recovery == TcpRecovery::kOpen) return state.sent.sacked_bytes() == 0;
    return state.recovery == TcpRecovery::kFast;
}

// What fills a gap is acknowledged at once (RFC 5681 section 4.2), a single segment else perhaps
// late.
uint64_t probe_timeout_ns(const TcpState& state) {
    const bool late = state.recovery == TcpRecovery::kOpen && flight(state) <= state.mss;
    return 2 * state.srtt_ns + kProbeSlack + (late ? kMaxAckDelay : 0);
}

}  // namespace

void keep_probe_timer(StepContext& step) {
    TcpState& state = step.state;
    if (!could_help(state)) return stop_timer(state, TimerKind::kProbe);
    if (running(state, TimerKind::kProbe) && !step.news) return;
    const uint64_t wait = probe_timeout_ns(state);
    const uint64_t most = minus(deadline(state, TimerKind::kRetransmit), state.now_ns);
    // In a recovery a timeout that comes as early does more: it sends all that is left again.
    if (wait >= most && state.recovery == TcpRecovery::kFast)
        return stop_timer(state, TimerKind::kProbe);
    start_timer(state, TimerKind::kProbe, dominoes::min(wait, most));
}

void probe_timeout(StepContext& step) {
    if (!could_help(step.state)) return;
    step.probe = true;
    // Section 7.3: the retransmission timer counts from the probe.
    stop_timer(step.state, TimerKind::kRetransmit);
}

void probe_sent(TcpState& state, bool again) {
    state.probe_end = state.snd_nxt;
    state.probe_again = again;
    ++state.probes;
}

bool probe_repaired(TcpState& state, const Segment& segment, bool twice) {
    if (state.probe_end == 0) return false;
    if (state.recovery == TcpRecovery::kFast) {
        // It was the head. Congestion control has heard of this loss.
        if (segment.ack > state.snd_una) state.probe_end = 0;
        return false;
    }
    if (segment.ack < state.probe_end) return false;
    // Both the probe and what it repeated have arrived; or it was new data.
    const bool nothing_lost = !state.probe_again || twice;
    if (!nothing_lost && segment.ack == state.probe_end) return false;  // not known yet
    state.probe_end = 0;
    return !nothing_lost;
}

}  // namespace scout::tcp
