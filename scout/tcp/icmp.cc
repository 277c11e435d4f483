// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/icmp.hh"

#include "scout/tcp/path_mtu.hh"

namespace scout::tcp {
namespace {

enum IcmpType : uint8_t { kUnreachable = 3, kTimeExceeded = 11, kParameterProblem = 12 };

// The errno of each code of "destination unreachable" (RFC 792, RFC 1122 section 3.2.2.1), as Linux
// has it. 4, fragmentation needed, is path MTU discovery's (scout/tcp/path_mtu.hh).
uint32_t unreachable_error(uint8_t code) {
    switch (code) {
        case 0:
        case 6:
        case 9:
        case 11:
            return kEnetunreach;
        case 2:
            return kEnoprotoopt;
        case 3:
            return kEconnrefused;
        case 4:
            return kNoError;
        default:
            return code <= 15 ? kEhostunreach : kNoError;
    }
}

uint32_t error_of(const IcmpEvent& event) {
    switch (event.type) {
        case kUnreachable:
            return unreachable_error(event.code);
        case kTimeExceeded:
            return kEhostunreach;
        case kParameterProblem:
            return kEproto;
        default:
            return kNoError;  // source quench, too (RFC 6633)
    }
}

// Protocol or port unreachable (RFC 1122 section 4.2.3.9), or a firewall does not let it through
// (RFC 1812 section 5.2.7.1).
bool is_hard(const IcmpEvent& event) {
    if (event.type != kUnreachable) return false;
    switch (event.code) {
        case 2:
        case 3:
        case 9:
        case 10:
        case 13:
            return true;
        default:
            return false;
    }
}

bool is_too_big(const IcmpEvent& event) { return event.type == kUnreachable && event.code == 4; }

}  // namespace

void icmp_error(StepContext& step, const IcmpEvent& event) {
    TcpState& state = step.state;
    // RFC 5927 section 4.1: it must be about something in flight.
    const uint64_t seq = extend_seq(event.seq, state.snd_una);
    if (seq < state.snd_una || seq >= state.snd_nxt) return;
    if (is_too_big(event)) return path_mtu_told(state, event.mtu);
    const uint32_t error = error_of(event);
    if (error == kNoError) return;
    // RFC 5927 section 5.2: a hard error ends a connection only before it exists.
    if (is_hard(event) && state.phase == TcpPhase::kSynSent)
        return end_connection(step, error, true);
    // RFC 5461: a soft one is what there is to say should the connection time out.
    state.soft_error = error;
}

}  // namespace scout::tcp
