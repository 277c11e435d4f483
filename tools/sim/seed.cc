// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/seed.hh"

#include "tools/sim/goodput.hh"

namespace sim {
namespace {

constexpr uint32_t kCompared[] = {1, 2, 4, 7};
constexpr uint64_t kBulkEvery = 500;

// Returns when the applications had done what they wanted.
uint64_t run_once(const Scenario& scenario, const WorldOptions& options, SeedResult& result) {
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
    const uint64_t done_ns = world->done_ns();
    if (ended) return done_ns;
    // Fibers that have not come to their end still use it.
    static auto* const kept = new std::vector<std::pair<std::unique_ptr<Scenario>, World*>>;
    kept->emplace_back(std::move(owned), world.release());
    return done_ns;
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

void bulk(uint64_t seed, SeedResult& result) {
    const Scenario scenario = draw_bulk(seed);
    const auto with_ns = static_cast<double>(run_once(scenario, {}, result));
    const auto without_ns = static_cast<double>(run_once(without_copies(scenario), {}, result));
    if (with_ns * kGoodputMargin >= without_ns) return;
    result.failures.push_back("a bulk transfer took " + std::to_string(without_ns * 1e-9) +
                              " s, and with duplicates and reordering only " +
                              std::to_string(with_ns * 1e-9) + " s: " + scenario.describe());
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
    if (result.failures.empty() && seed % kBulkEvery == 0 && !options.replicas &&
        !options.timeline && !options.pcap)
        bulk(seed, result);
    return result;
}

SeedResult compare_goodput(uint64_t seed) {
    SeedResult result;
    result.scenario = draw_bulk(seed).describe();
    bulk(seed, result);
    return result;
}

}  // namespace sim
