// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/rack.hh"

#include "scout/tcp/timer.hh"

namespace scout::tcp {
namespace {

using dominoes::max;
using dominoes::min;

// RACK_sent_after().
bool sent_after(uint64_t sent_a, uint64_t end_a, uint64_t sent_b, uint64_t end_b) {
    return sent_a > sent_b || (sent_a == sent_b && end_a > end_b);
}

// Step 2: whether this may acknowledge an earlier transmission of what was sent again. The echo
// alone does not tell: its clock ticks in milliseconds.
bool ambiguous(const TcpState& state, const SegmentEvent& event, const SentRun& run) {
    if (!run.is(SentRun::kResent)) return false;
    if (state.agreed & kAgreedTimestamps && event.ts_ecr != 0 &&
        timestamp_before(event.ts_ecr, timestamp_at(state, run.sent_ns)))
        return true;
    return state.now_ns - run.sent_ns < state.min_rtt_ns;
}

// Step 4.
uint64_t reordering_window(const TcpState& state) {
    const bool enough = state.sent.sacked_bytes() >= uint64_t{kDupThreshold} * state.mss;
    if (!state.reordering_seen && (state.recovery != TcpRecovery::kOpen || enough)) return 0;
    return min(state.min_rtt_ns / 4 * max<uint32_t>(state.reorder_factor, 1), state.srtt_ns);
}

}  // namespace

void rack_delivered(TcpState& state, const SegmentEvent& event, const SentRun& run, uint64_t end,
                    uint64_t fack) {
    // What comes with the same acknowledgement is no later than the rest of it.
    if (end < fack && !run.is(SentRun::kResent)) state.reordering_seen = 1;
    state.fack = max(state.fack, end);
    if (ambiguous(state, event, run)) return;
    state.rack_rtt_ns = state.now_ns - run.sent_ns;
    if (!sent_after(run.sent_ns, end, state.rack_sent_ns, state.rack_end)) return;
    state.rack_sent_ns = run.sent_ns;
    state.rack_end = end;
}

void rack_duplicate(TcpState& state) {
    state.reordering_seen = 1;
    if (state.snd_una < state.reorder_round) return;  // once a round trip
    state.reorder_round = state.snd_nxt;
    state.reorder_factor = min(max(state.reorder_factor, 1u) + 1, kMaxReorderFactor);
    state.reorder_persist = kReorderPersist;
}

void rack_recovered(TcpState& state) {
    if (state.reorder_persist > 0 && --state.reorder_persist == 0) state.reorder_factor = 1;
}

bool rack_detect(TcpState& state) {
    if (state.rack_sent_ns == 0) return false;
    const uint64_t allowed = state.rack_rtt_ns + reordering_window(state);
    const uint64_t before = state.sent.lost_bytes();
    uint64_t wait = 0;
    state.sent.lose_if(state.snd_una, [&](const SentRun& run, uint64_t end) {
        if (!sent_after(state.rack_sent_ns, state.rack_end, run.sent_ns, end)) return false;
        const uint64_t elapsed = state.now_ns - run.sent_ns;
        if (elapsed >= allowed) return true;
        wait = max(wait, allowed - elapsed);
        return false;
    });
    if (wait > 0) {
        start_timer(state, TimerKind::kReorder, wait);
    } else {
        stop_timer(state, TimerKind::kReorder);
    }
    return state.sent.lost_bytes() > before;
}

}  // namespace scout::tcp
