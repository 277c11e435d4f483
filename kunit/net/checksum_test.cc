// SPDX-License-Identifier: GPL-2.0
#include "scout/net/checksum.hh"

#include "kunit/test.hh"

namespace kunit {
namespace {

using namespace scout;

// RFC 1071 section 3's example.
constexpr uint8_t kExample[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

// The definition, word by word.
uint16_t plain_sum(const uint8_t* bytes, size_t count) {
    uint32_t sum = 0;
    for (size_t i = 0; i < count; ++i) sum += i % 2 ? bytes[i] : bytes[i] << 8;
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(sum);
}

void fill(uint8_t* bytes, size_t count, uint32_t seed) {
    for (size_t i = 0; i < count; ++i) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = static_cast<uint8_t>(seed >> 24);
    }
}

void add__example_of_rfc_1071(Check& check) {
    ChecksumSum sum;
    sum.add(kExample, sizeof kExample);
    EXPECT_EQ(sum.folded(), 0xddf2);
    EXPECT_EQ(sum.checksum(), 0x220d);
}

void add__any_length_and_alignment(Check& check) {
    uint8_t bytes[96];
    fill(bytes, sizeof bytes, 7);
    for (size_t start = 0; start < 8; ++start) {
        for (size_t count = 0; count + start <= sizeof bytes; ++count) {
            ChecksumSum sum;
            sum.add(bytes + start, count);
            REQUIRE_EQ(sum.folded(), plain_sum(bytes + start, count));
        }
    }
}

void add__pieces_of_odd_length(Check& check) {
    uint8_t bytes[61];
    fill(bytes, sizeof bytes, 11);
    const uint16_t whole = plain_sum(bytes, sizeof bytes);
    for (size_t first = 0; first <= sizeof bytes; ++first) {
        for (size_t second = first; second <= sizeof bytes; ++second) {
            ChecksumSum sum;
            sum.add(bytes, first);
            sum.add(bytes + first, second - first);
            sum.add(bytes + second, sizeof bytes - second);
            REQUIRE_EQ(sum.folded(), whole);
        }
    }
}

void add__carries_are_not_lost(Check& check) {
    uint8_t bytes[1500];
    for (uint8_t& byte : bytes) byte = 0xff;
    ChecksumSum sum;
    for (int i = 0; i < 100; ++i) sum.add(bytes, sizeof bytes);
    EXPECT_EQ(sum.folded(), 0xffff);
    EXPECT_EQ(sum.checksum(), 0);
}

void add__goes_on_from_a_folded_sum(Check& check) {
    ChecksumSum sum(plain_sum(kExample, 4));
    sum.add(kExample + 4, 4);
    EXPECT_EQ(sum.folded(), 0xddf2);
}

void checksum__is_zero_over_a_right_field(Check& check) {
    uint8_t bytes[20];
    fill(bytes, sizeof bytes, 3);
    store_be16(bytes + 10, 0);
    store_be16(bytes + 10, checksum(bytes, sizeof bytes));
    EXPECT_EQ(checksum(bytes, sizeof bytes), 0);
    bytes[5] ^= 0x10;
    EXPECT(checksum(bytes, sizeof bytes) != 0);
}

void pseudo_sum__is_that_of_the_pseudo_header(Check& check) {
    const uint8_t header[12] = {192, 0, 2, 1, 198, 51, 100, 7, 0, 6, 0x12, 0x34};
    EXPECT_EQ(pseudo_sum(IpAddress::v4(header), IpAddress::v4(header + 4), 6, 0x1234),
              plain_sum(header, sizeof header));
}

void pseudo_sum__length_beyond_16_bits_wraps_around(Check& check) {
    const IpAddress a = IpAddress::v4(0x0a000001);
    EXPECT_EQ(pseudo_sum(a, a, 6, 0x10000 + 5), pseudo_sum(a, a, 6, 6));
}

constexpr Test kTests[] = {
    TEST(add__example_of_rfc_1071),
    TEST(add__any_length_and_alignment),
    TEST(add__pieces_of_odd_length),
    TEST(add__carries_are_not_lost),
    TEST(add__goes_on_from_a_folded_sum),
    TEST(checksum__is_zero_over_a_right_field),
    TEST(pseudo_sum__is_that_of_the_pseudo_header),
    TEST(pseudo_sum__length_beyond_16_bits_wraps_around),
};

}  // namespace

extern const Suite checksum_suite = SUITE("checksum", kTests);

}  // namespace kunit
