// SPDX-License-Identifier: GPL-2.0
//
// The replicated state of a TCP connection: plain data without padding, copied byte for byte when a
// replica joins and digested byte for byte to prove that replicas agree. Only step() changes it.
//
// Sequence numbers are held extended to 64 bits: the low 32 are what the wire carries, so
// comparisons are plain and nothing ever wraps. Stream offsets count payload bytes from 0: offset 0
// is the byte after the SYN. Times are nanoseconds as stamped into requests; the wire's timestamp
// clock is milliseconds.
#pragma once

#include "dominoes/policy.hh"
#include "scout/net/ip_service.hh"
#include "scout/tcp/effect.hh"
#include "scout/tcp/scoreboard.hh"
#include "scout/tcp/seq.hh"

namespace scout {

// RFC 9293 section 3.3.2; the numbers are those of the ABI's enum dominoes_tcp_state.
enum class TcpPhase : uint32_t {
    kEstablished = 1,
    kSynSent,
    kSynReceived,
    kFinWait1,
    kFinWait2,
    kTimeWait,
    kClosed,
    kCloseWait,
    kLastAck,
    kListen,
    kClosing,
};

// What decides on cwnd (scout/tcp/congestion.hh); values of enum dominoes_congestion in the ABI.
enum class TcpCongestion : uint8_t { kCubic, kNewReno };

// What the serial part decides before a connection exists.
struct TcpConfig {
    bool passive;  // begins in LISTEN, to be given the SYN; else in CLOSED, to be given kConnect
    uint32_t iss;  // initial send sequence number (RFC 6528), drawn by the publisher
    uint32_t ts_offset;      // added to the millisecond clock in TSval, so that it reveals nothing
    uint32_t receive_bytes;  // size of the receive ring at first, a power of two
    uint32_t send_bytes;     // size of the send buffer at first
    uint16_t mss;            // our MSS: the MTU less 40; also the most we send before options
    uint32_t max_piece;      // most payload bytes in one packet to be built (TSO/GSO); >= mss
    TcpCongestion congestion;
    dominoes::ReplicaSet replicas;  // the replicas that will take part once established
    TcpOptions options{};
    bool ecn = false;          // ask for it (active open)
    bool answered = false;     // passive: the SYN was answered already, by a cookie
    uint32_t receive_max = 0;  // how far the two grow; if less: they stay as they are
    uint32_t send_max = 0;
};

// How loss is being repaired (scout/tcp/recovery.hh).
enum class TcpRecovery : uint8_t {
    kOpen,  // it is not
    kFast,  // fast recovery (RFC 6582, RFC 8985), until `recover` is acknowledged
    kLoss,  // after a retransmission timeout, until `recover` is acknowledged
};

// What was agreed on in the handshake.
enum TcpAgreed : uint8_t {
    kAgreedWindowScale = 0x01,
    kAgreedTimestamps = 0x02,
    kAgreedSack = 0x04,
    kAgreedEcn = 0x08,
};

// CUBIC's own (RFC 9438 section 4.1); windows in bytes.
struct TcpCubic {
    uint64_t w_max;        // cwnd before the last reduction, or less
    uint64_t prior_cwnd;   // cwnd before the last reduction
    uint64_t epoch_ns;     // when this congestion avoidance began; 0: with the next acknowledgement
    uint64_t k_ns;         // from then until W_cubic is w_max
    uint64_t w_est;        // what NewReno would have
    uint64_t w_est_acked;  // towards its next increase
};

// HyStart++'s own (RFC 9406 section 4.2).
struct TcpHystart {
    uint64_t round_end;    // the round lasts until this is acknowledged; 0: none has begun
    uint64_t last_min_ns;  // least round trip of the round before; 0: not known, as in all of these
    uint64_t round_min_ns;         // of this round so far
    uint64_t baseline_ns;          // when conservative slow start began
    uint32_t samples;              // of this round
    uint32_t conservative_rounds;  // which this is, from 1; 0: slow start is not conservative
};

// What the sizes of the buffers depend on (scout/tcp/tuning.hh).
struct TcpTuning {
    uint64_t ring_from;   // stream offset from which on the latest ring holds the stream
    uint64_t rtt_ns;      // as the receiver sees it; 0: not known yet
    uint64_t timed_ns;    // when the segment that is being timed was sent; 0: none is
    uint64_t timed_edge;  // rcv_adv then
    uint64_t round_ns;    // when the round trip that is being counted began
    uint64_t round_read;  // app_read then
    uint64_t last_round;  // bytes read in the one before
    uint32_t timed_ts;    // the timestamp of the segment that is being timed
    uint32_t latest_ts;   // and of the latest one
    uint32_t ring;        // how often the receive ring was exchanged
    uint32_t receive_max;
    uint32_t send_max;
    uint32_t reserved;
};

struct TcpState {
    // --- the order of requests ---------------------------------------------------------------
    uint64_t now_ns;         // the latest of the requests' times
    uint64_t requests;       // how many were processed
    uint64_t deliveries;     // serial number of the next kDeliver
    uint64_t transmissions;  // serial number of the next piece of kTransmit

