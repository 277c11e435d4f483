// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/segment_view.hh"

#include "scout/link/eth.hh"
#include "scout/net/checksum.hh"

namespace sim {

bool view_segment(std::span<const uint8_t> frame, SegmentView& view) {
    constexpr uint32_t kEthBytes = 14, kTcp = 6;
    if (frame.size() < kEthBytes + 40 || scout::load_be16(frame.data() + 12) != 0x0800)
        return false;
    const uint8_t* ip = frame.data() + kEthBytes;
    const uint32_t header = (ip[0] & 15) * 4u;
    const uint32_t total = scout::load_be16(ip + 2);
    if (ip[9] != kTcp || total < header + 20 || total > frame.size() - kEthBytes) return false;
    view.tcp_offset = kEthBytes + header;
    const uint8_t* tcp = ip + header;
    const uint32_t bytes = total - header;
    if (scout::tcp_parse(tcp, bytes, bytes, view.event) != scout::TcpParse::kOk) return false;
    view.ports = scout::tcp_ports(tcp);
    view.payload = {tcp + view.event.payload_offset, view.event.payload_bytes};
    return true;
}

}  // namespace sim
