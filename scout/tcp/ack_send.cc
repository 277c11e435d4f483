// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/ack_send.hh"

#include "scout/tcp/output.hh"
#include "scout/tcp/timer.hh"

namespace scout::tcp {
namespace {

using dominoes::max;
using dominoes::min;

// The furthest right edge that the ring's room and the header's 16 bits allow.
uint64_t furthest_edge(const TcpState& state) {
    const uint64_t room = receive_seq(state, state.app_read) + state.receive_bytes;
    return min(room, state.rcv_nxt + (uint64_t{65535} << state.rcv_scale));
}

// RFC 9293 section 3.8.6.2.2: the right edge stays until it can move by this.
uint64_t worthwhile_step(const TcpState& state) {
    return min<uint64_t>(state.receive_bytes / 2, state.own_mss);
}

uint32_t fill_sack_blocks(const TcpState& state, SackBlock* blocks, uint32_t most) {
    uint32_t chosen[4];
    uint32_t count = 0;
    // RFC 2883 section 4: what came twice goes first.
    const uint32_t duplicates = state.dsack_start != state.dsack_end;
    if (duplicates) *blocks++ = {state.dsack_start, state.dsack_end};
    most -= duplicates;
    const auto choose = [&](uint32_t range) {
        if (range >= state.received.count() || count >= most) return;
        for (uint32_t i = 0; i < count; ++i)
            if (chosen[i] == range) return;
        chosen[count++] = range;
    };
    // ... followed by the block that holds it, if one does.
    if (duplicates) choose(state.received.find(extend_seq(state.dsack_start, state.rcv_nxt)));
    // RFC 2018 section 4: first the block with the latest segment, then the most recently reported.
    for (uint64_t seq : state.recent_arrivals) choose(state.received.find(seq));
    for (uint32_t i = 0; i < state.received.count() && count < most; ++i) choose(i);
    for (uint32_t i = 0; i < count; ++i) {
        const SeqRange range = state.received.at(chosen[i], state.rcv_nxt);
        blocks[i] = {static_cast<uint32_t>(range.start), static_cast<uint32_t>(range.end)};
    }
    return duplicates + count;
}

// How long an ACK that is due should wait for others. Where many come in a burst, a peer in slow
// start takes the time that it needs to handle them for a queue in the network, and grows no
// further.
uint64_t ack_pause(const TcpState& state) {
    if (state.quick_acks > 0 || state.tuning.rtt_ns < kMinSpacedRoundTrip) return 0;
    return minus(state.last_ack_ns + kAckSpacing, state.now_ns);
}

void acknowledge_spaced(StepContext& step) {
    const uint64_t pause = ack_pause(step.state);
    if (pause == 0) {
        step.ack_now = true;
    } else {
        hasten_timer(step.state, TimerKind::kDelayedAck, pause);
    }
}

}  // namespace

uint16_t announce_window(TcpState& state, bool syn) {
    // irs == 0: a SYN that answers none. Its window counts from the peer's first byte, unknown yet.
    if (state.irs == 0) return static_cast<uint16_t>(min(state.receive_bytes, 65535u));
    const uint32_t scale = syn ? 0 : state.rcv_scale;
    const uint64_t furthest = furthest_edge(state);
    const uint64_t edge =
        furthest >= state.rcv_adv + worthwhile_step(state) ? furthest : state.rcv_adv;
    const uint64_t window = min<uint64_t>((edge - state.rcv_nxt) >> scale, 65535);
    state.rcv_adv = max(state.rcv_adv, state.rcv_nxt + (window << scale));
    return static_cast<uint16_t>(window);
}

void acknowledgement_left(StepContext& step) {
    TcpState& state = step.state;
    state.last_ack_sent = state.rcv_nxt;
    state.last_ack_ns = state.now_ns;
    if (state.quick_acks > 0) --state.quick_acks;
    stop_timer(state, TimerKind::kDelayedAck);
    step.ack_now = false;
}

void send_ack(StepContext& step) {
    TcpState& state = step.state;
    TransmitEffect& ack = emit_segment(step, state.snd_nxt, 0, kAck);
    const bool something = !state.received.empty() || state.dsack_start != state.dsack_end;
    if (state.agreed & kAgreedSack && something) {
        const uint32_t most = ack.options & kHasTimestamps ? 3 : 4;
        ack.sack_blocks = static_cast<uint8_t>(fill_sack_blocks(state, ack.sack, most));
        state.dsack_start = state.dsack_end = 0;
    }
    acknowledgement_left(step);
}

void send_challenge_ack(StepContext& step) {
    TcpState& state = step.state;
    if (state.now_ns - state.challenge_ns >= kChallengeInterval || state.challenge_ns == 0) {
        state.challenge_ns = state.now_ns;
        state.challenge_acks_sent = 0;
    }
    if (state.challenge_acks_sent >= kChallengeAcks) return;
    ++state.challenge_acks_sent;
    ++state.challenge_acks;
    send_ack(step);
}

void schedule_ack(StepContext& step, uint32_t payload) {
    TcpState& state = step.state;
    // What the peer's full segments hold: at least the default, at most what we allow.
    state.rcv_mss = max(state.rcv_mss, min(payload, state.own_mss));
    const uint64_t unacknowledged = state.rcv_nxt - state.last_ack_sent;
    if (state.quick_acks > 0 || unacknowledged >= uint64_t{kMaxSpacedSegments} * state.rcv_mss) {
        step.ack_now = true;
    } else if (unacknowledged >= 2ull * state.rcv_mss) {
        acknowledge_spaced(step);
    } else if (!running(state, TimerKind::kDelayedAck)) {
        start_timer(state, TimerKind::kDelayedAck, kDelayedAck);
    }
}

void remember_duplicate(TcpState& state, uint64_t start, uint64_t end) {
    if (start >= end) return;
    state.dsack_start = static_cast<uint32_t>(start);
    state.dsack_end = static_cast<uint32_t>(end);
}

void note_duplicate(StepContext& step, uint64_t start, uint64_t end) {
    step.ack_now = true;
    remember_duplicate(step.state, start, end);
}

void note_out_of_order(StepContext& step, uint64_t seq) {
    TcpState& state = step.state;
    // The first make three duplicate ACKs; without SACK peers count all.
    const bool early = state.early_sacks < kDupThreshold;
    state.early_sacks += early;
    if (early || !(state.agreed & kAgreedSack)) {
        step.ack_now = true;
    } else {
        acknowledge_spaced(step);
    }
    uint64_t recent[4] = {seq};
    uint32_t count = 1;
    const uint32_t latest = state.received.find(seq);
    for (uint64_t earlier : state.recent_arrivals) {
        const uint32_t range = state.received.find(earlier);
        if (range != SeqRanges::kMax && range != latest && count < 4) recent[count++] = earlier;
    }
    for (uint32_t i = 0; i < 4; ++i) state.recent_arrivals[i] = recent[i];
}

bool window_update_due(const TcpState& state) {
    if (state.irs == 0 || state.fin_received) return false;
    const uint64_t furthest = furthest_edge(state);
    const uint64_t window = minus(state.rcv_adv, state.rcv_nxt);
    return furthest >= state.rcv_adv + worthwhile_step(state) &&
           furthest - state.rcv_nxt >= 2 * window;
}

}  // namespace scout::tcp
