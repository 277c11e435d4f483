// SPDX-License-Identifier: GPL-2.0
//
// StepContext: what one call of tcp_step() passes between the units of the TCP machine, and the
// segment it may be about. Internal to scout/tcp/
#pragma once

#include "scout/net/errors.hh"
#include "scout/tcp/constants.hh"
#include "scout/tcp/state.hh"

namespace scout::tcp {

struct StepContext {
    TcpState& state;
    Effects& effects;
    bool ack_now = false;        // an acknowledgement must leave in this step
    bool window_update = false;  // one should, if the window has opened well
    bool ended = false;          // the connection is over with this step
    bool override = false;       // send even what SWS avoidance, Nagle or cork hold back
    bool news = false;           // new data was sent, or any acknowledged
    bool probe = false;          // send a tail loss probe
    uint32_t runs_left = kMaxRuns;
    uint32_t pieces_left = Effects::kMaxTransmissions - 32;  // the rest is for rounding and ACKs
};

// A received segment with its numbers extended, as far as it is new. Checks may cut it down.
struct Segment {
    const SegmentEvent& event;
    uint64_t seq;          // of the SYN, or else of the first payload byte
    uint64_t payload;      // sequence number of the first payload byte
    uint64_t payload_end;  // and after the last
    uint64_t ack;          // only meaningful with ACK
    uint64_t window;       // bytes
    uint8_t flags;

    bool has(uint8_t flag) const { return flags & flag; }
    // One past the last sequence number it occupies.
    uint64_t end() const { return payload_end + (has(kFin) ? 1 : 0); }
    uint64_t length() const { return end() - seq; }
};

inline bool in_phase(const TcpState&) { return false; }
template <typename... Rest>
bool in_phase(const TcpState& state, TcpPhase phase, Rest... rest) {
    return state.phase == phase || in_phase(state, rest...);
}

inline uint64_t flight(const TcpState& state) { return state.snd_nxt - state.snd_una; }

// Between sequence numbers and stream offsets.
inline uint64_t send_seq(const TcpState& state, uint64_t offset) { return state.iss + 1 + offset; }
inline uint64_t send_offset(const TcpState& state, uint64_t seq) { return seq - (state.iss + 1); }
inline uint64_t receive_seq(const TcpState& state, uint64_t offset) {
    return state.irs + 1 + offset;
}
inline uint64_t receive_offset(const TcpState& state, uint64_t seq) {
    return seq - (state.irs + 1);
}
// The stream offset up to which everything has been received.
inline uint64_t received_in_order(const TcpState& state) {
    return receive_offset(state, state.rcv_nxt) - state.fin_received;
}

// Bytes written and never sent.
inline uint64_t unsent(const TcpState& state) {
    return state.fin_sent ? 0 : send_seq(state, state.written) - state.snd_nxt;
}

// Where our FIN is or will be; only meaningful with fin_queued.
inline uint64_t fin_seq(const TcpState& state) { return send_seq(state, state.written); }
inline bool fin_acknowledged(const TcpState& state) {
    return state.fin_sent && state.snd_una > fin_seq(state);
}

// The wire's timestamp clock: milliseconds (RFC 7323 section 5.4).
inline uint32_t timestamp_at(const TcpState& state, uint64_t ns) {
    return static_cast<uint32_t>(ns / kMillisecond) + state.ts_offset;
}
inline uint32_t timestamp_clock(const TcpState& state) { return timestamp_at(state, state.now_ns); }
// As the wire compares them (RFC 7323 section 5.2).
inline bool timestamp_before(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) < 0; }

// `event` seen from `state`, whose phase is not LISTEN and which knows the peer's SYN.
Segment segment_of(const TcpState& state, const SegmentEvent& event);

// The connection ends with this step: kClosed with `error`, after kError if the application is to
// be told.
void end_connection(StepContext& step, uint32_t error, bool tell);

}  // namespace scout::tcp
