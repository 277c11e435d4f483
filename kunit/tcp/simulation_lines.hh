// SPDX-License-Identifier: GPL-2.0
//
// The lines between the two endpoints of a simulation (kunit/tcp/simulation.hh), one each way: what
// becomes of a segment on its way, and when it arrives.
#pragma once

#include "kunit/tcp/simulation.hh"
#include "kunit/tcp/simulation_parts.hh"

namespace scout::sim {

class Lines : dominoes::Pinned {
public:
    Lines(const Scenario& scenario, Chance& chance, Agenda& agenda)
        : scenario_(scenario), chance_(chance), agenda_(agenda) {}

    // Endpoint `i` sends a run of segments.
    void transmit(uint32_t i, const TransmitEffect& run, uint64_t now_ns);
    // It answers with one that has no data, outside any connection.
    void answer(uint32_t i, const TransmitEffect& segment, uint64_t now_ns);
    // nullptr, or what was wrong with what was sent.
    const char* failure() const { return failure_; }

private:
    void transmit_large(uint32_t i, const TransmitEffect& run, uint32_t index,
                        const TcpPiece& piece);
    bool loses(const Network& network, uint32_t seq);
    void put_on_wire(uint32_t i, const TransmitEffect& run, uint32_t index, const TcpPiece& piece,
                     uint32_t begin, uint32_t end, bool may_be_lost = true);
    SegmentEvent parse(uint32_t i, const TransmitEffect& run, uint32_t index, uint32_t bytes);
    uint64_t occupy(uint32_t i, uint64_t bytes);
    void expect(bool holds, const char* otherwise) {
        if (!holds && !failure_) failure_ = otherwise;
    }

    const Scenario& scenario_;
    Chance& chance_;
    Agenda& agenda_;
    const char* failure_ = nullptr;
    uint64_t now_ns_ = 0;
    uint64_t free_ns_[2] = {};  // when each is idle again
};

}  // namespace scout::sim
