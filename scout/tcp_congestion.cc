// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp_congestion.hh"

#include "scout/tcp_rtt.hh"

namespace scout::tcp {
namespace {

using dominoes::max;
using dominoes::min;

// RFC 6928 section 2: min(10*MSS, max(2*MSS, 14600)).
uint64_t initial_window(const TcpState& state) {
    return min<uint64_t>(10ull * state.mss, max<uint64_t>(2ull * state.mss, 14600));
}

// RFC 5681 equation (4): max(FlightSize / 2, 2*SMSS). Not more than cwnd was in the network,
// however far selective acknowledgements have let snd_nxt run ahead of a hole.
uint64_t half_the_flight(const TcpState& state) {
    return max<uint64_t>(min(flight(state), state.cwnd) / 2, 2ull * state.mss);
}

}  // namespace

void congestion_begin(TcpState& state) {
    // RFC 5681 section 3.1: one segment if the SYN or its ACK was lost.
    state.cwnd = state.syn_lost ? state.mss : initial_window(state);
    state.ssthresh = kMaxWindow;
    state.cwnd_acked = 0;
}

void congestion_acknowledged(TcpState& state, uint64_t acked, uint64_t before) {
    if (state.cwnd < state.ssthresh) {
        // Slow start. A window that was not used says nothing about the network (RFC 7661), so it
        // grows only while at least half of it was. By the bytes acknowledged (RFC 3465), without
        // its limit of 2*MSS: one ACK may stand for a whole merged segment.
        if (before < state.cwnd / 2) return;
        const uint64_t grown =
            min(state.cwnd + acked, max<uint64_t>(state.ssthresh, state.cwnd + state.mss));
        state.cwnd = min(grown, kMaxWindow);
        return;
    }
    // Congestion avoidance (RFC 5681 section 3.1): one MSS for each window acknowledged.
    if (before + 2ull * state.mss < state.cwnd) return;
    state.cwnd_acked += acked;
    if (state.cwnd_acked < state.cwnd) return;
    state.cwnd_acked -= state.cwnd;
    state.cwnd = min<uint64_t>(state.cwnd + state.mss, kMaxWindow);
}

void congestion_loss(TcpState& state) {
    state.ssthresh = half_the_flight(state);
    state.cwnd = state.ssthresh;
    state.cwnd_acked = 0;
}

void congestion_recovered(TcpState& state) {
    // RFC 6582 section 3.2 step 3, option 1: no burst of a whole window.
    const uint64_t used = max<uint64_t>(flight(state), state.mss) + state.mss;
    state.cwnd = max<uint64_t>(min(state.ssthresh, used), 2ull * state.mss);
    state.cwnd_acked = 0;
}

void congestion_timeout(TcpState& state, bool again) {
    // RFC 5681 section 3.1: the second timeout for the same data leaves ssthresh as it is.
    if (!again) state.ssthresh = half_the_flight(state);
    state.cwnd = state.mss;
    state.cwnd_acked = 0;
}

void congestion_after_idle(TcpState& state) {
    // RFC 5681 section 4.1.
    if (flight(state) == 0 && state.last_sent_ns != 0 &&
        state.now_ns - state.last_sent_ns > state.rto_ns)
        state.cwnd = min(state.cwnd, initial_window(state));
}

}  // namespace scout::tcp
