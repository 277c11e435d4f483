// SPDX-License-Identifier: GPL-2.0
#include "scout/udp/queue.hh"

namespace scout {

UdpQueue* UdpQueue::create(uint32_t slots) {
    DOMINOES_ASSERT(dominoes::is_power_of_two(slots));
    dominoes::Owned<UdpQueue> queue(dominoes::make<UdpQueue>(slots));
    if (!queue) return nullptr;
    queue->slots_ = static_cast<Slot*>(dominoes_alloc(slots * sizeof(Slot)));
    if (!queue->slots_) return nullptr;
    for (uint32_t i = 0; i < slots; ++i) queue->slots_[i].stamp.store_relaxed(i);
    return queue.release();
}

UdpQueue::~UdpQueue() {
    if (!slots_) return;
    UdpDatagram datagram;
    while (peek(datagram)) {
        dominoes_packet_free(datagram.packet);
        pop();
    }
    dominoes_free(slots_);
}

// A producer that has claimed a slot and is not done holds up the reader, which takes the queue for
// empty and sleeps; it must not be descheduled. Producers do not wait for each other.
bool UdpQueue::push(const UdpDatagram& datagram) {
    dominoes_publish_begin();
    Slot* slot = claim();
    if (slot) {
        slot->datagram = datagram;
        // (1) release: pairs with (2), so that the reader sees the datagram.
        slot->stamp.store_release(slot->stamp.load_relaxed() + 1);
    }
    dominoes_publish_end();
    return slot != nullptr;
}

UdpQueue::Slot* UdpQueue::claim() {
    uint64_t position = tail_.load_relaxed();
    for (;;) {  // again only if another has claimed
        Slot& slot = slots_[position & mask_];
        // (4) acquire: pairs with (3), so that the reader is done with what the slot held.
        const auto ahead = static_cast<int64_t>(slot.stamp.load_acquire() - position);
        if (ahead < 0) return nullptr;  // not yet emptied since the last lap
        if (ahead > 0) {
            position = tail_.load_relaxed();  // another has taken it
        } else if (tail_.compare_exchange_relaxed(position, position + 1)) {
            return &slot;
        }
    }
}

bool UdpQueue::empty() const {
    const uint64_t head = head_.load_relaxed();
    return slots_[head & mask_].stamp.load_acquire() != head + 1;  // (2) pairs with (1)
}

bool UdpQueue::peek(UdpDatagram& out) const {
    if (empty()) return false;
    out = slots_[head_.load_relaxed() & mask_].datagram;
    return true;
}

void UdpQueue::pop() {
    const uint64_t head = head_.load_relaxed();
    slots_[head & mask_].stamp.store_release(head + mask_ + 1);  // (3) pairs with (4)
    head_.store_relaxed(head + 1);
}

}  // namespace scout
