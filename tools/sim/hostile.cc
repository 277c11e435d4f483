// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/hostile.hh"

#include <cstring>
#include <vector>

#include "scout/net/checksum.hh"
#include "tools/sim/frame.hh"

namespace sim {
namespace {

using scout::kAck;
using scout::kRst;
using scout::kSyn;

}  // namespace

HostilePeer::HostilePeer(uint64_t seed)
    : random_(seed, 6),
      alters_(static_cast<double>(random_.below(300)) * 1e-3),
      forges_(static_cast<double>(random_.below(300)) * 1e-3) {}

// Near enough to be within a window, often; or anything.
uint32_t HostilePeer::near_number(uint32_t number) {
    if (random_.one_in(10)) return static_cast<uint32_t>(random_.next());
    const auto distance = static_cast<uint32_t>(random_.any_size(70'000));
    return random_.one_in(2) ? number + distance : number - distance;
}

// --- what it sends ---

void HostilePeer::alter(dominoes_packet& packet) {
    SegmentView view;
    if (!random_.chance(alters_) || !view_segment(rig::bytes_of(packet), view)) return;
    alter_field(packet.data + view.tcp_offset, view);
    if (!view.payload.empty() && random_.one_in(8))
        packet.data[packet.bytes - 1] ^= static_cast<uint8_t>(random_.between(1, 255));
    finish_tcp(packet, view.tcp_offset);
}

// A SYN keeps its number: it is what the connection begins with.
void HostilePeer::alter_field(uint8_t* tcp, const SegmentView& view) {
    const uint32_t header_bytes = view.event.payload_offset;
    switch (random_.below(view.has(kSyn) ? 4 : 6)) {
        case 0:
            return scout::store_be32(tcp + 8, near_number(view.event.ack));
        case 1:
            return scout::store_be16(
                tcp + 14, random_.one_in(2) ? uint16_t{0} : static_cast<uint16_t>(random_.next()));
        case 2:
            return garble_options(tcp, header_bytes);
        case 3:
            return scout::store_be16(tcp + 18, static_cast<uint16_t>(random_.next()));  // urgent
        case 4:
            return scout::store_be32(tcp + 4, near_number(view.event.seq));
        case 5:
            tcp[13] ^= static_cast<uint8_t>(1u << random_.below(8));
            return;
    }
}

void HostilePeer::garble_options(uint8_t* tcp, uint32_t header_bytes) {
    for (uint32_t at = kTcpBytes; at < header_bytes; ++at) {
        if (random_.one_in(4)) tcp[at] = static_cast<uint8_t>(random_.any_size(255));
    }
}

// --- what it never sent ---

dominoes_packet* HostilePeer::forge(const dominoes_packet& packet) {
    SegmentView view;
    if (!random_.chance(forges_) || !view_segment(rig::bytes_of(packet), view)) return nullptr;
    return random_.one_in(6) ? forge_icmp(packet, view) : forge_segment(packet, view);
}

dominoes_packet* HostilePeer::forge_segment(const dominoes_packet& packet,
                                            const SegmentView& view) {
    const auto option_words = static_cast<uint32_t>(random_.below(11));
    const auto payload = static_cast<uint32_t>(random_.one_in(2) ? 0 : random_.any_size(1000));
    const uint32_t header_bytes = kTcpBytes + 4 * option_words;
    std::vector<uint8_t> bytes(kTransportAt + header_bytes + payload);
    std::memcpy(bytes.data(), packet.data, kTransportAt + 4);  // addresses and ports
    for (size_t i = kTransportAt + kTcpBytes; i < bytes.size(); ++i)
        bytes[i] = static_cast<uint8_t>(random_.next());
    uint8_t* tcp = bytes.data() + kTransportAt;
    scout::store_be32(tcp + 4, near_number(view.event.seq));
    scout::store_be32(tcp + 8, near_number(view.event.ack));
    tcp[12] = static_cast<uint8_t>(header_bytes / 4 << 4);
    tcp[13] = random_.one_in(4) ? static_cast<uint8_t>(random_.next()) : uint8_t{kAck};
    if (random_.one_in(30)) tcp[13] = kRst;
    scout::store_be16(tcp + 14, static_cast<uint16_t>(random_.any_size(65535)));
    if (option_words >= 3) {  // a block that may well be in flight
        tcp[20] = 5;
        tcp[21] = 10;
        scout::store_be32(tcp + 22, near_number(view.event.ack));
        scout::store_be32(tcp + 26, near_number(view.event.ack));
    }
    finish_ip(bytes.data() + kIpAt, kIpBytes + header_bytes + payload, 6);
    dominoes_packet* forged = rig::make_packet(bytes);
    finish_tcp(*forged, kTransportAt);
    return forged;
}

// An error about a segment of the other's.
dominoes_packet* HostilePeer::forge_icmp(const dominoes_packet& packet, const SegmentView& view) {
    constexpr uint32_t kIcmpBytes = 8, kQuoted = kIpBytes + 8;
    constexpr uint8_t kTypes[] = {3, 3, 3, 4, 5, 11, 12};
    std::vector<uint8_t> bytes(kTransportAt + kIcmpBytes + kQuoted);
    std::memcpy(bytes.data(), packet.data, kTransportAt);
    uint8_t* icmp = bytes.data() + kTransportAt;
    icmp[0] = random_.pick(kTypes);
    icmp[1] = static_cast<uint8_t>(random_.below(16));
    scout::store_be32(icmp + 4, static_cast<uint32_t>(random_.any_size(1500)));
    uint8_t* quoted = icmp + kIcmpBytes;
    std::memcpy(quoted, packet.data + kIpAt, kIpBytes);
    std::memcpy(quoted + 12, packet.data + kIpAt + 16, 4);
    std::memcpy(quoted + 16, packet.data + kIpAt + 12, 4);
    finish_ip(quoted, kIpBytes + kTcpBytes, 6);
    scout::store_be16(quoted + kIpBytes, view.ports.destination);
    scout::store_be16(quoted + kIpBytes + 2, view.ports.source);
    scout::store_be32(quoted + kIpBytes + 4, near_number(view.event.ack));
    scout::store_be16(icmp + 2, scout::checksum(icmp, kIcmpBytes + kQuoted));
    finish_ip(bytes.data() + kIpAt, kIpBytes + kIcmpBytes + kQuoted, 1);
    return rig::make_packet(bytes);
}

}  // namespace sim
