// SPDX-License-Identifier: GPL-2.0
//
// CUBIC (RFC 9438): how cwnd grows in congestion avoidance, and what a loss leaves of it. Bytes and
// whole nanoseconds: every replica must come to the same number.
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

// `acked` new bytes are acknowledged in congestion avoidance.
void cubic_acknowledged(TcpState& state, uint64_t acked);
// Congestion, with `used` bytes in the network: the new ssthresh (sections 4.6 and 4.7).
uint64_t cubic_threshold(TcpState& state, uint64_t used);
// Nothing was sent for `idle_ns`: that time does not count (section 4.2).
void cubic_idle(TcpState& state, uint64_t idle_ns);

// For tests: the cube root, rounded down.
uint64_t cube_root(uint64_t n);

}  // namespace scout::tcp
