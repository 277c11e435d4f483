// SPDX-License-Identifier: GPL-2.0
//
// run_seed(): all that is done with one seed: a run of its scenario, and for some of them further
// runs with other numbers of replicas, which must put the same packets on the wire, or a bulk
// transfer with and without duplicates (tools/sim/goodput.hh).
#pragma once

#include <optional>

#include "tools/sim/world.hh"

namespace sim {

struct SeedOptions {
    std::optional<uint32_t> replicas{};  // of both hosts, instead of what is drawn
    std::optional<bool> compare{};       // whether to do further runs; else for some of the seeds
    Break broken = Break::kNone;
    std::FILE* timeline = nullptr;  // of the first run
    PcapFile* pcap = nullptr;       // likewise
};

struct SeedResult {
    std::vector<std::string> failures;
    std::string scenario;  // in words
    uint64_t runs = 0;
    uint64_t connections = 0;
    uint64_t packets = 0;
    uint64_t switches = 0;
    uint64_t digest_checks = 0;
    uint64_t virtual_ns = 0;
};

SeedResult run_seed(uint64_t seed, const SeedOptions& options);

// The seed's bulk transfer alone: whether the network's duplicates have made it faster.
SeedResult compare_goodput(uint64_t seed);

}  // namespace sim
