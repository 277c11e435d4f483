// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/path_mtu.hh"

#include "scout/tcp/recovery.hh"
#include "scout/tcp/timer.hh"

namespace scout::tcp {
namespace {

using dominoes::max;
using dominoes::min;

// Headers of every segment (RFC 6691).
uint32_t header_bytes(const TcpState& state) {
    return kHeaderBytes + (state.agreed & kAgreedTimestamps ? kTimestampBytes : 0);
}

uint32_t mss_of(const TcpState& state, uint32_t mtu) {
    return max(mtu, kMinPathMtu) - header_bytes(state);
}

// The largest that both ends and the device allow (RFC 9293 MUST-16).
uint32_t max_mss(const TcpState& state) {
    const uint32_t mtu = max(state.link_mtu, kHeaderBytes + kMinMss);
    return min(state.full_mss, mtu - header_bytes(state));
}

// RFC 1191 section 7.1: the MTUs that there are. The largest below `mtu`.
uint32_t plateau_below(uint32_t mtu) {
    constexpr uint32_t kPlateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006};
    for (uint32_t plateau : kPlateaus)
        if (plateau < mtu) return plateau;
    return kMinPathMtu;
}

void use(TcpState& state, uint32_t mss) {
    state.mss = mss;
    state.arrived_mss = min(state.arrived_mss, mss);
    state.claimed_mss = 0;
    state.cwnd = max<uint64_t>(state.cwnd, mss);
}

void lower(TcpState& state, uint32_t mss) {
    use(state, mss);
    state.path_mss = mss;
    state.mtu_until_ns = state.now_ns + kPathMtuLife;
}

// A segment in flight that is larger than `mss` may be what does not get through.
bool would_help(const TcpState& state, uint32_t mss) {
    return mss < state.mss && flight(state) > mss;
}

void note_progress(TcpState& state) {
    const uint64_t acked = state.snd_una - state.mtu_una;
    if (acked == 0) return;
    state.mtu_una = state.snd_una;
    state.claimed_mss = 0;
    if (acked >= state.mss) state.arrived_mss = max(state.arrived_mss, state.mss);
}

}  // namespace

void path_mtu_begin(TcpState& state) {
    state.full_mss = state.mss;
    state.mtu_una = state.snd_una;
    use(state, max_mss(state));
}

void path_mtu_link(TcpState& state, const LinkEvent& event) {
    state.link_mtu = event.mtu;
    state.max_piece = event.max_piece;
    if (!state.established) return;
    const uint32_t most = max_mss(state);
    // What was learned of the path holds until its time is over.
    const uint32_t mss = state.path_mss ? min(most, state.path_mss) : most;
    if (mss != state.mss) use(state, mss);
}

void path_mtu_told(TcpState& state, uint32_t mtu) {
    if (!state.established) return;
    if (mtu == 0) mtu = plateau_below(state.mss + header_bytes(state));
    const uint32_t mss = mss_of(state, mtu);
    // RFC 5927 section 7.2: an error that would change nothing is late, or a lie.
    if (mss >= state.mss) return;
    // There, too: larger ones have arrived. The route may have changed, but then nothing arrives.
    if (mss < state.arrived_mss) {
        state.claimed_mss = mss;
        return;
    }
    lower(state, mss);
    stop_timer(state, TimerKind::kRetransmit);
    recovery_path_mtu(state);
}

void path_mtu_timeout(TcpState& state) {
    if (state.claimed_mss != 0) return lower(state, state.claimed_mss);
    // Where segments as large have arrived before, all of the path may be down for a while.
    const uint32_t patience = (state.arrived_mss == state.mss ? 2 : 1) * kBlackHoleTimeouts;
    if (state.retries + 1 < patience) return;
    const uint32_t base = mss_of(state, kBasePathMtu);
    const uint32_t next = would_help(state, base) ? base : mss_of(state, kMinPathMtu);
    if (would_help(state, next)) lower(state, next);
}

void keep_path_mtu(TcpState& state) {
    if (!state.established) return;
    note_progress(state);
    if (state.mtu_until_ns == 0 || state.now_ns < state.mtu_until_ns) return;
    state.mtu_until_ns = 0;
    state.path_mss = 0;
    use(state, max_mss(state));
}

}  // namespace scout::tcp
