// SPDX-License-Identifier: GPL-2.0
//
// Two links, back to back, in memory: what one transmits arrives at the other, unless the hook
// decides otherwise. Packets wait in the receiving link until deliver() is called, so that one
// thread can run both ends without recursion, and time can be virtual.
#pragma once

#include <mutex>
#include <queue>

#include "tools/rig/rig.hh"

namespace rig {

class MemoryLink final : public Link {
public:
    // What becomes of a packet on the cable. A delay longer than that of a later packet reorders
    // them.
    struct Fate {
        bool lost = false;
        bool duplicated = false;
        uint64_t delay_ns = 0;
    };

    static constexpr uint64_t kNever = UINT64_MAX;

    MemoryLink() = default;
    ~MemoryLink() override;
    static void connect(MemoryLink& one, MemoryLink& other);

    // Called for each packet this link transmits; may change its bytes. Any thread.
    std::function<Fate(dominoes_packet& packet)> on_transmit;
    // Receives what arrives here, from deliver(). True: taken; else the packet is freed.
    std::function<bool(dominoes_packet* packet)> on_receive;
    // Something has been put into this link's queue; called by whoever transmits.
    std::function<void()> on_arrival;
    // The clock of delays.
    std::function<uint64_t()> now_ns = dominoes_now_ns;
    // Packets that may wait here; more are refused to the sender.
    size_t queue_limit = 4096;

    bool transmit(dominoes_packet* packet) override;

    // Hands what has arrived by now to on_receive, including what arrives meanwhile. Returns how
    // many. One thread at a time.
    size_t deliver();
    // When the next packet arrives here, or kNever.
    uint64_t next_arrival_ns() const;

private:
    struct Arrival {
        uint64_t at_ns;
        uint64_t order;
        dominoes_packet* packet;
        bool operator>(const Arrival& other) const {
            return at_ns != other.at_ns ? at_ns > other.at_ns : order > other.order;
        }
    };

    bool arrive(dominoes_packet* packet, uint64_t at_ns);
    dominoes_packet* take_due();

    MemoryLink* peer_ = nullptr;
    mutable std::mutex mutex_;
    uint64_t order_ = 0;
    std::priority_queue<Arrival, std::vector<Arrival>, std::greater<>> queue_;
};

}  // namespace rig
