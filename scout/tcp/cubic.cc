// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/cubic.hh"

namespace scout::tcp {
namespace {

using dominoes::max;
using dominoes::min;

// Section 4.6: beta is 0.7. Section 5.1: C is 0.4 segments per cubed second.
constexpr uint64_t kBetaTenths = 7;
constexpr uint64_t kMaxDeltaMs = 100'000;  // cubed and times an MSS it still fits

// C * ms^3, in bytes.
uint64_t cubed(const TcpState& state, uint64_t ms) {
    ms = min(ms, kMaxDeltaMs);
    return ms * ms * ms / 10'000 * 4 * state.mss / 1'000'000;
}

// Figure 2: K, the time until the window is w_max again.
uint64_t time_to_origin_ns(const TcpState& state) {
    const uint64_t below = minus(state.cubic.w_max, state.cwnd);
    return cube_root(below * 2'500'000 / state.mss * 1000) * kMillisecond;
}

// A new epoch of congestion avoidance (section 4.2); after a timeout it starts at the origin
// (section 4.8).
void begin_epoch(TcpState& state) {
    state.cubic.epoch_ns = state.now_ns;
    state.cubic.w_est = state.cwnd;
    state.cubic.w_est_acked = 0;
    if (state.cubic.w_max < state.cwnd) state.cubic.w_max = state.cwnd;
    state.cubic.k_ns = time_to_origin_ns(state);
}

// Figure 1: W_cubic(t).
uint64_t w_cubic(const TcpState& state, uint64_t t_ns) {
    const TcpCubic& cubic = state.cubic;
    if (t_ns >= cubic.k_ns)
        return min(cubic.w_max + cubed(state, (t_ns - cubic.k_ns) / kMillisecond), kMaxWindow);
    return minus(cubic.w_max, cubed(state, (cubic.k_ns - t_ns) / kMillisecond));
}

// Section 4.3, figure 4: what AIMD with the same average would have; alpha is 9/17 of a segment a
// window, and a whole one from where the last loss was on.
void grow_estimate(TcpState& state, uint64_t acked) {
    TcpCubic& cubic = state.cubic;
    const bool past = cubic.w_est >= cubic.prior_cwnd;
    cubic.w_est_acked += past ? acked * 17 : acked * 9;
    const uint64_t window = state.cwnd * 17;
    if (cubic.w_est_acked < window) return;
    cubic.w_est = min<uint64_t>(cubic.w_est + cubic.w_est_acked / window * state.mss, kMaxWindow);
    cubic.w_est_acked %= window;
}

}  // namespace

void cubic_acknowledged(TcpState& state, uint64_t acked) {
    if (state.cubic.epoch_ns == 0) begin_epoch(state);
    grow_estimate(state, acked);
    const uint64_t t_ns = state.now_ns - state.cubic.epoch_ns;
    if (w_cubic(state, t_ns) < state.cubic.w_est) {
        state.cwnd = max(state.cwnd, state.cubic.w_est);
        return;
    }
    // Section 4.4: towards where it shall be in a round trip.
    const uint64_t target = dominoes::clamp(w_cubic(state, t_ns + state.srtt_ns), state.cwnd,
                                            state.cwnd + state.cwnd / 2);
    state.cwnd_acked += min(acked, state.cwnd) * (target - state.cwnd);
    const uint64_t grown = state.cwnd_acked / state.cwnd;
    state.cwnd_acked %= state.cwnd;
    state.cwnd = min(state.cwnd + grown, kMaxWindow);
}

uint64_t cubic_threshold(TcpState& state, uint64_t used) {
    TcpCubic& cubic = state.cubic;
    // Section 4.7: fast convergence makes room for newcomers.
    cubic.w_max =
        state.cwnd < cubic.w_max ? state.cwnd * (10 + kBetaTenths) / 20 : uint64_t{state.cwnd};
    cubic.prior_cwnd = state.cwnd;
    cubic.epoch_ns = 0;
    return used * kBetaTenths / 10;
}

void cubic_idle(TcpState& state, uint64_t idle_ns) {
    // It may have begun after the last was sent, with an acknowledgement.
    if (state.cubic.epoch_ns != 0)
        state.cubic.epoch_ns = min(state.cubic.epoch_ns + idle_ns, state.now_ns);
}

uint64_t cube_root(uint64_t n) {
    uint64_t root = 0;
    for (uint64_t bit = uint64_t{1} << 20; bit != 0; bit >>= 1) {
        const uint64_t with = root | bit;
        if (with * with * with <= n) root = with;
    }
    return root;
}

}  // namespace scout::tcp
