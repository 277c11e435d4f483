// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/info.hh"

#include "scout/tcp/rtt.hh"

namespace scout {

TcpInfo tcp_info(const TcpState& state) {
    const bool synchronized = state.irs != 0;
    const uint64_t received = synchronized ? tcp::received_in_order(state) : 0;
    const uint64_t released = tcp_released(state);
    return {
        .phase = state.phase,
        .bytes_received = received,
        .bytes_sent = state.bytes_sent,
        .bytes_acked = released,
        .bytes_retransmitted = state.bytes_retransmitted,
        .segments_in = state.segments_in,
        .segments_out = state.segments_out,
        .send_queue = state.written - released,
        .receive_queue = received - state.app_read,
        .cwnd = state.cwnd,
        .ssthresh = state.ssthresh < tcp::kMaxWindow ? state.ssthresh : ~uint64_t{0},
        .snd_wnd = state.snd_wnd,
        .rcv_wnd = synchronized ? state.rcv_adv - state.rcv_nxt : 0,
        .srtt_us = static_cast<uint32_t>(state.srtt_ns / 1000),
        .rttvar_us = static_cast<uint32_t>(state.rttvar_ns / 1000),
        .rto_us = static_cast<uint32_t>(tcp::retransmission_timeout(state) / 1000),
        .mss = state.mss,
        .timeouts = state.timeouts,
        .fast_recoveries = state.fast_recoveries,
        .probes = state.probes,
        .undos = state.undos,
        .challenge_acks = state.challenge_acks,
        .ecn_reductions = state.ecn_reductions,
        .snd_nxt = static_cast<uint32_t>(state.snd_nxt),
        .rcv_nxt = static_cast<uint32_t>(state.rcv_nxt),
        .ts_recent = state.ts_recent,
        .receive_bytes = state.receive_bytes,
        .receive_max = state.tuning.receive_max,
        .send_bytes = state.send_bytes,
        .send_max = state.tuning.send_max,
        .snd_scale = state.snd_scale,
        .rcv_scale = state.rcv_scale,
        .timestamps = (state.agreed & kAgreedTimestamps) != 0,
        .window_scaling = (state.agreed & kAgreedWindowScale) != 0,
        .sack = (state.agreed & kAgreedSack) != 0,
        .ecn = (state.agreed & kAgreedEcn) != 0,
    };
}

}  // namespace scout
