// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/header.hh"
#include "kunit/test.hh"

namespace scout {
namespace {

using kunit::Check;

// A SYN with every option a SYN has, as Linux would send it.
constexpr uint8_t kLinuxSyn[] = {
    0x80, 0x01, 0x00, 0x50, 0x01, 0x02, 0x03, 0x04, 0x00, 0x00, 0x00, 0x00, 0xa0, 0x02,
    0xfa, 0xf0, 0x00, 0x00, 0x00, 0x00, 0x02, 0x04, 0x05, 0xb4, 0x04, 0x02, 0x08, 0x0a,
    0x11, 0x22, 0x33, 0x44, 0x00, 0x00, 0x00, 0x00, 0x01, 0x03, 0x03, 0x07,
};

struct Bytes {
    uint8_t at[kTcpMaxHeader] = {};

    // A header of `words` 32-bit words with `flags`, options all NOP.
    explicit Bytes(uint32_t words, uint8_t flags = kAck) {
        at[12] = static_cast<uint8_t>(words << 4);
        at[13] = flags;
        for (uint32_t i = kTcpMinHeader; i < kTcpMaxHeader; ++i) at[i] = 1;
    }
};

void tcp_parse__reads_syn_of_linux(Check& check) {
    SegmentEvent event;
    REQUIRE(tcp_parse(kLinuxSyn, sizeof kLinuxSyn, sizeof kLinuxSyn, event) == TcpParse::kOk);
    EXPECT_EQ(event.seq, 0x01020304);
    EXPECT_EQ(event.flags, kSyn);
    EXPECT_EQ(event.window, 0xfaf0);
    EXPECT_EQ(event.options, kHasMss | kHasSackPermitted | kHasTimestamps | kHasWindowScale);
    EXPECT_EQ(event.mss, 1460);
    EXPECT_EQ(event.window_scale, 7);
    EXPECT_EQ(event.ts_val, 0x11223344);
    EXPECT_EQ(event.payload_bytes, 0);
    EXPECT_EQ(event.payload_offset, 40);
    EXPECT_EQ(tcp_ports(kLinuxSyn).source, 0x8001);
    EXPECT_EQ(tcp_ports(kLinuxSyn).destination, 80);
}

void tcp_parse__every_truncation_is_refused(Check& check) {
    SegmentEvent event;
    for (uint32_t n = 0; n < kTcpMinHeader; ++n)
        EXPECT(tcp_parse(kLinuxSyn, n, n, event) == TcpParse::kShort);
    for (uint32_t n = kTcpMinHeader; n < sizeof kLinuxSyn; ++n) {
        EXPECT(tcp_parse(kLinuxSyn, n, n, event) == TcpParse::kHeader);
        EXPECT(tcp_parse(kLinuxSyn, n, sizeof kLinuxSyn, event) == TcpParse::kShort);
    }
}

void tcp_parse__data_offset_out_of_range(Check& check) {
    SegmentEvent event;
    for (uint32_t words = 0; words < 5; ++words)
        EXPECT(tcp_parse(Bytes(words).at, 60, 60, event) == TcpParse::kHeader);
    for (uint32_t words = 5; words <= 15; ++words) {
        EXPECT(tcp_parse(Bytes(words).at, 60, 100, event) == TcpParse::kOk);
        EXPECT_EQ(event.payload_bytes, 100 - 4 * words);
    }
}

void tcp_parse__option_without_length_or_too_long(Check& check) {
    SegmentEvent event;
    Bytes last(6);
    last.at[23] = 8;  // kind in the last byte
    EXPECT(tcp_parse(last.at, 60, 60, event) == TcpParse::kOptions);
    constexpr uint32_t kBad[] = {0, 1, 5, 255};  // 4 bytes are left
    for (uint32_t length : kBad) {
        Bytes bad(6);
        bad.at[20] = 99;
        bad.at[21] = static_cast<uint8_t>(length);
        EXPECT(tcp_parse(bad.at, 60, 60, event) == TcpParse::kOptions);
    }
}

void tcp_parse__stops_at_end_of_options(Check& check) {
    SegmentEvent event;
    Bytes ended(6);
    ended.at[20] = 0;
    ended.at[21] = 99;
    ended.at[22] = 0;
    EXPECT(tcp_parse(ended.at, 60, 60, event) == TcpParse::kOk);
}

void tcp_parse__ignores_wrong_length_of_known_kind(Check& check) {
    SegmentEvent event;
    Bytes odd(6, kSyn);
    odd.at[20] = 2;
    odd.at[21] = 3;  // MSS has 4
    REQUIRE(tcp_parse(odd.at, 60, 60, event) == TcpParse::kOk);
    EXPECT_EQ(event.options, 0);
}

void tcp_parse__ignores_syn_options_elsewhere(Check& check) {
    SegmentEvent event;
    uint8_t ack[sizeof kLinuxSyn];
    __builtin_memcpy(ack, kLinuxSyn, sizeof ack);
    ack[13] = kAck;
    REQUIRE(tcp_parse(ack, sizeof ack, sizeof ack, event) == TcpParse::kOk);
    EXPECT_EQ(event.options, kHasTimestamps);
}

// RFC 9293 section 3.1: the reserved bits must be ignored by those who do not know what they mean.
void tcp_parse__ignores_reserved_bits(Check& check) {
    SegmentEvent plain, event;
    REQUIRE(tcp_parse(kLinuxSyn, sizeof kLinuxSyn, 100, plain) == TcpParse::kOk);
    for (uint32_t bits = 1; bits < 16; ++bits) {
        uint8_t syn[sizeof kLinuxSyn];
        __builtin_memcpy(syn, kLinuxSyn, sizeof syn);
        syn[12] = static_cast<uint8_t>(syn[12] | bits);
        REQUIRE(tcp_parse(syn, sizeof syn, 100, event) == TcpParse::kOk);
        EXPECT_EQ(event.seq, plain.seq);
        EXPECT_EQ(event.flags, plain.flags);
        EXPECT_EQ(event.options, plain.options);
        EXPECT_EQ(event.payload_offset, plain.payload_offset);
        EXPECT_EQ(event.payload_bytes, plain.payload_bytes);
    }
}

// Section 3.1 as well, MUST-6: each kind but those that are known.
void tcp_parse__ignores_unknown_options(Check& check) {
    for (uint32_t kind = 9; kind < 256; ++kind) {
        SegmentEvent event;
        Bytes unknown(7, kSyn);
        const uint8_t options[] = {static_cast<uint8_t>(kind), 4, 3, 3, 2, 4, 5, 0xb4};
        __builtin_memcpy(unknown.at + kTcpMinHeader, options, sizeof options);
        REQUIRE(tcp_parse(unknown.at, 60, 60, event) == TcpParse::kOk);
        EXPECT_EQ(event.options, kHasMss);
        EXPECT_EQ(event.mss, 1460);
    }
}

void tcp_parse__survives_anything(Check& check) {
    uint64_t chance = 1;
    uint8_t bytes[kTcpMaxHeader];
    for (uint32_t round = 0; round < check.scale(100000); ++round) {
        for (uint8_t& byte : bytes) {
            chance = chance * 6364136223846793005 + 1442695040888963407;
            byte = static_cast<uint8_t>(chance >> 56);
        }
        SegmentEvent event;
        if (tcp_parse(bytes, sizeof bytes, sizeof bytes, event) != TcpParse::kOk) continue;
        EXPECT(event.sack_blocks <= 4);
        EXPECT_EQ(event.payload_offset + event.payload_bytes, sizeof bytes);
    }
}

void tcp_flags_possible__all_256(Check& check) {
    for (uint32_t flags = 0; flags < 256; ++flags) {
        const bool syn = flags & kSyn, fin = flags & kFin, rst = flags & kRst, ack = flags & kAck;
        const bool possible = syn + fin + rst <= 1 && (ack || syn || rst);
        EXPECT(tcp_flags_possible(static_cast<uint8_t>(flags)) == possible);
    }
}

void tcp_piece__cuts_a_run(Check& check) {
    TransmitEffect run{};
    run.stream_offset = 5000;
    run.bytes = 25;
    run.piece_bytes = 10;
    run.mss = 10;
    run.seq = 0xfffffff8;
    run.flags = kAck | kPsh | kFin | kCwr;
    REQUIRE_EQ(run.pieces(), 3);
    EXPECT_EQ(tcp_piece(run, 0).bytes, 10);
    EXPECT_EQ(tcp_piece(run, 0).flags, kAck | kCwr);
    EXPECT_EQ(tcp_piece(run, 1).seq, 2);
    EXPECT_EQ(tcp_piece(run, 2).stream_offset, 5020);
    EXPECT_EQ(tcp_piece(run, 2).bytes, 5);
    EXPECT_EQ(tcp_piece(run, 2).flags, kAck | kPsh | kFin);
}

// As Linux does: what comes as one to the device is not kept waiting by a peer that merges
// segments.
void tcp_piece__several_segments_are_pushed(Check& check) {
    TransmitEffect run{};
    run.bytes = 45;
    run.piece_bytes = 20;
    run.mss = 10;
    run.flags = kAck | kFin;
    EXPECT_EQ(tcp_piece(run, 0).flags, kAck | kPsh);
    EXPECT_EQ(tcp_piece(run, 1).flags, kAck | kPsh);
    EXPECT_EQ(tcp_piece(run, 2).flags, kAck | kFin);
}

void tcp_format__what_is_written_is_read(Check& check) {
    TransmitEffect run{};
    run.bytes = 0;
    run.seq = 7;
    run.ack = 9;
    run.window = 1234;
    run.flags = kSyn | kAck;
    run.options = kHasMss | kHasSackPermitted | kHasTimestamps | kHasWindowScale;
    run.syn_mss = 8960;
    run.window_scale = 5;
    run.ts_val = 77;
    run.ts_ecr = 88;
    uint8_t header[kTcpMaxHeader];
    const uint32_t bytes = tcp_format(run, 0, {1111, 2222}, header);
    EXPECT_EQ(bytes, tcp_header_bytes(run));
    EXPECT_EQ(bytes % 4, 0);
    SegmentEvent event;
    REQUIRE(tcp_parse(header, bytes, bytes, event) == TcpParse::kOk);
    EXPECT_EQ(event.seq, 7);
    EXPECT_EQ(event.ack, 9);
    EXPECT_EQ(event.window, 1234);
    EXPECT_EQ(event.flags, run.flags);
    EXPECT_EQ(event.options, run.options);
    EXPECT_EQ(event.mss, 8960);
    EXPECT_EQ(event.window_scale, 5);
    EXPECT_EQ(event.ts_val, 77);
    EXPECT_EQ(event.ts_ecr, 88);
    EXPECT_EQ(tcp_ports(header).destination, 2222);
}

void tcp_format__sack_blocks_fit(Check& check) {
    TransmitEffect run{};
    run.flags = kAck;
    run.sack_blocks = 4;
    for (uint32_t i = 0; i < 4; ++i) run.sack[i] = {100 * i, 100 * i + 50};
    uint8_t header[kTcpMaxHeader];
    SegmentEvent event;
    uint32_t bytes = tcp_format(run, 0, {1, 2}, header);
    EXPECT_EQ(bytes, tcp_header_bytes(run));
    REQUIRE(tcp_parse(header, bytes, bytes, event) == TcpParse::kOk);
    EXPECT_EQ(event.sack_blocks, 4);
    EXPECT_EQ(event.sack[3].end, 350);
    run.options = kHasTimestamps;
    bytes = tcp_format(run, 0, {1, 2}, header);
    EXPECT_EQ(bytes, kTcpMaxHeader);
    REQUIRE(tcp_parse(header, bytes, bytes, event) == TcpParse::kOk);
    EXPECT_EQ(event.sack_blocks, 3);
}

// RFC 9293 section 3.10.7.1.
void tcp_reset_reply__to_each_kind(Check& check) {
    SegmentEvent event{};
    TransmitEffect reset;
    event.flags = kRst | kAck;
    EXPECT(!tcp_reset_reply(event, reset));
    event.flags = kAck;
    event.ack = 500;
    REQUIRE(tcp_reset_reply(event, reset));
    EXPECT_EQ(reset.flags, kRst);
    EXPECT_EQ(reset.seq, 500);
    event.flags = kSyn;
    event.seq = 0xffffffff;
    event.payload_bytes = 10;
    REQUIRE(tcp_reset_reply(event, reset));
    EXPECT_EQ(reset.flags, kRst | kAck);
    EXPECT_EQ(reset.seq, 0);
    EXPECT_EQ(reset.ack, 10);
    EXPECT_EQ(reset.pieces(), 1);
}

constexpr kunit::Test kTests[] = {
    TEST(tcp_parse__reads_syn_of_linux),
    TEST(tcp_parse__every_truncation_is_refused),
    TEST(tcp_parse__data_offset_out_of_range),
    TEST(tcp_parse__option_without_length_or_too_long),
    TEST(tcp_parse__stops_at_end_of_options),
    TEST(tcp_parse__ignores_wrong_length_of_known_kind),
    TEST(tcp_parse__ignores_syn_options_elsewhere),
    TEST(tcp_parse__ignores_reserved_bits),
    TEST(tcp_parse__ignores_unknown_options),
    TEST(tcp_parse__survives_anything),
    TEST(tcp_flags_possible__all_256),
    TEST(tcp_piece__cuts_a_run),
    TEST(tcp_piece__several_segments_are_pushed),
    TEST(tcp_format__what_is_written_is_read),
    TEST(tcp_format__sack_blocks_fit),
    TEST(tcp_reset_reply__to_each_kind),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_header_suite = SUITE("tcp_header", scout::kTests);

}  // namespace kunit
