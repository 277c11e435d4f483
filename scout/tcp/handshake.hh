// SPDX-License-Identifier: GPL-2.0
//
// Opening a connection: active, passive, simultaneous (RFC 9293
// section 3.5, 3.10.1, 3.10.7.2, 3.10.7.3).
#pragma once

#include "scout/tcp/turn.hh"

namespace scout::tcp {

// OPEN call, active (RFC 9293 section 3.10.1).
void connect(Turn& turn);
// LISTEN STATE (RFC 9293 section 3.10.7.2).
void segment_in_listen(Turn& turn, const SegmentEvent& event);
// SYN-SENT STATE (RFC 9293 section 3.10.7.3).
void segment_in_syn_sent(Turn& turn, const SegmentEvent& event);

// The SYN, or SYN and ACK, that the phase asks for; first or once more.
void send_syn(Turn& turn);
// Our SYN is acknowledged: ESTABLISHED, or what follows it if the application has already closed.
void enter_established(Turn& turn);

}  // namespace scout::tcp
