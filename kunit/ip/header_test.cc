// SPDX-License-Identifier: GPL-2.0
#include "scout/ip/header.hh"

#include "kunit/test.hh"
#include "scout/net/checksum.hh"
#include "scout/net/participants.hh"

namespace kunit {
namespace {

using namespace scout;

// The header of a datagram with 30 bytes of payload and `options` bytes of no-operation options.
struct Sample {
    uint8_t bytes[kIpMaxHeaderBytes];
    uint32_t length;

    explicit Sample(uint32_t options = 0) : length(kIpHeaderBytes + options) {
        IpHeader header{};
        header.total_bytes = length + 30;
        header.id = 0x1234;
        header.dont_fragment = true;
        header.dscp = 46;
        header.ecn = 2;
        header.ttl = 64;
        header.protocol = kUdp;
        header.source = IpAddress::v4(0xc0000202);
        header.destination = IpAddress::v4(0xc0000201);
        write_ip(bytes, header);
        for (uint32_t i = kIpHeaderBytes; i < length; ++i) bytes[i] = 1;
        set(0, static_cast<uint8_t>(4 << 4 | length / 4));
    }
    void set(uint32_t at, uint8_t value) {
        bytes[at] = value;
        store_be16(bytes + 10, 0);
        store_be16(bytes + 10, checksum(bytes, length));
    }
    void set16(uint32_t at, uint16_t value) {
        set(at, static_cast<uint8_t>(value >> 8));
        set(at + 1, static_cast<uint8_t>(value));
    }
    IpResult parse(IpHeader& out) const { return parse_ip(bytes, length, length + 30, out); }
    IpResult parse() const {
        IpHeader header;
        return parse(header);
    }
};

void parse__reads_each_field(Check& check) {
    IpHeader header;
    REQUIRE(Sample().parse(header) == IpResult::kOk);
    EXPECT_EQ(header.header_bytes, 20);
    EXPECT_EQ(header.total_bytes, 50);
    EXPECT_EQ(header.id, 0x1234);
    EXPECT_EQ(header.fragment_bytes, 0);
    EXPECT(!header.more_fragments);
    EXPECT(header.dont_fragment);
    EXPECT_EQ(header.dscp, 46);
    EXPECT_EQ(header.ecn, 2);
    EXPECT_EQ(header.ttl, 64);
    EXPECT_EQ(header.protocol, kUdp);
    EXPECT_EQ(header.source.v4(), 0xc0000202);
    EXPECT_EQ(header.destination.v4(), 0xc0000201);
}

void parse__refuses_what_is_short(Check& check) {
    const Sample sample(8);
    IpHeader header;
    for (uint32_t length = 0; length < sample.length; ++length) {
        EXPECT(parse_ip(sample.bytes, length, length, header) == IpResult::kShort);
    }
    // The payload is cut off.
    EXPECT(parse_ip(sample.bytes, sample.length, sample.length + 29, header) == IpResult::kShort);
}

void parse__allows_padding_behind(Check& check) {
    const Sample sample;
    IpHeader header;
    EXPECT(parse_ip(sample.bytes, sample.length, 500, header) == IpResult::kOk);
    EXPECT_EQ(header.total_bytes, 50);
}

void parse__refuses_another_version(Check& check) {
    Sample sample;
    sample.set(0, 0x65);
    EXPECT(sample.parse() == IpResult::kVersion);
    sample.set(0, 0x05);
    EXPECT(sample.parse() == IpResult::kVersion);
}

void parse__refuses_a_header_length_below_5(Check& check) {
    Sample sample;
    for (uint8_t words = 0; words < 5; ++words) {
        sample.set(0, static_cast<uint8_t>(0x40 | words));
        EXPECT(sample.parse() == IpResult::kHeader);
    }
}

void parse__refuses_a_total_length_below_the_header(Check& check) {
    Sample sample(4);
    static constexpr uint16_t kTotals[] = {0, 19, 23};
    for (uint16_t total : kTotals) {
        sample.set16(2, total);
        EXPECT(sample.parse() == IpResult::kLength);
    }
    sample.set16(2, 24);
    EXPECT(sample.parse() == IpResult::kOk);
}

void parse__refuses_a_wrong_checksum(Check& check) {
    Sample sample(12);
    for (uint32_t i = 12; i < sample.length; ++i) {
        sample.bytes[i] ^= 0x20;
        EXPECT(sample.parse() == IpResult::kChecksum);
        sample.bytes[i] ^= 0x20;
    }
    EXPECT(sample.parse() == IpResult::kOk);
}

void parse__skips_options_of_any_content(Check& check) {
    for (uint32_t options = 0; options <= 40; options += 4) {
        Sample sample(options);
        for (uint32_t i = 0; i < options; ++i) sample.set(20 + i, static_cast<uint8_t>(i * 37));
        IpHeader header;
        EXPECT(sample.parse(header) == IpResult::kOk);
        EXPECT_EQ(header.header_bytes, 20 + options);
    }
}

void parse__reads_fragments(Check& check) {
    Sample sample;
    IpHeader header;
    sample.set16(6, 0x2001);
    EXPECT(sample.parse(header) == IpResult::kOk);
    EXPECT(header.more_fragments);
    EXPECT_EQ(header.fragment_bytes, 8);
    sample.set16(6, 0x1fff);
    EXPECT(sample.parse(header) == IpResult::kOk);
    EXPECT(!header.more_fragments);
    EXPECT_EQ(header.fragment_bytes, 65528);
}

// RFC 791 section 3.1: it "must be zero", and whoever finds that it is not has nothing to say to
// it.
void parse__ignores_the_reserved_flag(Check& check) {
    static constexpr uint16_t kFlags[] = {0, 0x4000, 0x2001};
    for (uint16_t flags : kFlags) {
        Sample sample;
        IpHeader plain, header;
        sample.set16(6, flags);
        REQUIRE(sample.parse(plain) == IpResult::kOk);
        sample.set16(6, flags | 0x8000);
        REQUIRE(sample.parse(header) == IpResult::kOk);
        EXPECT_EQ(header.more_fragments, plain.more_fragments);
        EXPECT_EQ(header.dont_fragment, plain.dont_fragment);
        EXPECT_EQ(header.fragment_bytes, plain.fragment_bytes);
    }
}

void parse__merged_packets_may_exceed_the_field(Check& check) {
    Sample sample;
    IpHeader header;
    sample.set16(2, 0);
    EXPECT(parse_ip(sample.bytes, sample.length, 65535, header) == IpResult::kLength);
    EXPECT(parse_ip(sample.bytes, sample.length, 100000, header) == IpResult::kOk);
    EXPECT_EQ(header.total_bytes, 100000);
}

void write__more_than_the_field_is_written_as_zero(Check& check) {
    uint8_t bytes[kIpHeaderBytes];
    IpHeader header{};
    header.total_bytes = 70000;
    write_ip(bytes, header);
    EXPECT_EQ(load_be16(bytes + 2), 0);
    EXPECT_EQ(checksum(bytes, sizeof bytes), 0);
}

void write__fragment_fields(Check& check) {
    uint8_t bytes[kIpHeaderBytes];
    IpHeader header{}, read;
    header.total_bytes = 28;
    header.more_fragments = true;
    header.fragment_bytes = 1480;
    write_ip(bytes, header);
    REQUIRE(parse_ip(bytes, sizeof bytes, 28, read) == IpResult::kOk);
    EXPECT(read.more_fragments && !read.dont_fragment);
    EXPECT_EQ(read.fragment_bytes, 1480);
}

void parse_quoted__needs_only_the_header(Check& check) {
    Sample sample(4);
    IpHeader header;
    sample.bytes[8] = 0;  // the TTL ran out: the checksum no longer fits
    EXPECT(parse_quoted_ip(sample.bytes, sample.length, header) == IpResult::kOk);
    EXPECT_EQ(header.header_bytes, 24);
    EXPECT(parse_quoted_ip(sample.bytes, 19, header) == IpResult::kShort);
    EXPECT(parse_quoted_ip(sample.bytes, 23, header) == IpResult::kShort);
    sample.bytes[0] = 0x44;
    EXPECT(parse_quoted_ip(sample.bytes, sample.length, header) == IpResult::kHeader);
    sample.bytes[0] = 0x66;
    EXPECT(parse_quoted_ip(sample.bytes, sample.length, header) == IpResult::kVersion);
}

template <uint32_t N>
IpOptions options(const uint8_t (&bytes)[N]) {
    return check_ip_options(bytes, N);
}

void check_options__ignores_what_is_well_formed(Check& check) {
    EXPECT(check_ip_options(nullptr, 0) == IpOptions::kIgnored);
    EXPECT(options({1, 1, 1, 1}) == IpOptions::kIgnored);
    EXPECT(options({7, 7, 4, 0, 0, 0, 0, 0}) == IpOptions::kIgnored);      // record route
    EXPECT(options({68, 4, 5, 0}) == IpOptions::kIgnored);                 // timestamp
    EXPECT(options({1, 148, 4, 0, 0, 99, 2, 0}) == IpOptions::kIgnored);   // router alert, unknown
    EXPECT(options({0, 131, 3, 4}) == IpOptions::kIgnored);                // behind the end
    EXPECT(options({7, 7, 131, 7, 4, 137, 4, 0}) == IpOptions::kIgnored);  // within another
}

void check_options__refuses_source_routes(Check& check) {
    EXPECT(options({131, 3, 4, 0}) == IpOptions::kSourceRoute);
    EXPECT(options({137, 7, 4, 192, 0, 2, 9, 0}) == IpOptions::kSourceRoute);
    EXPECT(options({1, 7, 3, 4, 131, 3, 4, 0}) == IpOptions::kSourceRoute);
    EXPECT(options({131, 0, 0, 0}) == IpOptions::kSourceRoute);  // however malformed
    EXPECT(options({1, 1, 1, 137}) == IpOptions::kSourceRoute);
}

void check_options__refuses_impossible_lengths(Check& check) {
    EXPECT(options({7, 0, 0, 0}) == IpOptions::kMalformed);
    EXPECT(options({7, 1, 0, 0}) == IpOptions::kMalformed);
    EXPECT(options({7, 5, 0, 0}) == IpOptions::kMalformed);
    EXPECT(options({1, 1, 1, 7}) == IpOptions::kMalformed);
    EXPECT(options({99, 255, 0, 0}) == IpOptions::kMalformed);
}

constexpr Test kTests[] = {
    TEST(parse__reads_each_field),
    TEST(parse__refuses_what_is_short),
    TEST(parse__allows_padding_behind),
    TEST(parse__refuses_another_version),
    TEST(parse__refuses_a_header_length_below_5),
    TEST(parse__refuses_a_total_length_below_the_header),
    TEST(parse__refuses_a_wrong_checksum),
    TEST(parse__skips_options_of_any_content),
    TEST(parse__reads_fragments),
    TEST(parse__ignores_the_reserved_flag),
    TEST(parse__merged_packets_may_exceed_the_field),
    TEST(write__more_than_the_field_is_written_as_zero),
    TEST(write__fragment_fields),
    TEST(parse_quoted__needs_only_the_header),
    TEST(check_options__ignores_what_is_well_formed),
    TEST(check_options__refuses_source_routes),
    TEST(check_options__refuses_impossible_lengths),
};

}  // namespace

extern const Suite ip_header_suite = SUITE("ip_header", kTests);

}  // namespace kunit
