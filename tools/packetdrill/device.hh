// SPDX-License-Identifier: GPL-2.0
//
// Device: the network device of the stack under test. What the stack sends is kept, without its
// Ethernet header, until packetdrill asks for it; whoever is looked for by ARP answers.
#pragma once

#include <deque>
#include <vector>

#include "tools/packetdrill/virtual_world.hh"
#include "tools/rig/rig.hh"

struct scout_nic;

namespace packetdrill {

struct SentPacket {
    uint64_t at_ns;
    std::vector<uint8_t> bytes;  // from the IP header on
};

class Device final : public dominoes_link {
public:
    explicit Device(VirtualWorld& world) : world_(world) {}
    ~Device() override;

    bool transmit(dominoes_packet* packet) override;
    // Only inside the world, as are all below but for sent().
    void arrive(scout_nic* nic, const void* ip_packet, size_t bytes);
    // Gives the stack the answers to what it has asked. False: there are none.
    bool answer(scout_nic* nic);
    std::deque<SentPacket>& sent() { return sent_; }

private:
    VirtualWorld& world_;
    std::deque<SentPacket> sent_;
    std::vector<dominoes_packet*> answers_;
};

}  // namespace packetdrill
