// SPDX-License-Identifier: GPL-2.0
#include "scout/connection/reuse.hh"

namespace scout {
namespace {

// Half the number space apart at most, as both kinds are on the wire.
bool before(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) < 0; }

}  // namespace

bool tcp_may_reopen(const TcpInfo& old, const SegmentEvent& syn) {
    if (old.phase != TcpPhase::kTimeWait) return false;
    if ((syn.flags & (kSyn | kAck | kRst)) != kSyn) return false;
    if (old.timestamps && syn.options & kHasTimestamps) {
        if (before(old.ts_recent, syn.ts_val)) return true;
        if (before(syn.ts_val, old.ts_recent)) return false;  // an old duplicate
    }
    return before(old.rcv_nxt, syn.seq);
}

uint32_t tcp_reopening_sequence(const TcpInfo& old, uint32_t drawn) {
    constexpr uint32_t kDistance = 65536;  // beyond a window without scaling
    return before(old.snd_nxt, drawn) ? drawn : old.snd_nxt + kDistance;
}

}  // namespace scout