    // --- send sequence space (RFC 9293 section 3.3.1) -----------------------------------------
    uint64_t iss;
    uint64_t snd_una;
    uint64_t snd_nxt;  // the highest ever sent, and one
    uint64_t snd_wnd;  // bytes, scaled
    uint64_t snd_wl1;
    uint64_t snd_wl2;
    uint64_t max_snd_wnd;   // the largest window the peer has offered (section 3.8.6.2.1)
    uint64_t snd_small;     // end of the latest segment sent that was not full (Nagle, Minshall)
    uint64_t written;       // stream offset: the application has written so far
    uint64_t last_sent_ns;  // when data was last sent

    // --- receive sequence space ---------------------------------------------------------------
    uint64_t irs;
    uint64_t rcv_nxt;
    uint64_t rcv_adv;  // right edge of the window: the most ever promised
    uint64_t rcv_fin;  // the peer's FIN; 0 while unknown
    uint64_t last_ack_sent;
    uint64_t last_ack_ns;         // when it was
    uint64_t app_read;            // stream offset: the application has consumed so far
    uint64_t ts_recent_ns;        // when ts_recent was set
    uint64_t recent_arrivals[4];  // first bytes of the latest out-of-order segments (RFC 2018)

    // --- timers: when each is due (0: not running), and when the wheel will say so (0: it won't)
    // --
    uint64_t timer_deadline[kTimerKinds];
    uint64_t timer_armed[kTimerKinds];

    // --- retransmission timeout (RFC 6298) ----------------------------------------------------
    uint64_t srtt_ns;  // 0: not measured yet
    uint64_t rttvar_ns;
    uint64_t min_rtt_ns;  // the least ever
    uint64_t rto_ns;      // not backed off
    uint64_t rtt_seq;     // acknowledgement of this ends the measurement; 0: none under way
    uint64_t rtt_start_ns;

    // --- congestion control (bytes) -----------------------------------------------------------
    uint64_t cwnd;
    uint64_t ssthresh;
    uint64_t cwnd_acked;  // acknowledged towards the next increase of cwnd
    TcpCubic cubic;
    TcpHystart hystart;
    uint64_t prr_flight;  // proportional rate reduction (RFC 6937): RecoverFS
    uint64_t prr_delivered;
    uint64_t prr_out;

    // --- loss recovery ------------------------------------------------------------------------
    uint64_t recover;    // what recovery waits for
    uint64_t dup_bytes;  // what duplicate ACKs say has left the network (without SACK)
    // RACK (RFC 8985 section 6): the latest sent of all that has arrived, and its round trip.
    uint64_t rack_sent_ns;  // 0: nothing has
    uint64_t rack_end;
    uint64_t rack_rtt_ns;
    uint64_t fack;  // the highest acknowledged in either way
    uint64_t
        reorder_round;   // the reordering window does not grow again before this is acknowledged
    uint64_t probe_end;  // snd_nxt when a tail loss probe was sent; 0: none is under way

    // --- undoing what a recovery did that need not have been ------------------------------------
    uint64_t undo_cwnd;
    uint64_t undo_ssthresh;
    uint64_t undo_una;      // snd_una when it began
    uint32_t undo_stray;    // D-SACKs of this recovery told of what was not sent again
    uint32_t dsack_strays;  // how much the network seems to duplicate
    uint64_t undo_end;      // if a timeout began it, snd_nxt then
    TcpCubic undo_cubic;

    // --- counters -----------------------------------------------------------------------------
    uint64_t bytes_sent;  // retransmissions and all
    uint64_t bytes_retransmitted;
    uint64_t segments_in;
    uint64_t segments_out;
    uint64_t challenge_ns;  // begin of the interval that challenge_acks_sent counts in

    uint32_t receive_bytes;
    uint32_t send_bytes;
    uint32_t max_piece;
    uint32_t ts_offset;
    uint32_t ts_recent;
    uint32_t mss;         // payload of a full segment we send
    uint32_t own_mss;     // what we announce
    uint32_t rcv_mss;     // what the peer's full segments seem to hold
    uint32_t quick_acks;  // left
    uint32_t retries;     // timeouts since the peer last acknowledged something new
    uint32_t backoff;     // doublings of rto_ns
    uint32_t dup_acks;
    uint32_t challenge_acks_sent;  // in the current interval
    uint32_t soft_error;           // errno of the latest ICMP error that was not fatal
    uint32_t close_error;          // errno of kClosed
    uint32_t timeouts;             // counters again
    uint32_t fast_recoveries;
    uint32_t probes;
    uint32_t undos;
    uint32_t challenge_acks;
    uint32_t reorder_factor;   // of the reordering window; 0: 1
    uint32_t reorder_persist;  // recoveries until it is 1 again
    uint32_t undo_ts;          // the timestamp of the recovery's first retransmission
    uint32_t dsack_start;      // what arrived again and is yet to be reported (RFC 2883)
    uint32_t dsack_end;        // equal to dsack_start: nothing
    // The replicas that take part. As tcp_step() leaves it, it is right for the effects of that
    // step.
    dominoes::ReplicaSet replicas;
    dominoes::ReplicaSet replicas_next;    // from the next request on
    dominoes::ReplicaSet replicas_wanted;  // once established
    TcpPhase phase;

