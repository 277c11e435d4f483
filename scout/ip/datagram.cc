// SPDX-License-Identifier: GPL-2.0
#include "scout/ip/datagram.hh"

#include "scout/net/errors.hh"

namespace scout {

bool DatagramStage::push(Msg& msg) {
    IpAddress next_hop;
    error_ = -int{kEnetunreach};
    if (!interface_.route(destination_, next_hop)) return false;
    error_ = -int{kEnomem};
    Neighbour* neighbour = arp_.acquire(next_hop);
    if (!neighbour) return false;
    DatagramPath path(interface_, arp_, *neighbour, destination_, protocol_, service_);
    if (path.top().push(msg)) error_ = 0;
    arp_.release(neighbour);
    return error_ == 0;
}

int send_datagram(Interface& interface, ArpRouter& arp, IpAddress destination, uint8_t protocol,
                  Msg& msg, IpService service) {
    DatagramStage stage(interface, arp, destination, protocol, service);
    stage.push(msg);
    return stage.error();
}

}  // namespace scout
