// SPDX-License-Identifier: GPL-2.0
//
// Config: what --so_flags says about the stack under test.
#pragma once

#include <cstdint>

#include "scout/stack.h"

namespace packetdrill {

struct Config {
    dominoes_sockaddr local;    // as --local_ip
    dominoes_sockaddr gateway;  // through which all others are reached
    uint32_t replicas = 1;
    uint32_t mtu = 1500;
    int64_t receive_bytes = 8 << 20;  // for a window scale of 8, as Linux's scripts have it
    int64_t send_bytes = 1 << 20;
    bool ecn = false;  // asked for, as with Linux's sysctl tcp_ecn=1
    bool gso = true;   // segments of many packets' size leave as one, as they do with Linux

    Config();
};

// Parses NAME=VALUE[,NAME=VALUE]...; nullptr: as it is. False, having said why: they are wrong.
bool parse_flags(const char* flags, Config& config);

}  // namespace packetdrill
