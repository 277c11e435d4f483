// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/step_watch.hh"

#include "scout/tcp/state.hh"

using dominoes::Request;
using scout::Effects;
using scout::TcpState;

namespace {

struct {
    sim::Scheduler* scheduler = nullptr;
    sim::Report* report = nullptr;
} watch;

const char* name_of(scout::EventKind kind) {
    using scout::EventKind;
    switch (kind) {
        case EventKind::kSegment:
            return "segment";
        case EventKind::kConnect:
            return "connect";
        case EventKind::kSend:
            return "send";
        case EventKind::kRead:
            return "read";
        case EventKind::kShutdown:
            return "shutdown";
        case EventKind::kAbort:
            return "abort";
        case EventKind::kTimeout:
            return "timeout";
        case EventKind::kOption:
            return "option";
        case EventKind::kIcmp:
            return "icmp";
        case EventKind::kDebug:
            return "debug";
        case EventKind::kCloseReads:
            return "close-reads";
        case EventKind::kRing:
            return "ring";
        case EventKind::kRefused:
            return "refused";
        case EventKind::kLink:
            return "link";
    }
    return "?";
}

void note(const TcpState& state, const Request& request, const Effects& effects) {
    const unsigned timer = scout::kind_of(request) == scout::EventKind::kTimeout
                               ? static_cast<unsigned>(request.as<scout::TimeoutEvent>().timer)
                               : 0;
    watch.report->note(watch.scheduler->now_ns(),
                       "%-14s iss %u request %llu %s %u: phase %u una +%llu nxt +%llu wnd %llu "
                       "cwnd %llu rcv +%llu effects %u",
                       watch.scheduler->self()->name, static_cast<uint32_t>(state.iss),
                       static_cast<unsigned long long>(request.position()),
                       name_of(scout::kind_of(request)), timer, static_cast<unsigned>(state.phase),
                       static_cast<unsigned long long>(state.snd_una - state.iss),
                       static_cast<unsigned long long>(state.snd_nxt - state.iss),
                       static_cast<unsigned long long>(state.snd_wnd),
                       static_cast<unsigned long long>(state.cwnd),
                       static_cast<unsigned long long>(state.irs ? state.rcv_nxt - state.irs : 0),
                       effects.count());
    for (const scout::Effect& effect : effects) {
        if (effect.kind != scout::EffectKind::kDeliver) continue;
        watch.report->note(
            watch.scheduler->now_ns(), "%-14s   delivery %llu of [%llu, +%u), readable to %llu",
            watch.scheduler->self()->name, static_cast<unsigned long long>(effect.deliver.serial),
            static_cast<unsigned long long>(effect.deliver.stream_offset), effect.deliver.bytes,
            static_cast<unsigned long long>(effect.deliver.readable));
    }
}

}  // namespace

// tcp_step(), by the name that the compiler gives it.
extern "C" {
void __real__ZN5scout8tcp_stepERNS_8TcpStateERKN8dominoes7RequestERNS_7EffectsE(TcpState&,
                                                                                const Request&,
                                                                                Effects&);
void __wrap__ZN5scout8tcp_stepERNS_8TcpStateERKN8dominoes7RequestERNS_7EffectsE(
    TcpState& state, const Request& request, Effects& effects) {
    __real__ZN5scout8tcp_stepERNS_8TcpStateERKN8dominoes7RequestERNS_7EffectsE(state, request,
                                                                               effects);
    if (!watch.report) return;
    if (watch.report->wants_timeline()) note(state, request, effects);
    if (const char* broken = scout::tcp_check_invariants(state))
        watch.report->fail(std::string("a state breaks an invariant: ") + broken);
}
}

namespace sim {

StepWatch::StepWatch(Scheduler& scheduler, Report& report) { watch = {&scheduler, &report}; }
StepWatch::~StepWatch() { watch = {}; }

}  // namespace sim
