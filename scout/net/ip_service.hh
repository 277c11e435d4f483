// SPDX-License-Identifier: GPL-2.0
//
// What the protocols above IP know of its header.
#pragma once

#include <stdint.h>

namespace scout {

inline constexpr uint32_t kIpMaxBytes = 65535;  // of a datagram
inline constexpr uint8_t kIpEcnMask = 3;        // of the byte that was the type of service
inline constexpr uint8_t kIpTtl = 64;           // RFC 1122 section 3.2.1.7, IANA's default

// What an application may choose of the header of what it sends.
struct IpService {
    uint8_t ttl = kIpTtl;
    uint8_t tos = 0;  // DSCP and, in the two lower bits, ECN (RFC 2474, RFC 3168)
};

}  // namespace scout
