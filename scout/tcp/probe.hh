// SPDX-License-Identifier: GPL-2.0
//
// Tail loss probe (RFC 8985 section 7): when acknowledgements stay out for two round trips, one
// segment is sent so that the peer says what it has. Without it the loss of the last segments,
// which nothing follows, waits for the retransmission timer. Needs SACK.
//
// Section 7.2 has none in a fast recovery, and so leaves to the timer a retransmission that is lost
// while no new data may follow it: where the receive window or PRR lets nothing more out, or every
// acknowledgement of what did go is lost. Here it is probed as well, with the head of the flight.
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

// The end of a step: the timer runs while a probe could help; from anew after new data or news of
// any.
void keep_probe_timer(StepContext& step);
// The timer has expired: asks output() for the probe.
void probe_timeout(StepContext& step);
// It was sent; `again`: with nothing new in it.
void probe_sent(TcpState& state, bool again);
// An acknowledgement: whether the probe has repaired a loss, which congestion control must hear of
// (section 7.4). `twice`: it reports a duplicate that ends where the probe did, or is a duplicate
// of the acknowledgement before, without SACK blocks (section 7.4.2).
bool probe_repaired(TcpState& state, const Segment& segment, bool twice);

}  // namespace scout::tcp
