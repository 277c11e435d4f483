// SPDX-License-Identifier: GPL-2.0
//
// What a simulation (kunit/tcp/simulation.hh) is made of: what is to happen, in the order of time;
// and receive rings.
#pragma once

#include "scout/tcp/event.hh"

namespace scout::sim {

struct Happening {
    enum Kind : uint32_t { kArrival, kTimer, kAct };
    uint64_t at_ns = 0;
    uint64_t order = 0;  // breaks ties
    Kind kind = kAct;
    uint32_t endpoint = 0;
    TimerKind timer = {};
    uint64_t stream_offset = 0;  // of an arrival's payload
    SegmentEvent segment = {};
};

// Earliest first.
class Agenda {
public:
    static constexpr uint32_t kMax = 4096;

    bool full() const { return count_ == kMax; }
    bool empty() const { return count_ == 0; }
    void push(const Happening& happening) {
        uint32_t at = count_++;
        heap_[at] = happening;
        heap_[at].order = order_++;
        while (at > 0 && before(heap_[at], heap_[(at - 1) / 2])) {
            swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }
    Happening pop() {
        const Happening first = heap_[0];
        heap_[0] = heap_[--count_];
        for (uint32_t at = 0;;) {
            uint32_t least = at;
            for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < count_; ++child)
                if (before(heap_[child], heap_[least])) least = child;
            if (least == at) return first;
            swap(at, least);
            at = least;
        }
    }

private:
    static bool before(const Happening& a, const Happening& b) {
        return a.at_ns != b.at_ns ? a.at_ns < b.at_ns : a.order < b.order;
    }
    void swap(uint32_t a, uint32_t b) {
        const Happening kept = heap_[a];
        heap_[a] = heap_[b];
        heap_[b] = kept;
    }

    uint32_t count_ = 0;
    uint64_t order_ = 0;
    Happening heap_[kMax];
};

// A receive ring, and for each of its bytes whether it is placed and not yet read.
struct Ring {
    uint8_t* memory = nullptr;
    uint8_t* placed = nullptr;
    uint32_t bytes = 0;
    uint64_t from = 0;  // the stream offset from which on it is the one
    uint64_t held = 0;

    bool allocate(uint32_t size, bool weightless) {
        bytes = size;
        if (weightless) return true;
        memory = static_cast<uint8_t*>(dominoes_alloc(2 * size));
        placed = memory ? memory + size : nullptr;
        return memory != nullptr;
    }
    void free() {
        dominoes_free(memory);
        memory = nullptr;
    }
};

}  // namespace scout::sim
