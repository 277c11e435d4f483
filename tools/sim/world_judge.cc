// SPDX-License-Identifier: GPL-2.0
//
// World: whether what came of a run is what should have.
#include <algorithm>
#include <cerrno>

#include "tools/rig/port_memory.hh"
#include "tools/sim/world.hh"

namespace sim {

void World::judge() {
    void* const leaked = options_.broken == Break::kLeak ? dominoes_alloc(64) : nullptr;
    for (uint32_t i = 0; i < scenario_.connections.size(); ++i) judge_connection(i);
    if (scripted_ && scenario_.detach_ns == 0) judge_honest_connection();
    check_memory();
    dominoes_free(leaked);
}

// Whether the scenario is reason enough that two applications were not connected.
bool World::may_have_failed(const Application& client, const Application& server) const {
    const auto loses = [](const PathConfig& path) { return path.loss + path.corrupt > 0; };
    const int error = client.error();
    // The server's host may have given up as well, because ARP was not answered there.
    if (!client.connect_failed())
        return arp_may_fail_ && !server.connected() && error == -ECONNRESET;
    switch (-error) {
        case ENOMEM:
            return !scenario_.failing_allocations.empty();
        case EHOSTUNREACH:
            return arp_may_fail_;
        case ETIMEDOUT:  // a SYN, and all that repeat it
            return arp_may_fail_ || std::any_of(scenario_.paths, scenario_.paths + 2, loses);
    }
    return false;
}

void World::judge_connection(uint32_t connection) {
    const Application* const ends[2] = {applications_[2 * connection].get(),
                                        applications_[2 * connection + 1].get()};
    const ConnectionPlan& plan = scenario_.connections[connection];
    for (const Application* end : ends) {
        if (end->error() == -EIO)
            report_.fail("a connection was reset for its replicas\n" + end->describe());
    }
    if (!scenario_.benign()) return;
    if (may_have_failed(*ends[0], *ends[1])) return;
    const bool orderly =
        plan.sides[0].ending == Ending::kOrderly && plan.sides[1].ending == Ending::kOrderly;
    if (!orderly) return;
    for (const Application* end : ends) {
        if (!end->error() && end->read_everything()) continue;
        report_.fail("an orderly connection did not end in order\n" + ends[0]->describe() +
                     ends[1]->describe());
        return;
    }
}

// The last one of a scripted peer.
void World::judge_honest_connection() {
    const auto last = static_cast<uint32_t>(scenario_.connections.size()) - 1;
    const Application& client = *applications_[2 * last];
    const Application& server = *applications_[2 * last + 1];
    const bool active = client.host() == 0;
    // A passive one is given up where ARP is not answered, as in may_have_failed().
    if (active ? may_have_failed(client, server) : arp_may_fail_ && !server.connected()) return;
    const Application& end = active ? client : server;
    if (!end.error() && end.read_everything() && scripted_->connection(last).complete()) return;
    report_.fail("after the attack an honest connection did not end in order\n" + end.describe());
}

// What becomes of datagrams between the applications and the wire is counted.
void World::check_datagrams(uint32_t host) {
    const auto count = [&](const char* name) { return hosts_[host].counter(name); };
    const auto equal = [&](const char* what, uint64_t one, uint64_t other) {
        if (one != other)
            report_.fail("udp: host " + std::to_string(host) + ": " + what + ": " +
                         std::to_string(one) + " and " + std::to_string(other));
    };
    const DatagramCheck& check = *datagram_check_;
    const bool memory = scenario_.failing_allocations.empty() && scenario_.no_builds.empty();
    const bool all_leaves = memory && !scenario_.refuses();
    // A replica of the port, or the thread that puts fragments together, may be late: then it
    // delivers to nobody, or even later than this.
    const bool late = scenario_.schedule.stall > 0 || !scenario_.faults.empty();
    if (!late) equal("delivered and read", count("udp_in"), check.read_at(host));
    equal("sent and written", count("udp_out"), check.written_at(host));
    const bool resolved = !arp_may_fail_ && !count("drop_arp_waiting");  // none waits for ARP still
    if (all_leaves && resolved)
        equal("sent and on the wire", count("udp_out"), check.complete_from(host));
    if (memory && !late && scenario_.paths[1 - host].corrupt == 0)
        equal("came and delivered or dropped",
              check.unfragmented_at(host) + count("ip_reassembled"),
              count("udp_in") + count("drop_udp_full") + count("drop_udp_no_port") +
                  count("drop_udp_checksum"));
}

void World::check_memory() {
    const auto left = static_cast<int64_t>(rig::live_allocations() - allocations_before_);
    const int64_t packets = rig::packets_held() - packets_before_;
    if (left) report_.fail(std::to_string(left) + " allocations are left");
    if (packets && network_.next_ns() == kNever)
        report_.fail(std::to_string(packets) + " packets are left");
    if (scheduler_.threads()) report_.fail("a thread is left");
}

}  // namespace sim
