// SPDX-License-Identifier: GPL-2.0
//
// What a user may want to know of a connection (`ss -ti`), read from its state.
#pragma once

#include "scout/tcp/state.hh"

namespace scout {

struct TcpInfo {
    TcpPhase phase;
    uint64_t bytes_received;  // in order
    uint64_t bytes_sent;      // retransmissions and all
    uint64_t bytes_acked;
    uint64_t bytes_retransmitted;
    uint64_t segments_in;    // merged ones count once
    uint64_t segments_out;   // as on the wire
    uint64_t send_queue;     // bytes written and not acknowledged
    uint64_t receive_queue;  // bytes in order and not read
    uint64_t cwnd;
    uint64_t ssthresh;  // ~0: none yet
    uint64_t snd_wnd;
    uint64_t rcv_wnd;
    uint32_t srtt_us;
    uint32_t rttvar_us;
    uint32_t rto_us;
    uint32_t mss;
    uint32_t timeouts;
    uint32_t fast_recoveries;
    uint32_t probes;  // of a lost tail
    uint32_t undos;   // recoveries that were for nothing
    uint32_t challenge_acks;
    uint32_t ecn_reductions;
    uint32_t snd_nxt;  // these three as on the wire
    uint32_t rcv_nxt;
    uint32_t ts_recent;
    uint32_t receive_bytes;  // the buffers: as they are, and how far they may grow
    uint32_t receive_max;
    uint32_t send_bytes;
    uint32_t send_max;
    uint8_t snd_scale;
    uint8_t rcv_scale;
    bool timestamps;
    bool window_scaling;
    bool sack;
    bool ecn;
};

// Context: any.
TcpInfo tcp_info(const TcpState& state);

}  // namespace scout
