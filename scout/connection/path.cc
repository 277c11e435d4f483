// SPDX-License-Identifier: GPL-2.0
#include "scout/connection/path.hh"

#include "scout/connection/tcp_router.hh"

namespace scout {

TcpExtent tcp_extent(const dominoes_packet& packet) {
    constexpr uint32_t kAt = kEthHeaderBytes + kIpHeaderBytes;
    constexpr uint32_t kSequenceAt = 4, kOffsetAt = 12, kFlagsAt = 13;
    uint8_t header[kTcpMinHeader];
    dominoes_packet_copy(&packet, kAt, header, sizeof header);
    const uint32_t start = load_be32(header + kSequenceAt);
    const uint32_t header_bytes = header[kOffsetAt] / 16 * 4;
    const uint32_t data = dominoes_packet_bytes(&packet) - kAt - header_bytes;
    return {start, start + data + (header[kFlagsAt] & kFin ? 1 : 0)};
}

void OrderedDriverStage::expect(uint64_t serial) {
    serial_ = serial;
    placed_ = false;
}

void OrderedDriverStage::send(dominoes_packet* packet) {
    connection_.transmit_in_order(serial_, packet);
    placed_ = true;
}

void OrderedDriverStage::settle() {
    if (!placed_) connection_.transmit_in_order(serial_, nullptr);
    placed_ = true;
}

bool TcpStage::push(Msg& msg) {
    uint8_t* header = msg.prepend(tcp_header_bytes(*run_));
    tcp_format(*run_, piece_, ports_, header);
    msg.want_checksum(kTcpChecksumOffset);
    return below_->push(msg);
}

TcpPath::TcpPath(Connection& connection)
    : connection_(connection),
      driver_(connection.router().interface(), connection),
      eth_(driver_, connection.router().interface(), connection.router().arp(),
           connection.neighbour()),
      ip_(eth_, connection.participants().local.ip, connection.participants().peer.ip, kTcp, true),
      tcp_(ip_, {connection.participants().local.port, connection.participants().peer.port}) {}

void TcpPath::send(const TransmitEffect& run, uint32_t piece, uint64_t serial) {
    const TcpPiece part = tcp_piece(run, piece);
    Msg msg;
    if (part.bytes) {
        msg.set_payload(connection_.appwrap().send_buffer(), part.stream_offset, part.bytes);
        msg.set_segment_bytes(run.mss);
    }
    driver_.expect(serial);
    ip_.set_service(tcp_service(run));
    tcp_.expect(run, piece);
    if (tcp_.push(msg)) connection_.router().interface().counters.add(Counter::tcp_segments_out);
    driver_.settle();
}

}  // namespace scout
