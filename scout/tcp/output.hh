// SPDX-License-Identifier: GPL-2.0
//
// What to send, and when: retransmissions, new data and FIN, as far as the peer's window,
// congestion control, silly-window avoidance, Nagle and cork allow (RFC 9293 sections 3.7 and 3.8).
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

// Emits one kTransmit of `bytes` from stream sequence number `seq` on. Everything but `options`,
// SYN's own, is filled in from the state; with ACK it carries the latest acknowledgement and
// window.
TransmitEffect& emit_segment(StepContext& step, uint64_t seq, uint32_t bytes, uint8_t flags);

// Sends all that may be sent now.
void output(StepContext& step);

// Whether there is something to send, nothing is in flight, and only the peer's window is in the
// way: the persist timer has to run (RFC 9293 section 3.8.6.1).
bool waits_for_window(const TcpState& state);
// A segment that the peer has to answer with its window: the number before snd_una, and no data.
void send_window_probe(StepContext& step);

// <SEQ=seq><CTL=RST>, answering a segment's bad ACK (RFC 9293 section 3.5.2).
void send_reset_for(StepContext& step, uint64_t seq);
// <SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK>: this connection is aborted (RFC 9293 section 3.10.5).
void send_reset(StepContext& step);

}  // namespace scout::tcp
