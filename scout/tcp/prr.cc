// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/prr.hh"

#include "scout/tcp/recovery.hh"

namespace scout::tcp {

using dominoes::max;
using dominoes::min;

void prr_begin(TcpState& state) {
    state.prr_flight = max<uint64_t>(flight(state), state.mss);
    state.prr_delivered = 0;
    state.prr_out = 0;
}

void prr_delivered(TcpState& state, uint64_t delivered, bool progress) {
    state.prr_delivered += delivered;
    const uint64_t in_network = pipe(state);
    uint64_t send;
    if (in_network > state.ssthresh) {
        const uint64_t share =
            (state.prr_delivered * state.ssthresh + state.prr_flight - 1) / state.prr_flight;
        send = minus(share, state.prr_out);
    } else {
        // As much as has left, at least just now; and slow start while that goes well. RFC 6937 has
        // the first without the latter for a lower bound, which could hold back everything until
        // the timeout (RFC 9937 section 6.2).
        uint64_t limit = max(minus(state.prr_delivered, state.prr_out), delivered);
        if (progress) limit += state.mss;
        send = min(state.ssthresh - in_network, limit);
    }
    state.cwnd = max<uint64_t>(in_network + send, state.mss);
}

void prr_sent(TcpState& state, uint64_t bytes) {
    if (state.recovery == TcpRecovery::kFast) state.prr_out += bytes;
}

}  // namespace scout::tcp
