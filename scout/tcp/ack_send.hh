// SPDX-License-Identifier: GPL-2.0
//
// Acknowledging what was received: when (delayed, quick and spaced ACKs, RFC 9293 section 3.8.6.3,
// RFC 5681 section 4.2), with which window (section 3.8.6.2.2) and which SACK blocks (RFC 2018);
// and challenge ACKs (RFC 5961).
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

// The window for a segment about to leave, as it goes into the header; that is a promise, and the
// state remembers it. A SYN's is not scaled (RFC 7323 section 2.2).
uint16_t announce_window(TcpState& state, bool syn);

// A segment with the latest acknowledgement has been emitted: nothing is owed any longer.
void acknowledgement_left(StepContext& step);

// A pure ACK, with SACK blocks if something is missing.
void send_ack(StepContext& step);
// The same in answer to what is not acceptable, at most so many in an interval (RFC 5961 section
// 7).
void send_challenge_ack(StepContext& step);

// New data has arrived in order: acknowledge now or soon. `payload` is that of the segment.
void schedule_ack(StepContext& step, uint32_t payload);
// [start, end) has arrived once more: to be reported with the next pure ACK (RFC 2883).
void remember_duplicate(TcpState& state, uint64_t start, uint64_t end);
// The same, at once: there was nothing else in the segment.
void note_duplicate(StepContext& step, uint64_t start, uint64_t end);
// Data has arrived out of order, at `seq`: acknowledge now or, from the fourth segment on, soon.
void note_out_of_order(StepContext& step, uint64_t seq);

// The application has read: whether the window has opened enough to say so.
bool window_update_due(const TcpState& state);

}  // namespace scout::tcp
