// SPDX-License-Identifier: GPL-2.0
//
// For the tests of ARP: messages of the peer's, packets that wait for an address, and neighbours.
#pragma once

#include "kunit/packets.hh"
#include "scout/link/arp.hh"

namespace kunit::neighbours {

using namespace scout;

inline Bytes request(IpAddress target, IpAddress sender = kPeerIp, MacAddress mac = kPeerMac) {
    return arp_frame({kArpRequest, mac, sender, {}, target});
}

inline Bytes reply(IpAddress target, IpAddress sender = kPeerIp, MacAddress mac = kPeerMac) {
    return arp_frame({kArpReply, mac, sender, kOurMac, target}, kOurMac);
}

inline dominoes_packet* waiting(const char* characters) {
    return rig::make_packet(eth(kOurMac, {}, kEtherIp, text(characters)));
}

// A neighbour that is released at the end.
struct Held {
    Held(Bed& bed, IpAddress ip) : bed_(bed), neighbour(bed.arp->acquire(ip)) {}
    ~Held() { bed_.arp->release(neighbour); }
    Neighbour* operator->() const { return neighbour; }
    Bed& bed_;
    Neighbour* const neighbour;
};

}  // namespace kunit::neighbours
