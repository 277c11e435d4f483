// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/receive.hh"

#include "scout/tcp/ack_receive.hh"
#include "scout/tcp/ack_send.hh"
#include "scout/tcp/output.hh"
#include "scout/tcp/timer.hh"
#include "scout/tcp/tuning.hh"

namespace scout::tcp {
namespace {

using dominoes::max;
using dominoes::min;

// What of a segment is new.
struct Pieces {
    uint32_t count = 0;
    SeqRange ranges[Effects::kMaxDeliveries];
};

// Finds what of [start, end) has not been received. Where that would be too many pieces, what
// follows counts as not received, and `end` comes down.
Pieces find_new(const TcpState& state, uint64_t start, uint64_t& end) {
    Pieces pieces;
    for (uint64_t at = start; at < end;) {
        const SeqRange hole = state.received.first_hole(at, end);
        if (hole.start == hole.end) break;
        if (pieces.count == Effects::kMaxDeliveries) {
            end = hole.start;
            break;
        }
        pieces.ranges[pieces.count++] = hole;
        at = hole.end;
    }
    return pieces;
}

// What of a segment came before, the first of it (RFC 2883 section 4); empty: nothing. Of
// [start, end) the `pieces` are new.
SeqRange first_duplicate(const Segment& segment, uint64_t start, uint64_t end,
                         const Pieces& pieces) {
    if (segment.payload < start) return {segment.payload, start};
    const SeqRange& first = pieces.ranges[0];
    if (start < first.start) return {start, first.start};
    return {first.end, pieces.count > 1 ? pieces.ranges[1].start : end};
}

// Takes [start, end) into the receive sequence space. False if there is no room to remember it.
bool place(TcpState& state, uint64_t start, uint64_t end) {
    if (start > state.rcv_nxt) return state.received.add(start, end);
    state.rcv_nxt = end;
    state.early_sacks = 0;
    for (uint32_t i = 0; i < state.received.count(); ++i) {
        const SeqRange held = state.received.at(i, end);
        if (held.start > state.rcv_nxt) break;
        state.rcv_nxt = max(state.rcv_nxt, held.end);
    }
    state.received.drop_through(state.rcv_nxt);
    return true;
}

void deliver(StepContext& step, const Segment& segment, const Pieces& pieces) {
    TcpState& state = step.state;
    for (uint32_t i = 0; i < pieces.count; ++i) {
        const SeqRange& piece = pieces.ranges[i];
        const uint64_t into_payload = piece.start - segment.payload;
        // Another replica may place the next piece, and later: until then the stream ends before
        // it.
        uint64_t readable = received_in_order(state);
        if (i + 1 < pieces.count)
            readable = min(readable, receive_offset(state, pieces.ranges[i + 1].start));
        step.effects.emit(EffectKind::kDeliver).deliver = {
            .serial = state.deliveries++,
            .stream_offset = receive_offset(state, piece.start),
            .readable = readable,
            .packet_offset = static_cast<uint32_t>(segment.event.payload_offset + into_payload),
            .bytes = static_cast<uint32_t>(piece.end - piece.start),
            .ring_from = state.tuning.ring_from,
            .ring = state.tuning.ring,
            .reserved = 0,
        };
    }
}

// RFC 9293 section 3.6.1, RFC 1122 section 4.2.2.13: data after the application has gone.
void refuse_text(StepContext& step) {
    send_reset(step);
    end_connection(step, kEconnreset, !step.state.fin_queued);
}

// The peer's FIN, at `seq`, is remembered if it can be true: within the window or at its edge, at
// the end of all that came.
void note_fin(StepContext& step, uint64_t seq) {
    TcpState& state = step.state;
    if (state.rcv_fin != 0 || seq < state.rcv_nxt || seq > state.rcv_adv) return;
    if (!state.received.empty() && seq < state.received.last(seq).end) return;
    state.rcv_fin = seq;
    step.ack_now = true;
}

}  // namespace

void segment_text(StepContext& step, const Segment& segment) {
    TcpState& state = step.state;
    if (!in_phase(state, TcpPhase::kEstablished, TcpPhase::kFinWait1, TcpPhase::kFinWait2)) return;
    if (segment.payload == segment.payload_end) return;
    const uint64_t limit = state.rcv_fin ? state.rcv_fin : state.rcv_adv;
    const uint64_t start = max(segment.payload, state.rcv_nxt);
    uint64_t end = min(segment.payload_end, limit);
    if (start >= end) {
        note_duplicate(step, segment.payload, min(segment.payload_end, state.rcv_nxt));
        return;
    }
    if (state.reads_closed) return refuse_text(step);
    const Pieces pieces = find_new(state, start, end);
    const bool had_holes = !state.received.empty();
    const bool in_order = start == state.rcv_nxt;
    if (pieces.count == 0) return note_duplicate(step, start, end);
    if (!place(state, start, end)) {
        step.ack_now = true;
        return;
    }
    deliver(step, segment, pieces);
    const SeqRange again = first_duplicate(segment, start, end, pieces);
    remember_duplicate(state, again.start, again.end);
    // RFC 5681 section 4.2: at once when out of order, or filling in. What follows as well: the
    // loss has left the peer with a small window, in which a delayed ACK holds up much.
    if (had_holes && in_order) {
        step.ack_now = true;
        state.quick_acks = kQuickAcks;
    }
    if (!in_order) note_out_of_order(step, pieces.ranges[0].start);
    if (!in_order) return;
    tuning_received(state, segment);
    schedule_ack(step, static_cast<uint32_t>(segment.payload_end - segment.payload));
}

void check_fin(StepContext& step, const Segment& segment) {
    TcpState& state = step.state;
    if (!in_phase(state, TcpPhase::kEstablished, TcpPhase::kFinWait1, TcpPhase::kFinWait2)) return;
    if (segment.has(kFin)) note_fin(step, segment.payload_end);
    if (state.rcv_fin == 0 || state.rcv_nxt != state.rcv_fin) return;
    step.effects.emit(EffectKind::kEndOfStream).stream_offset =
        receive_offset(state, state.rcv_fin);
    ++state.rcv_nxt;
    state.rcv_adv = max(state.rcv_adv, state.rcv_nxt);
    state.fin_received = 1;
    step.ack_now = true;
    switch (state.phase) {
        case TcpPhase::kEstablished:
            state.phase = TcpPhase::kCloseWait;
            return;
        // Had our FIN been acknowledged, this would be FIN-WAIT-2 by now.
        case TcpPhase::kFinWait1:
            state.phase = TcpPhase::kClosing;
            return;
        default:
            return enter_time_wait(step);
    }
}

}  // namespace scout::tcp
