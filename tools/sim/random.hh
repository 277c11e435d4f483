// SPDX-License-Identifier: GPL-2.0
//
// Random numbers of the simulator: all that is drawn in a run comes from its seed. What must not
// depend on each other (who runs next, what becomes of a packet, what an application does) draws
// from streams of its own.
#pragma once

#include <cstdint>

namespace sim {

class Random {
public:
    explicit Random(uint64_t seed, uint64_t stream = 0) : state_(mixed(seed) ^ mixed(~stream)) {}

    // SplitMix64 (Steele, Lea and Flood, 2014).
    uint64_t next() { return mixed(state_ += kStep); }
    // 0 <= x < limit; 0 if limit is 0.
    uint64_t below(uint64_t limit) {
        return static_cast<uint64_t>(static_cast<unsigned __int128>(next()) * limit >> 64);
    }
    // low <= x <= high
    uint64_t between(uint64_t low, uint64_t high) { return low + below(high - low + 1); }
    // True once in `count`.
    bool one_in(uint64_t count) { return below(count) == 0; }
    bool chance(double probability) {
        return probability > 0 && static_cast<double>(next() >> 11) * 0x1p-53 < probability;
    }
    // Between 0 and `most`, and small numbers as likely as large ones.
    uint64_t any_size(uint64_t most) {
        if (most == 0) return 0;
        const auto bits = 64 - static_cast<unsigned>(__builtin_clzll(most));
        const uint64_t size = next() >> (64 - between(1, bits));
        return size < most ? size : most;
    }
    template <typename T, unsigned long kCount>
    const T& pick(const T (&values)[kCount]) {
        return values[below(kCount)];
    }

    static uint64_t mixed(uint64_t z) {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

private:
    static constexpr uint64_t kStep = 0x9e3779b97f4a7c15;
    uint64_t state_;
};

}  // namespace sim
