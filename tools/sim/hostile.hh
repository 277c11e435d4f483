// SPDX-License-Identifier: GPL-2.0
//
// HostilePeer: makes of host 1 a peer that breaks the rules. It opens connections as others do, but
// what it then sends is altered on its way out (numbers, windows, flags, options, bytes), and
// joined by segments and ICMP errors that it never sent. All checksums are right.
#pragma once

#include "tools/sim/random.hh"
#include "tools/sim/segment_view.hh"

namespace sim {

class HostilePeer {
public:
    explicit HostilePeer(uint64_t seed);

    // Alters a packet that the host sends, or not.
    void alter(dominoes_packet& packet);
    // A packet that goes with it, or nullptr.
    dominoes_packet* forge(const dominoes_packet& packet);

private:
    uint32_t near_number(uint32_t number);
    void alter_field(uint8_t* tcp, const SegmentView& view);
    void garble_options(uint8_t* tcp, uint32_t header_bytes);
    dominoes_packet* forge_segment(const dominoes_packet& packet, const SegmentView& view);
    dominoes_packet* forge_icmp(const dominoes_packet& packet, const SegmentView& view);

    Random random_;
    const double alters_;
    const double forges_;
};

}  // namespace sim
