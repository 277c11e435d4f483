// SPDX-License-Identifier: GPL-2.0
//
// Loss recovery: what acknowledgements and timeouts say of what was sent, and the way through fast
// recovery and the time after a timeout (RFC 5681 section 3.2, RFC 6582, RFC 8985, RFC 6937). What
// is lost stands on the scoreboard; with SACK it is found by RACK (scout/tcp/rack.hh). Without SACK
// each duplicate ACK counts as one segment that has left the network (dup_bytes). The estimate of
// what is in the network, pipe(), follows, and whatever is sent, new or again, has to fit into cwnd
// beside it.
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

// RFC 6675 section 4: bytes thought to be in the network.
uint64_t pipe(const TcpState& state);

// What one acknowledgement says.
struct Delivery {
    uint64_t fack = 0;       // the highest acknowledged before it
    uint64_t before = 0;     // in flight before it
    uint64_t sent_ns = 0;    // the latest of what arrived and was sent once; 0: none
    uint64_t advanced = 0;   // snd_una has, by so much
    uint64_t bytes = 0;      // newly acknowledged, in either way
    uint64_t dsack_end = 0;  // a duplicate that it reports ends here; 0: it reports none
    uint64_t dsack_bytes = 0;
    bool duplicate = false;  // RFC 5681 section 2, or with SACK one that acknowledges selectively
    bool original = false;   // something of it was sent before the timeout, and only then
};

// Takes in a segment's SACK blocks (RFC 2018, RFC 2883).
void recovery_take_sack(TcpState& state, const SegmentEvent& event, Delivery& delivery);
// Takes what is before `segment.ack`, which is new, off the scoreboard, and advances snd_una.
void recovery_advance(TcpState& state, const Segment& segment, Delivery& delivery);
// After both, on an established connection: begins, goes on with, ends or undoes a recovery.
void recovery_respond(TcpState& state, const Segment& segment, const Delivery& delivery);

// The retransmission timer has expired with data in flight.
void recovery_timeout(TcpState& state);
// The time within which what is late may still come is over.
void recovery_reorder_timeout(TcpState& state);

// Some of what was sent has not even left: it is lost, and known to be, whatever comes of the rest.
// Nothing goes before the peer is heard or a timer fires, whatever the application says: it would
// be refused again.
void recovery_refused(TcpState& state, const RefusedEvent& event);

// What is in flight did not fit the path: all of it is to be sent again, now. That says nothing of
// congestion (RFC 1191 section 6.4).
void recovery_path_mtu(TcpState& state);

}  // namespace scout::tcp
