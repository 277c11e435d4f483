// SPDX-License-Identifier: GPL-2.0
//
// Keep-alive (RFC 9293 section 3.8.4, RFC 1122 section 4.2.3.6): asking a peer that has been silent
// for long whether it is still there. Off unless the application asks for it.
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

// The connection is established: silence counts from here.
void keepalive_begin(TcpState& state);
// The application has changed one of its options.
void keepalive_changed(TcpState& state);
// The peer has sent an acceptable acknowledgement.
void keepalive_heard(TcpState& state);
// The timer has expired: a probe, or the end.
void keepalive_expired(StepContext& step);

}  // namespace scout::tcp
