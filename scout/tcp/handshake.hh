// SPDX-License-Identifier: GPL-2.0
//
// Opening a connection: active, passive, simultaneous (RFC 9293
// section 3.5, 3.10.1, 3.10.7.2, 3.10.7.3).
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

// OPEN call, active (RFC 9293 section 3.10.1).
void connect(StepContext& step);
// LISTEN STATE (RFC 9293 section 3.10.7.2).
void segment_in_listen(StepContext& step, const SegmentEvent& event);
// SYN-SENT STATE (RFC 9293 section 3.10.7.3).
void segment_in_syn_sent(StepContext& step, const SegmentEvent& event);

// The SYN, or SYN and ACK, that the phase asks for; first or once more.
void send_syn(StepContext& step);
// Our SYN is acknowledged: ESTABLISHED, or what follows it if the application has already closed.
void enter_established(StepContext& step);

}  // namespace scout::tcp
