// SPDX-License-Identifier: GPL-2.0
//
// The path of a single datagram: the stages ip, eth and driver for one message, without a connection.
#pragma once

#include "scout/arp.hh"
#include "scout/ip.hh"

namespace scout {

// The stages below a transport, one below the other. The caller holds `neighbour`.
class DatagramPath : dominoes::Pinned {
public:
    DatagramPath(Interface& interface, ArpRouter& arp, Neighbour& neighbour, IpAddress destination,
                 uint8_t protocol)
        : driver_(interface),
          eth_(driver_, interface, arp, neighbour),
          ip_(eth_, interface.address, destination, protocol, protocol == kTcp) {}

    Stage& top() { return ip_; }

private:
    DriverStage driver_;
    EthStage eth_;
    IpStage ip_;
};

// Sends `msg`, which begins with the transport's header, to `destination` from the interface's address.
// 0, -ENETUNREACH (no route), or -ENOBUFS (no memory, or the device refused it: counted).
// Context: process.
int send_datagram(Interface& interface, ArpRouter& arp, IpAddress destination, uint8_t protocol, Msg& msg);

}  // namespace scout
