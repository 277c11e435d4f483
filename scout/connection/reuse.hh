// SPDX-License-Identifier: GPL-2.0
//
// A connection in TIME-WAIT gives way to a new one between the same two endpoints, if nothing that
// is left of the old could be taken for the new (RFC 9293 section 3.6.1, MAY-2; RFC 6191).
#pragma once

#include "scout/tcp/info.hh"

namespace scout {

// Whether `syn`, which arrived for `old`, may open a connection anew. Context: any.
bool tcp_may_reopen(const TcpInfo& old, const SegmentEvent& syn);

// The initial sequence number then: `drawn`, or one beyond all that `old` has used, for a fast
// connection outruns the clock of RFC 6528. Context: any.
uint32_t tcp_reopening_sequence(const TcpInfo& old, uint32_t drawn);

}  // namespace scout
