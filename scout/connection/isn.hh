// SPDX-License-Identifier: GPL-2.0
//
// Numbers that must differ from connection to connection and be known to nobody else. They are
// drawn by whoever publishes a connection's first request, never by step().
#pragma once

#include "scout/net/address.hh"

namespace scout {

// An initial sequence number (RFC 6528): a keyed hash of the connection, plus a clock of 4
// microseconds. Context: any.
uint32_t tcp_initial_sequence(SocketAddress local, SocketAddress peer, uint64_t now_ns,
                              const uint8_t key[16]);

// What is added to a connection's timestamp clock (RFC 7323 section 7.1). The same for every
// connection between the same two endpoints, so that TSval goes on rising from one to the next.
// Context: any.
uint32_t tcp_timestamp_offset(SocketAddress local, SocketAddress peer, const uint8_t key[16]);

}  // namespace scout
