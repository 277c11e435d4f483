// SPDX-License-Identifier: GPL-2.0
//
// What the application asks for (RFC 9293 section 3.10.2 to 3.10.5). OPEN is in
// scout/tcp/handshake.hh.
#pragma once

#include "scout/tcp/turn.hh"

namespace scout::tcp {

// SEND call (section 3.10.2): more has been written.
void send(Turn& turn, const SendEvent& event);
// CLOSE call (section 3.10.4): nothing more will be written; FIN goes after what was.
void shutdown(Turn& turn);
// Nothing more will be read, as after close(). If something was received that the application has
// not read, the connection is reset (RFC 1122 section 4.2.2.13); what still arrives is refused.
void close_reads(Turn& turn);
// ABORT call (section 3.10.5).
void abort(Turn& turn, const AbortEvent& event);
void set_option(Turn& turn, const OptionEvent& event);

}  // namespace scout::tcp
