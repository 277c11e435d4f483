// SPDX-License-Identifier: GPL-2.0
//
// Explicit congestion notification (RFC 3168): routers mark instead of dropping. A peer that asks
// for it gets it; we ask if the application says so.
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

// The two bits of the IP header (RFC 3168 section 5).
enum EcnCodepoint : uint8_t { kNotEct = 0, kEct1 = 1, kEct0 = 2, kCe = 3 };

// What a SYN, or SYN and ACK, has to say beside its own flags (section 6.1.1).
uint8_t ecn_syn_flags(TcpState& state);
// The peer's SYN, or the same once more, decides whether there is ECN.
void ecn_agree(TcpState& state, const SegmentEvent& event);

// A segment at `seq` is about to leave: ECT if it brings new data, with CWR if that is due; ECE as
// long as the peer has not answered it.
void ecn_mark(TcpState& state, TransmitEffect& run, uint64_t seq);
// The text of an acceptable segment: CE and CWR (section 6.1.3).
void ecn_received(StepContext& step, const Segment& segment);
// An acceptable acknowledgement, before it is taken: ECE (section 6.1.2).
void ecn_acknowledged(TcpState& state, const Segment& segment);

}  // namespace scout::tcp
