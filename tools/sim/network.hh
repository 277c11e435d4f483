// SPDX-License-Identifier: GPL-2.0
//
// Network: the network between two hosts. It loses, duplicates, damages, delays and reorders
// packets as the scenario has it, in virtual time.
//
// What is transmitted while the hosts' threads run waits until they have come to rest, and is then
// taken in an order that does not depend on who ran when, so that a packet's fate does not either.
#pragma once

#include <functional>
#include <queue>

#include "tools/sim/datagram_check.hh"
#include "tools/sim/pcap.hh"
#include "tools/sim/report.hh"
#include "tools/sim/scenario.hh"
#include "tools/sim/wire_check.hh"

namespace sim {

// What was put on the wire, one word a packet and its time: equal for runs that behave equally.
using Trace = std::vector<uint64_t>;

class Network {
public:
    Network(const Scenario& scenario, Scheduler& scheduler, Report& report);
    ~Network();
    Network(const Network&) = delete;

    dominoes_link& link(uint32_t host) { return links_[host]; }
    WireCheck& check() { return check_; }
    // Takes packets that come to a host, and owns them.
    std::function<void(uint32_t host, dominoes_packet* packet)> on_arrival;
    // Called for each frame before anybody has seen it; may change it.
    std::function<void(uint32_t host, dominoes_packet& packet)> on_sent;
    PcapFile* pcap = nullptr;
    Trace* trace = nullptr;
    DatagramCheck* datagrams = nullptr;

    // From any fiber. Whether a host's device has accepted it.
    bool transmit(uint32_t host, dominoes_packet* packet);
    uint64_t refused() const { return refused_; }
    // The driver: decides about what has been transmitted.
    void collect();
    // When the next packet arrives; UINT64_MAX: none is under way.
    uint64_t next_ns() const { return flights_.empty() ? UINT64_MAX : flights_.top().at_ns; }
    void deliver_next();
    uint64_t delivered() const { return delivered_; }

private:
    class Link final : public dominoes_link {
    public:
        bool transmit(dominoes_packet* packet) override;
        Network* wire = nullptr;
        uint32_t host = 0;
    };
    struct Transmitted {
        uint64_t flow;  // its place among those of the same time
        uint32_t host;
        dominoes_packet* packet;
    };
    struct Flight {
        uint64_t at_ns;
        uint64_t order;
        uint32_t to;
        bool intact;
        dominoes_packet* packet;
        bool operator>(const Flight& other) const {
            return at_ns != other.at_ns ? at_ns > other.at_ns : order > other.order;
        }
    };

    void put(uint32_t host, dominoes_packet* packet);
    bool suffers(const dominoes_packet& packet) const;
    bool fits(uint32_t host, const dominoes_packet& packet) const;
    bool partitioned(uint32_t host) const;
    bool has_room(uint32_t host, uint64_t ahead) const;
    uint64_t wire_time(uint32_t host, uint64_t bytes) const;
    bool queue_for(uint32_t host, uint32_t bytes, uint64_t& leaves_ns);
    void fly(uint32_t host, dominoes_packet* packet, uint64_t leaves_ns);
    bool damage(uint32_t host, dominoes_packet& packet);
    void note(const char* what, uint32_t host, const dominoes_packet& packet);

    const Scenario& scenario_;
    Scheduler& scheduler_;
    Report& report_;
    Random random_;
    Random losses_[2];  // for same_losses
    WireCheck check_;
    Link links_[2];
    std::vector<Transmitted> transmitted_;
    std::priority_queue<Flight, std::vector<Flight>, std::greater<>> flights_;
    uint64_t free_ns_[2] = {};      // when what is queued has left
    uint64_t uncollected_[2] = {};  // bytes transmitted, and not decided about yet
    uint64_t order_ = 0;
    uint64_t delivered_ = 0;
    uint64_t refused_ = 0;
};

}  // namespace sim
