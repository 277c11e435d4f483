// SPDX-License-Identifier: GPL-2.0
//
// Proportional rate reduction (RFC 6937, RFC 9937): during fast recovery what is sent follows what
// is delivered, so that the window comes down to ssthresh smoothly within a round trip.
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

// Fast recovery begins; ssthresh is set.
void prr_begin(TcpState& state);
// `delivered` bytes were newly acknowledged, either way; `progress`: in order, and nothing more was
// found lost. Sets cwnd for this step.
void prr_delivered(TcpState& state, uint64_t delivered, bool progress);
// `bytes` were sent, new or again.
void prr_sent(TcpState& state, uint64_t bytes);

}  // namespace scout::tcp
