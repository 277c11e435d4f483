// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/congestion.hh"

#include "scout/options.h"
#include "scout/tcp/cubic.hh"
#include "scout/tcp/hystart.hh"
#include "scout/tcp/newreno.hh"
#include "scout/tcp/prr.hh"

namespace scout::tcp {
namespace {

using dominoes::max;
using dominoes::min;

// What an algorithm decides; the rest is common to all.
struct Algorithm {
    // `acked` new bytes are acknowledged in congestion avoidance.
    void (*acknowledged)(TcpState& state, uint64_t acked);
    // Congestion, with `used` bytes in the network: the new ssthresh.
    uint64_t (*threshold)(TcpState& state, uint64_t used);
    // Nothing was sent for `idle_ns`.
    void (*idle)(TcpState& state, uint64_t idle_ns);
};

// By TcpCongestion, which is enum dominoes_congestion.
constexpr Algorithm kAlgorithms[] = {
    {cubic_acknowledged, cubic_threshold, cubic_idle},
    {newreno_acknowledged, newreno_threshold, newreno_idle},
};
static_assert(static_cast<uint32_t>(TcpCongestion::kNewReno) == DOMINOES_CONGESTION_RENO);
static_assert(sizeof kAlgorithms / sizeof kAlgorithms[0] == DOMINOES_CONGESTION_RENO + 1);

const Algorithm& algorithm(const TcpState& state) {
    return kAlgorithms[static_cast<uint32_t>(state.congestion)];
}

// RFC 6928 section 2: min(10*MSS, max(2*MSS, 14600)).
uint64_t initial_window(const TcpState& state) {
    return min<uint64_t>(10ull * state.mss, max<uint64_t>(2ull * state.mss, 14600));
}

// RFC 5681 equation (4), RFC 9438 section 4.6: a part of what was in the network. That is not more
// than cwnd, however far selective acknowledgements have let snd_nxt run ahead of a hole.
void reduce_threshold(TcpState& state) {
    const uint64_t used = min(flight(state), state.cwnd);
    state.ssthresh = max<uint64_t>(algorithm(state).threshold(state, used), 2ull * state.mss);
    state.cwnd_acked = 0;
}

// By the bytes acknowledged (RFC 3465), without its limit of 2*MSS: one ACK may stand for a whole
// merged segment. Returns what was left over at ssthresh.
uint64_t slow_start(TcpState& state, uint64_t acked) {
    const uint64_t grown = min(acked, max<uint64_t>(minus(state.ssthresh, state.cwnd), state.mss));
    state.cwnd = min(state.cwnd + grown, kMaxWindow);
    return minus(acked, grown);
}

}  // namespace

void congestion_begin(TcpState& state) {
    // RFC 5681 section 3.1: one segment if the SYN or its ACK was lost.
    state.cwnd = state.syn_lost ? state.mss : initial_window(state);
    state.ssthresh = kMaxWindow;
    state.cwnd_acked = 0;
}

void congestion_acknowledged(TcpState& state, uint64_t acked, uint64_t before, uint64_t rtt_ns) {
    // A window that was not used says nothing about the network (RFC 7661): in slow start it grows
    // while at least half of it was.
    if (state.cwnd < state.ssthresh) {
        if (before < state.cwnd / 2) return hystart_begin(state);
        hystart_acknowledged(state, rtt_ns);
        acked = slow_start(state, hystart_growth(state, acked));
    } else if (before + 2ull * state.mss < state.cwnd) {
        return;
    }
    if (acked != 0) algorithm(state).acknowledged(state, acked);
}

void congestion_loss(TcpState& state) {
    // RFC 3168 section 6.1.2: once for a window of data, whether by a mark or for a loss.
    if (state.snd_una >= state.ecn_recover) reduce_threshold(state);
    prr_begin(state);
}

void congestion_recovered(TcpState& state) {
    state.cwnd = max<uint64_t>(state.ssthresh, 2ull * state.mss);
    state.cwnd_acked = 0;
}

void congestion_marked(TcpState& state) {
    reduce_threshold(state);
    state.cwnd = state.ssthresh;
}

void congestion_timeout(TcpState& state, bool again) {
    // RFC 5681 section 3.1: once for a window of data.
    if (!again) reduce_threshold(state);
    state.cwnd = state.mss;
    state.cwnd_acked = 0;
}

void congestion_after_idle(TcpState& state) {
    if (state.last_sent_ns == 0) return;
    const uint64_t idle_ns = state.now_ns - state.last_sent_ns;
    algorithm(state).idle(state, idle_ns);
    // RFC 5681 section 4.1. What ssthresh knows of the path is kept (RFC 2861 section 3).
    if (idle_ns <= state.rto_ns) return;
    state.ssthresh = min(max(state.ssthresh, state.cwnd / 4 * 3), kMaxWindow);
    hystart_begin(state);
    state.cwnd = min(state.cwnd, initial_window(state));
}

}  // namespace scout::tcp
