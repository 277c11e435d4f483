// SPDX-License-Identifier: GPL-2.0
//
// Snapshot: plain data that one thread publishes and any thread may read whole: a sequence lock
// whose data are atomics, so that a torn read is found and not undefined. The writer never waits.
#pragma once

#include "dominoes/atomic.hh"

namespace dominoes {

template <typename T>
class Snapshot : Pinned {
    static_assert(__is_trivially_copyable(T) && sizeof(T) % sizeof(uint64_t) == 0);
    static constexpr size_t kWords = sizeof(T) / sizeof(uint64_t);

public:
    // One writer at a time. Context: any.
    void publish(const T& value) {
        const uint32_t version = version_.load_relaxed();
        version_.store_relaxed(version + 1);
        // (1) each word is stored with release after the odd version, so a reader that acquires (3)
        // a new word and then re-reads the version (4) sees that it has changed.
        const auto* from = reinterpret_cast<const char*>(&value);
        for (size_t i = 0; i < kWords; ++i) {
            uint64_t word;
            __builtin_memcpy(&word, from + i * sizeof word, sizeof word);
            words_[i].store_release(word);
        }
        version_.store_release(version + 2);  // (2) pairs with the reader's first load
    }

    // Context: any. Retries while the writer is at work.
    T read() const {
        T value;
        auto* to = reinterpret_cast<char*>(&value);
        for (;;) {
            const uint32_t before = version_.load_acquire();  // pairs with (2)
            for (size_t i = 0; i < kWords; ++i) {
                const uint64_t word = words_[i].load_acquire();  // (3)
                __builtin_memcpy(to + i * sizeof word, &word, sizeof word);
            }
            if (!(before & 1) && version_.load_relaxed() == before) return value;  // (4)
            dominoes_relax();
        }
    }

private:
    Atomic<uint32_t> version_;
    Atomic<uint64_t> words_[kWords];
};

}  // namespace dominoes
