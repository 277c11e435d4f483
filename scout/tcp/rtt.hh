// SPDX-License-Identifier: GPL-2.0
//
// Round-trip time and retransmission timeout (RFC 6298; RFC 7323 section 4).
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

// RFC 6298 section 2: takes a measurement into SRTT, RTTVAR and RTO.
void rtt_sample(TcpState& state, uint64_t rtt_ns);

// Times the segment whose acknowledgement will be `end`, unless one is being timed.
void rtt_begin(TcpState& state, uint64_t end);
// Karn's algorithm (RFC 6298 section 3): what is retransmitted is not measured. To be called by
// whoever sends anything again, for whatever reason.
inline void rtt_abandon(TcpState& state) { state.rtt_seq = 0; }
// `segment` acknowledges something new: takes what measurement it allows. Whether it allowed one.
bool rtt_acknowledged(TcpState& state, const Segment& segment);

// Whether an ACK that comes now answers what was sent last, as far as the round trips so far tell.
bool rtt_as_expected(const TcpState& state);

// The timeout now in force, backed off (RFC 6298 (5.5)).
uint64_t retransmission_timeout(const TcpState& state);

}  // namespace scout::tcp
