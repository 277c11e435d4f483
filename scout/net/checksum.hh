// SPDX-License-Identifier: GPL-2.0
//
// The Internet checksum (RFC 1071): the ones' complement of the ones' complement sum of 16-bit
// words.
#pragma once

#include "scout/net/address.hh"

namespace scout {

// A sum over pieces of any length; a piece of odd length shifts those that follow it by a byte
// (RFC 1071 section 2(B)).
class ChecksumSum {
public:
    ChecksumSum() = default;
    // Goes on from a folded sum (not complemented) over an even number of bytes, such as
    // pseudo_sum().
    explicit ChecksumSum(uint16_t folded) : sum_(folded) {}

    void add(const void* data, size_t bytes);
    // The sum so far in 16 bits, not complemented, as an integer (its wire form is big-endian).
    uint16_t folded() const { return static_cast<uint16_t>(sum_); }
    // What goes into a checksum field.
    uint16_t checksum() const { return static_cast<uint16_t>(~folded()); }

private:
    uint32_t sum_ = 0;  // at most 16 bits between calls
    bool odd_ = false;
};

// The checksum of `bytes` at `data`: 0 if they contain a checksum field that is right.
uint16_t checksum(const void* data, size_t bytes);

// The folded sum, not complemented, of the pseudo header (RFC 9293 section 3.1, RFC 768). `length`
// is that of the transport's header and payload; more than 65535 before segmentation.
uint16_t pseudo_sum(IpAddress source, IpAddress destination, uint8_t protocol, uint32_t length);

}  // namespace scout
