// SPDX-License-Identifier: GPL-2.0
#include "scout/link/driver.hh"

namespace scout {

dominoes_packet* build_packet(Interface& interface, Msg& msg) {
    dominoes_packet* packet = dominoes_packet_build(interface.link, &msg.tx());
    if (!packet) interface.counters.add(Counter::tx_no_memory);
    return packet;
}

bool transmit_packet(Interface& interface, dominoes_packet* packet) {
    const uint32_t bytes = dominoes_packet_bytes(packet);
    if (!dominoes_packet_transmit(interface.link, packet)) {
        interface.counters.add(Counter::tx_refused);
        return false;
    }
    interface.counters.add(Counter::tx_packets);
    interface.counters.add(Counter::tx_bytes, bytes);
    return true;
}

}  // namespace scout
