// SPDX-License-Identifier: GPL-2.0
//
// Sequencer: restores the order of work that owners complete in any order. Each piece of work has a
// serial number; its owner puts the result into the slot of that number, and whoever completes the
// head drains all that are complete, in order. Lock-free: nobody waits for the drainer; an item
// that is placed while somebody drains is drained by them.
//
// Two parts of Dominoes are this: the transmit sequencer (items are packets, drained to the device)
// and the Ordering Manager (items are "the application may read up to here").
#pragma once

#include "dominoes/atomic.hh"

namespace dominoes {

// A ring of slots, each a non-zero 64-bit item.
class Sequencer : Pinned {
public:
    // Called for each item, in order of serial numbers, by one thread at a time.
    using Drain = void (*)(void* context, uint64_t serial, uint64_t item);
    // Called after each run of items, likewise; may be nullptr.
    using RunDone = void (*)(void* context);
    // The most items in a run, which is drained in one publish section: in the kernel with bottom
    // halves off.
    static constexpr uint32_t kDrainRun = 64;

    // `slots` is a power of two. nullptr when memory is short. Context: process.
    [[nodiscard]] static Sequencer* create(uint32_t slots, Drain drain, void* context,
                                           RunDone run_done = nullptr);
    // For create(): takes over `items`.
    Sequencer(Atomic<uint64_t>* items, uint32_t slots, Drain drain, void* context, RunDone run_done)
        : items_(items), slots_(slots), drain_(drain), context_(context), run_done_(run_done) {}
    // Forgets what is not drained: see clear().
    ~Sequencer() { dominoes_free(items_); }

    // Whether the results of all serial numbers below `end` have a slot. An owner asks before it
    // works on them, and if there is none lets its domain be scheduled again later; the owner of
    // the head always has room, so somebody always makes progress. Context: any.
    bool has_room(uint64_t end) const { return end <= head_.load_acquire() + slots_; }  // (1)
    // Puts the result of `serial` (has_room(serial + 1)) and drains if it is the head. Once for
    // each serial number. Context: any that `drain` allows.
    void place(uint64_t serial, uint64_t item);

    // The first serial number not yet drained. Any thread may ask.
    uint64_t head() const { return head_.load_acquire(); }

    // Hands each placed and undrained item to `discard`; only when no owner is left.
    void clear(void (*discard)(void* context, uint64_t item), void* context);

private:
    Atomic<uint64_t>& item(uint64_t serial) { return items_[serial & (slots_ - 1)]; }
    void drain();
    bool drain_run();

    Atomic<uint64_t>* const items_;
    const uint32_t slots_;
    const Drain drain_;
    void* const context_;
    const RunDone run_done_;

    alignas(kCacheLine) Atomic<uint64_t> head_;
    Atomic<uint32_t> drainers_;  // how many have asked for a round of draining since it began
};

}  // namespace dominoes
