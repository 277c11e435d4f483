// SPDX-License-Identifier: GPL-2.0
//
// tcp_check_invariants(): what must hold of a state between steps, whatever the peer sends.
#include "scout/tcp/step_context.hh"

namespace scout {
namespace tcp {
namespace {

const char* check_ranges(const SeqRanges& set, uint64_t beyond, uint64_t end, const char* wrong) {
    if (!set.tidy()) return wrong;
    for (uint32_t i = 0; i < set.count(); ++i) {
        const SeqRange range = set.at(i, beyond);
        if (range.start <= beyond || range.end <= range.start || range.end > end) return wrong;
        beyond = range.end;
    }
    return nullptr;
}

const char* check_send(const TcpState& s) {
    if (s.snd_una < s.iss || s.snd_una > s.snd_nxt) return "iss <= snd_una <= snd_nxt";
    if (s.snd_nxt > s.iss + 1 + s.written + s.fin_sent) return "snd_nxt beyond what was written";
    if (s.fin_sent && !s.fin_queued) return "fin_sent without fin_queued";
    if (s.fin_sent && s.snd_nxt != fin_seq(s) + 1) return "snd_nxt after FIN";
    if (s.snd_wnd > s.max_snd_wnd || s.max_snd_wnd > kMaxWindow) return "snd_wnd";
    if (s.established && (s.cwnd < s.mss || s.cwnd > kMaxWindow + s.mss)) return "cwnd";
    if (s.established && s.mss > dominoes::max(s.link_mtu, kHeaderBytes + kMinMss) - kHeaderBytes)
        return "a segment beyond the device's MTU";
    if (s.hystart.round_end > s.snd_nxt || s.hystart.conservative_rounds > 5) return "hystart";
    if (s.send_bytes > s.tuning.send_max) return "a send buffer beyond its limit";
    if (s.dup_bytes > s.snd_nxt - s.snd_una) return "dup_bytes";
    if (s.recovery != TcpRecovery::kOpen && s.recover <= s.snd_una)
        return "recovery goes on for nothing";
    if (!s.resent.tidy()) return "resent";
    if (!s.resent.empty() && s.resent.last(s.snd_nxt).end > s.snd_nxt) return "resent, not sent";
    if (s.held && flight(s) == 0) return "held, and no timer to end it";
    if (s.established && !s.sent.consistent(s.snd_una, s.snd_nxt)) return "scoreboard";
    if (s.sent.lost_bytes() > 0 && s.recovery == TcpRecovery::kOpen && !s.finished)
        return "lost, and no recovery";
    return nullptr;
}

const char* check_receive(const TcpState& s) {
    if (s.irs == 0) return s.deliveries == 0 ? nullptr : "delivery before SYN";
    if (s.rcv_nxt <= s.irs || s.rcv_nxt > s.rcv_adv) return "irs < rcv_nxt <= rcv_adv";
    if (s.last_ack_sent > s.rcv_nxt) return "last_ack_sent";
    if (s.app_read > received_in_order(s)) return "app_read";
    if (s.rcv_adv > receive_seq(s, s.app_read) + s.receive_bytes + s.fin_received)
        return "window beyond the ring";
    if (s.tuning.ring_from > receive_offset(s, s.rcv_adv))
        return "a ring for what was not promised";
    if (s.receive_bytes > s.tuning.receive_max) return "a ring beyond its limit";
    if (s.fin_received && (s.rcv_fin == 0 || s.rcv_nxt != s.rcv_fin + 1))
        return "rcv_nxt after FIN";
    if (s.fin_received && !s.received.empty()) return "received beyond FIN";
    return check_ranges(s.received, s.rcv_nxt, s.rcv_fin ? s.rcv_fin : s.rcv_adv, "received");
}

const char* check_timers(const TcpState& s) {
    for (uint32_t i = 0; i < kTimerKinds; ++i) {
        if (s.timer_deadline[i] == 0) continue;
        if (s.finished) return "a timer after the end";
        if (s.timer_armed[i] == 0 || s.timer_armed[i] > s.timer_deadline[i])
            return "a timer not armed";
    }
    const bool timed = s.timer_deadline[static_cast<uint32_t>(TimerKind::kRetransmit)] != 0;
    if (s.snd_una < s.snd_nxt && !s.finished && !timed) return "in flight without a timer";
    return nullptr;
}

const char* check_phase(const TcpState& s) {
    if (s.phase < TcpPhase::kEstablished || s.phase > TcpPhase::kClosing) return "phase";
    if (s.finished && s.phase != TcpPhase::kClosed) return "finished, but not CLOSED";
    if (in_phase(s, TcpPhase::kEstablished, TcpPhase::kCloseWait) && s.fin_queued)
        return "FIN not on its way";
    if (in_phase(s, TcpPhase::kFinWait2, TcpPhase::kTimeWait) && !fin_acknowledged(s))
        return "FIN not acknowledged";
    const bool peer_closed = in_phase(s, TcpPhase::kCloseWait, TcpPhase::kClosing,
                                      TcpPhase::kLastAck, TcpPhase::kTimeWait);
    if (peer_closed != (s.fin_received && s.phase != TcpPhase::kClosed))
        return "phase and peer's FIN";
    return nullptr;
}

}  // namespace
}  // namespace tcp

const char* tcp_check_invariants(const TcpState& state) {
    if (const char* wrong = tcp::check_phase(state)) return wrong;
    if (const char* wrong = tcp::check_send(state)) return wrong;
    if (const char* wrong = tcp::check_receive(state)) return wrong;
    return tcp::check_timers(state);
}

}  // namespace scout
