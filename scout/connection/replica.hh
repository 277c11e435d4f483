// SPDX-License-Identifier: GPL-2.0
//
// Replica: one CPU's copy of a connection. A domain with its own TcpState, its own path of stages,
// and its own place in the connection's channel. It steps its state with every request, and
// performs the effects it owns.
#pragma once

#include "dominoes/context.hh"
#include "dominoes/snapshot.hh"
#include "scout/connection/path.hh"
#include "scout/tcp/state.hh"

namespace scout {

class Connection;

class Replica : dominoes::Pinned {
public:
    // What this replica has done. Written by it, read by whoever asks.
    struct Stats {
        uint64_t owned;
        uint64_t delivered_bytes;
        uint64_t sent_segments;
    };

    // nullptr when memory is short. Context: process.
    [[nodiscard]] static Replica* create(Connection& connection, uint32_t id,
                                         dominoes::Context& context);

    Replica(Connection& connection, uint32_t id, dominoes::Context& context);

    // Begins as the connection's only replica. Takes what has been published already, too. Context:
    // process.
    bool start(const TcpConfig& config);
    // Joins with a copy of the leader's state after the request at `position - 1`. Context: the
    // leader's.
    bool join(const TcpState& state, uint64_t position);

    uint32_t id() const { return domain_.id(); }
    dominoes::Context& context() const { return domain_.context(); }
    uint32_t cpu() const { return static_cast<uint32_t>(context().cpu()); }
    uint64_t processed() const { return domain_.processed(); }
    uint64_t lag() const;
    Stats stats() const { return stats_shown_.read(); }

    // Faults for tests. Context: any.
    void set_delay_ns(uint64_t most) { delay_ns_.store_relaxed(most); }
    void set_stall_ns(uint64_t once) { stall_ns_.store_relaxed(once); }

private:
    bool begin(uint64_t position);
    bool process(dominoes::Request& request);
    void perform(const Effect& effect, dominoes::Request& request);
    bool mine(dominoes::Request& request, dominoes::Work work, uint64_t serial);
    void deliver(const DeliverEffect& effect, dominoes::Request& request);
    void transmit(const TransmitEffect& effect, dominoes::Request& request);
    void check_consistency(uint64_t position);
    void inject_faults(const dominoes::Request& request);
    void batch_done();
    void retired();
    bool is_leader() const { return id() == 0; }
    bool is_lazy() const;

    Connection& connection_;
    dominoes::Domain domain_;
    dominoes::Subscription subscription_;
    TcpPath path_;
    TcpState state_;
    Effects effects_;
    bool in_batch_ = false;
    Stats stats_{};
    dominoes::Snapshot<Stats> stats_shown_;
    dominoes::Atomic<uint64_t> delay_ns_;
    dominoes::Atomic<uint64_t> stall_ns_;
};

}  // namespace scout
