// SPDX-License-Identifier: GPL-2.0
//
// What the routers of an attached device share: the device, its addresses, its counters, and the
// way to the control domain, where all that is serial happens in a thread (ARP, ICMP, listening,
// resets); and the contexts of replicas.
#pragma once

#include "scout/net/router.hh"
#include "scout/net/shared.hh"

namespace dominoes {
class Context;
}

namespace scout {

class Interface : dominoes::Pinned {
public:
    Shared& shared;
    dominoes_link* link = nullptr;
    uint64_t id = 0;          // the machine's name for the device
    uint8_t secret[16] = {};  // what nobody else can guess: initial sequence numbers, cookies
    IpAddress address;
    Prefix prefix;      // the network `address` is in
    IpAddress gateway;  // any: none
    // The link is still being asked whether somebody else has `address` (scout/link/arp_probe.hh):
    // nothing is sent from it, and nothing taken for it.
    dominoes::Atomic<uint32_t> tentative;
    Counters counters;

    // Whether `destination` can be reached, and through which neighbour. Not our own address: what
    // is sent to it leaves by the device, where nobody has it.
    bool route(IpAddress destination, IpAddress& next_hop) const {
        if (destination == address) return false;
        if (prefix.contains(destination)) {
            next_hop = destination;
            return !prefix.is_broadcast(destination);
        }
        next_hop = gateway;
        return !gateway.is_any();
    }

    // How well the route to `destination` fits, to be compared between interfaces: 0 none, 1
    // through the gateway, more the longer the prefix that contains it (RFC 1122 section 3.3.1.1).
    uint32_t nearness(IpAddress destination) const {
        if (destination == address) return 0;
        if (prefix.contains(destination)) return 1 + prefix.bits;
        return gateway.is_any() ? 0 : 1;
    }

    // Hands the frame's packet to the control domain, which will call `handle(router, frame)` in
    // its thread with the frame as it is now, and free the packet afterwards. kDrop: its channel is
    // full (counted). Context: any.
    using Handler = void (*)(Router& router, Frame& frame);
    virtual Verdict defer(Router& router, Handler handle, Frame& frame) = 0;

    // How many replicas something has if its program does not choose.
    virtual uint32_t replicas() const = 0;
    // The n-th of the device's contexts, round robin.
    virtual dominoes::Context& context(uint64_t n) = 0;
    // A group of replicas (a connection's, a port's) begins, and has ended. Between the two the
    // device does not go away. Context: any.
    virtual void replicas_begin() = 0;
    virtual void replicas_ended() = 0;

    Verdict drop(Counter cause) {
        counters.add(cause);
        return Verdict::kDrop;
    }

protected:
    explicit Interface(Shared& all) : shared(all) {}
    ~Interface() = default;
};

}  // namespace scout
