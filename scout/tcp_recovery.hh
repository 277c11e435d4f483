// SPDX-License-Identifier: GPL-2.0
//
// Loss: finding it by duplicate and selective acknowledgements or by timeout, and knowing what to
// send again (RFC 5681 section 3.2, RFC 6582, RFC 6675).
//
// One picture serves all of them. Of the bytes in [snd_una, snd_nxt), those below lost_end that are
// not selectively acknowledged are lost; those below retransmit_nxt have been sent again. Without
// SACK each duplicate ACK counts as one segment that has left the network (dup_bytes). The estimate
// of what is in the network, pipe(), follows, and whatever is sent, new or again, has to fit into
// cwnd beside it.
#pragma once

#include "scout/tcp_turn.hh"

namespace scout::tcp {

// RFC 6675 section 4: bytes thought to be in the network.
uint64_t pipe(const TcpState& state);

// Takes in a segment's SACK blocks. Returns how many bytes they newly acknowledge.
uint64_t recovery_take_sack(TcpState& state, const SegmentEvent& event);

// snd_una has advanced by `acked`.
void recovery_acknowledged(TcpState& state, uint64_t acked);
// An ACK that acknowledged nothing new: a duplicate in the sense of RFC 5681 section 2, or with
// SACK one that newly acknowledges selectively (RFC 6675 section 2).
void recovery_duplicate(TcpState& state);
// After either: begins fast recovery if something is lost.
void recovery_detect(TcpState& state);
// The retransmission timer has expired with data in flight.
void recovery_timeout(TcpState& state);

// What is in flight did not fit the path: all of it is to be sent again, now. That says nothing of
// congestion (RFC 1191 section 6.4).
void recovery_path_mtu(TcpState& state);

// Up to where data may be sent again: what is lost; or, with nothing else to send, what lies below
// the highest selective acknowledgement (RFC 6675 section 4, NextSeg rules 1 and 3).
uint64_t recovery_limit(const TcpState& state, bool nothing_else);

}  // namespace scout::tcp
