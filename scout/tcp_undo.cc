// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp_undo.hh"

namespace scout::tcp {
namespace {

using dominoes::max;
using dominoes::min;

// RFC 3522 section 3.2: it answers what was sent before the first retransmission.
bool echo_is_older(const TcpState& state, const Segment& segment) {
    return state.undo_resent && (state.agreed & kAgreedTimestamps) &&
           segment.event.options & kHasTimestamps && segment.event.ts_ecr != 0 &&
           static_cast<int32_t>(segment.event.ts_ecr - state.undo_ts) < 0;
}

// Sent again, and neither acknowledged nor found lost since.
bool resent_in_flight(const Scoreboard& sent) {
    for (uint32_t i = 0; i < sent.count(); ++i) {
        const SentRun& run = sent.run(i);
        if (run.is(SentRun::kResent) && !run.is(SentRun::kSacked | SentRun::kLost)) return true;
    }
    return false;
}

// That one segment was only late says nothing of others that the same fast recovery has sent again:
// the last of them tells. A timeout was of the first alone.
bool was_only_late(const TcpState& state, const Segment& segment) {
    return echo_is_older(state, segment) &&
           (state.recovery != TcpRecovery::kFast || !resent_in_flight(state.sent));
}

}  // namespace

void undo_prepare(TcpState& state, bool timeout) {
    // A timeout in the midst of another recovery undoes both or none.
    if (state.recovery != TcpRecovery::kOpen) return;
    state.undo_cwnd = state.cwnd;
    state.undo_ssthresh = state.ssthresh;
    state.undo_cubic = state.cubic;
    state.undo_bytes = 0;
    state.undo_una = state.snd_una;
    // RFC 5682 section 3: not where a timeout comes in the midst of another recovery.
    state.undo_end = timeout ? state.snd_nxt : state.snd_una;
    state.undo_resent = 0;
    state.undo_possible = 1;
}

void undo_resent(TcpState& state, uint64_t bytes) {
    state.undo_bytes += bytes;
    if (state.undo_resent) return;
    state.undo_resent = 1;
    state.undo_ts = timestamp_clock(state);
}

void undo_duplicate(TcpState& state, uint64_t start, uint64_t end) {
    // What is before this recovery was sent again by an earlier one.
    state.undo_bytes = minus(state.undo_bytes, minus(end, max(start, state.undo_una)));
}

bool undo_due(const TcpState& state, const Segment& segment, const Delivery& delivery) {
    if (!state.undo_possible) return false;
    if (delivery.dsack_bytes && state.undo_resent && state.undo_bytes == 0) return true;
    if (state.recovery == TcpRecovery::kOpen) return false;
    if (delivery.advanced && was_only_late(state, segment)) return true;
    // F-RTO needs SACK here: else the first acknowledgement after the timeout may be for originals
    // that had arrived around the one that was lost.
    return state.recovery == TcpRecovery::kLoss && state.agreed & kAgreedSack && delivery.original;
}

void undo(TcpState& state) {
    ++state.undos;
    state.undo_possible = 0;
    state.cwnd = max(state.cwnd, state.undo_cwnd);
    state.ssthresh = max(state.ssthresh, state.undo_ssthresh);
    state.cubic = state.undo_cubic;
    state.sent.forget_lost(state.snd_una);
    if (state.recovery == TcpRecovery::kOpen) return;
    state.recovery = TcpRecovery::kOpen;
    state.after_timeout = 0;
    state.dup_acks = 0;
    state.dup_bytes = 0;
    state.retransmit_now = 0;
}

}  // namespace scout::tcp
