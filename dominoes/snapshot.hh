// SPDX-License-Identifier: GPL-2.0
//
// Snapshot: plain data that one thread publishes and any context may read whole. There are two
// copies: the writer fills the one that is not current, then makes it the current one. So nobody
// waits for the writer, which may be interrupted or preempted half-way for as long as it takes:
// until it is done there is the copy before. A reader begins again only if the writer has finished
// meanwhile. The data are atomics, so that a torn read is found and not undefined.
#pragma once

#include "dominoes/atomic.hh"

namespace dominoes {

template <typename T>
class Snapshot : Pinned {
    static_assert(__is_trivially_copyable(T) && sizeof(T) % sizeof(uint64_t) == 0);
    static constexpr size_t kWords = sizeof(T) / sizeof(uint64_t);

public:
    // One writer at a time, which no softirq on its CPU interrupts to publish as well. Never waits.
    // Context: any.
    void publish(const T& value) {
        const uint64_t next = version_.load_relaxed() + 1;  // only the writer writes it
        Atomic<uint64_t>* words = words_[next & 1];
        const auto* from = reinterpret_cast<const char*>(&value);
        for (size_t i = 0; i < kWords; ++i) {
            uint64_t word;
            __builtin_memcpy(&word, from + i * sizeof word, sizeof word);
            // (1) release: whoever still reads this copy, and acquires a word of it (4), sees at
            // (5) that the version before this one was published since.
            words[i].store_release(word);
        }
        version_.store_release(next);  // (2) the whole copy, to the acquire (3)
    }

    // The latest value published, or all zeros. Does not wait for the writer, wherever that was
    // interrupted, also by the reader itself. Context: any, hard interrupts included.
    T read() const {
        T value;
        auto* to = reinterpret_cast<char*>(&value);
        for (;;) {
            const uint64_t version = version_.load_acquire();  // (3) pairs with (2)
            const Atomic<uint64_t>* words = words_[version & 1];
            for (size_t i = 0; i < kWords; ++i) {
                const uint64_t word = words[i].load_acquire();  // (4) pairs with (1)
                __builtin_memcpy(to + i * sizeof word, &word, sizeof word);
            }
            if (version_.load_relaxed() == version) return value;  // (5)
        }
    }

private:
    Atomic<uint64_t> version_;
    Atomic<uint64_t> words_[2][kWords];
};

}  // namespace dominoes
