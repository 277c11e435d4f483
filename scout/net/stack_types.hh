// SPDX-License-Identifier: GPL-2.0
//
// The structs of scout/stack.h in C++: names, where they share theirs with a function, and
// addresses from and to those of programs.
#pragma once

#include "scout/net/address.hh"
#include "scout/stack.h"

namespace scout {

using AttachConfig = struct ::scout_attach;
using EndpointInfo = struct ::dominoes_info;

inline constexpr uint16_t kFamilyInet = 2;  // AF_INET

// False: it is of another family. Context: any.
[[nodiscard]] inline bool from_program(const dominoes_sockaddr& from, SocketAddress& to) {
    if (from.family != kFamilyInet) return false;
    to = {IpAddress::v4(from.addr), load_be16(reinterpret_cast<const uint8_t*>(&from.port))};
    return true;
}

// All of it is written. Context: any.
inline dominoes_sockaddr to_program(const SocketAddress& from) {
    dominoes_sockaddr to{};
    to.family = kFamilyInet;
    store_be16(reinterpret_cast<uint8_t*>(&to.port), from.port);
    from.ip.store(to.addr);
    return to;
}

}  // namespace scout
