// SPDX-License-Identifier: GPL-2.0
#include "inject_frame.hh"

#include <algorithm>

namespace dominoes::guest {

namespace {

constexpr std::uint16_t kEtherIp = 0x0800;
constexpr std::uint16_t kEtherArp = 0x0806;
constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;

void append(Bytes& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); }

void append16(Bytes& to, std::uint16_t value) {
    to.push_back(static_cast<std::uint8_t>(value >> 8));
    to.push_back(static_cast<std::uint8_t>(value));
}

void append32(Bytes& to, std::uint32_t value) {
    append16(to, static_cast<std::uint16_t>(value >> 16));
    append16(to, static_cast<std::uint16_t>(value));
}

// RFC 1071.
std::uint16_t checksum(const Bytes& frame, std::size_t at, std::size_t bytes,
                       std::uint32_t sum = 0) {
    for (std::size_t i = 0; i < bytes; ++i)
        sum += static_cast<std::uint32_t>(frame[at + i]) << (i % 2 ? 0 : 8);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

std::uint32_t sum_of(std::uint32_t word) { return (word >> 16) + (word & 0xffff); }

std::size_t checksum_offset(std::uint8_t protocol) {
    switch (protocol) {
        case kIcmp:
            return 2;
        case kTcp:
            return 16;
        case kUdp:
            return 6;
        default:
            return 0;
    }
}

}  // namespace

void put16(Bytes& frame, std::size_t at, std::uint16_t value) {
    frame.at(at) = static_cast<std::uint8_t>(value >> 8);
    frame.at(at + 1) = static_cast<std::uint8_t>(value);
}

void put32(Bytes& frame, std::size_t at, std::uint32_t value) {
    put16(frame, at, static_cast<std::uint16_t>(value >> 16));
    put16(frame, at + 2, static_cast<std::uint16_t>(value));
}

std::uint16_t get16(const Bytes& frame, std::size_t at) {
    return static_cast<std::uint16_t>(frame.at(at) << 8 | frame.at(at + 1));
}

std::uint32_t get32(const Bytes& frame, std::size_t at) {
    return static_cast<std::uint32_t>(get16(frame, at)) << 16 | get16(frame, at + 2);
}

Bytes ethernet_frame(const Ends& ends, std::uint16_t type, const Bytes& payload) {
    Bytes frame;
    append(frame, ends.destination_mac);
    append(frame, ends.source_mac);
    append16(frame, type);
    append(frame, payload);
    return frame;
}

Bytes arp_frame(const Ends& ends, std::uint16_t operation) {
    Bytes arp;
    append16(arp, 1);
    append16(arp, kEtherIp);
    append(arp, Bytes{6, 4});
    append16(arp, operation);
    append(arp, ends.source_mac);
    append32(arp, ends.source);
    append(arp, Mac{});
    append32(arp, ends.destination);
    return ethernet_frame(ends, kEtherArp, arp);
}

Bytes ip_frame(const Ends& ends, std::uint8_t protocol, const Bytes& payload,
               const Bytes& ip_options) {
    const std::size_t header = 20 + ip_options.size();
    Bytes ip{static_cast<std::uint8_t>(0x40 | header / 4), 0};
    append16(ip, static_cast<std::uint16_t>(header + payload.size()));
    append16(ip, 0x1234);
    append16(ip, 0x4000);
    append(ip, Bytes{64, protocol, 0, 0});
    append32(ip, ends.source);
    append32(ip, ends.destination);
    append(ip, ip_options);
    append(ip, payload);
    Bytes frame = ethernet_frame(ends, kEtherIp, ip);
    fix_ip_checksum(frame);
    fix_transport_checksum(frame);
    return frame;
}

Bytes icmp_frame(const Ends& ends, std::uint8_t type, std::uint8_t code, const Bytes& rest) {
    Bytes icmp{type, code, 0, 0};
    append(icmp, rest);
    return ip_frame(ends, kIcmp, icmp);
}

Bytes udp_frame(const Ends& ends, const Bytes& payload) {
    Bytes udp;
    append16(udp, ends.source_port);
    append16(udp, ends.destination_port);
    append16(udp, static_cast<std::uint16_t>(8 + payload.size()));
    append16(udp, 0);
    append(udp, payload);
    return ip_frame(ends, kUdp, udp);
}

Bytes tcp_frame(const Ends& ends, const TcpFields& fields) {
    Bytes tcp;
    append16(tcp, ends.source_port);
    append16(tcp, ends.destination_port);
    append32(tcp, fields.seq);
    append32(tcp, fields.ack);
    tcp.push_back(static_cast<std::uint8_t>((20 + fields.options.size()) / 4 << 4));
    tcp.push_back(fields.flags);
    append16(tcp, 1000);
    append32(tcp, 0);
    append(tcp, fields.options);
    append(tcp, fields.payload);
    return ip_frame(ends, kTcp, tcp);
}

void fix_ip_checksum(Bytes& frame) {
    if (frame.size() < kTransportAt) return;
    const std::size_t header = (frame[kIpAt] & 15) * 4u;
    if (header < 20 || kIpAt + header > frame.size()) return;
    put16(frame, kIpAt + 10, 0);
    put16(frame, kIpAt + 10, checksum(frame, kIpAt, header));
}

void fix_transport_checksum(Bytes& frame) {
    if (frame.size() < kTransportAt) return;
    const std::size_t header = (frame[kIpAt] & 15) * 4u;
    const std::size_t total = get16(frame, kIpAt + 2);
    if (total < header || kIpAt + total > frame.size()) return;
    const std::size_t at = kIpAt + header;
    const std::size_t bytes = total - header;
    const std::uint8_t protocol = frame[kIpAt + 9];
    const std::size_t field = checksum_offset(protocol);
    if (field == 0 || field + 2 > bytes) return;
    put16(frame, at + field, 0);
    std::uint32_t pseudo = 0;
    if (protocol != kIcmp)
        pseudo = sum_of(get32(frame, kIpAt + 12)) + sum_of(get32(frame, kIpAt + 16)) + protocol +
                 static_cast<std::uint32_t>(bytes);
    put16(frame, at + field, checksum(frame, at, bytes, pseudo));
}

}  // namespace dominoes::guest
