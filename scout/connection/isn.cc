// SPDX-License-Identifier: GPL-2.0
#include "scout/connection/isn.hh"

namespace scout {
namespace {

uint32_t hash_connection(SocketAddress local, SocketAddress peer, uint8_t purpose,
                         const uint8_t key[16]) {
    uint8_t bytes[13];
    local.ip.store(bytes);
    peer.ip.store(bytes + 4);
    store_be16(bytes + 8, local.port);
    store_be16(bytes + 10, peer.port);
    bytes[12] = purpose;
    return static_cast<uint32_t>(dominoes_keyed_hash(bytes, sizeof bytes, key));
}

}  // namespace

uint32_t tcp_initial_sequence(SocketAddress local, SocketAddress peer, uint64_t now_ns,
                              const uint8_t key[16]) {
    return hash_connection(local, peer, 'i', key) + static_cast<uint32_t>(now_ns / 4000);
}

uint32_t tcp_timestamp_offset(SocketAddress local, SocketAddress peer, const uint8_t key[16]) {
    return hash_connection(local, peer, 't', key);
}

}  // namespace scout
