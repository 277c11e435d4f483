// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/goodput.hh"

namespace sim {

Scenario draw_bulk(uint64_t seed) {
    Random random(seed, 11);
    const auto per_mille = [&](uint64_t low, uint64_t high) {
        return static_cast<double>(random.between(low, high)) * 1e-3;
    };
    Scenario scenario;
    scenario.seed = seed;
    scenario.same_losses = true;
    for (HostConfig& host : scenario.hosts) {
        host.digest_interval = 8;
        // Slow start ends here, if no loss has ended it before.
        host.receive_bytes = host.send_bytes = 256 * 1024;
    }
    const uint64_t delay_ns = random.between(5 * kMillisecond, 50 * kMillisecond);
    const double duplicate = random.one_in(2) ? per_mille(2, 60) : per_mille(60, 500);
    const double reorder = random.one_in(4) ? per_mille(2, 50) : 0;
    for (PathConfig& path : scenario.paths) {
        path.delay_ns = delay_ns;
        path.duplicate = duplicate;
        path.reorder = reorder;
    }
    scenario.paths[0].loss = per_mille(10, 30);
    ConnectionPlan bulk;
    for (SidePlan& side : bulk.sides) side.write_max = side.read_max = 1 << 20;
    bulk.sides[0].bytes = 20'000'000;
    scenario.connections.push_back(bulk);
    return scenario;
}

Scenario without_copies(const Scenario& bulk) {
    Scenario scenario = bulk;
    for (PathConfig& path : scenario.paths) path.duplicate = path.reorder = 0;
    return scenario;
}

}  // namespace sim
