// SPDX-License-Identifier: GPL-2.0
//
// Undoing a recovery that was for nothing: what was thought to be lost had only been late. Told by
// the timestamp that an acknowledgement echoes (Eifel, RFC 3522 and RFC 4015), by D-SACKs for all
// that was sent again (RFC 3708), or, after a timeout, by the arrival of what was sent only once
// (F-RTO, RFC 5682 section 3).
#pragma once

#include "scout/tcp_recovery.hh"

namespace scout::tcp {

// A recovery begins, with a timeout or without: remembers what it is about to change.
void undo_prepare(TcpState& state, bool timeout);
// `bytes` were sent again.
void undo_resent(TcpState& state, uint64_t bytes);
// [start, end) arrived twice, says the peer.
void undo_duplicate(TcpState& state, uint64_t start, uint64_t end);
// Whether the latest recovery was for nothing, as this acknowledgement shows.
bool undo_due(const TcpState& state, const Segment& segment, const Delivery& delivery);
// The window is what it was, and nothing is lost.
void undo(TcpState& state);

}  // namespace scout::tcp
