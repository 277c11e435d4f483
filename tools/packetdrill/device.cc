// SPDX-License-Identifier: GPL-2.0
#include "tools/packetdrill/device.hh"

#include <cstring>

#include "scout/net/checksum.hh"
#include "scout/stack.h"
#include "tools/packetdrill/syn_options.hh"

namespace packetdrill {
namespace {

constexpr uint32_t kEthBytes = 14;
constexpr uint16_t kArp = 0x0806;
constexpr uint16_t kIpv4 = 0x0800;
// RFC 826.
constexpr uint32_t kArpBytes = 28;
constexpr uint32_t kArpOperation = 6, kArpSender = 8, kArpTarget = 18;
constexpr uint32_t kHalf = 10;  // a MAC address and an IPv4 address
constexpr uint16_t kRequest = 1, kReply = 2;

constexpr uint8_t kPeerMac[6] = {2, 0, 0, 0, 0, 2};

void give(scout_nic* nic, dominoes_packet* packet) {
    if (!scout_receive(nic, packet)) dominoes_packet_free(packet);
}

bool is_request(const dominoes_packet& packet) {
    const uint8_t* arp = packet.data + kEthBytes;
    if (packet.bytes < kEthBytes + kArpBytes) return false;
    if (scout::load_be16(arp + kArpOperation) != kRequest) return false;
    // Who asks for its own address wants no answer (RFC 5227).
    return std::memcmp(arp + kArpSender + 6, arp + kArpTarget + 6, 4) != 0;
}

dominoes_packet* reply_to(const dominoes_packet& request) {
    dominoes_packet* reply = rig::clone_packet(request);
    uint8_t* arp = reply->data + kEthBytes;
    std::memcpy(reply->data, request.data + 6, 6);
    std::memcpy(reply->data + 6, kPeerMac, 6);
    scout::store_be16(arp + kArpOperation, kReply);
    std::memcpy(arp + kArpTarget, request.data + kEthBytes + kArpSender, kHalf);
    std::memcpy(arp + kArpSender, request.data + kEthBytes + kArpTarget, kHalf);
    std::memcpy(arp + kArpSender, kPeerMac, 6);
    return reply;
}

}  // namespace

Device::~Device() {
    for (dominoes_packet* packet : answers_) dominoes_packet_free(packet);
}

bool Device::transmit(dominoes_packet* packet) {
    const uint16_t type = scout::load_be16(packet->data + 12);
    if (type == kIpv4) {
        if (packet->checksum_vouched) rig::complete_checksum(*packet);
        sent_.push_back(
            {world_.now_ns(), {packet->data + kEthBytes, packet->data + packet->bytes}});
        order_syn_options(sent_.back().bytes);
    } else if (type == kArp && is_request(*packet)) {
        answers_.push_back(reply_to(*packet));
    }
    dominoes_packet_free(packet);
    return true;
}

void Device::arrive(scout_nic* nic, const void* ip_packet, size_t bytes) {
    std::vector<uint8_t> frame(kEthBytes + bytes);
    std::memcpy(frame.data(), mac, 6);
    std::memcpy(frame.data() + 6, kPeerMac, 6);
    scout::store_be16(frame.data() + 12, kIpv4);
    std::memcpy(frame.data() + kEthBytes, ip_packet, bytes);
    give(nic, rig::make_packet(frame));
}

bool Device::answer(scout_nic* nic) {
    const std::vector<dominoes_packet*> answers = std::move(answers_);
    answers_.clear();
    for (dominoes_packet* packet : answers) give(nic, packet);
    return !answers.empty();
}

}  // namespace packetdrill
