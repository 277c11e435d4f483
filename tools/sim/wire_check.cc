// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/wire_check.hh"

#include <algorithm>
#include <cstdio>

#include "tools/sim/pattern.hh"

namespace sim {

using scout::kAck;
using scout::kFin;
using scout::kRst;
using scout::kSyn;

namespace {

// What a hostile peer makes up beyond this is not part of its stream. More than any window here.
constexpr uint64_t kPlausible = uint64_t{1} << 20;

}  // namespace

// --- flows ---

void WireCheck::expect_pattern(uint32_t host, uint16_t port, uint16_t peer_port, uint64_t key) {
    const uint16_t ports[2] = {host == 0 ? port : peer_port, host == 0 ? peer_port : port};
    End& end = flows_[uint32_t{ports[0]} << 16 | ports[1]].ends[host];
    end.key = key;
    end.has_key = true;
}

WireCheck::Flow& WireCheck::flow_of(uint32_t sender, const SegmentView& view) {
    const auto [from, to] = view.ports;
    return flows_[sender == 0 ? uint32_t{from} << 16 | to : uint32_t{to} << 16 | from];
}

uint64_t WireCheck::extend(const End& end, uint32_t seq) {
    const auto nearest = static_cast<uint32_t>(end.sent) + end.iss;
    return end.sent +
           static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(seq - nearest)));
}

// RFC 7323 section 2.2: windows are scaled if both SYNs said so, but not those of SYNs.
uint64_t WireCheck::right_edge(const Flow& flow, uint32_t host, const SegmentView& view) {
    const End& end = flow.ends[host];
    const End& peer = flow.ends[1 - host];
    const bool scaled = end.scales && peer.scales && !view.has(kSyn);
    return extend(peer, view.event.ack) + (uint64_t{view.event.window} << (scaled ? end.scale : 0));
}

void WireCheck::take_syn(Flow& flow, uint32_t host, const SegmentView& view) {
    End& end = flow.ends[host];
    if (end.known && begins_once_[host]) return;
    const bool scales = view.event.options & scout::kHasWindowScale;
    const uint32_t scale = std::min<uint32_t>(view.event.window_scale, 14);  // RFC 7323 section 2.3
    if (end.known && end.iss == view.event.seq && end.scales == scales && end.scale == scale) {
        return;
    }
    flow.muddled |= end.known;
    const End fresh{.known = true,
                    .iss = view.event.seq,
                    .scale = scale,
                    .scales = scales,
                    .has_key = end.has_key,
                    .key = end.key};
    end = fresh;
}

void WireCheck::wrong(const char* what, const SegmentView& view, uint64_t number, uint64_t limit) {
    char line[160];
    std::snprintf(line, sizeof line, "wire: %s: %llu, limit %llu (ports %u to %u, seq %u ack %u)",
                  what, static_cast<unsigned long long>(number),
                  static_cast<unsigned long long>(limit), view.ports.source, view.ports.destination,
                  view.event.seq, view.event.ack);
    report_.fail(line);
}

// --- what a host sends ---

void WireCheck::sent(uint32_t host, std::span<const uint8_t> frame) {
    SegmentView view;
    if (!view_segment(frame, view)) return;
    Flow& flow = flow_of(host, view);
    if (view.has(kSyn)) take_syn(flow, host, view);
    End& end = flow.ends[host];
    if (!end.known || flow.muddled || view.has(kRst)) return;
    const uint64_t seq = extend(end, view.event.seq);
    if (judged_[host]) {
        if (!view.payload.empty()) check_data(end, seq, view);
        if (view.has(kAck)) check_acknowledgement(flow, host, view);
    }
    if (seq + view.length() - end.sent < kPlausible) end.sent = seq + view.length();
}

// A probe of a window that is shut may carry a byte (RFC 9293 section 3.8.6.1).
void WireCheck::check_data(End& end, uint64_t seq, const SegmentView& view) {
    const uint64_t data_end = seq + view.payload.size();
    const bool probe = view.payload.size() == 1 && seq == end.allowed;
    if (data_end > end.allowed && !probe)
        wrong("sent beyond the window", view, data_end, end.allowed);
    if (knows_sent_) check_last_word(end, seq, view);
    if (!end.has_key) return;
    const size_t good = first_wrong(end.key, seq - 1, view.payload);
    if (good != view.payload.size())
        wrong("sent what the application did not write", view, seq + good, seq);
}

