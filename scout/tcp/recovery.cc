// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/recovery.hh"

#include "scout/tcp/congestion.hh"
#include "scout/tcp/probe.hh"
#include "scout/tcp/prr.hh"
#include "scout/tcp/rack.hh"
#include "scout/tcp/rtt.hh"
#include "scout/tcp/timer.hh"
#include "scout/tcp/undo.hh"

namespace scout::tcp {
namespace {

using dominoes::max;
using dominoes::min;

bool use_sack(const TcpState& state) { return state.agreed & kAgreedSack; }

void note_delivered(TcpState& state, const SegmentEvent& event, const SentRun& run, uint64_t end,
                    Delivery& delivery) {
    if (!run.is(SentRun::kResent)) {
        delivery.sent_ns = max(delivery.sent_ns, run.sent_ns);
        if (end <= state.undo_end) delivery.original = true;
    }
    if (use_sack(state)) rack_delivered(state, event, run, end, delivery.fack);
}

// RFC 2883 section 4: the first block reports a duplicate if it is below the cumulative
// acknowledgement, or within the second.
bool is_dsack(const SegmentEvent& event) {
    const auto before = [](uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) < 0; };
    const SackBlock& first = event.sack[0];
    if (event.sack_blocks == 0 || !before(first.start, first.end)) return false;
    if (before(first.start, event.ack)) return true;
    const SackBlock& second = event.sack[1];
    return event.sack_blocks > 1 && !before(first.start, second.start) &&
           !before(second.end, first.end);
}

// A report of what was never sent, or long ago, says nothing.
void take_dsack(TcpState& state, const SackBlock& block, Delivery& delivery) {
    const uint64_t start = extend_seq(block.start, state.snd_una);
    const uint64_t end = extend_seq(block.end, state.snd_una);
    if (end <= start || end > state.snd_nxt || start <= state.iss) return;
    if (start + state.max_snd_wnd < state.snd_una) return;
    delivery.dsack_end = end;
    delivery.dsack_bytes = end - start;
    // A probe is sent by the clock, and not because something was thought to be lost too early.
    const bool probed = state.probe_again && end == state.probe_end;
    if (!probed && undo_was_needless(state, start, end)) rack_duplicate(state);
}

// One segment, the first that is not known to have arrived (RFC 6582 section 3.2 step 2).
void lose_head(TcpState& state) {
    state.sent.lose(state.snd_una, state.snd_una, min(state.snd_una + state.mss, state.snd_nxt));
}

// RFC 6582 section 3.2 step 2, RFC 6675 section 5 step 4.
void begin_fast_recovery(TcpState& state) {
    ++state.fast_recoveries;
    undo_prepare(state, false);
    state.recovery = TcpRecovery::kFast;
    state.recover = state.snd_nxt;
    state.after_timeout = 0;
    state.probe_end = 0;
    state.retransmit_now = 1;
    congestion_loss(state);
}

void end_recovery(TcpState& state) {
    if (state.recovery == TcpRecovery::kFast) congestion_recovered(state);
    rack_recovered(state);
    // With SACK, what is lost now was sent after the beginning: a recovery of its own.
    if (!use_sack(state)) state.sent.forget_lost(state.snd_una);
    state.recovery = TcpRecovery::kOpen;
    state.retransmit_now = 0;
}

// RFC 6582 section 3.2 step 3: a partial acknowledgement, so the next segment is lost, too.
void partial_without_sack(TcpState& state, uint64_t advanced) {
    lose_head(state);
    // What duplicates stood for is now acknowledged, but for the segment that was lost.
    const uint64_t beyond = minus(state.dup_bytes, minus(advanced, state.mss));
    state.dup_bytes = min(beyond, flight(state) - state.sent.lost_bytes());
    state.retransmit_now = 1;
}

void acknowledged(TcpState& state, const Delivery& delivery) {
    if (state.after_timeout && state.snd_una > state.recover) state.after_timeout = 0;
    if (state.recovery == TcpRecovery::kOpen || state.snd_una >= state.recover) {
        if (state.recovery != TcpRecovery::kOpen) end_recovery(state);
        state.dup_acks = 0;
        state.dup_bytes = 0;
    } else if (state.recovery == TcpRecovery::kFast && !use_sack(state)) {
        partial_without_sack(state, delivery.advanced);
    }
}

void duplicate(TcpState& state) {
    ++state.dup_acks;
    if (use_sack(state) || state.recovery == TcpRecovery::kLoss) return;
    // As if it had selectively acknowledged one segment beyond the lost one. Before recovery this
    // lets two new segments out (limited transmit, RFC 3042).
    uint64_t most = minus(flight(state), max<uint64_t>(state.mss, state.sent.lost_bytes()));
    // Made-up ones stand for no more than was in flight when it began (RFC 5681 section 3.2).
    most = min(most, state.recovery == TcpRecovery::kOpen ? uint64_t{kDupThreshold} * state.mss
                                                          : state.prr_flight);
    state.dup_bytes = min(state.dup_bytes + state.mss, most);
}

// Whether something more is lost.
bool detect(TcpState& state) {
    if (flight(state) == 0) return false;
    if (use_sack(state)) {
        const bool quiet = state.sent.sacked_bytes() == 0 && state.recovery == TcpRecovery::kOpen;
        if (!quiet) return rack_detect(state);
        stop_timer(state, TimerKind::kReorder);
        return false;
    }
    if (state.recovery != TcpRecovery::kOpen || state.dup_acks < kDupThreshold) return false;
    // RFC 6582 section 4: after a timeout, duplicates may be of what was sent twice.
    if (state.after_timeout) return false;
    lose_head(state);
    return true;
}

// All that is in flight is to be sent again.
void lose_all(TcpState& state) {
    state.sent.lose(state.snd_una, state.snd_una, state.snd_nxt);
    state.recovery = TcpRecovery::kLoss;
    state.recover = state.snd_nxt;
    state.probe_end = 0;
    state.dup_acks = 0;
    state.dup_bytes = 0;
    state.retransmit_now = 1;
    stop_timer(state, TimerKind::kReorder);
}

// How many bytes have left the network; `dup_bytes` is what had been counted of that before.
uint64_t has_left(const TcpState& state, const Delivery& delivery, uint64_t dup_bytes) {
    if (use_sack(state)) return delivery.bytes;
    return minus(delivery.advanced + state.dup_bytes, dup_bytes);
}

}  // namespace

