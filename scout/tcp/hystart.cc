// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/hystart.hh"

namespace scout::tcp {
namespace {

// Section 4.3: the recommended values.
constexpr uint64_t kMinRttThreshold = 4 * kMillisecond;
constexpr uint64_t kMaxRttThreshold = 16 * kMillisecond;
constexpr uint64_t kRttDivisor = 8;
constexpr uint32_t kRttSamples = 8;
constexpr uint64_t kGrowthDivisor = 4;
constexpr uint32_t kConservativeRounds = 5;

// Section 4.3: only the first slow start, until there is a threshold.
bool is_initial(const TcpState& state) { return state.ssthresh == kMaxWindow; }

bool is_conservative(const TcpState& state) {
    return is_initial(state) && state.hystart.conservative_rounds != 0;
}

uint64_t rtt_threshold(uint64_t last_ns) {
    return dominoes::clamp(last_ns / kRttDivisor, kMinRttThreshold, kMaxRttThreshold);
}

void take_sample(TcpHystart& hystart, uint64_t rtt_ns) {
    if (rtt_ns == 0) return;
    ++hystart.samples;
    if (hystart.round_min_ns == 0 || rtt_ns < hystart.round_min_ns) hystart.round_min_ns = rtt_ns;
}

// Into Conservative Slow Start when round trips have become longer, and back when that has passed.
void judge(TcpState& state) {
    TcpHystart& hystart = state.hystart;
    if (hystart.samples < kRttSamples) return;
    if (is_conservative(state)) {
        if (hystart.round_min_ns < hystart.baseline_ns) hystart.conservative_rounds = 0;
        return;
    }
    if (hystart.last_min_ns == 0) return;
    const uint64_t longer = hystart.last_min_ns + rtt_threshold(hystart.last_min_ns);
    if (hystart.round_min_ns < longer) return;
    hystart.baseline_ns = hystart.round_min_ns;
    hystart.conservative_rounds = 1;
}

void begin_round(TcpState& state) {
    TcpHystart& hystart = state.hystart;
    hystart.round_end = state.snd_nxt;
    hystart.last_min_ns = hystart.round_min_ns;
    hystart.round_min_ns = 0;
    hystart.samples = 0;
}

// The round in which it began counts as well.
void end_round(TcpState& state) {
    begin_round(state);
    if (!is_conservative(state)) return;
    if (state.hystart.conservative_rounds++ == kConservativeRounds) {
        state.ssthresh = state.cwnd;
        hystart_begin(state);
    }
}

}  // namespace

void hystart_begin(TcpState& state) { state.hystart = {}; }

void hystart_acknowledged(TcpState& state, uint64_t rtt_ns) {
    if (!is_initial(state)) return;
    if (state.hystart.round_end == 0) begin_round(state);
    take_sample(state.hystart, rtt_ns);
    judge(state);
    if (state.snd_una >= state.hystart.round_end) end_round(state);
}

uint64_t hystart_growth(const TcpState& state, uint64_t acked) {
    return is_conservative(state) ? acked / kGrowthDivisor : acked;
}

}  // namespace scout::tcp
