// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp_probe.hh"

#include "scout/tcp_timer.hh"

namespace scout::tcp {
namespace {

// Section 7.2: in a recovery, or with anything selectively acknowledged, RACK has what it needs.
bool could_help(const TcpState& state) {
    return state.established && (state.agreed & kAgreedSack) && state.srtt_ns != 0 &&
           state.recovery == TcpRecovery::kOpen && state.sent.sacked_bytes() == 0 &&
           state.probe_end == 0 && flight(state) > 0 && state.snd_wnd > 0;
}

uint64_t probe_timeout_ns(const TcpState& state) {
    uint64_t wait = 2 * state.srtt_ns + kProbeSlack;
    if (flight(state) <= state.mss) wait += kMostAckDelay;
    if (!running(state, TimerKind::kRetransmit)) return wait;
    return dominoes::min(wait, minus(deadline(state, TimerKind::kRetransmit), state.now_ns));
}

}  // namespace

void keep_probe_timer(Turn& turn) {
    TcpState& state = turn.state;
    if (!could_help(state)) return stop_timer(state, TimerKind::kProbe);
    if (turn.news || !running(state, TimerKind::kProbe))
        start_timer(state, TimerKind::kProbe, probe_timeout_ns(state));
}

void probe_timeout(Turn& turn) {
    if (!could_help(turn.state)) return;
    turn.probe = true;
    // Section 7.3: the retransmission timer counts from the probe.
    stop_timer(turn.state, TimerKind::kRetransmit);
}

void probe_sent(TcpState& state, bool again) {
    state.probe_end = state.snd_nxt;
    state.probe_again = again;
    ++state.probes;
}

bool probe_repaired(TcpState& state, const Segment& segment, uint64_t dsack_end) {
    if (state.probe_end == 0 || segment.ack < state.probe_end) return false;
    // Both the probe and what it repeated have arrived, as a D-SACK or a plain duplicate tells; or
    // it was new data.
    const bool both = dsack_end == state.probe_end ||
                      (segment.ack == state.probe_end && state.snd_una == segment.ack &&
                       segment.event.sack_blocks == 0);
    const bool nothing_lost = !state.probe_again || both;
    if (!nothing_lost && segment.ack == state.probe_end) return false;  // not known yet
    state.probe_end = 0;
    return !nothing_lost;
}

}  // namespace scout::tcp
