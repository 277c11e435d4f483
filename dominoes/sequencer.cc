// SPDX-License-Identifier: GPL-2.0
#include "dominoes/sequencer.hh"

namespace dominoes {

Sequencer* Sequencer::create(uint32_t slots, Drain drain, void* context, RunDone run_done) {
    DOMINOES_ASSERT(is_power_of_two(slots));
    auto* items = static_cast<Atomic<uint64_t>*>(dominoes_alloc(sizeof(Atomic<uint64_t>) * slots));
    if (!items) return nullptr;
    for (uint32_t i = 0; i < slots; ++i) new (&items[i]) Atomic<uint64_t>;
    auto* sequencer = make<Sequencer>(items, slots, drain, context, run_done);
    if (!sequencer) dominoes_free(items);
    return sequencer;
}

// (2) Release: the result, to the drainer's acquire (4). seq_cst: we write the item, then read the
// head; the drainer writes the head (5), then reads the item there (4). Either we see that it is
// our turn, or the drainer sees our item.
void Sequencer::place(uint64_t serial, uint64_t result) {
    DOMINOES_ASSERT(result != 0);
    DOMINOES_ASSERT(has_room(serial + 1));
    item(serial).store_seq_cst(result);
    if (head_.load_seq_cst() == serial) drain();
}

// (3) One at a time. Whoever finds another at it only counts itself in; the other goes round again
// until nobody has come meanwhile. acq_rel: read-modify-writes of one variable, so that each
// drainer sees what the last one did. Nobody waits for the drainer, on whichever CPU it was
// interrupted: a run is not preempted (drain_run()); between two runs it can be, by a thread of
// higher priority, and what is placed meanwhile stays where it is, until there is no room and its
// owners are refused.
void Sequencer::drain() {
    if (drainers_.fetch_add_acq_rel(1) != 0) return;
    uint32_t counted = 1;
    do {
        while (drain_run()) {
        }
    } while (!drainers_.compare_exchange_acq_rel(counted, 0));
}

// Whether there was anything. The caller calls again until there is not: the head that this stores
// is what those who place the next items go by.
bool Sequencer::drain_run() {
    uint64_t serial = head_.load_relaxed();         // (3) makes the last drainer's store visible
    uint64_t result = item(serial).load_seq_cst();  // (4)
    if (!result) return false;
    const uint64_t end = serial + min(kDrainRun, slots_);
    dominoes_publish_begin();
    do {
        item(serial).store_relaxed(0);  // its next user comes after (5)
        drain_(context_, serial, result);
        ++serial;
    } while (serial != end && (result = item(serial).load_seq_cst()));  // (4)
    // (5) Release: the slots are free, to the load (1) of those who place the next lap; seq_cst
    // with (2).
    head_.store_seq_cst(serial);
    if (run_done_) run_done_(context_);
    dominoes_publish_end();
    return true;
}

void Sequencer::clear(void (*discard)(void* context, uint64_t item), void* context) {
    const uint64_t head = head_.load_acquire();
    for (uint64_t serial = head; serial != head + slots_; ++serial) {
        if (const uint64_t result = item(serial).exchange_acq_rel(0)) discard(context, result);
    }
}

}  // namespace dominoes
