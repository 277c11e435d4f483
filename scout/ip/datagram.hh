// SPDX-License-Identifier: GPL-2.0
//
// The path of single datagrams: what is sent without a connection finds its route and its
// neighbour, and gets its stages ip, eth and driver, anew each time.
#pragma once

#include "scout/ip/ip.hh"
#include "scout/link/arp.hh"

namespace scout {

// The stages below a transport, one below the other. The caller holds `neighbour`.
class DatagramPath : dominoes::Pinned {
public:
    DatagramPath(Interface& interface, ArpRouter& arp, Neighbour& neighbour, IpAddress destination,
                 uint8_t protocol, IpService service)
        : driver_(interface),
          eth_(driver_, interface, arp, neighbour),
          ip_(eth_, interface.address, destination, protocol, protocol == kTcp, service,
              dominoes_link_mtu(interface.link)) {}

    Stage& top() { return ip_; }

private:
    DriverStage driver_;
    EthStage eth_;
    IpStage ip_;
};

// Stands below a transport's stage that sends to anyone: each message takes a path of its own.
// Context: process.
class DatagramStage final : public Stage {
public:
    DatagramStage(Interface& interface, ArpRouter& arp, IpAddress destination, uint8_t protocol,
                  IpService service = {})
        : Stage(nullptr),
          interface_(interface),
          arp_(arp),
          destination_(destination),
          protocol_(protocol),
          service_(service) {}

    bool push(Msg& msg) override;
    // Why push() failed: -ENETUNREACH (no route) or -ENOMEM; 0 if it did not. A packet that the
    // device refuses is counted, as are those that a network loses, and no error.
    int error() const { return error_; }

private:
    Interface& interface_;
    ArpRouter& arp_;
    const IpAddress destination_;
    const uint8_t protocol_;
    const IpService service_;
    int error_ = 0;
};

// Sends `msg`, which begins with the transport's header, from the interface's address. 0, or an
// error as above. Context: process.
int send_datagram(Interface& interface, ArpRouter& arp, IpAddress destination, uint8_t protocol,
                  Msg& msg, IpService service = {});

}  // namespace scout
