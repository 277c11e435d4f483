// SPDX-License-Identifier: GPL-2.0
//
// The TCP header between bytes and structs (RFC 9293 section 3.1): reading received ones, writing
// those of a TransmitEffect, and the reset that answers a segment of no connection.
#pragma once

#include "scout/net/ip_service.hh"
#include "scout/tcp/effect.hh"

namespace scout {

inline constexpr uint32_t kTcpMinHeader = 20;
inline constexpr uint32_t kTcpMaxHeader = 60;
// Where the checksum is; its offset from the start of the header.
inline constexpr uint32_t kTcpChecksumOffset = 16;

enum class TcpParse : uint8_t {
    kOk,
    kShort,    // the segment ends before the fixed header does
    kHeader,   // the data offset is below 5, or beyond the segment
    kOptions,  // an option's length is impossible
};

struct TcpPorts {
    uint16_t source;
    uint16_t destination;
};

// Reads a segment's header. `header` holds its first `available` bytes: all of `segment_bytes`
// (header and payload, from the IP header), or at least kTcpMaxHeader of them. Fills in everything
// of `event` but app_read and ecn; payload_offset counts from the TCP header, so the caller adds
// where that begins. `event` is only meaningful after kOk. Context: any.
TcpParse tcp_parse(const uint8_t* header, uint32_t available, uint32_t segment_bytes,
                   SegmentEvent& event);

// Likewise for just the ports: needs 4 bytes, as an ICMP error quotes them.
TcpPorts tcp_ports(const uint8_t* header);

// Whether a segment may carry these flags: of SYN, FIN and RST at most one, and at least one of
// SYN, RST and ACK. What may not is dropped without an answer.
bool tcp_flags_possible(uint8_t flags);

// One piece of a run of transmissions.
struct TcpPiece {
    uint64_t stream_offset;
    uint32_t bytes;
    uint32_t seq;
    uint8_t flags;
};
TcpPiece tcp_piece(const TransmitEffect& run, uint32_t index);

// How long the header of every piece of `run` is.
uint32_t tcp_header_bytes(const TransmitEffect& run);

// What the IP headers of `run` are to say.
IpService tcp_service(const TransmitEffect& run);

// Writes the header of the `index`-th piece of `run` (at most kTcpMaxHeader bytes) and returns its
// length. The checksum is 0: the caller puts the pseudo header's sum there. Context: any.
uint32_t tcp_format(const TransmitEffect& run, uint32_t index, TcpPorts ports, uint8_t* out);

// What answers a segment for which there is no connection (RFC 9293 section 3.10.7.1). False:
// nothing, for it was a reset itself. Context: any.
bool tcp_reset_reply(const SegmentEvent& event, TransmitEffect& reset);

}  // namespace scout
