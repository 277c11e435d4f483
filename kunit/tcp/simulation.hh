// SPDX-License-Identifier: GPL-2.0
//
// Two TCP endpoints and a bad network between them, in virtual time. Everything is drawn from one
// seed, so a failure repeats. Each endpoint is two replicas that step separately and must stay the
// same, byte for byte; each byte delivered is checked where it is placed, and again when it is
// read.
#pragma once

#include "scout/tcp/header.hh"
#include "scout/tcp/info.hh"
#include "scout/tcp/state.hh"

namespace scout::sim {

// xorshift64*; not for secrets.
class Chance {
public:
    explicit Chance(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 | 1) {}
    uint64_t next() {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return state_ * 0x2545f4914f6cdd1d;
    }
    uint64_t below(uint64_t n) { return n ? (next() >> 16) % n : 0; }
    uint64_t between(uint64_t low, uint64_t high) { return low + below(high - low + 1); }
    bool permille(uint32_t chance) { return below(1000) < chance; }

private:
    uint64_t state_;
};

struct Network {
    uint64_t delay_ns = 5'000'000;
    uint64_t jitter_ns = 0;      // added at random: reorders
    uint32_t loss_permille = 0;  // of wire segments
    uint32_t loss_reach = 0;     // only so near to where sequence numbers wrap; 0: everywhere
    uint32_t duplicate_permille = 0;
    uint64_t bytes_per_second = 0;  // 0: no limit
    uint64_t queue_bytes = 0;       // beyond it, tail drop
    uint32_t mark_permille = 0;     // of what may be marked (ECN)
    uint32_t black_hole = 0;        // segments with more payload vanish; 0: none do
    uint8_t strip_options = 0;      // TcpOptionBits that a middlebox removes from SYNs
    bool merge = true;  // pieces arrive whole, as after GRO, if no segment of them is lost
};

struct Application {
    uint64_t sends = 0;          // bytes in all
    uint64_t write_max = 16384;  // one write, at random up to this
    uint64_t read_max = 65536;
    uint64_t pause_ns = 0;       // between its actions, at random up to this
    uint64_t reads_late_ns = 0;  // does not read before
    bool close_at_once =
        false;  // shuts down as soon as all is written; else also waits for the peer's end
    bool toggles = false;  // no_delay and cork, at random
};

struct Scenario {
    uint64_t seed = 1;
    Network network[2];  // from endpoint 0 to 1, and back
    Application application[2];
    uint32_t receive_bytes[2] = {65536, 65536};
    uint32_t send_bytes[2] = {65536, 65536};
    uint32_t receive_max[2] = {};  // how far they grow; 0: not at all
    uint32_t send_max[2] = {};
    uint16_t mss[2] = {1460, 1460};
    uint32_t max_piece = 65000;
    // Payload is lengths and offsets, without bytes to be placed: for much of it.
    bool weightless = false;
    // After so many bytes an endpoint's sequence numbers wrap for the first time; 0: as drawn.
    uint32_t wraps_after[2] = {};
    bool ecn[2] = {};                // asks for it
    bool active[2] = {true, false};  // both: simultaneous open
    uint64_t limit_ns = 3'000'000'000'000;
};

struct Outcome {
    const char* failure = nullptr;  // nullptr: everything came, and both ends are closed
    uint64_t finished_ns = 0;       // when the last byte was read
    uint64_t steps = 0;
    uint32_t timeouts[2] = {};
    uint32_t fast_recoveries[2] = {};
    uint64_t bytes_retransmitted[2] = {};
    uint64_t bytes_sent[2] = {};
    uint64_t bytes_received[2] = {};
    uint64_t bytes_acked[2] = {};
    uint32_t receive_bytes[2] = {};  // what the buffers have become
    uint32_t send_bytes[2] = {};
};

class Simulation;

// nullptr when memory is short. A simulation is run once.
Simulation* create_simulation(const Scenario& scenario);
Outcome run_simulation(Simulation* simulation);
void destroy_simulation(Simulation* simulation);

// All three.
inline Outcome simulate(const Scenario& scenario) {
    Simulation* simulation = create_simulation(scenario);
    if (!simulation) return {.failure = "no memory"};
    const Outcome outcome = run_simulation(simulation);
    destroy_simulation(simulation);
    return outcome;
}

}  // namespace scout::sim
