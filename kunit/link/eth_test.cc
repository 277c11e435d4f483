// SPDX-License-Identifier: GPL-2.0
#include "scout/link/eth.hh"

#include "kunit/test.hh"

namespace kunit {
namespace {

using namespace scout;

constexpr uint8_t kHeader[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x08, 0x06};

void parse__reads_each_field(Check& check) {
    EthHeader header;
    REQUIRE(parse_eth(kHeader, sizeof kHeader, header) == EthResult::kOk);
    EXPECT(header.destination == (MacAddress{{1, 2, 3, 4, 5, 6}}));
    EXPECT(header.source == (MacAddress{{7, 8, 9, 10, 11, 12}}));
    EXPECT_EQ(header.type, kEtherArp);
}

void parse__refuses_what_is_short(Check& check) {
    EthHeader header;
    for (uint32_t length = 0; length < kEthHeaderBytes; ++length) {
        EXPECT(parse_eth(kHeader, length, header) == EthResult::kShort);
    }
}

void write__is_what_parse_reads(Check& check) {
    EthHeader header;
    uint8_t bytes[kEthHeaderBytes];
    REQUIRE(parse_eth(kHeader, sizeof kHeader, header) == EthResult::kOk);
    write_eth(bytes, header);
    for (uint32_t i = 0; i < kEthHeaderBytes; ++i) EXPECT_EQ(bytes[i], kHeader[i]);
}

void mac__packed_and_unpacked(Check& check) {
    constexpr MacAddress mac{{0xfe, 2, 3, 4, 5, 0x80}};
    EXPECT_EQ(mac.packed(), 0xfe0203040580);
    EXPECT(MacAddress::unpacked(mac.packed()) == mac);
}

constexpr Test kTests[] = {
    TEST(parse__reads_each_field),
    TEST(parse__refuses_what_is_short),
    TEST(write__is_what_parse_reads),
    TEST(mac__packed_and_unpacked),
};

}  // namespace

extern const Suite eth_suite = SUITE("eth", kTests);

}  // namespace kunit