uint64_t pipe(const TcpState& state) {
    return minus(flight(state),
                 state.sent.sacked_bytes() + state.sent.lost_bytes() + state.dup_bytes);
}

void recovery_take_sack(TcpState& state, const SegmentEvent& event, Delivery& delivery) {
    if (!use_sack(state) || event.sack_blocks == 0) return;
    const bool reports = is_dsack(event);
    if (reports) take_dsack(state, event.sack[0], delivery);
    const uint64_t una = state.snd_una;
    const uint64_t before = state.sent.sacked_bytes();
    for (uint32_t i = reports; i < event.sack_blocks && i < 4; ++i) {
        const uint64_t start = extend_seq(event.sack[i].start, una);
        const uint64_t end = extend_seq(event.sack[i].end, una);
        if (start <= una || start >= end || end > state.snd_nxt) continue;
        state.sent.sack(una, start, end, [&](const SentRun& run, uint64_t to) {
            note_delivered(state, event, run, to, delivery);
        });
    }
    delivery.bytes += state.sent.sacked_bytes() - before;
}

void recovery_advance(TcpState& state, const Segment& segment, Delivery& delivery) {
    const uint64_t una = state.snd_una;
    const uint64_t sacked = state.sent.sacked_bytes();
    state.sent.acknowledge(una, segment.ack, [&](const SentRun& run, uint64_t to) {
        note_delivered(state, segment.event, run, to, delivery);
    });
    state.snd_una = segment.ack;
    undo_advance(state);
    delivery.advanced = segment.ack - una;
    delivery.bytes += delivery.advanced - (sacked - state.sent.sacked_bytes());
    // A peer that has what follows would have acknowledged that as well: it has taken it back
    // (RFC 2018 section 8).
    if (state.sent.count() == 0 || !state.sent.run(0).is(SentRun::kSacked)) return;
    state.sent.forget_sacked(state.snd_una);
    state.undo_possible = 0;  // what arrives from now on may have been here before
}

void recovery_respond(TcpState& state, const Segment& segment, const Delivery& delivery) {
    const bool was_fast = state.recovery == TcpRecovery::kFast;
    const uint64_t dup_bytes = state.dup_bytes;
    if (delivery.dsack_bytes)
        undo_duplicate(state, delivery.dsack_end - delivery.dsack_bytes, delivery.dsack_end);
    if (undo_due(state, segment, delivery)) undo(state);
    if (delivery.advanced) {
        acknowledged(state, delivery);
    } else if (delivery.duplicate) {
        duplicate(state);
    }
    const bool more = detect(state);
    if (state.recovery == TcpRecovery::kOpen && state.sent.lost_bytes() > 0)
        begin_fast_recovery(state);
    if (state.recovery == TcpRecovery::kFast) {
        prr_delivered(state, has_left(state, delivery, dup_bytes), delivery.advanced && !more);
    } else if (!was_fast && delivery.advanced) {
        const uint64_t rtt_ns = delivery.sent_ns ? state.now_ns - delivery.sent_ns : 0;
        congestion_acknowledged(state, delivery.advanced, delivery.before, rtt_ns);
    }
}

void recovery_timeout(TcpState& state) {
    if (state.retries == 0) undo_prepare(state, true);
    congestion_timeout(state, state.retries > 0 || state.recovery == TcpRecovery::kFast);
    lose_all(state);
    state.after_timeout = 1;
}

void recovery_reorder_timeout(TcpState& state) {
    if (flight(state) == 0 || !rack_detect(state)) return;
    if (state.recovery != TcpRecovery::kOpen) return;
    begin_fast_recovery(state);
    prr_delivered(state, 0, false);
}

void recovery_refused(TcpState& state, const RefusedEvent& event) {
    const uint64_t start = max(extend_seq(event.start, state.snd_una), state.snd_una);
    const uint64_t end = min(extend_seq(event.end, state.snd_una), state.snd_nxt);
    if (start >= end) return;
    state.held = 1;
    if (!use_sack(state)) return;  // only the head can be known to be lost
    const uint64_t before = state.sent.lost_bytes();
    state.sent.lose(state.snd_una, start, end);
    if (state.sent.lost_bytes() == before) return;
    rtt_abandon(state);  // what did not leave, or not yet, has no round trip
    if (state.recovery == TcpRecovery::kOpen) {
        begin_fast_recovery(state);
        state.retransmit_now = 0;
        prr_delivered(state, 0, false);
        stop_timer(state, TimerKind::kProbe);  // its time was another
    }
    // What never left is not late. After a timeout it was the copy.
    if (state.recovery == TcpRecovery::kFast || end > state.undo_end) state.undo_possible = 0;
}

void recovery_path_mtu(TcpState& state) {
    lose_all(state);
    state.undo_possible = 0;
}

}  // namespace scout::tcp
