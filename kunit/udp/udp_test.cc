// SPDX-License-Identifier: GPL-2.0
#include "scout/udp/udp.hh"

#include "kunit/test.hh"

namespace kunit {
namespace {

using namespace scout;

void parse__reads_each_field(Check& check) {
    const uint8_t bytes[12] = {0x00, 0x35, 0x9c, 0x40, 0x00, 0x0c, 0xab, 0xcd};
    UdpHeader header;
    REQUIRE(parse_udp(bytes, sizeof bytes, header) == UdpResult::kOk);
    EXPECT_EQ(header.source_port, 53);
    EXPECT_EQ(header.destination_port, 40000);
    EXPECT_EQ(header.length, 12);
    EXPECT_EQ(header.checksum, 0xabcd);
}

void parse__refuses_what_is_short(Check& check) {
    const uint8_t bytes[8] = {0, 1, 0, 2, 0, 8, 0, 0};
    UdpHeader header;
    for (uint32_t length = 0; length < sizeof bytes; ++length) {
        EXPECT(parse_udp(bytes, length, header) == UdpResult::kShort);
    }
    EXPECT(parse_udp(bytes, 8, header) == UdpResult::kOk);
    EXPECT(parse_udp(bytes, 100, header) == UdpResult::kOk);  // the IP payload may be longer
}

void parse__refuses_a_length_that_cannot_be(Check& check) {
    uint8_t bytes[8] = {0, 1, 0, 2, 0, 0, 0, 0};
    UdpHeader header;
    static constexpr uint16_t kLengths[] = {0, 7, 9, 65535};
    for (uint16_t length : kLengths) {
        store_be16(bytes + 4, length);
        EXPECT(parse_udp(bytes, sizeof bytes, header) == UdpResult::kShort);
    }
}

constexpr Test kTests[] = {
    TEST(parse__reads_each_field),
    TEST(parse__refuses_what_is_short),
    TEST(parse__refuses_a_length_that_cannot_be),
};

}  // namespace

extern const Suite udp_suite = SUITE("udp", kTests);

}  // namespace kunit
