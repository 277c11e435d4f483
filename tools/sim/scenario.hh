// SPDX-License-Identifier: GPL-2.0
//
// Scenario: all that is decided about a run before it begins, drawn from its seed: hosts, network,
// applications, schedule, and what goes wrong when.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/sim/scheduler.hh"

namespace sim {

inline constexpr uint64_t kMicrosecond = 1'000;
inline constexpr uint64_t kMillisecond = 1'000'000;
inline constexpr uint64_t kSecond = 1'000'000'000;

// One direction of the wire.
struct PathConfig {
    double loss = 0;
    double duplicate = 0;
    double corrupt = 0;  // one byte is changed
    double reorder = 0;  // held up by some more delay
    uint64_t delay_ns = kMillisecond;
    uint64_t jitter_ns = 0;
    uint64_t bits_per_s = 0;        // 0: as fast as you like
    uint32_t queue_packets = 1000;  // full-sized, before the wire when it is not
    bool refuses = false;           // the host is told when that is full
};

// Nothing comes through.
struct Partition {
    uint64_t from_ns;
    uint64_t to_ns;
    bool ways[2];  // from host 0, from host 1
};

struct HostConfig {
    uint32_t replicas = 1;
    uint32_t contexts = 1;
    uint32_t policy = 0;
    uint32_t digest_interval = 1;
    uint32_t receive_bytes = 16384;
    uint32_t send_bytes = 16384;
    uint32_t buffer_limit = 0;  // instead of these two, how far they may grow
    uint32_t mss = 65495;
    uint32_t mtu = 1500;
    bool no_delay = false;
};

// How an application lets go of its connection.
enum class Ending {
    kOrderly,  // writes all, says so, reads to the end, closes
    kUnread,   // writes all and closes, whatever comes
    kAnyTime,  // closes after so many bytes written and read
    kAbort,    // the same with a reset
};

struct SidePlan {
    uint64_t bytes = 0;
    uint64_t write_max = 1;  // at a time
    uint64_t read_max = 1;
    uint64_t think_max_ns = 0;
    uint64_t first_read_ns = 0;  // reads nothing for so long
    Ending ending = Ending::kOrderly;
    uint64_t end_after_bytes = 0;
};

struct ConnectionPlan {
    uint32_t client_host = 0;
    uint64_t begin_ns = 0;  // from the start of the run, like all times here
    SidePlan sides[2];      // client, server
};

// An endpoint of UDP. Their numbers are even on host 0, odd on host 1.
struct DatagramPlan {
    uint32_t host = 0;
    bool connected = false;
    uint32_t peer = 0;   // by number, if connected; else it sends to any of the other host's
    uint32_t sends = 0;  // datagrams
    uint64_t size_max = 0;
    uint64_t think_max_ns = 0;
    uint64_t read_pause_ns = 0;  // at most, before it reads one
    uint32_t receive_bytes = 16384;
    uint64_t close_ns = 0;   // when it closes its port
    uint64_t closed_ns = 0;  // for so long; 0: it does not
};

// A fault injected into a replica by the core's own debug options.
struct ReplicaFault {
    uint64_t at_ns;
    uint32_t connection;
    uint32_t replica;
    uint32_t stall_ms;  // once; 0: a random delay of delay_us from now on
    uint32_t delay_us;
};

struct Scenario {
    uint64_t seed = 0;
    ScheduleConfig schedule;
    HostConfig hosts[2];
    PathConfig paths[2];  // from host 0, from host 1
    bool gso = false;
    bool arp_suffers = false;  // ARP is lost as other packets are
    bool same_losses = false;  // the n-th packet of a host is lost or not, whatever else happens
    bool hostile = false;      // host 1 is a peer that breaks the rules
    bool scripted = false;     // and has no stack: only on the last connection it is honest
    std::vector<Partition> partitions;
    std::vector<ConnectionPlan> connections;
    std::vector<DatagramPlan> datagrams;
    std::vector<ReplicaFault> faults;
    std::vector<uint64_t> failing_allocations;  // when the next few are made to fail
    bool attach_fails = false;
    std::vector<uint64_t> no_builds;    // when no packet can be built for a while
    std::vector<uint64_t> mtu_changes;  // when the links' MTU changes
    uint64_t detach_ns = 0;             // when the devices are pulled; 0: they are not

    // Whether runs with other numbers of replicas must put the same packets on the wire.
    bool comparable() const;
    // Whether all that the hosts' stacks send leaves them before time passes.
    bool sends_at_once() const;
    // Whether connections between applications that end in order must succeed.
    bool benign() const { return !hostile && detach_ns == 0; }
    bool refuses() const { return paths[0].refuses || paths[1].refuses; }
    // On one line.
    std::string describe() const;
};

Scenario draw_scenario(uint64_t seed);

}  // namespace sim
