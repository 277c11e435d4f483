// SPDX-License-Identifier: GPL-2.0
//
// A whole nic on the simulator's port, for one input: a stack with one device, whose frames are
// looked at as a receiver would and kept in part, and endpoints to do things to. When it is over,
// everything must have been given back.
//
//     192.0.2.1 (ours) ── link ── 192.0.2.2 (peer), 192.0.2.254 (gateway)
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "scout/link/eth.hh"
#include "scout/stack.h"
#include "tools/fuzz/input.hh"
#include "tools/rig/port_memory.hh"
#include "tools/rig/rig.hh"

namespace fuzz {

// Runs `world`, the same way each time; what follows is for it.
void run_as_driver(std::function<void()> world);
// Lets every thread of the core run until none has anything to do.
void settle();
// Sets the clock forward by `ns`, stopping on the way wherever a thread wanted to be woken.
void pass(uint64_t ns);

using Bytes = std::vector<uint8_t>;

inline constexpr uint32_t kOurIp = 0xc0000201;
inline constexpr uint32_t kPeerIp = 0xc0000202;
inline constexpr scout::MacAddress kOurMac{{2, 0, 0, 0, 0, 1}};
inline constexpr scout::MacAddress kPeerMac{{2, 0, 0, 0, 0, 2}};

// What was last seen of a connection, by our port and the peer's.
struct Flow {
    uint32_t next = 0;  // sequence number after the last we sent
    uint32_t ack = 0;   // and what it acknowledged
};
using FlowKey = std::pair<uint16_t, uint16_t>;

// Checks what is sent, and remembers where each TCP flow is.
class FuzzLink final : public rig::Link {
public:
    bool transmit(dominoes_packet* packet) override;

    bool refuses = false;
    bool checked = true;  // else any source will do
    Bytes last;           // the latest frame sent
    std::map<FlowKey, Flow> flows;
    FlowKey latest{};

private:
    void check_ip(const uint8_t* ip, uint32_t bytes);
    void check_tcp(const uint8_t* tcp, uint32_t bytes);
};

class FuzzHost : rig::User {
public:
    explicit FuzzHost(uint32_t replicas);
    ~FuzzHost();

    FuzzLink link;
    scout_stack* stack = nullptr;
    scout_nic* nic = nullptr;
    std::vector<scout_endpoint*> endpoints;

    // A new one; nullptr if that failed.
    scout_endpoint* create(int protocol);
    void close(size_t index);
    void accept(scout_endpoint* listener);
    // What arrives; what is not taken is freed.
    void receive(std::span<const uint8_t> frame);
    // Writes, or reads and looks at nothing.
    int64_t write(scout_endpoint* endpoint, size_t bytes);
    int64_t read(scout_endpoint* endpoint, size_t bytes);

private:
    void wake() override {}
    void check_digests() const;

    const size_t blocks_before_;
};

dominoes_sockaddr address(uint32_t ip, uint16_t port);

// --- frames, from the payload out ---

Bytes framed(const Bytes& packet, uint16_t type = scout::kEtherIp);
// With right lengths and checksum; `options` (a multiple of 4 bytes) behind the fixed header.
Bytes ip_packet(uint8_t protocol, const Bytes& payload, const Bytes& options = {});
// With the right checksum over the pseudo header, at `checksum_at`.
void finish_transport(Bytes& segment, uint8_t protocol, size_t checksum_at);

}  // namespace fuzz
