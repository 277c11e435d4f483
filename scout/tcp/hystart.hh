// SPDX-License-Identifier: GPL-2.0
//
// HyStart++ (RFC 9406): slow start that ends when round trips grow longer, before a queue
// overflows. Then the window grows at a quarter of the speed for five rounds, which shows whether
// that was an accident, and congestion avoidance follows. Only the initial slow start; only while
// the window is used.
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

// A new start: nothing is known of earlier rounds.
void hystart_begin(TcpState& state);
// New bytes are acknowledged; `rtt_ns` is the round trip of the latest sent of what has arrived; 0:
// not measured. May set ssthresh.
void hystart_acknowledged(TcpState& state, uint64_t rtt_ns);
// By how much of `acked` bytes slow start may grow.
uint64_t hystart_growth(const TcpState& state, uint64_t acked);

}  // namespace scout::tcp