    uint8_t agreed;  // TcpAgreed
    uint8_t snd_scale;
    uint8_t rcv_scale;
    TcpRecovery recovery;
    uint8_t passive;
    uint8_t finished;     // kClosed was emitted; segments are answered by resets only
    uint8_t established;  // kEstablished was emitted
    uint8_t fin_queued;   // the application will write no more
    uint8_t fin_sent;
    uint8_t fin_received;  // rcv_nxt has passed the peer's FIN
    uint8_t reads_closed;
    uint8_t syn_lost;        // a SYN was retransmitted
    uint8_t retransmit_now;  // the next retransmission need not wait for cwnd
    uint8_t after_timeout;   // `recover` was set by a timeout
    uint8_t tell_error;      // kError goes before kClosed
    TcpCongestion congestion;
    uint8_t reordering_seen;
    uint8_t probe_again;    // the probe under way repeated data
    uint8_t undo_possible;  // the undo_ members are of the latest recovery
    uint8_t undo_resent;    // it has sent something again
    uint8_t syn_answered;   // the SYN to come was, with a cookie (scout/connection/cookie.hh)
    uint8_t early_sacks;    // out-of-order segments acknowledged at once since rcv_nxt last moved
    uint8_t held;  // the device is full: no data until something else than the application speaks
    uint8_t undo_exact;  // `resent` is all that a D-SACK of the latest recovery can be about
    uint8_t reserved[4];

    // --- user timeout (scout/tcp/user_timeout.hh) ---------------------------------------------
    uint64_t stalled_ns;     // since when the peer owes something, and has done nothing about it
    uint64_t stalled_stage;  // what it is that it owes; 0: nothing

    // --- keep-alive (scout/tcp/keepalive.hh) --------------------------------------------------
    uint64_t heard_ns;     // when the latest acceptable acknowledgement came
    uint32_t keep_probes;  // unanswered so far

    // --- path MTU (scout/tcp/path_mtu.hh) -----------------------------------------------------
    uint32_t path_mss;      // what the path was found to let through; 0: nothing is known of it
    uint64_t mtu_until_ns;  // until when that holds; 0: as path_mss
    uint64_t mtu_una;       // snd_una when it was last looked at
    uint32_t full_mss;      // mss as agreed on in the handshake
    uint32_t arrived_mss;   // segments of that much payload have been acknowledged
    uint32_t claimed_mss;   // what an ICMP error asks for that is not believed yet; 0: nothing
    uint32_t link_mtu;      // the device's, if it has changed since own_mss was chosen

    // --- ECN (scout/tcp/ecn.hh) ---------------------------------------------------------------
    uint64_t ecn_recover;     // until this is acknowledged, cwnd is not reduced again
    uint32_t ecn_asked;       // our SYN asks for it
    uint32_t ecn_echo;        // CE has come: ECE, until CWR comes
    uint32_t ecn_cwr;         // CWR goes with the next new data
    uint32_t ecn_reductions;  // counter

    TcpOptions options;
    TcpTuning tuning;

    Scoreboard sent;     // [snd_una, snd_nxt), once established
    SeqRanges received;  // out of order: beyond rcv_nxt
    // Sent again, by the latest recovery or as a probe since what came before it was acknowledged,
    // and not reported as duplicate (scout/tcp/undo.hh).
    SeqSet<16> resent;
};

static_assert(__has_unique_object_representations(TcpState) && __is_trivially_copyable(TcpState));
static_assert(sizeof(TcpState) <= 4096);

// Stream offset below which what was written is acknowledged: the writer may reuse that memory.
uint64_t tcp_released(const TcpState& state);

// For tests: nullptr, or which invariant of the state does not hold. Context: any.
const char* tcp_check_invariants(const TcpState& state);

// Prepares a connection. `state` is overwritten wholly.
void tcp_init(TcpState& state, const TcpConfig& config);

// The pure step: `request` (of EventKind) at its place in the order. No clock, no chance, no
// memory, no waiting: the same state and request give the same state and effects, bit for bit.
// `effects` is cleared first. Context: any.
void tcp_step(TcpState& state, const dominoes::Request& request, Effects& effects);

}  // namespace scout
