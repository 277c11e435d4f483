// SPDX-License-Identifier: GPL-2.0
#include "scout/link/eth.hh"

#include "scout/link/arp.hh"

namespace scout {

EthResult parse_eth(const uint8_t* bytes, uint32_t length, EthHeader& out) {
    if (length < kEthHeaderBytes) return EthResult::kShort;
    __builtin_memcpy(out.destination.bytes, bytes, 6);
    __builtin_memcpy(out.source.bytes, bytes + 6, 6);
    out.type = load_be16(bytes + 12);
    return EthResult::kOk;
}

void write_eth(uint8_t* bytes, const EthHeader& header) {
    __builtin_memcpy(bytes, header.destination.bytes, 6);
    __builtin_memcpy(bytes + 6, header.source.bytes, 6);
    store_be16(bytes + 12, header.type);
}

bool EthRouter::for_us(const EthHeader& header) const {
    if (header.source.is_multicast()) return false;  // nobody's address
    if (header.destination.is_multicast()) return header.destination == kBroadcastMac;
    MacAddress own;
    dominoes_link_mac(interface_.link, own.bytes);
    return header.destination == own;
}

Verdict EthRouter::demux(Frame& frame) {
    EthHeader header;
    if (parse_eth(frame.head, frame.head_bytes, header) != EthResult::kOk) {
        return interface_.drop(Counter::drop_eth_short);
    }
    if (!for_us(header)) return Verdict::kPass;
    frame.eth_source = header.source;
    frame.broadcast = header.destination.is_multicast();
    frame.network_offset = kEthHeaderBytes;
    switch (header.type) {
        case kEtherIp:
            return ip_->demux(frame);
        case kEtherArp:
            return arp_->demux(frame);
        default:
            return Verdict::kPass;
    }
}

bool EthStage::push(Msg& msg) {
    const uint64_t mac = neighbour_.packed_mac();
    EthHeader header{MacAddress::unpacked(mac), {}, kEtherIp};
    dominoes_link_mac(interface_.link, header.source.bytes);
    write_eth(msg.prepend(kEthHeaderBytes), header);
    if (mac == 0) return hold(msg);
    neighbour_.mark_used();
    return below_->push(msg);
}

bool EthStage::hold(Msg& msg) {
    dominoes_packet* packet = build_packet(interface_, msg);
    if (!packet) return false;
    arp_.hold(neighbour_, packet);
    driver_.held();
    return true;
}

}  // namespace scout
