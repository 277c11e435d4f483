// SPDX-License-Identifier: GPL-2.0
// IPv4 addresses, ports, prefixes and CPU lists as people write them and as the ABI has them.
#pragma once

#include "../../module/dominoes_uapi.h"

#include <netinet/in.h>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dominoes {

// An IPv4 address and a port, both in the machine's byte order; 0 where not given.
struct SocketAddress {
    std::uint32_t address = 0;
    std::uint16_t port = 0;

    bool operator==(const SocketAddress&) const = default;
};

struct Prefix {
    std::uint32_t address = 0;
    unsigned length = 0;
};

// Bit n of the whole is CPU n.
using CpuSet = std::array<std::uint64_t, DOMINOES_CPU_WORDS>;

// The parsers throw std::invalid_argument with a sentence for the user.
std::uint32_t parse_address(std::string_view text);
Prefix parse_prefix(std::string_view text);  // "10.0.0.1/24"
std::uint16_t parse_port(std::string_view text);
CpuSet parse_cpu_list(std::string_view text);  // "0-3,5"
std::uint64_t parse_number(std::string_view text, std::uint64_t maximum);

// An address as parse_address takes it, or a name that the resolver knows.
std::uint32_t resolve(const std::string& host);

std::string to_string(std::uint32_t address);
std::string to_string(const SocketAddress& address);  // "10.0.0.1:80", "*" for a zero part
std::string to_string(const CpuSet& cpus);            // "0-3,5"; "" when empty

dominoes_sockaddr to_abi(const SocketAddress& address);
SocketAddress from_abi(const dominoes_sockaddr& address);
sockaddr_in to_sockaddr(const SocketAddress& address);
SocketAddress from_sockaddr(const sockaddr_in& address);

}  // namespace dominoes
