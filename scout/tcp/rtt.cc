// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/rtt.hh"

namespace scout::tcp {
namespace {

// What is acknowledged was sent again, after a timeout or as a probe, and the echoed timestamp is
// older, yet the ACK came no sooner than a round trip after that. Most likely the original had
// arrived and its ACK was lost; then `rtt_ns` includes the wait, and taking it would let the
// timeout feed on itself.
bool acknowledgement_was_lost(const TcpState& state, uint64_t rtt_ns) {
    const uint64_t since_sent = state.now_ns - state.last_sent_ns;
    const bool sent_again = state.recovery == TcpRecovery::kLoss ||
                            (state.syn_lost && !state.established) ||
                            (state.sent.count() > 0 && state.sent.run(0).is(SentRun::kResent));
    return sent_again && rtt_ns > since_sent + kMillisecond &&
           since_sent + kMillisecond >= state.min_rtt_ns;
}

}  // namespace

void rtt_sample(TcpState& state, uint64_t rtt_ns) {
    using dominoes::max;
    using dominoes::min;
    rtt_ns = dominoes::clamp<uint64_t>(rtt_ns, 1, kMaxRto);
    if (state.min_rtt_ns == 0 || rtt_ns < state.min_rtt_ns) state.min_rtt_ns = rtt_ns;
    if (state.srtt_ns == 0) {  // (2.2)
        state.srtt_ns = rtt_ns;
        state.rttvar_ns = rtt_ns / 2;
    } else {  // (2.3): alpha 1/8, beta 1/4
        const uint64_t error = max(state.srtt_ns, rtt_ns) - min(state.srtt_ns, rtt_ns);
        state.rttvar_ns = (3 * state.rttvar_ns + error) / 4;
        state.srtt_ns = max<uint64_t>((7 * state.srtt_ns + rtt_ns) / 8, 1);
    }
    state.rto_ns = min(state.srtt_ns + max(4 * state.rttvar_ns, kMinRtoVariance), kMaxRto);
}

void rtt_begin(TcpState& state, uint64_t end) {
    if (state.rtt_seq != 0) return;
    state.rtt_seq = end;
    state.rtt_start_ns = state.now_ns;
}

bool rtt_acknowledged(TcpState& state, const Segment& segment) {
    if (state.rtt_seq != 0) {
        if (segment.ack < state.rtt_seq) return false;
        rtt_sample(state, state.now_ns - state.rtt_start_ns);
        state.rtt_seq = 0;
        return true;
    }
    // Nothing is timed, for there were retransmissions. An echoed timestamp tells them from the
    // originals (RFC 7323 section 4.1); what it says is only good to a millisecond.
    if (!(state.agreed & kAgreedTimestamps) || segment.event.ts_ecr == 0) return false;
    const uint32_t elapsed_ms = timestamp_clock(state) - segment.event.ts_ecr;
    if (elapsed_ms > kMaxRto / kMillisecond) return false;
    const uint64_t rtt_ns = dominoes::max<uint64_t>(elapsed_ms, 1) * kMillisecond;
    if (acknowledgement_was_lost(state, rtt_ns)) return false;
    rtt_sample(state, rtt_ns);
    return true;
}

bool rtt_as_expected(const TcpState& state) {
    const uint64_t since_sent = state.now_ns - state.last_sent_ns;
    return state.srtt_ns != 0 && since_sent + kMillisecond >= state.min_rtt_ns &&
           since_sent <= state.srtt_ns + 4 * state.rttvar_ns + kMillisecond;
}

uint64_t retransmission_timeout(const TcpState& state) {
    const uint32_t doublings = dominoes::min(state.backoff, 20u);
    return dominoes::min(state.rto_ns << doublings, kMaxRto);
}

}  // namespace scout::tcp
