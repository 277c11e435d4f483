// SPDX-License-Identifier: GPL-2.0
//
// Congestion control: how many bytes may be in the network (RFC 5681, RFC 6928, RFC 9438). When
// loss is found and how it is repaired is recovery's business. This is what all algorithms share;
// each has a file of its own and a row in congestion.cc.
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

// The connection is established, and mss known.
void congestion_begin(TcpState& state);
// `acked` new bytes are acknowledged; `before` were in flight then. `rtt_ns`: the round trip of the
// latest sent of what has arrived; 0: not measured.
void congestion_acknowledged(TcpState& state, uint64_t acked, uint64_t before, uint64_t rtt_ns);
// Loss was found by acknowledgements: fast recovery begins.
void congestion_loss(TcpState& state);
// Fast recovery is over.
void congestion_recovered(TcpState& state);
// The network is congested, and nothing has to be repaired (a tail loss probe did, or ECN says so).
void congestion_marked(TcpState& state);
// The retransmission timer has expired; `again`: ssthresh is already reduced for what is in flight.
void congestion_timeout(TcpState& state, bool again);
// Data is about to be sent, and nothing is in flight; once, before it is.
void congestion_after_idle(TcpState& state);

}  // namespace scout::tcp
