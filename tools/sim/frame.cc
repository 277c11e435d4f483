// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/frame.hh"

#include <cstring>

#include "scout/link/arp.hh"
#include "scout/net/checksum.hh"
#include "tools/sim/application.hh"

namespace sim {
namespace {

scout::MacAddress mac_of(uint32_t host) {
    return {{2, 0, 0, 0, 0, static_cast<uint8_t>(host + 1)}};
}

scout::IpAddress ip_of(uint32_t host) { return scout::IpAddress::v4(address_of(host, 0).addr); }

void write_eth(uint8_t* frame, const scout::MacAddress& to, uint32_t from_host, uint16_t type) {
    const scout::MacAddress from = mac_of(from_host);
    std::memcpy(frame, to.bytes, sizeof to.bytes);
    std::memcpy(frame + 6, from.bytes, sizeof from.bytes);
    scout::store_be16(frame + 12, type);
}

uint16_t pseudo_sum_of(const uint8_t* ip, uint32_t bytes) {
    return scout::pseudo_sum(scout::IpAddress::v4(ip + 12), scout::IpAddress::v4(ip + 16), ip[9],
                             bytes);
}

}  // namespace

void finish_ip(uint8_t* ip, uint32_t total, uint8_t protocol) {
    ip[0] = 0x45;
    scout::store_be16(ip + 2, static_cast<uint16_t>(total));
    ip[9] = protocol;
    scout::store_be16(ip + 10, 0);
    scout::store_be16(ip + 10, scout::checksum(ip, kIpBytes));
}

// Where hardware vouches for it, the field holds the pseudo header's sum, which has not changed.
void finish_tcp(dominoes_packet& packet, uint32_t at) {
    if (packet.checksum_vouched) return;
    const uint8_t* ip = packet.data + kIpAt;
    const uint32_t bytes = scout::load_be16(ip + 2) - (at - kEthBytes);
    uint8_t* field = packet.data + at + scout::kTcpChecksumOffset;
    scout::store_be16(field, pseudo_sum_of(ip, bytes));
    scout::store_be16(field, scout::checksum(packet.data + at, bytes));
}

bool checksums_right(const dominoes_packet& packet, const SegmentView& view) {
    const uint8_t* ip = packet.data + kIpAt;
    const uint32_t header = view.tcp_offset - kIpAt;
    if (scout::checksum(ip, header)) return false;
    if (packet.checksum_vouched) return true;
    const uint32_t bytes = scout::load_be16(ip + 2) - header;
    scout::ChecksumSum sum(pseudo_sum_of(ip, bytes));
    sum.add(packet.data + view.tcp_offset, bytes);
    return sum.checksum() == 0;
}

dominoes_packet* make_frame(const TcpFrame& segment) {
    const auto option_bytes = static_cast<uint32_t>((segment.options.size() + 3) / 4 * 4);
    const uint32_t header_bytes = kTcpBytes + option_bytes;
    std::vector<uint8_t> bytes(kTransportAt + header_bytes + segment.payload.size());
    write_eth(bytes.data(), mac_of(1 - segment.from_host), segment.from_host, 0x0800);
    uint8_t* ip = bytes.data() + kIpAt;
    ip[8] = 64;
    ip_of(segment.from_host).store(ip + 12);
    ip_of(1 - segment.from_host).store(ip + 16);
    finish_ip(ip, static_cast<uint32_t>(bytes.size()) - kIpAt, 6);
    uint8_t* tcp = bytes.data() + kTransportAt;
    scout::store_be16(tcp, segment.ports.source);
    scout::store_be16(tcp + 2, segment.ports.destination);
    scout::store_be32(tcp + 4, segment.seq);
    scout::store_be32(tcp + 8, segment.ack);
    tcp[12] = static_cast<uint8_t>(header_bytes / 4 << 4);
    tcp[13] = segment.flags;
    scout::store_be16(tcp + 14, segment.window);
    scout::store_be16(tcp + 18, segment.urgent);
    for (size_t i = 0; i < segment.options.size(); ++i) tcp[kTcpBytes + i] = segment.options[i];
    if (!segment.payload.empty())
        std::memcpy(tcp + header_bytes, segment.payload.data(), segment.payload.size());
    dominoes_packet* packet = rig::make_packet(bytes);
    finish_tcp(*packet, kTransportAt);
    return packet;
}

dominoes_packet* make_arp_answer(uint32_t host, std::span<const uint8_t> frame) {
    scout::ArpMessage asked;
    if (frame.size() < kEthBytes + scout::kArpBytes ||
        scout::load_be16(frame.data() + 12) != 0x0806 ||
        scout::parse_arp(frame.data() + kEthBytes, scout::kArpBytes, asked) !=
            scout::ArpResult::kOk ||
        asked.operation != scout::kArpRequest || !(asked.target_ip == ip_of(host)))
        return nullptr;
    uint8_t bytes[kEthBytes + scout::kArpBytes];
    write_eth(bytes, asked.sender_mac, host, 0x0806);
    scout::write_arp(bytes + kEthBytes, {.operation = scout::kArpReply,
                                         .sender_mac = mac_of(host),
                                         .sender_ip = ip_of(host),
                                         .target_mac = asked.sender_mac,
                                         .target_ip = asked.sender_ip});
    return rig::make_packet(bytes);
}

}  // namespace sim
