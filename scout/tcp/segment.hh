// SPDX-License-Identifier: GPL-2.0
//
// SEGMENT ARRIVES (RFC 9293 section 3.10.7). Each check of section 3.10.7.4 is a function of its
// own, in its order; each says whether the segment goes on to the next.
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

void segment_arrives(StepContext& step, const SegmentEvent& event);

// PAWS (RFC 7323 section 5.3, R1), before the first.
bool check_timestamps(StepContext& step, const Segment& segment);
// First: the sequence number. Cuts off what does not fit into a shut window.
bool check_sequence(StepContext& step, Segment& segment);
// Second: the RST bit (RFC 5961 section 3.2).
bool check_reset(StepContext& step, const Segment& segment);
// Third: security; not supported.
// Fourth: the SYN bit (RFC 5961 section 4.2).
bool check_syn(StepContext& step, const Segment& segment);
// Fifth: the ACK field (RFC 5961 section 5.2).
bool check_ack(StepContext& step, const Segment& segment);
// RFC 7323 section 4.3: TS.Recent, from what has passed all of these. Its section 5.3 (R3) asks for
// the first only; but what is dropped for its ACK may be an attacker's, and would shut out the
// peer.
void update_recent_timestamp(TcpState& state, const Segment& segment);
// Sixth: the URG bit; urgent data is data (see COMPLIANCE.md).
// Seventh and eighth, the text and the FIN bit: scout/tcp/receive.hh.

}  // namespace scout::tcp
