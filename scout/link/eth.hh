// SPDX-License-Identifier: GPL-2.0
//
// Ethernet II (IEEE 802.3 clause 3; RFC 894). Frames with a VLAN tag are the host's.
#pragma once

#include "scout/link/driver.hh"

namespace scout {

class ArpRouter;
class Neighbour;

inline constexpr uint32_t kEthHeaderBytes = 14;

enum EtherType : uint16_t {
    kEtherIp = 0x0800,
    kEtherArp = 0x0806,
    kEtherVlan = 0x8100,
    kEtherProviderVlan = 0x88a8,
};

struct EthHeader {
    MacAddress destination;
    MacAddress source;
    uint16_t type;  // below 1536: an IEEE 802.3 length
};

enum class EthResult { kOk, kShort };
EthResult parse_eth(const uint8_t* bytes, uint32_t length, EthHeader& out);
void write_eth(uint8_t* bytes, const EthHeader& header);

class EthRouter final : public Router {
public:
    explicit EthRouter(Interface& interface) : interface_(interface) {}

    // The routers above; before the first frame.
    void connect(Router& ip, Router& arp) {
        ip_ = &ip;
        arp_ = &arp;
    }

    // Frames to this device or to everyone go up by their type; all else passes.
    Verdict demux(Frame& frame) override;

private:
    bool for_us(const EthHeader& header) const;

    Interface& interface_;
    Router* ip_ = nullptr;
    Router* arp_ = nullptr;
};

// Sends to one neighbour.
class EthStage final : public Stage {
public:
    // The caller holds a reference to `neighbour` as long as the stage lives.
    EthStage(DriverStage& below, Interface& interface, ArpRouter& arp, Neighbour& neighbour)
        : Stage(&below), driver_(below), interface_(interface), arp_(arp), neighbour_(neighbour) {}

    // True also when the packet waits for the neighbour's address: then driver.held() was called.
    bool push(Msg& msg) override;

private:
    bool hold(Msg& msg);

    DriverStage& driver_;
    Interface& interface_;
    ArpRouter& arp_;
    Neighbour& neighbour_;
};

}  // namespace scout
