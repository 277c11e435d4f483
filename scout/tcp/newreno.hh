// SPDX-License-Identifier: GPL-2.0
//
// NewReno: how cwnd grows in congestion avoidance, and what a loss leaves of it (RFC 5681 section
// 3.1). Its recovery, RFC 6582's, is every algorithm's (scout/tcp/recovery.hh).
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

// `acked` new bytes are acknowledged in congestion avoidance.
void newreno_acknowledged(TcpState& state, uint64_t acked);
// Congestion, with `used` bytes in the network: the new ssthresh (equation 4).
inline uint64_t newreno_threshold(TcpState&, uint64_t used) { return used / 2; }
// Nothing was sent for a time.
inline void newreno_idle(TcpState&, uint64_t) {}

}  // namespace scout::tcp
