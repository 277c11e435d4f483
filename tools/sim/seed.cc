// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/seed.hh"

namespace sim {
namespace {

constexpr uint32_t kCompared[] = {1, 2, 4, 7};

void run_once(const Scenario& scenario, const WorldOptions& options, SeedResult& result) {
    auto owned = std::make_unique<Scenario>(scenario);
    auto world = std::make_unique<World>(*owned, options);
    const bool ended = world->run();
    for (const std::string& failure : world->failures()) result.failures.push_back(failure);
    ++result.runs;
    result.connections += scenario.connections.size();
    result.packets += world->packets();
    result.switches += world->switches();
    result.digest_checks += world->digest_checks();
    result.virtual_ns += world->virtual_ns();
    if (ended) return;
    // Fibers that have not come to their end still use it.
    static auto* const kept = new std::vector<std::pair<std::unique_ptr<Scenario>, World*>>;
    kept->emplace_back(std::move(owned), world.release());
}

void set_replicas(Scenario& scenario, uint32_t replicas) {
    for (HostConfig& host : scenario.hosts) host.replicas = replicas;
    for (ReplicaFault& fault : scenario.faults) fault.replica %= replicas;
}

void compare(const Scenario& scenario, Break broken, SeedResult& result) {
    Trace expected;
    for (uint32_t replicas : kCompared) {
        Scenario other = scenario;
        set_replicas(other, replicas);
        Trace trace;
        run_once(other, {.broken = broken, .trace = &trace}, result);
        if (broken == Break::kDifferentWire) trace.push_back(replicas);
        if (replicas == kCompared[0]) expected = trace;
        if (!result.failures.empty()) return;
        if (trace == expected) continue;
        size_t same = 0;
        while (same < trace.size() && same < expected.size() && trace[same] == expected[same])
            ++same;
        result.failures.push_back("with " + std::to_string(replicas) + " replicas packet " +
                                  std::to_string(same) + " on the wire is another than with 1");
        return;
    }
}

}  // namespace

SeedResult run_seed(uint64_t seed, const SeedOptions& options) {
    Scenario scenario = draw_scenario(seed);
    if (options.replicas) set_replicas(scenario, *options.replicas);
    SeedResult result;
    result.scenario = scenario.describe();
    const bool chosen = options.compare.value_or(seed % 8 == 0 && !options.replicas);
    if (chosen && scenario.comparable() && !options.timeline && !options.pcap) {
        compare(scenario, options.broken, result);
    } else {
        run_once(scenario,
                 {.broken = options.broken, .timeline = options.timeline, .pcap = options.pcap},
                 result);
    }
    return result;
}

}  // namespace sim
