// SPDX-License-Identifier: GPL-2.0
//
// Ordering Manager (dissertation 4.5, Figure 4.5): lets an application read a stream in order while
// several replicas place pieces of it, in any order, straight at their final offsets in the receive
// ring. The sentinels are a Sequencer: each delivery has a serial number and says how far the
// stream is complete once it and all deliveries before it are placed. Nobody spins on them: a
// reader sleeps until readable_moved, and a replica that is preempted in the midst of a delivery
// holds up just that reader.
#pragma once

#include "dominoes/sequencer.hh"

namespace dominoes {

class OrderingManager : Pinned {
public:
    // `deliveries` bounds the deliveries begun and not yet visible: the capacity of the channel
    // times the deliveries one request may cause. A power of two. `readable_moved(context)` is
    // called by the placing replica after readable() has grown. nullptr when memory is short.
    // Context: process.
    [[nodiscard]] static OrderingManager* create(uint32_t deliveries,
                                                 void (*readable_moved)(void* context),
                                                 void* context);
    // For create().
    OrderingManager(void (*readable_moved)(void* context), void* context)
        : readable_moved_(readable_moved), context_(context) {}

    // The bytes of delivery `serial` are in the ring; once all earlier ones are too, the
    // application may read up to stream offset `readable`. Context: any.
    void placed(uint64_t serial, uint64_t readable) { sentinels_->place(serial, readable + 1); }
    // Stream offset up to which everything is in place. Acquire: the bytes are visible to the
    // caller.
    uint64_t readable() const { return readable_.load_acquire(); }  // (1)

private:
    static void reached(void* self, uint64_t serial, uint64_t sentinel);
    static void run_done(void* self);

    void (*const readable_moved_)(void* context);
    void* const context_;
    Owned<Sequencer> sentinels_;
    uint64_t told_ = 0;  // the drainer's
    Atomic<uint64_t> readable_;
};

}  // namespace dominoes
