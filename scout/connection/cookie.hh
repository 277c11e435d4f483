// SPDX-License-Identifier: GPL-2.0
//
// SYN cookies (RFC 4987 section 3.6): when a listener's queue is full of handshakes that may never
// end, a SYN is answered without remembering it. What must be known of it is in the sequence number
// and the timestamp of the answer, and comes back with the peer's ACK.
//
// The sequence number holds a keyed hash, the time, and one of 8 values for the MSS. Window scale,
// SACK and ECN fit into the low bits of the timestamp; a peer without timestamps does without them.
#pragma once

#include "scout/tcp/event.hh"

namespace scout {

// Between whom, and the key of the hash.
struct TcpCookieContext {
    SocketAddress local;
    SocketAddress peer;
    const uint8_t* key;  // 16 bytes
    uint64_t now_ns;
    // How far our receive ring may grow. What window scale we announced is made of it: a cookie is
    // void once the program has changed it.
    uint32_t receive_max;
};

// How long a cookie is good: at least this, at most twice that.
inline constexpr uint64_t kTcpCookieLifeNs = 64'000'000'000;

// Takes from `syn` what a cookie cannot carry, so that it is not agreed on. Context: any.
void tcp_cookie_restrict(SegmentEvent& syn);

// The initial sequence number, and the TSval (made of that which would be sent), that answer `syn`.
// Context: any.
uint32_t tcp_cookie_sequence(const TcpCookieContext& context, const SegmentEvent& syn);
uint32_t tcp_cookie_timestamp(uint32_t ts_val, const SegmentEvent& syn);

// Whether `ack` acknowledges a cookie of ours; if so `syn` becomes the SYN as far as the cookie
// tells. Context: any.
bool tcp_cookie_open(const TcpCookieContext& context, const SegmentEvent& ack, SegmentEvent& syn);

}  // namespace scout
