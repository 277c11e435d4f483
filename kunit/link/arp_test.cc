// SPDX-License-Identifier: GPL-2.0
#include "scout/link/arp.hh"

#include "kunit/test.hh"

namespace kunit {
namespace {

using namespace scout;

constexpr uint8_t kReply[kArpBytes] = {
    0, 1, 8, 0, 6, 4, 0,   2,        // Ethernet, IPv4, reply
    2, 0, 0, 0, 0, 9, 192, 0, 2, 9,  // from
    2, 0, 0, 0, 0, 1, 192, 0, 2, 1,  // to
};

ArpResult parse_with(uint32_t at, uint8_t value) {
    uint8_t bytes[kArpBytes];
    ArpMessage message;
    __builtin_memcpy(bytes, kReply, sizeof bytes);
    bytes[at] = value;
    return parse_arp(bytes, sizeof bytes, message);
}

void parse__reads_each_field(Check& check) {
    ArpMessage message;
    REQUIRE(parse_arp(kReply, sizeof kReply, message) == ArpResult::kOk);
    EXPECT_EQ(message.operation, kArpReply);
    EXPECT_EQ(message.sender_mac.packed(), 0x020000000009);
    EXPECT_EQ(message.sender_ip.v4(), 0xc0000209);
    EXPECT_EQ(message.target_mac.packed(), 0x020000000001);
    EXPECT_EQ(message.target_ip.v4(), 0xc0000201);
}

void parse__refuses_what_is_short(Check& check) {
    ArpMessage message;
    for (uint32_t length = 0; length < kArpBytes; ++length) {
        EXPECT(parse_arp(kReply, length, message) == ArpResult::kShort);
    }
    EXPECT(parse_arp(kReply, 46, message) == ArpResult::kOk);  // padded by Ethernet
}

void parse__refuses_other_hardware_and_protocols(Check& check) {
    EXPECT(parse_with(1, 6) == ArpResult::kHardware);
    EXPECT(parse_with(0, 1) == ArpResult::kHardware);
    EXPECT(parse_with(2, 0x86) == ArpResult::kProtocol);
    EXPECT(parse_with(3, 6) == ArpResult::kProtocol);
    EXPECT(parse_with(4, 8) == ArpResult::kLengths);
    EXPECT(parse_with(5, 16) == ArpResult::kLengths);
}

void parse__refuses_a_sender_that_is_no_host(Check& check) {
    EXPECT(parse_with(8, 3) == ArpResult::kSender);  // multicast
    uint8_t bytes[kArpBytes];
    ArpMessage message;
    __builtin_memcpy(bytes, kReply, sizeof bytes);
    __builtin_memset(bytes + 8, 0, 6);
    EXPECT(parse_arp(bytes, sizeof bytes, message) == ArpResult::kSender);
}

void write__is_what_parse_reads(Check& check) {
    ArpMessage message;
    uint8_t bytes[kArpBytes];
    REQUIRE(parse_arp(kReply, sizeof kReply, message) == ArpResult::kOk);
    write_arp(bytes, message);
    for (uint32_t i = 0; i < kArpBytes; ++i) EXPECT_EQ(bytes[i], kReply[i]);
}

constexpr Test kTests[] = {
    TEST(parse__reads_each_field),
    TEST(parse__refuses_what_is_short),
    TEST(parse__refuses_other_hardware_and_protocols),
    TEST(parse__refuses_a_sender_that_is_no_host),
    TEST(write__is_what_parse_reads),
};

}  // namespace

extern const Suite arp_suite = SUITE("arp", kTests);

}  // namespace kunit
