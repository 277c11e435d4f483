// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp_recovery.hh"

#include "scout/tcp_congestion.hh"
#include "scout/tcp_rtt.hh"

namespace scout::tcp {
namespace {

using dominoes::max;
using dominoes::min;

bool use_sack(const TcpState& state) { return state.agreed & kAgreedSack; }

// RFC 6675 section 4, IsLost(): below what is a byte lost? Where three separate ranges, or more
// than two segments, are selectively acknowledged above.
uint64_t lost_by_sack(const TcpState& state) {
    uint64_t bytes = 0;
    for (uint32_t i = state.sacked.count(); i-- > 0;) {
        const SeqRange range = state.sacked.at(i, state.snd_una);
        bytes += range.end - range.start;
        if (state.sacked.count() - i >= kDupThreshold ||
            bytes > (kDupThreshold - 1) * uint64_t{state.mss})
            return range.start;
    }
    return state.snd_una;
}

void mark_lost_through(TcpState& state, uint64_t end) {
    state.lost_end = max(state.lost_end, min(end, state.snd_nxt));
}

// Of the first hole, one segment.
void mark_first_lost(TcpState& state) {
    const SeqRange hole = state.sacked.first_hole(state.snd_una, state.snd_nxt);
    mark_lost_through(state, min(hole.end, state.snd_una + state.mss));
}

// RFC 6582 section 3.2 step 2, RFC 6675 section 5 step 4.
void begin_fast_recovery(TcpState& state) {
    ++state.fast_recoveries;
    state.recovery = TcpRecovery::kFast;
    state.recover = state.snd_nxt;
    state.after_timeout = 0;
    congestion_loss(state);
    rtt_abandon(state);
    state.retransmit_nxt = state.snd_una;
    state.retransmit_now = 1;
    state.head_mark = 0;
    mark_first_lost(state);
}

void end_recovery(TcpState& state) {
    if (state.recovery == TcpRecovery::kFast) congestion_recovered(state);
    state.recovery = TcpRecovery::kOpen;
    state.dup_acks = 0;
    state.dup_bytes = 0;
    state.lost_end = state.snd_una;
    state.retransmit_nxt = state.snd_una;
    state.retransmit_now = 0;
    state.resend_head = 0;
    state.head_mark = 0;
}

// Data sent after the segment at snd_una was sent again is selectively acknowledged, and it is not:
// it was lost once more. Not to wait for the timeout then is what RACK (RFC 8985) does for every
// segment.
void detect_lost_head(TcpState& state) {
    if (state.head_mark == 0 || state.retransmit_nxt <= state.snd_una) return;
    const uint64_t later = state.sacked.covered(state.head_mark, state.snd_nxt);
    if (later >= uint64_t{kDupThreshold} * state.mss) state.resend_head = 1;
}

// RFC 6582 section 3.2 step 3: a partial acknowledgement, so the next segment is lost, too.
void partial_without_sack(TcpState& state, uint64_t acked) {
    state.retransmit_nxt = state.snd_una;
    state.lost_end = state.snd_una;
    mark_first_lost(state);
    // What duplicates stood for is now acknowledged, but for the segment that was lost.
    const uint64_t beyond = minus(state.dup_bytes, minus(acked, state.mss));
    state.dup_bytes = min(beyond, state.snd_nxt - state.lost_end);
    state.retransmit_now = 1;
}

}  // namespace

uint64_t pipe(const TcpState& state) {
    const SeqRanges& sacked = state.sacked;
    const uint64_t lost = state.lost_end - state.snd_una;
    const uint64_t resent = state.retransmit_nxt - state.snd_una;
    uint64_t in_network = flight(state) + resent;
    uint64_t out = state.dup_bytes + lost;
    if (!sacked.empty()) {
        in_network -= sacked.covered(state.snd_una, state.retransmit_nxt);
        out += sacked.covered(state.lost_end, state.snd_nxt);
    }
    return minus(in_network, out);
}

uint64_t recovery_take_sack(TcpState& state, const SegmentEvent& event) {
    if (!use_sack(state) || event.sack_blocks == 0) return 0;
    const uint64_t before = state.sacked.covered(state.snd_una, state.snd_nxt);
    for (uint32_t i = 0; i < event.sack_blocks && i < 4; ++i) {
        const uint64_t start = extend_seq(event.sack[i].start, state.snd_una);
        const uint64_t end = extend_seq(event.sack[i].end, state.snd_una);
        // Old ones and duplicates (RFC 2883) say nothing that is of use here.
        if (start <= state.snd_una || start >= end || end > state.snd_nxt) continue;
        (void)state.sacked.add(start,
                               end);  // no room: the peer will repeat it (RFC 2018 section 4)
    }
    return state.sacked.covered(state.snd_una, state.snd_nxt) - before;
}

void recovery_acknowledged(TcpState& state, uint64_t acked) {
    // A range that begins at or below snd_una was taken back by the peer (RFC 2018 section 8).
    state.sacked.drop_through(state.snd_una);
    if (state.after_timeout && state.snd_una > state.recover) state.after_timeout = 0;
    if (state.recovery == TcpRecovery::kOpen || state.snd_una >= state.recover)
        return end_recovery(state);
    state.retransmit_nxt = max(state.retransmit_nxt, state.snd_una);
    state.lost_end = max(state.lost_end, state.snd_una);
    state.head_mark = state.retransmit_nxt > state.snd_una ? state.snd_nxt : 0;
    state.resend_head = 0;
    if (state.recovery == TcpRecovery::kFast && !use_sack(state))
        partial_without_sack(state, acked);
}

void recovery_duplicate(TcpState& state) {
    ++state.dup_acks;
    if (use_sack(state) || state.recovery == TcpRecovery::kLoss) return;
    // As if it had selectively acknowledged one segment beyond the lost one. Before recovery this
    // lets two new segments out (limited transmit, RFC 3042).
    uint64_t most = minus(flight(state), max<uint64_t>(state.mss, state.lost_end - state.snd_una));
    if (state.recovery == TcpRecovery::kOpen) most = min<uint64_t>(most, kDupThreshold * state.mss);
    state.dup_bytes = min(state.dup_bytes + state.mss, most);
}

void recovery_detect(TcpState& state) {
    if (flight(state) == 0) return;
    detect_lost_head(state);
    if (state.recovery == TcpRecovery::kLoss) return;
    const uint64_t lost = use_sack(state) ? lost_by_sack(state) : state.snd_una;
    if (state.recovery == TcpRecovery::kOpen) {
        if (lost <= state.snd_una && state.dup_acks < kDupThreshold) return;
        // RFC 6582 section 4: after a timeout, duplicates may be of what was sent twice.
        if (!use_sack(state) && state.after_timeout) return;
        begin_fast_recovery(state);
    }
    mark_lost_through(state, lost);
}

void recovery_timeout(TcpState& state) {
    const bool again = state.retries > 0;
    congestion_timeout(state, again);
    rtt_abandon(state);
    // RFC 2018 section 8: the peer may have taken back what it acknowledged selectively. Linux
    // looks for signs of that; here the second timeout in a row is one.
    if (again) state.sacked.clear();
    state.recovery = TcpRecovery::kLoss;
    state.recover = state.snd_nxt;
    state.after_timeout = 1;
    state.dup_acks = 0;
    state.dup_bytes = 0;
    state.lost_end = state.snd_nxt;
    state.retransmit_nxt = state.snd_una;
    state.retransmit_now = 1;
    state.resend_head = 0;
    state.head_mark = 0;
}

void recovery_path_mtu(TcpState& state) {
    rtt_abandon(state);
    state.recovery = TcpRecovery::kLoss;
    state.recover = state.snd_nxt;
    state.dup_acks = 0;
    state.dup_bytes = 0;
    state.lost_end = state.snd_nxt;
    state.retransmit_nxt = state.snd_una;
    state.retransmit_now = 1;
    state.resend_head = 0;
    state.head_mark = 0;
}

uint64_t recovery_limit(const TcpState& state, bool nothing_else) {
    if (nothing_else && state.recovery == TcpRecovery::kFast && !state.sacked.empty())
        return max(state.lost_end, state.sacked.last(state.snd_una).start);
    return state.lost_end;
}

}  // namespace scout::tcp
