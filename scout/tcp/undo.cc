// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/undo.hh"

namespace scout::tcp {
namespace {

using dominoes::max;
using dominoes::min;

// RFC 3522 section 3.2: it answers what was sent before the first retransmission. Both are of the
// past: how long ago each was tells them apart for a whole round of the clock, which a user timeout
// may wait for.
bool echo_is_older(const TcpState& state, const Segment& segment) {
    const uint32_t clock = timestamp_clock(state);
    return state.undo_resent && (state.agreed & kAgreedTimestamps) &&
           segment.event.options & kHasTimestamps && segment.event.ts_ecr != 0 &&
           clock - segment.event.ts_ecr > clock - state.undo_ts;
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

// What was sent again before is an earlier recovery's, as far as it is acknowledged.
void forget_acknowledged(TcpState& state) {
    if (state.resent.empty()) return;
    const uint64_t first = state.resent.at(0, state.snd_una).start;
    if (first < state.snd_una) (void)state.resent.subtract(first, state.snd_una);  // no cut in two
}

}  // namespace

void undo_prepare(TcpState& state, bool timeout) {
    // A timeout in the midst of another recovery undoes both or none.
    if (state.recovery != TcpRecovery::kOpen) return;
    state.undo_cwnd = state.cwnd;
    state.undo_ssthresh = state.ssthresh;
    state.undo_cubic = state.cubic;
    forget_acknowledged(state);
    // What was sent more than twice, or found no room there, is acknowledged as well then.
    if (state.resent.empty()) state.undo_exact = 1;
    state.undo_stray = 0;
    state.undo_una = state.snd_una;
    // RFC 5682 section 3: not where a timeout comes in the midst of another recovery.
    state.undo_end = timeout ? state.snd_nxt : state.snd_una;
    state.undo_resent = 0;
    state.undo_possible = 1;
}

void undo_resent(TcpState& state, uint64_t start, uint64_t end) {
    // Of what is sent more than twice nobody could tell which copies a report is about.
    if (state.resent.touches(start, end) || !state.resent.add(start, end)) state.undo_exact = 0;
    if (state.undo_resent) return;
    state.undo_resent = 1;
    state.undo_ts = timestamp_clock(state);
}

bool undo_was_needless(const TcpState& state, uint64_t start, uint64_t end) {
    start = max(start, state.undo_una);
    return state.dsack_strays < kDsackStrays && start < end && state.resent.covers(start, end);
}

void undo_duplicate(TcpState& state, uint64_t start, uint64_t end) {
    // What is before this recovery was sent again by an earlier one.
    start = max(start, state.undo_una);
    if (start >= end || !state.undo_exact) return;
    if (!state.resent.covers(start, end)) {
        state.undo_stray = 1;
        state.dsack_strays = min(state.dsack_strays + 1, kMaxDsackStrays);
        return;
    }
    state.dsack_strays -= min(state.dsack_strays, 2u);
    if (!state.resent.subtract(start, end)) state.undo_exact = 0;
}

void undo_advance(TcpState& state) {
    if (state.resent.empty()) return;
    const uint64_t oldest = minus(state.snd_una, state.max_snd_wnd);
    if (state.resent.at(0, state.snd_una).start >= oldest) return;
    state.undo_exact = 0;
    state.resent.drop_through(oldest);
}

bool undo_due(const TcpState& state, const Segment& segment, const Delivery& delivery) {
    if (!state.undo_possible) return false;
    const bool believed =
        state.undo_exact && !state.undo_stray && state.dsack_strays < kDsackStrays;
    if (delivery.dsack_bytes && believed && state.undo_resent && state.resent.empty()) return true;
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
