// SPDX-License-Identifier: GPL-2.0
//
// Undoing a recovery that was for nothing: what was thought to be lost had only been late. Told by
// the timestamp that an acknowledgement echoes (Eifel, RFC 3522 and RFC 4015), by D-SACKs for all
// that was sent again (RFC 3708), or, after a timeout, by the arrival of what was sent only once
// (F-RTO, RFC 5682 section 3).
//
// A D-SACK may also be of a packet that the network has duplicated. So it counts only for what was
// sent again and not reported yet, tail loss probes included (RFC 8985 section 7), which may still
// be under way when a recovery begins. One for anything else shows that the network duplicates,
// which it may do to a retransmission as well: then D-SACKs say nothing of this recovery, nor,
// where they are many, of others (RFC 3708 section 3.2).
#pragma once

#include "scout/tcp/recovery.hh"

namespace scout::tcp {

// A recovery begins, with a timeout or without: remembers what it is about to change.
void undo_prepare(TcpState& state, bool timeout);
// [start, end) was sent again, by a recovery or as a probe.
void undo_resent(TcpState& state, uint64_t start, uint64_t end);
// Whether a report that [start, end) arrived twice says that it was sent again for nothing: before
// undo_duplicate() is told.
bool undo_was_needless(const TcpState& state, uint64_t start, uint64_t end);
// [start, end) arrived twice, says the peer; it is not too old for that.
void undo_duplicate(TcpState& state, uint64_t start, uint64_t end);
// snd_una has advanced: no report is expected any more of what is a window behind.
void undo_advance(TcpState& state);
// Whether the latest recovery was for nothing, as this acknowledgement shows.
bool undo_due(const TcpState& state, const Segment& segment, const Delivery& delivery);
// The window is what it was, and nothing is lost.
void undo(TcpState& state);

}  // namespace scout::tcp
