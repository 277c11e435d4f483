// SPDX-License-Identifier: GPL-2.0
//
// The datagrams that wait for the reader of a UDP endpoint: a bounded ring, filled by any number of
// interrupts, emptied by one reader. Each slot has a stamp that says whose turn it is (D. Vyukov's
// bounded queue, 2010): a producer never waits for another, and a full queue is noticed without
// touching the head.
#pragma once

#include "dominoes/atomic.hh"
#include "scout/net/address.hh"

namespace scout {

struct UdpDatagram {
    dominoes_packet* packet;
    SocketAddress source;
    uint32_t offset;  // of the payload in the packet
    uint32_t bytes;
};

class UdpQueue : dominoes::Pinned {
public:
    // `slots` is a power of two. nullptr when memory is short. Context: process.
    [[nodiscard]] static UdpQueue* create(uint32_t slots);
    explicit UdpQueue(uint32_t slots) : mask_(slots - 1) {}
    // Frees the packets that are left.
    ~UdpQueue();

    // Takes the packet. False: full, and the packet is still the caller's. Context: any.
    [[nodiscard]] bool push(const UdpDatagram& datagram);
    // The oldest one, which stays. False: there is none. Reader.
    bool peek(UdpDatagram& out) const;
    // Takes out what peek() has shown; its packet is the caller's. Reader.
    void pop();

    // Whether peek() would find nothing; may be out of date at once but for the reader. Context:
    // any.
    bool empty() const;
    // About how many there are. Context: any.
    uint32_t count() const {
        const uint64_t head = head_.load_relaxed();
        const uint64_t tail = tail_.load_relaxed();
        return tail > head ? static_cast<uint32_t>(tail - head) : 0;
    }

private:
    // `stamp` is the position at which the slot may be filled; one more once it has been.
    struct Slot {
        dominoes::Atomic<uint64_t> stamp;
        UdpDatagram datagram;
    };

    Slot* claim();

    Slot* slots_ = nullptr;
    const uint32_t mask_;
    alignas(dominoes::kCacheLine) dominoes::Atomic<uint64_t> tail_;
    alignas(dominoes::kCacheLine) dominoes::Atomic<uint64_t> head_;  // written by the reader only
};

}  // namespace scout
