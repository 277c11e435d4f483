// SPDX-License-Identifier: GPL-2.0
//
// Sequencer: restores the order of work that owners complete in any order. Each piece of work has a
// serial number; its owner puts the result into the slot of that number, and whoever completes the
// head drains all that are complete, in order. Lock-free: nobody waits for the drainer; an item that
// is placed while somebody drains is drained by them.
//
// Two parts of Dominoes are this: the transmit sequencer (items are packets, drained to the device) and
// the Ordering Manager (items are "the application may read up to here").
#pragma once

#include "dominoes/atomic.hh"

namespace dominoes {

// A ring of slots, each a non-zero 64-bit item.
class Sequencer : Pinned {
public:
    // Called for each item, in order of serial numbers, by one thread at a time.
    using Drain = void (*)(void* context, uint64_t serial, uint64_t item);
    // Called around a run of at most kDrainRun items by one thread; may be nullptr. In the kernel the
    // transmit sequencer turns bottom halves off between them.
    static constexpr uint32_t kDrainRun = 64;

    // `slots` is a power of two.
    [[nodiscard]] static Sequencer* create(uint32_t slots, Drain drain, void* context);

    // Whether the results of all serial numbers below `end` have a slot. An owner asks before it works
    // on them, and if there is none lets its domain be scheduled again later; the owner of the head
    // always has room, so somebody always makes progress.
    bool has_room(uint64_t end) const;
    // Puts the result of `serial` (has_room(serial + 1)) and drains if it is the head.
    void place(uint64_t serial, uint64_t item);

    // The first serial number not yet drained. Any thread may ask.
    uint64_t head() const;

    // Called once by the drainer, after the head moved, for each want_room() since.
    void on_room(void (*callback)(void* context), void* context);
    void want_room();

    // Hands each placed and undrained item to `discard`; only when no owner is left.
    void clear(void (*discard)(void* context, uint64_t item), void* context);
};

}  // namespace dominoes
