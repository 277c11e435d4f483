// SPDX-License-Identifier: GPL-2.0
#include "scout/ip/icmp.hh"

#include "kunit/test.hh"

namespace kunit {
namespace {

using namespace scout;

// An ICMP error that quotes a TCP segment of 192.0.2.1:80 to 192.0.2.2:4000.
struct ErrorSample {
    static constexpr uint32_t kBytes = kIcmpHeaderBytes + kIpHeaderBytes + 8;
    uint8_t bytes[kBytes] = {};

    explicit ErrorSample(uint8_t type = kIcmpUnreachable, uint8_t code = kPortUnreachable) {
        bytes[0] = type;
        bytes[1] = code;
        store_be16(bytes + 6, 1400);
        IpHeader header{};
        header.total_bytes = 1500;
        header.protocol = kTcp;
        header.source = IpAddress::v4(0xc0000201);
        header.destination = IpAddress::v4(0xc0000202);
        write_ip(quoted(), header);
        store_be16(transport(), 80);
        store_be16(transport() + 2, 4000);
        store_be32(transport() + 4, 0xdeadbeef);
    }
    uint8_t* quoted() { return bytes + kIcmpHeaderBytes; }
    uint8_t* transport() { return quoted() + kIpHeaderBytes; }
    IcmpResult parse(IcmpError& out) const { return parse_icmp_error(bytes, kBytes, out); }
};

void parse__reads_each_field(Check& check) {
    const uint8_t bytes[] = {8, 1, 0x12, 0x34, 0xaa, 0xbb, 0xcc, 0xdd};
    IcmpHeader header;
    REQUIRE(parse_icmp(bytes, sizeof bytes, header) == IcmpResult::kOk);
    EXPECT_EQ(header.type, kIcmpEchoRequest);
    EXPECT_EQ(header.code, 1);
    EXPECT_EQ(header.checksum, 0x1234);
    EXPECT_EQ(header.rest, 0xaabbccdd);
    for (uint32_t length = 0; length < sizeof bytes; ++length) {
        EXPECT(parse_icmp(bytes, length, header) == IcmpResult::kShort);
    }
}

void parse__serves_few_types(Check& check) {
    uint8_t bytes[kIcmpHeaderBytes] = {};
    IcmpHeader header;
    for (uint32_t type = 0; type < 256; ++type) {
        bytes[0] = static_cast<uint8_t>(type);
        const bool served = type == 3 || type == 8 || type == 11 || type == 12;
        EXPECT((parse_icmp(bytes, sizeof bytes, header) == IcmpResult::kOk) == served);
    }
}

void parse_error__reads_the_quote(Check& check) {
    IcmpError error;
    REQUIRE(ErrorSample().parse(error) == IcmpResult::kOk);
    EXPECT_EQ(error.protocol, kTcp);
    EXPECT_EQ(error.type, kIcmpUnreachable);
    EXPECT_EQ(error.code, kPortUnreachable);
    EXPECT_EQ(error.seq, 0xdeadbeef);
    EXPECT_EQ(error.mtu, 0);
    EXPECT(error.local == (SocketAddress{IpAddress::v4(0xc0000201), 80}));
    EXPECT(error.peer == (SocketAddress{IpAddress::v4(0xc0000202), 4000}));
}

void parse_error__tells_the_mtu_only_where_it_is_one(Check& check) {
    IcmpError error;
    REQUIRE(ErrorSample(kIcmpUnreachable, kFragmentationNeeded).parse(error) == IcmpResult::kOk);
    EXPECT_EQ(error.mtu, 1400);
    REQUIRE(ErrorSample(kIcmpTimeExceeded, kFragmentationNeeded).parse(error) == IcmpResult::kOk);
    EXPECT_EQ(error.mtu, 0);
}

void parse_error__refuses_what_is_short(Check& check) {
    const ErrorSample sample;
    IcmpError error;
    for (uint32_t length = 0; length < ErrorSample::kBytes; ++length) {
        EXPECT(parse_icmp_error(sample.bytes, length, error) == IcmpResult::kShort);
    }
}

void parse_error__refuses_a_quote_without_ports(Check& check) {
    IcmpError error;
    ErrorSample later_fragment;
    later_fragment.quoted()[7] = 1;
    EXPECT(later_fragment.parse(error) == IcmpResult::kShort);
    ErrorSample options_to_the_end;
    options_to_the_end.quoted()[0] = 0x47;
    EXPECT(options_to_the_end.parse(error) == IcmpResult::kShort);
    ErrorSample not_ip;
    not_ip.quoted()[0] = 0x60;
    EXPECT(not_ip.parse(error) == IcmpResult::kShort);
}

void parse_error__refuses_what_is_no_error(Check& check) {
    IcmpError error;
    static constexpr uint8_t kTypes[] = {kIcmpEchoReply, kIcmpSourceQuench, kIcmpEchoRequest};
    for (uint8_t type : kTypes) {
        EXPECT(ErrorSample(type, 0).parse(error) == IcmpResult::kType);
    }
}

void take__as_many_as_the_rate_allows(Check& check) {
    constexpr uint64_t kSecond = 1'000'000'000;
    TokenBucket bucket(1000, 50);
    uint64_t now = 5 * kSecond;
    for (int i = 0; i < 50; ++i) EXPECT(bucket.take(now));
    EXPECT(!bucket.take(now));
    EXPECT(!bucket.take(now + kSecond / 1000 - 1));
    EXPECT(bucket.take(now + kSecond / 1000));
    EXPECT(!bucket.take(now + kSecond / 1000));
    // However it is asked, a second lets as many pass as were promised.
    uint32_t taken = 0;
    for (uint32_t i = 0; i < 10000; ++i, now += kSecond / 10000)
        taken += bucket.take(now + kSecond);
    EXPECT(taken >= 1000 && taken <= 1050);
    // It does not save up more than its depth.
    now += 3600 * kSecond;
    taken = 0;
    while (bucket.take(now)) ++taken;
    EXPECT_EQ(taken, 50);
}

constexpr Test kTests[] = {
    TEST(parse__reads_each_field),
    TEST(parse__serves_few_types),
    TEST(parse_error__reads_the_quote),
    TEST(parse_error__tells_the_mtu_only_where_it_is_one),
    TEST(parse_error__refuses_what_is_short),
    TEST(parse_error__refuses_a_quote_without_ports),
    TEST(parse_error__refuses_what_is_no_error),
    TEST(take__as_many_as_the_rate_allows),
};

}  // namespace

extern const Suite icmp_suite = SUITE("icmp", kTests);

}  // namespace kunit
