// SPDX-License-Identifier: GPL-2.0
#include "scout/net/checksum.hh"

namespace scout {

namespace {

// The sum in 16 bits, carries added back in (RFC 1071 section 1).
uint16_t fold(uint64_t sum) {
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(sum);
}

// The folded sum of the words as this machine loads them: byte order does not matter to the sum but
// for the order of the result's own bytes (RFC 1071 section 2(B)).
uint16_t native_sum(const uint8_t* bytes, size_t count) {
    uint64_t sum = 0;
    for (; count >= 8; bytes += 8, count -= 8) {
        uint64_t word;
        __builtin_memcpy(&word, bytes, 8);
        sum += (word & 0xffffffff) + (word >> 32);
    }
    for (; count >= 2; bytes += 2, count -= 2) {
        uint16_t word;
        __builtin_memcpy(&word, bytes, 2);
        sum += word;
    }
    if (count) {
        const uint8_t last[2] = {*bytes, 0};
        uint16_t word;
        __builtin_memcpy(&word, last, 2);
        sum += word;
    }
    return fold(sum);
}

uint16_t from_native(uint16_t sum) {
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap16(sum) : sum;
}

}  // namespace

void ChecksumSum::add(const void* data, size_t bytes) {
    uint16_t piece = from_native(native_sum(static_cast<const uint8_t*>(data), bytes));
    if (odd_) piece = __builtin_bswap16(piece);
    sum_ = fold(uint64_t{sum_} + piece);
    odd_ ^= bytes & 1;
}

uint16_t checksum(const void* data, size_t bytes) {
    ChecksumSum sum;
    sum.add(data, bytes);
    return sum.checksum();
}

uint16_t pseudo_sum(IpAddress source, IpAddress destination, uint8_t protocol, uint32_t length) {
    return fold(uint64_t{source.v4()} + destination.v4() + protocol + length);
}

}  // namespace scout
