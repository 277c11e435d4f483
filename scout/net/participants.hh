// SPDX-License-Identifier: GPL-2.0
//
// Participants (Scout; dissertation 4.2.2): who takes part in a connection. Path creation works
// from it.
#pragma once

#include "scout/net/address.hh"

namespace scout {

// IANA's protocol numbers.
enum Protocol : uint8_t {
    kIcmp = 1,
    kTcp = 6,
    kUdp = 17,
};

// What connections of one protocol are told apart by, on one interface. Without padding: hashed as
// bytes.
struct ConnectionKey {
    IpAddress local_ip;
    IpAddress peer_ip;
    uint16_t local_port;
    uint16_t peer_port;

    constexpr bool operator==(const ConnectionKey&) const = default;
};
static_assert(__has_unique_object_representations(ConnectionKey));

struct Participants {
    SocketAddress local;
    SocketAddress peer;
    uint8_t protocol = 0;

    constexpr bool operator==(const Participants&) const = default;
    constexpr ConnectionKey key() const { return {local.ip, peer.ip, local.port, peer.port}; }
};

}  // namespace scout
