// SPDX-License-Identifier: GPL-2.0
//
// The IPv4 header between bytes and structs (RFC 791 section 3.1).
#pragma once

#include "scout/net/address.hh"
#include "scout/net/ip_service.hh"

namespace scout {

inline constexpr uint32_t kIpHeaderBytes = 20;  // without options
inline constexpr uint32_t kIpMaxHeaderBytes = 60;
inline constexpr uint32_t kIpMinMtu = 68;

struct IpHeader {
    uint32_t header_bytes;
    uint32_t total_bytes;  // header and payload
    uint16_t id;
    uint16_t fragment_bytes;  // offset of the payload in the original datagram
    bool more_fragments;
    bool dont_fragment;
    uint8_t dscp;
    uint8_t ecn;
    uint8_t ttl;
    uint8_t protocol;
    IpAddress source;
    IpAddress destination;
};

enum class IpResult { kOk, kShort, kVersion, kHeader, kLength, kChecksum };

// `bytes` holds what there is of the header, at most `length`; `packet_bytes` is what the frame
// carries from the IP header on, padding included. Checks all that can be told from these alone.
IpResult parse_ip(const uint8_t* bytes, uint32_t length, uint32_t packet_bytes, IpHeader& out);
// Writes 20 bytes, with the checksum. `total_bytes` beyond 65535 (to be segmented) is written as 0.
void write_ip(uint8_t* bytes, const IpHeader& header);
// The header of a datagram that an ICMP error quotes: truncated payload and an old checksum are
// allowed.
IpResult parse_quoted_ip(const uint8_t* bytes, uint32_t length, IpHeader& out);

// What is to become of a datagram with the `bytes` of options at `options`. They are ignored (RFC
// 1122 section 3.2.1.8), but for source routes: a host that is no router has no use for them, and
// answers would go back on the way the sender has chosen (RFC 7126 section 4.3).
enum class IpOptions { kIgnored, kMalformed, kSourceRoute };
IpOptions check_ip_options(const uint8_t* options, uint32_t bytes);

constexpr bool is_fragment(const IpHeader& header) {
    return header.more_fragments || header.fragment_bytes != 0;
}

}  // namespace scout
