// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/header.hh"

namespace scout {
namespace {

enum OptionKind : uint8_t {
    kEndOfOptions = 0,
    kNop = 1,
    kMss = 2,
    kWindowScale = 3,
    kSackPermitted = 4,
    kSack = 5,
    kTimestamps = 8,
};

// What only a SYN may carry (RFC 9293 3.2, RFC 7323 2.2, RFC 2018 2) is ignored elsewhere.
void parse_syn_option(uint8_t kind, const uint8_t* body, uint32_t bytes, SegmentEvent& event) {
    if (kind == kMss && bytes == 2) {
        event.mss = load_be16(body);
        event.options |= kHasMss;
    } else if (kind == kWindowScale && bytes == 1) {
        event.window_scale = body[0];
        event.options |= kHasWindowScale;
    } else if (kind == kSackPermitted && bytes == 0) {
        event.options |= kHasSackPermitted;
    }
}

// An option of a known kind with a length that is not its own is ignored, as unknown ones are.
void parse_option(uint8_t kind, const uint8_t* body, uint32_t bytes, SegmentEvent& event) {
    if (kind == kTimestamps && bytes == 8) {
        event.ts_val = load_be32(body);
        event.ts_ecr = load_be32(body + 4);
        event.options |= kHasTimestamps;
    } else if (kind == kSack && bytes > 0 && bytes % 8 == 0) {
        event.sack_blocks = static_cast<uint8_t>(dominoes::min<uint32_t>(bytes / 8, 4));
        for (uint32_t i = 0; i < event.sack_blocks; ++i)
            event.sack[i] = {load_be32(body + 8 * i), load_be32(body + 8 * i + 4)};
    } else if (event.flags & kSyn) {
        parse_syn_option(kind, body, bytes, event);
    }
}

bool parse_options(const uint8_t* at, const uint8_t* end, SegmentEvent& event) {
    while (at < end && *at != kEndOfOptions) {
        if (*at == kNop) {
            ++at;
            continue;
        }
        if (end - at < 2 || at[1] < 2 || at[1] > end - at) return false;
        parse_option(at[0], at + 2, at[1] - 2u, event);
        at += at[1];
    }
    return true;
}

// Padded with NOPs in front, so that what follows is aligned to 4 bytes.
uint8_t* put_syn_options(const TransmitEffect& run, uint8_t* at) {
    if (run.options & kHasMss) {
        *at++ = kMss;
        *at++ = 4;
        store_be16(at, run.syn_mss);
        at += 2;
    }
    if (run.options & kHasSackPermitted) {
        *at++ = kNop;
        *at++ = kNop;
        *at++ = kSackPermitted;
        *at++ = 2;
    }
    if (run.options & kHasWindowScale) {
        *at++ = kNop;
        *at++ = kWindowScale;
        *at++ = 3;
        *at++ = run.window_scale;
    }
    return at;
}

uint8_t* put_timestamps(const TransmitEffect& run, uint8_t* at) {
    if (!(run.options & kHasTimestamps)) return at;
    *at++ = kNop;
    *at++ = kNop;
    *at++ = kTimestamps;
    *at++ = 10;
    store_be32(at, run.ts_val);
    store_be32(at + 4, run.ts_ecr);
    return at + 8;
}

// How many fit (RFC 2018 section 3): 40 bytes of options hold 4, or 3 beside timestamps.
uint32_t sack_blocks_that_fit(const TransmitEffect& run) {
    return dominoes::min<uint32_t>(run.sack_blocks, run.options & kHasTimestamps ? 3 : 4);
}

uint8_t* put_sack(const TransmitEffect& run, uint8_t* at) {
    const uint32_t blocks = sack_blocks_that_fit(run);
    if (blocks == 0) return at;
    *at++ = kNop;
    *at++ = kNop;
    *at++ = kSack;
    *at++ = static_cast<uint8_t>(2 + 8 * blocks);
    for (uint32_t i = 0; i < blocks; ++i, at += 8) {
        store_be32(at, run.sack[i].start);
        store_be32(at + 4, run.sack[i].end);
    }
    return at;
}

}  // namespace

TcpParse tcp_parse(const uint8_t* header, uint32_t available, uint32_t segment_bytes,
                   SegmentEvent& event) {
    if (segment_bytes < kTcpMinHeader || available < kTcpMinHeader) return TcpParse::kShort;
    const uint32_t header_bytes = (header[12] >> 4) * 4u;
    if (header_bytes < kTcpMinHeader || header_bytes > segment_bytes) return TcpParse::kHeader;
    if (header_bytes > available) return TcpParse::kShort;
    event = SegmentEvent{};
    event.seq = load_be32(header + 4);
    event.ack = load_be32(header + 8);
    event.flags = header[13];
    event.window = load_be16(header + 14);
    event.urgent = load_be16(header + 18);
    event.payload_offset = static_cast<uint16_t>(header_bytes);
    event.payload_bytes = segment_bytes - header_bytes;
    return parse_options(header + kTcpMinHeader, header + header_bytes, event) ? TcpParse::kOk
                                                                               : TcpParse::kOptions;
}

TcpPorts tcp_ports(const uint8_t* header) { return {load_be16(header), load_be16(header + 2)}; }

bool tcp_flags_possible(uint8_t flags) {
    switch (flags & (kSyn | kFin | kRst)) {
        case 0:
            return flags & kAck;
        case kFin:
            return flags & kAck;
        case kSyn:
        case kRst:
            return true;
        default:
            return false;
    }
}

TcpPiece tcp_piece(const TransmitEffect& run, uint32_t index) {
    const uint32_t before = index * run.piece_bytes;
    const bool last = index + 1 == run.pieces();
    const uint32_t bytes = last ? run.bytes - before : run.piece_bytes;
    uint8_t flags = run.flags;
    if (!last) flags &= static_cast<uint8_t>(~(kFin | kPsh));
    if (index != 0) flags &= static_cast<uint8_t>(~kCwr);
    // At the end of what was sent as one, a peer that merges segments need not wait for more.
    if (bytes > run.mss) flags |= kPsh;
    return {
        .stream_offset = run.stream_offset + before,
        .bytes = bytes,
        .seq = run.seq + before,
        .flags = flags,
    };
}

uint32_t tcp_header_bytes(const TransmitEffect& run) {
    const uint32_t blocks = sack_blocks_that_fit(run);
    return kTcpMinHeader + (run.options & kHasMss ? 4 : 0) +
           (run.options & kHasSackPermitted ? 4 : 0) + (run.options & kHasWindowScale ? 4 : 0) +
           (run.options & kHasTimestamps ? 12 : 0) + (blocks ? 4 + 8 * blocks : 0);
}

IpService tcp_service(const TransmitEffect& run) {
    return {run.ttl, static_cast<uint8_t>((run.tos & ~kIpEcnMask) | run.ecn)};
}

uint32_t tcp_format(const TransmitEffect& run, uint32_t index, TcpPorts ports, uint8_t* out) {
    const TcpPiece piece = tcp_piece(run, index);
    store_be16(out, ports.source);
    store_be16(out + 2, ports.destination);
    store_be32(out + 4, piece.seq);
    store_be32(out + 8, piece.flags & kAck ? run.ack : 0);
    out[13] = piece.flags;
    store_be16(out + 14, run.window);
    store_be16(out + kTcpChecksumOffset, 0);
    store_be16(out + 18, 0);
    const uint8_t* end =
        put_sack(run, put_timestamps(run, put_syn_options(run, out + kTcpMinHeader)));
    const uint32_t bytes = static_cast<uint32_t>(end - out);
    out[12] = static_cast<uint8_t>(bytes / 4 << 4);
    return bytes;
}

bool tcp_reset_reply(const SegmentEvent& event, TransmitEffect& reset) {
    if (event.flags & kRst) return false;
    reset = TransmitEffect{};
    reset.ttl = kIpTtl;
    if (event.flags & kAck) {
        reset.seq = event.ack;
        reset.flags = kRst;
    } else {
        reset.ack = event.seq + event.payload_bytes + (event.flags & kSyn ? 1 : 0) +
                    (event.flags & kFin ? 1 : 0);
        reset.flags = kRst | kAck;
    }
    return true;
}

}  // namespace scout
