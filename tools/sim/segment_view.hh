// SPDX-License-Identifier: GPL-2.0
//
// SegmentView: the TCP segment in a frame, as far as the simulator's observers look at it.
#pragma once

#include "scout/tcp/header.hh"
#include "tools/rig/rig.hh"

namespace sim {

struct SegmentView {
    scout::TcpPorts ports;
    scout::SegmentEvent event;
    uint32_t tcp_offset;  // of its header in the frame
    std::span<const uint8_t> payload;

    bool has(uint8_t flag) const { return event.flags & flag; }
    // In sequence numbers.
    uint32_t length() const {
        return event.payload_bytes + (has(scout::kSyn) ? 1 : 0) + (has(scout::kFin) ? 1 : 0);
    }
};

// False: the frame holds no TCP segment.
bool view_segment(std::span<const uint8_t> frame, SegmentView& view);

}  // namespace sim