// RFC 9293 section 3.8.6, of a window that has shrunk: "the sender SHOULD NOT send new data".
void WireCheck::check_last_word(const End& end, uint64_t seq, const SegmentView& view) {
    const uint64_t data_end = seq + view.payload.size();
    const bool probe = view.payload.size() == 1 && seq == end.latest;
    if (data_end > std::max(end.sent, end.latest) && !probe)
        wrong("sent new data beyond the latest window", view, data_end, end.latest);
}

void WireCheck::check_acknowledgement(Flow& flow, uint32_t host, const SegmentView& view) {
    End& end = flow.ends[host];
    const End& peer = flow.ends[1 - host];
    if (!peer.known) return;
    const uint64_t ack = extend(peer, view.event.ack);
    if (ack > peer.arrived.prefix())
        wrong("acknowledged what has not arrived", view, ack, peer.arrived.prefix());
    end.acknowledged = std::max(end.acknowledged, ack);
    for (uint32_t i = 0; i < view.event.sack_blocks; ++i) {
        const auto [start, stop] = view.event.sack[i];
        // A duplicate (RFC 2883); of a peer that lies it may be from before its first number.
        if (static_cast<int64_t>(extend(peer, stop) - ack) <= 0) continue;
        if (!peer.arrived.contains(extend(peer, start), extend(peer, stop)))
            wrong("selectively acknowledged what has not arrived", view, extend(peer, stop), ack);
    }
    if (view.has(kSyn)) return;  // its window is not scaled, and may say less than there is
    // RFC 9293 section 3.8.6: "SHOULD NOT shrink the window"; what scaling rounds off is no
    // shrinking.
    const uint64_t edge = right_edge(flow, host, view);
    const uint64_t unit = uint64_t{1} << end.scale;
    if (edge + unit <= end.promised) wrong("took a window back", view, edge, end.promised);
    end.promised = std::max(end.promised, edge);
}

// --- what comes to it ---

void WireCheck::arrives(uint32_t host, std::span<const uint8_t> frame) {
    SegmentView view;
    if (!view_segment(frame, view) || view.has(kRst)) return;
    Flow& flow = flow_of(1 - host, view);
    End& sender = flow.ends[1 - host];
    End& receiver = flow.ends[host];
    if (!sender.known) return;
    const uint64_t seq = extend(sender, view.event.seq);
    const uint64_t start = seq >> 63 ? 0 : seq;  // not before its SYN
    sender.arrived.add(start, seq + view.length());
    take_clock(sender, view);
    if (view.has(kAck) && receiver.known) take_window(flow, host, view);
    sender.furthest = std::max(sender.furthest, start);
}

void WireCheck::take_window(Flow& flow, uint32_t host, const SegmentView& view) {
    End& end = flow.ends[host];
    const uint64_t ack = extend(end, view.event.ack);
    if (knows_sent_ && ack > end.sent) return;
    const uint64_t edge = right_edge(flow, 1 - host, view);
    end.allowed = std::max(end.allowed, edge);
    end.latest = is_last_word(flow, host, view) ? edge : std::max(end.latest, edge);
    end.told = std::max(end.told, ack);
}

void WireCheck::take_clock(End& end, const SegmentView& view) {
    if (!(view.event.options & scout::kHasTimestamps)) return;
    if (end.clock && static_cast<int32_t>(view.event.ts_val - end.clock) < 0)
        end.clock_goes_on = false;
    end.clock = view.event.ts_val;
}

// Whatever else a host makes of what came to it: this it must have believed, for it is a plain
// acknowledgement, of the most that was ever acknowledged, with the very number that the host
// itself has said to expect, and none beyond it has ever come.
bool WireCheck::is_last_word(const Flow& flow, uint32_t host, const SegmentView& view) {
    const End& end = flow.ends[host];
    const End& peer = flow.ends[1 - host];
    const uint64_t seq = extend(peer, view.event.seq);
    return view.length() == 0 && peer.clock_goes_on && seq == end.acknowledged &&
           seq == peer.arrived.end() && seq >= peer.furthest &&
           extend(end, view.event.ack) >= end.told;
}

}  // namespace sim
