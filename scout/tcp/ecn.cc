// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/ecn.hh"

#include "scout/tcp/congestion.hh"

namespace scout::tcp {
namespace {

bool agreed(const TcpState& state) { return state.agreed & kAgreedEcn; }

// Section 6.1.1: an ECN-setup SYN has both flags, an ECN-setup SYN,ACK only ECE. Neither is ECT
// itself (6.1.1); one that is was tampered with on its way.
bool offers(const SegmentEvent& event) {
    const uint8_t wanted = event.flags & kAck ? kEce : kEce | kCwr;
    return (event.flags & (kEce | kCwr)) == wanted && event.ecn == kNotEct;
}

}  // namespace

uint8_t ecn_syn_flags(TcpState& state) {
    if (state.phase == TcpPhase::kSynReceived) return agreed(state) ? kEce : 0;
    // Section 6.1.1.1: a SYN that stays without an answer may have been dropped for its flags.
    if (state.snd_nxt != state.iss) state.ecn_asked = 0;
    return state.ecn_asked ? kEce | kCwr : 0;
}

void ecn_agree(TcpState& state, const SegmentEvent& event) {
    state.agreed &= static_cast<uint8_t>(~kAgreedEcn);
    if ((state.passive || state.ecn_asked) && offers(event)) state.agreed |= kAgreedEcn;
}

void ecn_mark(TcpState& state, TransmitEffect& run, uint64_t seq) {
    if (!agreed(state) || run.flags & (kSyn | kRst)) return;
    if (state.ecn_echo && run.flags & kAck) run.flags |= kEce;
    // Section 6.1.5: not what is sent again; 6.1.4, 6.1.6: neither pure ACKs nor probes.
    if (run.bytes == 0 || seq != state.snd_nxt) return;
    run.ecn = kEct0;
    if (state.ecn_cwr) run.flags |= kCwr;
    state.ecn_cwr = 0;
}

void ecn_received(StepContext& step, const Segment& segment) {
    TcpState& state = step.state;
    if (!agreed(state) || segment.payload == segment.payload_end) return;
    if (segment.has(kCwr)) state.ecn_echo = 0;
    if (segment.event.ecn != kCe) return;
    state.ecn_echo = 1;
    step.ack_now = true;
}

void ecn_acknowledged(TcpState& state, const Segment& segment) {
    if (!agreed(state) || !state.established || !segment.has(kEce)) return;
    // At most once for each window of data.
    if (segment.ack <= state.ecn_recover) return;
    state.ecn_recover = state.snd_nxt;
    state.ecn_cwr = 1;
    state.undo_possible = 0;  // whatever was lost, the network is congested (RFC 4015 section 3)
    if (state.recovery != TcpRecovery::kOpen) return;  // reduced already, for a loss
    ++state.ecn_reductions;
    congestion_marked(state);
}

}  // namespace scout::tcp
