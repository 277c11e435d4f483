// SPDX-License-Identifier: GPL-2.0
//
// Driver: the bottom of each path. It makes a packet of a message and gives it to the device.
#pragma once

#include "scout/net/interface.hh"

namespace scout {

// A packet made of `msg`, all headers being there. nullptr when memory is short (counted).
// Context: process or softirq.
[[nodiscard]] dominoes_packet* build_packet(Interface& interface, Msg& msg);

// Gives `packet` to the device and counts it; consumes it. False: refused (counted). Context: any.
bool transmit_packet(Interface& interface, dominoes_packet* packet);

class DriverStage : public Stage {
public:
    explicit DriverStage(Interface& interface) : Stage(nullptr), interface_(interface) {}
    ~DriverStage() = default;

    // False: there is no memory for the packet.
    bool push(Msg& msg) final {
        dominoes_packet* packet = build_packet(interface_, msg);
        if (packet) send(packet);
        return packet;
    }

    // The packet could not be sent yet: it was built, and waits at ARP for the neighbour's address,
    // which will send it. Called instead of send() by the Ethernet stage.
    virtual void held() {}

protected:
    // What becomes of a built packet; consumes it. Here: it is transmitted at once. A stage that
    // restores an order overrides it. A packet that the device refuses is lost, as it might be on
    // the wire, and counted.
    virtual void send(dominoes_packet* packet) { transmit_packet(interface_, packet); }

    Interface& interface_;
};

}  // namespace scout
