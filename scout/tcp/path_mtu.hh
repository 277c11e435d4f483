// SPDX-License-Identifier: GPL-2.0
//
// Path MTU discovery: how large a segment the way to the peer lets through, learned from ICMP
// errors (RFC 1191, believed as far as RFC 5927 section 7 lets us) and, where a black hole swallows
// them, from timeouts (RFC 4821, in the manner of Linux's tcp_mtu_probing=1). Its first link is the
// device, whose MTU we are told.
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

// The connection is established, and mss agreed on.
void path_mtu_begin(TcpState& state);
// The device's MTU has changed. Nothing is sent again for that: what has left the device may
// arrive.
void path_mtu_link(TcpState& state, const LinkEvent& event);
// "Fragmentation needed" about a segment in flight; `mtu` is the next hop's, or 0 from routers that
// do not tell (RFC 1191 section 5).
void path_mtu_told(TcpState& state, uint32_t mtu);
// The retransmission timer has expired with data in flight, `retries` times before.
void path_mtu_timeout(TcpState& state);
// In every step, before anything is sent: takes note of progress, and of the time.
void keep_path_mtu(TcpState& state);

}  // namespace scout::tcp
