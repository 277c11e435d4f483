// SPDX-License-Identifier: GPL-2.0
//
// What stands behind dominoes/port.h in userspace, for those who build tests, benches and
// simulations on it: packets are bytes, links are objects, an application's memory is spans.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "dominoes/port.h"

// A packet: allocated in one piece with its bytes, and owned by one holder at a time.
struct dominoes_packet {
    uint32_t bytes;             // from the Ethernet header on
    uint32_t segment_bytes;     // TCP payload per wire packet; 0: this is one
    uint32_t transport_offset;  // 0: no transport checksum was wanted
    uint32_t checksum_offset;   // from the transport header
    bool checksum_vouched;      // need not be looked at: the packet never left this machine
    uint8_t data[];
};

// A network device. Fill in the members before it is used.
struct dominoes_link {
    uint32_t mtu = 1500;
    uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    uint32_t max_segment = 65535 - 120;
    // Takes packets with segment_bytes whole, and delivers them so. Else they are cut before
    // transmit().
    bool gso = false;
    // Transmitted packets carry the pseudo header's sum only, and the receiver is told not to look.
    bool checksum_offload = false;
    // No packet can be built for it: memory is short.
    bool fail_builds = false;

    dominoes_link() = default;
    dominoes_link(const dominoes_link&) = delete;
    dominoes_link& operator=(const dominoes_link&) = delete;
    virtual ~dominoes_link() = default;

    // Owns `packet` from now on. False: refused (and freed). Context: any thread.
    virtual bool transmit(dominoes_packet* packet) = 0;
};

// An application's memory, read or written from the front on.
struct dominoes_iter {
    using Span = std::span<std::byte>;

    dominoes_iter(void* memory, size_t bytes) : first_{static_cast<std::byte*>(memory), bytes} {}
    dominoes_iter(const void* memory, size_t bytes)
        : dominoes_iter(const_cast<void*>(memory), bytes) {}
    // Several pieces; the array is the caller's, as long as the iterator is used.
    explicit dominoes_iter(std::span<const Span> spans) : rest_(spans) {}
    dominoes_iter(const dominoes_iter&) = delete;
    dominoes_iter& operator=(const dominoes_iter&) = delete;

    // Faults, as memory that is not mapped does, after `bytes` more.
    void fault_after(size_t bytes) { good_ = bytes; }
    // The next piece, of at most `bytes`; empty at the end and at a fault.
    Span next(size_t bytes);

private:
    Span first_;
    std::span<const Span> rest_;
    size_t good_ = SIZE_MAX;
};

namespace rig {

using Link = dominoes_link;
using Iter = dominoes_iter;

// Whom dominoes_user_wake() wakes: pass a User* as the endpoint's user.
class User {
public:
    virtual void wake() = 0;

protected:
    ~User() = default;
};

// A packet with a copy of `bytes`, as it would arrive. Never nullptr.
dominoes_packet* make_packet(std::span<const uint8_t> bytes);
dominoes_packet* clone_packet(const dominoes_packet& packet);
inline std::span<uint8_t> bytes_of(dominoes_packet& packet) { return {packet.data, packet.bytes}; }
inline std::span<const uint8_t> bytes_of(const dominoes_packet& packet) {
    return {packet.data, packet.bytes};
}

// Packets that this thread has made, less those it has freed: where one thread does everything,
// those that are left.
int64_t packets_held();

// Cuts a TCP packet into wire packets of at most segment_bytes of payload, as hardware does (TSO):
// sequence numbers, lengths, IDs, flags and checksums are right in each. Consumes `packet`; `out`
// owns what it is given.
void segment(dominoes_packet* packet, const std::function<void(dominoes_packet*)>& out);

// Completes the transport checksum of a packet that carries the pseudo header's sum.
void complete_checksum(dominoes_packet& packet);

}  // namespace rig
