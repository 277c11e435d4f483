// SPDX-License-Identifier: GPL-2.0
//
// What the application asks for (RFC 9293 section 3.10.2 to 3.10.5). OPEN is in
// scout/tcp/handshake.hh.
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

// SEND call (section 3.10.2): more has been written.
void send(StepContext& step, const SendEvent& event);
// CLOSE call (section 3.10.4): nothing more will be written; FIN goes after what was.
void shutdown(StepContext& step);
// Nothing more will be read, as after close(). If something was received that the application has
// not read, the connection is reset (RFC 1122 section 4.2.2.13); what still arrives is refused.
void close_reads(StepContext& step);
// ABORT call (section 3.10.5).
void abort(StepContext& step, const AbortEvent& event);
void set_options(StepContext& step, const OptionEvent& event);

}  // namespace scout::tcp
