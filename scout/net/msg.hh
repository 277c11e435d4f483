// SPDX-License-Identifier: GPL-2.0
//
// Messages (dissertation 4.2.3). Received: a Frame, a packet with its headers copied where they can
// be read in one piece. To be sent: a Msg, header room that each stage prepends to on the way down,
// and a payload by reference.
#pragma once

#include "scout/net/address.hh"

namespace scout {

// A received packet on its way up. Offsets count from the Ethernet header.
struct Frame {
    // The longest headers that are looked at: Ethernet 14, IPv4 60, TCP 60.
    static constexpr uint32_t kHead = 136;

    dominoes_packet* packet;
    uint32_t
        bytes;  // of the whole packet, as it arrived (there may be padding after the IP packet)
    uint32_t head_bytes;  // valid in `head`
    uint8_t head[kHead];

    // Filled in by the routers as they demultiplex.
    MacAddress eth_source;
    IpAddress source;
    IpAddress destination;
    uint32_t network_offset;    // of the IP header
    uint32_t transport_offset;  // of what follows it
    uint32_t transport_bytes;   // header and payload of the transport
    uint8_t protocol;
    uint8_t ecn;
    bool broadcast;  // came to a broadcast or multicast Ethernet address

    // Copies the head of `packet`.
    explicit Frame(dominoes_packet* received)
        : packet(received),
          bytes(dominoes_packet_bytes(received)),
          head_bytes(dominoes::min(bytes, kHead)) {
        dominoes_packet_copy(packet, 0, head, head_bytes);
    }
    const uint8_t* network() const { return head + network_offset; }
    const uint8_t* transport() const { return head + transport_offset; }
};

// A packet to be sent, on its way down.
class Msg {
public:
    static constexpr uint32_t kHeadRoom = 128;

    // The payload: `bytes` from a send buffer at a stream offset,
    void set_payload(dominoes_sendbuf* buffer, uint64_t offset, uint32_t bytes) {
        tx_.buffer = buffer;
        tx_.buffer_offset = offset;
        tx_.payload_bytes = bytes;
    }
    // or plain memory, copied when the packet is built.
    void set_payload(const void* data, uint32_t bytes) {
        tx_.payload = data;
        tx_.payload_bytes = bytes;
    }
    // The payload is to be cut into wire packets of `bytes` each (TCP only).
    void set_segment_bytes(uint32_t bytes) { tx_.segment_bytes = bytes; }

    uint32_t payload_bytes() const { return tx_.payload_bytes; }
    // What set_payload() was given last.
    const uint8_t* payload() const { return static_cast<const uint8_t*>(tx_.payload); }
    // The headers so far.
    const uint8_t* header() const { return head_ + start_; }
    // Headers so far.
    uint32_t header_bytes() const { return kHeadRoom - start_; }
    // Headers and payload so far.
    uint32_t bytes() const { return header_bytes() + tx_.payload_bytes; }

    // Room for `bytes` of header before what is there; zeroed.
    uint8_t* prepend(uint32_t bytes) {
        DOMINOES_ASSERT(bytes <= start_);
        start_ -= bytes;
        return head_ + start_;
    }

    // Said by the transport right after it prepended its header: its checksum field is at `offset`
    // in it, and is to be completed over header and payload when the packet is built.
    void want_checksum(uint32_t offset) {
        checksum_from_end_ = header_bytes();
        tx_.checksum_offset = offset;
    }
    bool wants_checksum() const { return checksum_from_end_ != 0; }
    // The transport's checksum field, for the network stage to put the pseudo header's sum in.
    uint8_t* checksum_field() {
        return head_ + kHeadRoom - checksum_from_end_ + tx_.checksum_offset;
    }
    // The checksum has been completed already.
    void forget_checksum() { checksum_from_end_ = 0; }

    // What the port builds the packet from. Valid as long as the Msg.
    const dominoes_tx& tx() {
        tx_.header = head_ + start_;
        tx_.header_bytes = header_bytes();
        tx_.transport_offset = wants_checksum() ? header_bytes() - checksum_from_end_ : 0;
        return tx_;
    }

private:
    dominoes_tx tx_{};
    uint32_t start_ = kHeadRoom;
    uint32_t checksum_from_end_ = 0;
    uint8_t head_[kHeadRoom] = {};
};

}  // namespace scout
