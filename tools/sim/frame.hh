// SPDX-License-Identifier: GPL-2.0
//
// Frames made by hand: for peers that have no stack, or say what theirs would not.
#pragma once

#include <vector>

#include "tools/sim/segment_view.hh"

namespace sim {

inline constexpr uint32_t kEthBytes = 14, kIpBytes = 20, kTcpBytes = 20;
inline constexpr uint32_t kIpAt = kEthBytes, kTransportAt = kEthBytes + kIpBytes;

// Fills in what any IP header without options has in common: `total` counts from it.
void finish_ip(uint8_t* ip, uint32_t total, uint8_t protocol);
// The checksum of the segment whose header begins at `at`.
void finish_tcp(dominoes_packet& packet, uint32_t at);
// Whether a segment in a frame is as it was sent.
bool checksums_right(const dominoes_packet& packet, const SegmentView& view);

// A segment. Numbers are as on the wire.
struct TcpFrame {
    uint32_t from_host = 0;
    scout::TcpPorts ports{};
    uint8_t flags = 0;
    uint32_t seq = 0;
    uint32_t ack = 0;
    uint16_t window = 0;
    uint16_t urgent = 0;
    std::vector<uint8_t> options{};  // at most 40 bytes; padded here
    std::span<const uint8_t> payload{};
};
dominoes_packet* make_frame(const TcpFrame& segment);

// What `host` answers to an ARP request for its address; nullptr: nothing, for it is another frame.
dominoes_packet* make_arp_answer(uint32_t host, std::span<const uint8_t> frame);

}  // namespace sim
