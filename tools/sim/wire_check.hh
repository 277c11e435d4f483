// SPDX-License-Identifier: GPL-2.0
//
// WireCheck: watches the wire like a third party and knows what no end may do: acknowledge what has
// not reached it, send beyond the window that has reached it, take back a window, or send other
// bytes than the application wrote.
#pragma once

#include <map>

#include "tools/sim/range_set.hh"
#include "tools/sim/report.hh"
#include "tools/sim/segment_view.hh"

namespace sim {

class WireCheck {
public:
    explicit WireCheck(Report& report) : report_(report) {}

    // What the application at `port` of `host` sends to `peer_port` is the pattern of `key`.
    void expect_pattern(uint32_t host, uint16_t port, uint16_t peer_port, uint64_t key);
    // A host whose packets are not judged.
    void do_not_judge(uint32_t host) { judged_[host] = false; }
    // It uses a pair of ports once: any other SYN than the first is a lie.
    void trust_first_syn(uint32_t host) { begins_once_[host] = true; }
    // What a host has sent is on the wire when the next packet comes to it: an acknowledgement of
    // more is a lie, and so is its window.
    void knows_what_was_sent() { knows_sent_ = true; }
    // `host` has sent a frame; an undamaged one has come to `host`. In the order in which it
    // happens.
    void sent(uint32_t host, std::span<const uint8_t> frame);
    void arrives(uint32_t host, std::span<const uint8_t> frame);

private:
    // What one end has sent and been told. Numbers count from its SYN, which is 0.
    struct End {
        bool known = false;  // its SYN was seen
        uint32_t iss = 0;
        uint64_t sent = 0;   // the end of all it has sent
        RangeSet arrived{};  // of that, at the other end
        uint32_t scale = 0;  // of its windows
        bool scales = false;
        uint64_t allowed = 0;       // the furthest right edge it has been told
        uint64_t latest = 0;        // the same since a word that it must have taken for the last
        uint64_t told = 0;          // the most of its stream that was acknowledged to it
        uint64_t promised = 0;      // the furthest right edge it has told
        uint64_t acknowledged = 0;  // of the other's stream
        uint64_t furthest = 0;      // number that came from it
        bool clock_goes_on = true;  // timestamps have come in order
        uint32_t clock = 0;
        bool has_key = false;
        uint64_t key = 0;
    };
    // Both ends of a connection, by host.
    struct Flow {
        End ends[2];
        bool muddled = false;  // an end has begun anew: whom a segment is meant for is not known
    };

    Flow& flow_of(uint32_t sender, const SegmentView& view);
    void take_syn(Flow& flow, uint32_t host, const SegmentView& view);
    void check_data(End& end, uint64_t seq, const SegmentView& view);
    void check_acknowledgement(Flow& flow, uint32_t host, const SegmentView& view);
    void check_last_word(const End& end, uint64_t seq, const SegmentView& view);
    void take_window(Flow& flow, uint32_t host, const SegmentView& view);
    static void take_clock(End& end, const SegmentView& view);
    static bool is_last_word(const Flow& flow, uint32_t host, const SegmentView& view);
    static uint64_t extend(const End& end, uint32_t seq);
    static uint64_t right_edge(const Flow& flow, uint32_t host, const SegmentView& view);
    void wrong(const char* what, const SegmentView& view, uint64_t number, uint64_t limit);

    Report& report_;
    bool judged_[2] = {true, true};
    bool begins_once_[2] = {};
    bool knows_sent_ = false;
    std::map<uint32_t, Flow> flows_;  // by the ports of host 0 and host 1
};

}  // namespace sim
