// SPDX-License-Identifier: GPL-2.0
// Frames built byte by byte: valid ones, and the means to spoil them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace dominoes::guest {

using Bytes = std::vector<std::uint8_t>;
using Mac = std::array<std::uint8_t, 6>;

// Who is said to send, and to whom. Addresses and ports in the machine's order.
struct Ends {
    Mac source_mac;
    Mac destination_mac;
    std::uint32_t source;
    std::uint32_t destination;
    std::uint16_t source_port;
    std::uint16_t destination_port;
};

inline constexpr std::size_t kIpAt = 14;         // of the IP header in a frame
inline constexpr std::size_t kTransportAt = 34;  // of what follows an IP header without options

enum TcpFlag : std::uint8_t { kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16 };

struct TcpFields {
    std::uint32_t seq = 1;
    std::uint32_t ack = 1;
    std::uint8_t flags = kAck;
    Bytes options{};  // a multiple of 4
    Bytes payload{};
};

void put16(Bytes& frame, std::size_t at, std::uint16_t value);
void put32(Bytes& frame, std::size_t at, std::uint32_t value);
std::uint16_t get16(const Bytes& frame, std::size_t at);
std::uint32_t get32(const Bytes& frame, std::size_t at);

// Valid frames, checksums and all.
Bytes ethernet_frame(const Ends& ends, std::uint16_t type, const Bytes& payload);
Bytes arp_frame(const Ends& ends, std::uint16_t operation);
// ip_options: a multiple of 4 bytes.
Bytes ip_frame(const Ends& ends, std::uint8_t protocol, const Bytes& payload,
               const Bytes& ip_options = {});
Bytes icmp_frame(const Ends& ends, std::uint8_t type, std::uint8_t code, const Bytes& rest);
Bytes udp_frame(const Ends& ends, const Bytes& payload);
Bytes tcp_frame(const Ends& ends, const TcpFields& fields);

// After something in a frame has been changed. The second goes by the IP header's words, and does
// nothing when they make no sense.
void fix_ip_checksum(Bytes& frame);
void fix_transport_checksum(Bytes& frame);

}  // namespace dominoes::guest
