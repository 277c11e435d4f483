// SPDX-License-Identifier: GPL-2.0
//
// World: what goes wrong, and when: as the scenario has it, and where checks are to be seen to
// notice.
#include <algorithm>

#include "scout/net/checksum.hh"
#include "scout/options.h"
#include "tools/rig/port_memory.hh"
#include "tools/sim/world.hh"

namespace sim {

// --- of the scenario ---

void World::add_action(uint64_t at_ns, std::function<void()> act) {
    const auto later = std::find_if(actions_.begin(), actions_.end(),
                                    [=](const Action& other) { return other.at_ns <= at_ns; });
    actions_.insert(later, {at_ns, std::move(act)});
}

void World::schedule_faults() {
    for (const ReplicaFault& fault : scenario_.faults) schedule_replica_fault(fault);
    for (uint64_t ns : scenario_.failing_allocations) {
        add_action(at(ns), [this] {
            rig::fail_allocations(random_.one_in(2) ? uint64_t{1} << random_.below(24)
                                                    : uint64_t{5} << random_.below(24));
        });
    }
    for (uint64_t ns : scenario_.no_builds) {
        for (uint32_t host : {0, 1}) {
            const uint64_t until = ns + random_.any_size(2 * kSecond);
            auto set = [this, host](bool fail) { network_.link(host).fail_builds = fail; };
            add_action(at(ns), [set] { set(true); });
            add_action(at(until), [set] { set(false); });
        }
    }
    for (uint64_t ns : scenario_.mtu_changes) {
        add_action(at(ns), [this] {
            for (uint32_t host : {0, 1}) {
                network_.link(host).mtu = static_cast<uint32_t>(random_.between(576, 9000));
                hosts_[host].mtu_changed();
            }
        });
    }
    if (scenario_.detach_ns) add_action(at(scenario_.detach_ns), [this] { detach(); });
    if (options_.broken == Break::kCorruptReplica) add_action(at(0), [this] { break_replica(); });
}

void World::schedule_replica_fault(const ReplicaFault& fault) {
    add_action(at(fault.at_ns), [this, &fault] {
        scout_endpoint* endpoint = applications_[2 * fault.connection]->endpoint();
        if (!endpoint) return;
        const bool stalls = fault.stall_ms != 0;
        scout_set_option(endpoint, stalls ? DOMINOES_OPT_DEBUG_STALL : DOMINOES_OPT_DEBUG_DELAY,
                         int64_t{fault.replica} << 32 | (stalls ? fault.stall_ms : fault.delay_us));
    });
}

void World::detach() {
    const bool both = random_.one_in(2);
    const uint64_t first = random_.below(2);
    digest_checks_ += hosts_[first].counter("digest_checks");
    hosts_[first].detach();
    if (!both) return;
    digest_checks_ += hosts_[1 - first].counter("digest_checks");
    hosts_[1 - first].detach();
}

// --- to show that checks notice ---

void World::break_wire(uint32_t host, dominoes_packet& packet) {
    SegmentView view;
    if (!view_segment(rig::bytes_of(packet), view) || view.has(scout::kSyn) || host != 0) return;
    const uint32_t field = view.tcp_offset + (options_.broken == Break::kAckAhead ? 8 : 4);
    if (options_.broken == Break::kBeyondWindow && view.payload.empty()) return;
    scout::store_be32(packet.data + field, scout::load_be32(packet.data + field) + 200'000'000);
}

// As soon as there is a connection with replicas.
void World::break_replica() {
    for (size_t i = 0; i < applications_.size(); ++i) {
        Application& application = *applications_[i];
        if (application.endpoint() && application.connected()) {
            scout_set_option(application.endpoint(), DOMINOES_OPT_DEBUG_CORRUPT, 1);
            return;
        }
    }
    add_action(scheduler_.now_ns() + kMillisecond, [this] { break_replica(); });
}

}  // namespace sim
