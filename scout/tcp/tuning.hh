// SPDX-License-Identifier: GPL-2.0
//
// Tuning: how large the receive ring and the send buffer are. Where the program has chosen no size,
// both begin small and grow, never shrinking, up to a limit that is an attribute of the connection.
// The window scale is chosen for the limit, so that it never has to change.
//
// Receiving: the window should be twice what the application reads in a round trip; more while that
// grows, for a sender in slow start sends twice as much in the next one (dynamic right-sizing,
// Fisk and Feng 2001). The reader's progress and the time are in every request. The round trip is
// measured from a segment of ours to the first data that echoes its timestamp, and no later one;
// without timestamps, it is that of the handshake, or what a whole window took to arrive.
//
// A larger ring needs memory, which a step may not allocate, and its place for a byte differs from
// the old ring's, while replicas are placing bytes. So it is not copied but exchanged at a stream
// offset:
//
//     step       kReceiveRoom, an effect: so many bytes would be right
//     reader     allocates that ring in its next read(), and publishes kRing
//     step       what lies beyond all that was ever promised to the peer (rcv_adv) goes to the new
//                ring, which no byte on its way can contradict; the window may now grow
//     reader     reads the old ring up to there, frees it, and goes on with the new one
//
// There are two rings at most: the next exchange waits until the reader has passed the last. Where
// memory is short nothing happens, and the next round trip asks again.
//
// Sending: the buffer should hold twice what may be in flight, so that as much can wait as is on
// its way. Its memory comes with what is written, so kSendRoom just admits more.
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

// The connection is established: what the handshake has shown.
void tuning_begin(TcpState& state);
// A segment with an acknowledgement has been emitted.
void tuning_sent(TcpState& state);
// Data has come in order with `segment`, and is in rcv_nxt.
void tuning_received(TcpState& state, const Segment& segment);
// There is a larger ring.
void tuning_ring(StepContext& step, const RingEvent& event);
// At the end of a step: asks for what the buffers should have.
void tuning_due(StepContext& step);

}  // namespace scout::tcp
