// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/newreno.hh"

namespace scout::tcp {

// One MSS for each window acknowledged.
void newreno_acknowledged(TcpState& state, uint64_t acked) {
    state.cwnd_acked += acked;
    if (state.cwnd_acked < state.cwnd) return;
    state.cwnd_acked -= state.cwnd;
    state.cwnd = dominoes::min<uint64_t>(state.cwnd + state.mss, kMaxWindow);
}

}  // namespace scout::tcp
