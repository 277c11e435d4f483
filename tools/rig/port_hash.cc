// SPDX-License-Identifier: GPL-2.0
//
// The keyed hash of dominoes/port.h for programs: SipHash-2-4 (Aumasson and Bernstein, 2012).
#include <bit>

#include "dominoes/port.h"

namespace {

uint64_t word_of(const uint8_t* bytes, size_t count) {
    uint64_t word = 0;
    for (size_t i = 0; i < count; ++i) word |= uint64_t{bytes[i]} << 8 * i;
    return word;
}

struct SipHash {
    uint64_t v0, v1, v2, v3;

    explicit SipHash(const uint8_t key[16]) {
        const uint64_t k0 = word_of(key, 8), k1 = word_of(key + 8, 8);
        v0 = k0 ^ 0x736f6d6570736575;
        v1 = k1 ^ 0x646f72616e646f6d;
        v2 = k0 ^ 0x6c7967656e657261;
        v3 = k1 ^ 0x7465646279746573;
    }
    void round() {
        v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
        v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
    }
    void add(uint64_t word) {
        v3 ^= word;
        round(), round();
        v0 ^= word;
    }
    uint64_t finish() {
        v2 ^= 0xff;
        round(), round(), round(), round();
        return v0 ^ v1 ^ v2 ^ v3;
    }
};

}  // namespace

uint64_t dominoes_keyed_hash(const void* data, size_t bytes, const uint8_t key[16]) {
    SipHash hash(key);
    const auto* at = static_cast<const uint8_t*>(data);
    size_t left = bytes;
    for (; left >= 8; left -= 8, at += 8) hash.add(word_of(at, 8));
    hash.add(word_of(at, left) | uint64_t{bytes} << 56);
    return hash.finish();
}
