// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/simulation_lines.hh"

#include "scout/tcp/ecn.hh"

namespace scout::sim {

using dominoes::max;
using dominoes::min;

void Lines::transmit(uint32_t i, const TransmitEffect& run, uint64_t now_ns) {
    now_ns_ = now_ns;
    for (uint32_t p = 0; p < run.pieces() && !failure_; ++p) {
        const TcpPiece piece = tcp_piece(run, p);
        if (piece.bytes <= run.mss) {
            put_on_wire(i, run, p, piece, 0, piece.bytes);
        } else {
            transmit_large(i, run, p, piece);
        }
    }
}

void Lines::answer(uint32_t i, const TransmitEffect& segment, uint64_t now_ns) {
    now_ns_ = now_ns;
    put_on_wire(i, segment, 0, tcp_piece(segment, 0), 0, 0);
}

// Runs of segments that are not lost arrive merged, or one by one.
void Lines::transmit_large(uint32_t i, const TransmitEffect& run, uint32_t index,
                           const TcpPiece& piece) {
    expect(!run.sack_blocks, "SACK blocks beside full segments");
    const uint32_t segments = (piece.bytes + run.mss - 1) / run.mss;
    uint32_t from = 0;
    for (uint32_t s = 0; s < segments; ++s) {
        const uint32_t begin = s * run.mss;
        const uint32_t end = min(begin + run.mss, piece.bytes);
        const bool lost = loses(scenario_.network[i], piece.seq + begin);
        if (lost && from < begin) put_on_wire(i, run, index, piece, from, begin, false);
        if (lost) {
            from = end;
            continue;
        }
        if (scenario_.network[i].merge && s + 1 < segments) continue;
        put_on_wire(i, run, index, piece, from, end, false);
        from = end;
    }
}

bool Lines::loses(const Network& network, uint32_t seq) {
    const bool near = network.loss_reach == 0 || seq + network.loss_reach < 2 * network.loss_reach;
    return near && chance_.permille(network.loss_permille);
}

// Bytes [begin, end) of a piece, as one arrival.
void Lines::put_on_wire(uint32_t i, const TransmitEffect& run, uint32_t index,
                        const TcpPiece& piece, uint32_t begin, uint32_t end, bool may_be_lost) {
    const Network& network = scenario_.network[i];
    if (may_be_lost && loses(network, piece.seq + begin)) return;
    if (network.black_hole && min(end - begin, uint32_t{run.mss}) > network.black_hole) return;
    if (agenda_.full()) return;
    Happening happening{.kind = Happening::kArrival, .endpoint = 1 - i};
    SegmentEvent& segment = happening.segment;
    segment = parse(i, run, index, end - begin);
    segment.seq += begin;
    if (end < piece.bytes) segment.flags &= static_cast<uint8_t>(~(kFin | kPsh));
    if (begin > 0) segment.flags &= static_cast<uint8_t>(~kCwr);
    segment.ecn = run.ecn;
    if (run.ecn && chance_.permille(network.mark_permille)) segment.ecn = tcp::kCe;
    if (segment.flags & kSyn) segment.options &= static_cast<uint8_t>(~network.strip_options);
    const uint32_t header_bytes = tcp_header_bytes(run);
    segment.payload_offset = static_cast<uint16_t>(34 + header_bytes);
    happening.stream_offset = piece.stream_offset + begin;
    const uint32_t copies = chance_.permille(network.duplicate_permille) ? 2 : 1;
    const uint64_t leaves = occupy(i, header_bytes + 34 + end - begin);
    if (leaves == 0) return;  // tail drop
    for (uint32_t c = 0; c < copies && !agenda_.full(); ++c) {
        happening.at_ns = leaves + network.delay_ns + chance_.below(network.jitter_ns);
        agenda_.push(happening);
    }
}

// As it is read from the header that goes with so many bytes of payload.
SegmentEvent Lines::parse(uint32_t i, const TransmitEffect& run, uint32_t index, uint32_t bytes) {
    uint8_t header[kTcpMaxHeader];
    const uint32_t header_bytes = tcp_format(run, index, {1, 2}, header);
    expect(header_bytes == tcp_header_bytes(run) && header_bytes <= kTcpMaxHeader, "header length");
    expect(header_bytes - 20 + min(bytes, uint32_t{run.mss}) <= scenario_.mss[1 - i],
           "a segment longer than the peer's MSS");
    SegmentEvent segment = {};
    const TcpParse parsed = tcp_parse(header, header_bytes, header_bytes + bytes, segment);
    expect(parsed == TcpParse::kOk && tcp_flags_possible(segment.flags), "our own header");
    return segment;
}

// When a packet of `bytes` has left on endpoint i's line; 0: dropped, for the queue is full.
uint64_t Lines::occupy(uint32_t i, uint64_t bytes) {
    const Network& network = scenario_.network[i];
    if (network.bytes_per_second == 0) return now_ns_;
    uint64_t& free_ns = free_ns_[i];
    free_ns = max(free_ns, now_ns_);
    const uint64_t queued = (free_ns - now_ns_) / 1000 * network.bytes_per_second / 1'000'000;
    if (network.queue_bytes && queued + bytes > network.queue_bytes) return 0;
    free_ns += bytes * 1'000'000'000 / network.bytes_per_second;
    return free_ns;
}

}  // namespace scout::sim
