// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/tuning.hh"

namespace scout::tcp {
namespace {

using dominoes::max;
using dominoes::min;

// How far a buffer grows that should have `bytes`.
uint32_t grown(uint64_t bytes, uint32_t most) {
    return static_cast<uint32_t>(dominoes::round_up_to_power_of_two(min<uint64_t>(bytes, most)));
}

// A pause of the sender's makes a measurement longer, so it does not count for more than twice what
// is known.
void take_round_trip(TcpTuning& tuning, uint64_t rtt_ns) {
    rtt_ns = max<uint64_t>(rtt_ns, 1);
    const uint64_t known = tuning.rtt_ns;
    tuning.rtt_ns =
        known == 0 ? rtt_ns : max<uint64_t>((7 * known + min(rtt_ns, 2 * known)) / 8, 1);
}

// Of what was read in `elapsed` the part of one round trip: where nothing happens for a while that
// is longer. In microseconds, about, lest the product is too large.
uint64_t in_round_trip(uint64_t read, uint64_t rtt_ns, uint64_t elapsed) {
    return read * ((rtt_ns >> 10) + 1) / ((elapsed >> 10) + 1);
}

void tune_receive(StepContext& step) {
    TcpState& state = step.state;
    TcpTuning& tuning = state.tuning;
    if (state.receive_bytes >= tuning.receive_max || tuning.rtt_ns == 0) return;
    const uint64_t elapsed = state.now_ns - tuning.round_ns;
    if (elapsed < tuning.rtt_ns) return;
    const uint64_t read = in_round_trip(state.app_read - tuning.round_read, tuning.rtt_ns, elapsed);
    const uint64_t growth = min(minus(read, tuning.last_round), tuning.last_round);
    tuning.round_ns = state.now_ns;
    tuning.round_read = state.app_read;
    tuning.last_round = read;
    // In slow start it doubles. That is all growth that counts: more is a reader that had paused.
    // It counts for two round trips, for a larger ring takes one to come into use.
    const uint64_t wanted = 2 * (read + 4 * growth);
    // The reader is not yet through with the last exchange; or nothing is left to come.
    if (state.app_read < tuning.ring_from || state.fin_received) return;
    if (wanted <= state.receive_bytes) return;
    step.effects.emit(EffectKind::kReceiveRoom).bytes = grown(wanted, tuning.receive_max);
}

void tune_send(StepContext& step) {
    TcpState& state = step.state;
    if (state.send_bytes >= state.tuning.send_max) return;
    const uint64_t wanted = 2 * min(state.cwnd, state.max_snd_wnd);
    if (wanted <= state.send_bytes) return;
    state.send_bytes = grown(wanted, state.tuning.send_max);
    step.effects.emit(EffectKind::kSendRoom).bytes = state.send_bytes;
}

}  // namespace

void tuning_begin(TcpState& state) {
    TcpTuning& tuning = state.tuning;
    // What cannot be announced need not be held.
    if (!(state.agreed & kAgreedWindowScale)) tuning.receive_max = state.receive_bytes;
    tuning.rtt_ns = state.srtt_ns;
    tuning.round_ns = state.now_ns;
}

void tuning_sent(TcpState& state) {
    TcpTuning& tuning = state.tuning;
    // Timestamps tell milliseconds apart: only an echo of the first of one tells what it answers.
    const uint32_t clock = timestamp_clock(state);
    const bool distinct = clock != tuning.latest_ts;
    tuning.latest_ts = clock;
    if (tuning.timed_ns != 0 || !distinct || !state.established) return;
    tuning.timed_ns = state.now_ns;
    tuning.timed_ts = clock;
    tuning.timed_edge = state.rcv_adv;
}

void tuning_received(TcpState& state, const Segment& segment) {
    TcpTuning& tuning = state.tuning;
    if (tuning.timed_ns == 0) return;
    const uint64_t elapsed = state.now_ns - tuning.timed_ns;
    if (elapsed > kMaxRto) {
        // The peer had nothing to send; and the clock may have gone half round.
        tuning.timed_ns = 0;
        return;
    }
    if (state.agreed & kAgreedTimestamps) {
        if (!(segment.event.options & kHasTimestamps)) return;
        if (timestamp_before(segment.event.ts_ecr, tuning.timed_ts)) return;
        // It may have been waiting for a window that was opened later.
        if (segment.event.ts_ecr == tuning.timed_ts) take_round_trip(tuning, elapsed);
    } else {
        // Data beyond what was promised then answers a later promise; but the peer need not have
        // been waiting for that.
        if (state.rcv_nxt <= tuning.timed_edge) return;
        tuning.rtt_ns = max<uint64_t>(tuning.rtt_ns ? min(tuning.rtt_ns, elapsed) : elapsed, 1);
    }
    tuning.timed_ns = 0;
}

void tuning_ring(StepContext& step, const RingEvent& event) {
    TcpState& state = step.state;
    TcpTuning& tuning = state.tuning;
    if (!state.established || event.bytes <= state.receive_bytes) return;
    if (event.bytes > tuning.receive_max || !dominoes::is_power_of_two(uint64_t{event.bytes}))
        return;
    if (state.app_read < tuning.ring_from) return;
    tuning.ring_from = receive_offset(state, state.rcv_adv);
    ++tuning.ring;
    state.receive_bytes = event.bytes;
    step.window_update = true;
}

void tuning_due(StepContext& step) {
    if (!step.state.established) return;
    tune_receive(step);
    tune_send(step);
}

}  // namespace scout::tcp
