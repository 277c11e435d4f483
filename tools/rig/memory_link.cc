// SPDX-License-Identifier: GPL-2.0
#include "tools/rig/memory_link.hh"

namespace rig {

MemoryLink::~MemoryLink() {
    if (peer_) peer_->peer_ = nullptr;
    for (; !queue_.empty(); queue_.pop()) dominoes_packet_free(queue_.top().packet);
}

void MemoryLink::connect(MemoryLink& one, MemoryLink& other) {
    one.peer_ = &other;
    other.peer_ = &one;
}

bool MemoryLink::transmit(dominoes_packet* packet) {
    const Fate fate = on_transmit ? on_transmit(*packet) : Fate{};
    if (fate.lost || !peer_) {
        dominoes_packet_free(packet);
        return true;  // the device took it; the wire lost it
    }
    const uint64_t at_ns = fate.delay_ns ? now_ns() + fate.delay_ns : 0;
    if (fate.duplicated) peer_->arrive(clone_packet(*packet), at_ns);
    return peer_->arrive(packet, at_ns);
}

bool MemoryLink::arrive(dominoes_packet* packet, uint64_t at_ns) {
    {
        std::lock_guard lock(mutex_);
        if (queue_.size() < queue_limit) {
            queue_.push({at_ns, order_++, packet});
            packet = nullptr;
        }
    }
    if (packet) {
        dominoes_packet_free(packet);
        return false;
    }
    if (on_arrival) on_arrival();
    return true;
}

dominoes_packet* MemoryLink::take_due() {
    std::lock_guard lock(mutex_);
    if (queue_.empty()) return nullptr;
    const Arrival first = queue_.top();
    if (first.at_ns > 0 && first.at_ns > now_ns()) return nullptr;
    queue_.pop();
    return first.packet;
}

size_t MemoryLink::deliver() {
    size_t count = 0;
    for (; dominoes_packet* packet = take_due(); ++count) {
        if (!on_receive || !on_receive(packet)) dominoes_packet_free(packet);
    }
    return count;
}

uint64_t MemoryLink::next_arrival_ns() const {
    std::lock_guard lock(mutex_);
    return queue_.empty() ? kNever : queue_.top().at_ns;
}

}  // namespace rig
