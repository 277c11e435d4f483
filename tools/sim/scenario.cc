// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/scenario.hh"

#include <algorithm>
#include <cstdio>

namespace sim {
namespace {

constexpr uint32_t kReplicaCounts[] = {1, 2, 4, 7};

HostConfig draw_host(Random& random) {
    HostConfig host;
    host.replicas = random.pick(kReplicaCounts);
    host.contexts = random.pick(kReplicaCounts);
    host.policy = static_cast<uint32_t>(random.below(4));
    host.digest_interval = random.one_in(4) ? 8 : 1;
    host.receive_bytes = 16384u << random.below(random.one_in(4) ? 4 : 1);
    host.send_bytes = 16384u << random.below(random.one_in(4) ? 4 : 1);
    if (random.one_in(3)) host.mss = static_cast<uint32_t>(random.between(88, 1460));
    if (random.one_in(6)) host.mtu = random.one_in(2) ? 9000 : 576;
    host.no_delay = random.one_in(3);
    return host;
}

PathConfig draw_path(Random& random, bool quiet) {
    PathConfig path;
    path.delay_ns = random.between(10 * kMicrosecond, 50 * kMillisecond);
    if (random.one_in(2)) path.delay_ns /= 100;
    if (quiet) return path;
    if (random.one_in(2)) path.loss = static_cast<double>(random.between(1, 150)) * 1e-3;
    if (random.one_in(3)) path.duplicate = static_cast<double>(random.between(1, 100)) * 1e-3;
    if (random.one_in(3)) path.corrupt = static_cast<double>(random.between(1, 100)) * 1e-3;
    if (random.one_in(3)) path.reorder = static_cast<double>(random.between(1, 200)) * 1e-3;
    if (random.one_in(3)) path.jitter_ns = random.any_size(20 * kMillisecond);
    if (random.one_in(3)) {
        path.bits_per_s = 1'000'000 << random.below(8);
        path.queue_packets = static_cast<uint32_t>(random.between(2, 50));
    }
    return path;
}

Ending draw_ending(Random& random) {
    if (!random.one_in(4)) return Ending::kOrderly;
    constexpr Ending kOthers[] = {Ending::kUnread, Ending::kAnyTime, Ending::kAbort};
    return random.pick(kOthers);
}

SidePlan draw_side(Random& random) {
    SidePlan side;
    const uint64_t most = random.one_in(250) ? 2'000'000 : random.one_in(12) ? 200'000 : 12'000;
    side.bytes = random.one_in(6) ? 0 : random.any_size(most);
    side.write_max = 1 + random.any_size(random.one_in(4) ? 300 : 20'000);
    side.read_max = 1 + random.any_size(random.one_in(4) ? 300 : 20'000);
    if (side.bytes > 12'000) {
        side.write_max += 2'000;
        side.read_max += 2'000;
    }
    if (random.one_in(2)) side.think_max_ns = random.any_size(30 * kMillisecond);
    if (random.one_in(8)) side.first_read_ns = random.any_size(5 * kSecond);
    side.ending = draw_ending(random);
    side.end_after_bytes = random.any_size(2 * side.bytes + 100);
    return side;
}

void draw_connections(Random& random, Scenario& scenario) {
    const uint64_t count = random.one_in(10) ? random.between(4, 8) : random.between(1, 2);
    const bool all_orderly = random.one_in(2);
    for (uint64_t i = 0; i < count; ++i) {
        ConnectionPlan plan;
        plan.client_host = scenario.hostile ? 0 : static_cast<uint32_t>(random.below(2));
        plan.begin_ns = random.one_in(2) ? 0 : random.any_size(2 * kSecond);
        for (SidePlan& side : plan.sides) {
            side = draw_side(random);
            if (all_orderly) side.ending = Ending::kOrderly;
        }
        if (plan.sides[0].bytes > 200'000)
            plan.sides[1].bytes = std::min(plan.sides[1].bytes, 20'000ul);
        scenario.connections.push_back(plan);
    }
}

void draw_network(Random& random, Scenario& scenario) {
    const bool quiet = random.one_in(4);
    for (PathConfig& path : scenario.paths) path = draw_path(random, quiet);
    scenario.arp_suffers = random.one_in(8);
    scenario.gso = random.one_in(8);
    if (scenario.gso) {  // whoever vouches for checksums does not corrupt
        for (PathConfig& path : scenario.paths) path.corrupt = 0;
    }
    const uint64_t partitions = random.one_in(8) ? random.between(1, 2) : 0;
    for (uint64_t i = 0; i < partitions; ++i) {
        const uint64_t from = random.any_size(3 * kSecond);
        const bool both = random.one_in(2);
        scenario.partitions.push_back({from, from + random.any_size(20 * kSecond), {true, both}});
    }
    if (random.one_in(16)) scenario.mtu_changes.push_back(random.any_size(2 * kSecond));
}

void draw_schedule(Random& random, Scenario& scenario) {
    ScheduleConfig& schedule = scenario.schedule;
    schedule.start_ns = kSecond + (random.one_in(2) ? random.any_size(1ull << 55) : 0);
    constexpr double kSwitching[] = {0, 0.02, 0.1, 0.5};
    schedule.switching = random.pick(kSwitching);
    schedule.in_sections = random.one_in(4);
    if (!random.one_in(5)) return;
    schedule.switching = std::max(schedule.switching, 0.1);
    schedule.stall = random.one_in(4) ? 0.0005 : 0.005;
    schedule.stall_max_ns = random.one_in(8) ? 3 * kSecond : 20 * kMillisecond;
}

void draw_replica_faults(Random& random, Scenario& scenario) {
    if (!random.one_in(10)) return;
    for (uint64_t i = random.between(1, 3); i > 0; --i) {
        ReplicaFault fault{};
        fault.at_ns = random.any_size(kSecond);
        fault.connection = static_cast<uint32_t>(random.below(scenario.connections.size()));
        fault.replica = static_cast<uint32_t>(random.below(scenario.hosts[0].replicas));
        if (random.one_in(2)) {
            fault.stall_ms = static_cast<uint32_t>(random.any_size(4000));
        } else {
            fault.delay_us = static_cast<uint32_t>(random.any_size(2000));
        }
        scenario.faults.push_back(fault);
    }
}

void draw_failures(Random& random, Scenario& scenario) {
    if (random.one_in(10)) {
        for (uint64_t i = random.between(1, 5); i > 0; --i)
            scenario.failing_allocations.push_back(random.one_in(2) ? 0
                                                                    : random.any_size(3 * kSecond));
        scenario.attach_fails = random.one_in(2);
    }
    if (random.one_in(20)) scenario.no_builds.push_back(random.any_size(2 * kSecond));
    if (random.one_in(20)) scenario.detach_ns = 1 + random.any_size(5 * kSecond);
}

// From chances of its own, so that most of a seed's world is as it would be without.
void draw_tuning(Random random, Scenario& scenario) {
    bool tuned = false;
    for (HostConfig& host : scenario.hosts) {
        if (!random.one_in(3)) continue;
        host.buffer_limit = 32768u << random.below(4);
        tuned = true;
    }
    if (!tuned || random.one_in(2)) return;
    // Enough that a ring is outgrown.
    SidePlan* const sides = scenario.connections[0].sides;
    const uint64_t from = random.below(2);
    sides[from].bytes = random.between(50'000, 200'000);
    sides[from].write_max = std::max<uint64_t>(sides[from].write_max, 8000);
    sides[1 - from].read_max = std::max<uint64_t>(sides[1 - from].read_max, 8000);
}

// From chances of its own, too. Half of the hostile peers follow a script; its last connection, an
// honest one, comes after all others.
void draw_script(Random random, Scenario& scenario) {
    if (!scenario.hostile || random.one_in(2)) return;
    scenario.scripted = true;
    ConnectionPlan honest;
    for (SidePlan& side : honest.sides) {
        side = draw_side(random);
        side.bytes = std::min(side.bytes, 12'000ul);
        side.ending = Ending::kOrderly;
    }
    scenario.connections.push_back(honest);
    for (ConnectionPlan& plan : scenario.connections)
        plan.client_host = static_cast<uint32_t>(random.below(2));
}

DatagramPlan draw_datagram_endpoint(Random& random, uint32_t number, uint32_t pairs) {
    DatagramPlan plan;
    plan.host = number % 2;
    plan.connected = random.one_in(2);
    plan.peer = 2 * static_cast<uint32_t>(random.below(pairs)) + 1 - plan.host;
    plan.sends = static_cast<uint32_t>(random.any_size(40));
    plan.size_max = random.one_in(20) ? 65'507 : random.one_in(3) ? 8000 : 1400;
    plan.think_max_ns = random.any_size(50 * kMillisecond);
    if (random.one_in(3)) plan.read_pause_ns = random.any_size(kSecond);
    plan.receive_bytes = random.one_in(2) ? 16'384 : 1 << 20;
    if (random.one_in(3)) {
        plan.close_ns = random.any_size(500 * kMillisecond);
        plan.closed_ns = 1 + random.any_size(300 * kMillisecond);
    }
    if (random.one_in(4)) {  // so much that whoever reads slowly has no room for it
        plan.sends = static_cast<uint32_t>(random.between(20, 60));
        plan.size_max = 8000;
        plan.think_max_ns = random.any_size(5 * kMillisecond);
    }
    return plan;
}

// From chances of its own, once more. A script knows TCP only.
void draw_datagrams(Random random, Scenario& scenario) {
    if (scenario.scripted || !random.one_in(4)) return;
    const auto pairs = static_cast<uint32_t>(random.between(1, 2));
    for (uint32_t i = 0; i < 2 * pairs; ++i)
        scenario.datagrams.push_back(draw_datagram_endpoint(random, i, pairs));
}

// From chances of its own, like these. Where it matters how late, within an instant, a queue says
// so.
void draw_refusals(Random random, Scenario& scenario) {
    for (PathConfig& path : scenario.paths) path.refuses = path.bits_per_s != 0 && random.one_in(2);
}

}  // namespace

Scenario draw_scenario(uint64_t seed) {
    Random random(seed, 3);
    Scenario scenario;
    scenario.seed = seed;
    scenario.hostile = random.one_in(8);
    for (HostConfig& host : scenario.hosts) host = draw_host(random);
    draw_network(random, scenario);
    draw_connections(random, scenario);
    draw_schedule(random, scenario);
    draw_replica_faults(random, scenario);
    draw_failures(random, scenario);
    draw_tuning(Random(seed, 7), scenario);
    draw_script(Random(seed, 8), scenario);
    draw_datagrams(Random(seed, 9), scenario);
    draw_refusals(Random(seed, 10), scenario);
    return scenario;
}

bool Scenario::comparable() const {
    // A reader that was woken earlier or later within an instant comes earlier or later with a
    // larger ring.
    const bool tuned = hosts[0].buffer_limit || hosts[1].buffer_limit;
    return schedule.stall == 0 && !schedule.in_sections && !gso && !tuned && !refuses() &&
           faults.empty() && failing_allocations.empty() && no_builds.empty() && detach_ns == 0;
}

bool Scenario::sends_at_once() const {
    // Who finds a request claimed and not yet published looks again a little later.
    return schedule.stall == 0 && !schedule.in_sections && !refuses() && faults.empty() &&
           failing_allocations.empty() && no_builds.empty();
}

std::string Scenario::describe() const {
    char line[512];
    std::snprintf(line, sizeof line,
                  "replicas %u/%u contexts %u/%u policy %u/%u connections %zu loss "
                  "%.3f/%.3f%s%s%s%s%s%s%s%s%s%s",
                  hosts[0].replicas, hosts[1].replicas, hosts[0].contexts, hosts[1].contexts,
                  hosts[0].policy, hosts[1].policy, connections.size(), paths[0].loss,
                  paths[1].loss,
                  scripted  ? " scripted"
                  : hostile ? " hostile"
                            : "",
                  datagrams.empty() ? "" : " udp", gso ? " gso" : "", refuses() ? " refuses" : "",
                  partitions.empty() ? "" : " partition", schedule.stall > 0 ? " stalls" : "",
                  faults.empty() ? "" : " faults", failing_allocations.empty() ? "" : " no-memory",
                  no_builds.empty() ? "" : " no-builds", detach_ns ? " detach" : "");
    return line;
}

}  // namespace sim
