// SPDX-License-Identifier: GPL-2.0
//
// What applications send: every byte is known from its stream's key and its offset, so that whoever
// sees it anywhere can say whether it is right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tools/sim/random.hh"

namespace sim {

// The key of what one end of a connection sends.
inline uint64_t pattern_key(uint64_t seed, uint32_t connection, uint32_t side) {
    return Random::mixed(seed ^ Random::mixed(2 * uint64_t{connection} + side + 1));
}

inline uint64_t pattern_word(uint64_t key, uint64_t offset) {
    return Random::mixed(key + offset / 8);
}

inline void fill_pattern(uint64_t key, uint64_t offset, std::span<uint8_t> out) {
    uint64_t word = pattern_word(key, offset);
    for (uint8_t& byte : out) {
        if (offset % 8 == 0) word = pattern_word(key, offset);
        byte = static_cast<uint8_t>(word >> 8 * (offset++ % 8));
    }
}

// The index of the first byte that is not as it should be; data.size() if all are.
inline size_t first_wrong(uint64_t key, uint64_t offset, std::span<const uint8_t> data) {
    uint64_t word = pattern_word(key, offset);
    for (size_t i = 0; i < data.size(); ++i, ++offset) {
        if (offset % 8 == 0) word = pattern_word(key, offset);
        if (data[i] != static_cast<uint8_t>(word >> 8 * (offset % 8))) return i;
    }
    return data.size();
}

}  // namespace sim
