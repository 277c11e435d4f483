// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

void schedule_ack__quick_at_the_beginning(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.state().quick_acks = 2;
    wire.peer({.seq = 1, .len = 1});
    wire.sent(kAck, 1, 2, 0);
    wire.peer({.seq = 2, .len = 1});
    wire.sent(kAck, 1, 3, 0);
    wire.peer({.seq = 3, .len = 1});
    wire.quiet();
}

// The loss has left the peer with a small window. Nothing is missing any longer; then it is as
// ever.
void schedule_ack__quick_after_a_loss(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.seq = 11, .len = 10});
    wire.sent(kAck, 1, 1, 0);
    wire.peer({.seq = 1, .len = 10});
    wire.sent(kAck, 1, 21, 0);
    uint32_t seq = 21;
    for (uint32_t ack = 1; ack < tcp::kQuickAcks; ++ack, ++seq) {
        wire.peer({.seq = seq, .len = 1});
        wire.sent(kAck, 1, seq + 1, 0);
    }
    wire.peer({.seq = seq, .len = 1});
    wire.quiet();
}

// RFC 9293 section 3.8.6.3.
void schedule_ack__delayed_but_every_second_full_segment(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.seq = 1, .len = 1000});
    wire.quiet();
    wire.peer({.seq = 1001, .len = 1000});
    wire.sent(kAck, 1, 2001, 0);
    wire.peer({.seq = 2001, .len = 1000});
    wire.quiet();
    wire.pass_ms(39);
    wire.quiet();
    wire.pass_ms(1);
    wire.sent(kAck, 1, 3001, 0);
    wire.pass_ms(1000);
    wire.quiet();
}

void schedule_ack__merged_segment_at_once(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.seq = 1, .len = 20000});
    wire.sent(kAck, 1, 20001, 0);
    wire.quiet();
}

void schedule_ack__data_carries_it(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.seq = 1, .len = 100});
    wire.quiet();
    wire.writes(10);
    wire.sent(kAck, 1, 101, 10);
    wire.pass_ms(100);
    wire.quiet();
}

// The handshake shows a round trip of so long.
void establish_far(Wire& wire, uint64_t rtt_ms, uint8_t options = kHasMss) {
    wire.peer({.flags = kSyn, .seq = 0, .ack = 0, .options = options});
    wire.pass_ms(rtt_ms);
    wire.peer({});
    if (wire.ready()) wire.state().quick_acks = 0;
    wire.in(TcpPhase::kEstablished);
}

// Segments of 1000 bytes up to `end`, without an answer but to the last.
void burst(Wire& wire, uint32_t seq, uint32_t end) {
    for (; seq < end; seq += 1000) {
        wire.quiet();
        wire.peer({.seq = seq, .len = 1000});
    }
}

void schedule_ack__spaced_in_a_burst_from_afar(Check& check) {
    Wire wire(check);
    establish_far(wire, 20);
    burst(wire, 1, 2001);
    wire.sent(kAck, 1, 2001, 0);
    burst(wire, 2001, 7001);
    wire.quiet();
    wire.pass_ms(1);
    wire.sent(kAck, 1, 7001, 0);
    burst(wire, 7001, 15'001);  // kMaxSpacedSegments
    wire.sent(kAck, 1, 15'001, 0);
    wire.pass_ms(1);
    wire.quiet();
    burst(wire, 15'001, 17'001);
    wire.sent(kAck, 1, 17'001, 0);
}

void schedule_ack__not_spaced_from_nearby(Check& check) {
    Wire wire(check);
    establish_far(wire, 19);
    for (uint32_t seq = 1; seq < 20'001; seq += 2000) {
        burst(wire, seq, seq + 2000);
        wire.sent(kAck, 1, seq + 2000, 0);
    }
}

// As many duplicate ACKs as make a fast retransmission go at once, whatever is missing.
void note_out_of_order__spaced_after_three(Check& check) {
    Wire wire(check);
    establish_far(wire, 20, kHasMss | kHasSackPermitted);
    for (uint32_t missing = 1; missing < 30'000; missing += 10'000) {
        uint32_t seq = missing;
        for (uint32_t i = 0; i < tcp::kDupThreshold; ++i) {
            wire.peer({.seq = seq += 1000, .len = 1000});
            EXPECT_EQ(wire.sent(kAck, 1, missing, 0).sack_blocks, 1);
        }
        burst(wire, seq + 1000, missing + 10'000);
        wire.quiet();
        wire.pass_ms(1);
        EXPECT_EQ(wire.sent(kAck, 1, missing, 0).sack[0].end - Wire::kIrs, missing + 10'000);
        burst(wire, missing, missing + 1000);
        wire.sent(kAck, 1, missing + 10'000, 0);
        wire.state().quick_acks = 0;
    }
}

void note_out_of_order__quick_ones_are_not_spaced(Check& check) {
    Wire wire(check);
    establish_far(wire, 20, kHasMss | kHasSackPermitted);
    if (wire.ready()) wire.state().quick_acks = 2 * tcp::kDupThreshold;
    for (uint32_t i = 1; i <= 2 * tcp::kDupThreshold; ++i) {
        wire.peer({.seq = 1 + 2000 * i, .len = 1000});
        wire.sent(kAck, 1, 1, 0);
    }
    wire.peer({.seq = 2001 + 4000 * tcp::kDupThreshold, .len = 1000});
    wire.quiet();
}

// A peer without SACK counts them.
void note_out_of_order__not_spaced_without_sack(Check& check) {
    Wire wire(check);
    establish_far(wire, 20);
    for (uint32_t seq = 1001; seq < 20'001; seq += 1000) {
        wire.peer({.seq = seq, .len = 1000});
        wire.sent(kAck, 1, 1, 0);
    }
}

void announce_window__right_edge_never_goes_back(Check& check) {
    Wire wire(check, Wire::small_ring());
    wire.establish();
    wire.peer({.seq = 1, .len = 2000});
    EXPECT_EQ(wire.sent(kAck, 1, 2001, 0).window, 2096);
    wire.reads(500);  // less than a segment: the edge stays (RFC 9293 section 3.8.6.2.2)
    wire.quiet();
    wire.peer({.seq = 2001, .len = 2000});
    EXPECT_EQ(wire.sent(kAck, 1, 4001, 0).window, 96);
    wire.reads(1000);
    EXPECT_EQ(wire.sent(kAck, 1, 4001, 0).window, 1596);
}

void announce_window__scaled(Check& check) {
    TcpConfig config = Wire::config();
    config.receive_bytes = 1 << 20;
    Wire wire(check, config);
    wire.peer({.flags = kSyn, .seq = 0, .options = kHasMss | kHasWindowScale, .scale = 2});
    const TransmitEffect& answer = wire.sent(kSyn | kAck, 0, 1, 0);
    EXPECT_EQ(answer.window, 65535);
    EXPECT_EQ(answer.window_scale, 5);
    wire.peer({.len = 3000});
    EXPECT_EQ(wire.sent(kAck, 1, 3001, 0).window, ((1 << 20) - 3000) >> 5);
}

void window_update_due__when_it_has_doubled(Check& check) {
    TcpConfig config = Wire::config();
    config.receive_bytes = 16384;
    Wire wire(check, config);
    wire.establish();
    wire.peer({.seq = 1, .len = 8192});
    wire.reads(4096);
    wire.quiet();
    wire.reads(4096);
    EXPECT_EQ(wire.sent(kAck, 1, 8193, 0).window, 16384);
    wire.reads(0);
    wire.quiet();
}

// RFC 2018 section 4.
void fill_sack_blocks__latest_first(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss | kHasSackPermitted);
    wire.peer({.seq = 101, .len = 100});
    const TransmitEffect& one = wire.sent(kAck, 1, 1, 0);
    REQUIRE_EQ(one.sack_blocks, 1);
    EXPECT_EQ(one.sack[0].start - Wire::kIrs, 101);
    EXPECT_EQ(one.sack[0].end - Wire::kIrs, 201);
    for (uint32_t seq = 301; seq <= 901; seq += 200) wire.peer({.seq = seq, .len = 100});
    wire.peer({.seq = 401, .len = 50});  // grows the second
    const TransmitEffect& full = wire.sent(kAck, 1, 1, 0);
    REQUIRE_EQ(full.sack_blocks, 4);
    EXPECT_EQ(full.sack[0].start - Wire::kIrs, 301);
    EXPECT_EQ(full.sack[0].end - Wire::kIrs, 451);
    EXPECT_EQ(full.sack[1].start - Wire::kIrs, 901);
    EXPECT_EQ(full.sack[2].start - Wire::kIrs, 701);
    EXPECT_EQ(full.sack[3].start - Wire::kIrs, 501);
}

// RFC 2883 section 4.1: below the acknowledgement.
void fill_sack_blocks__duplicate_first(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss | kHasSackPermitted);
    wire.peer({.len = 100});
    wire.peer({.seq = 201, .len = 100});
    wire.peer({.len = 100});
    const TransmitEffect& ack = wire.sent(kAck, 1, 101, 0);
    REQUIRE_EQ(ack.sack_blocks, 2);
    EXPECT_EQ(ack.sack[0].start - Wire::kIrs, 1);
    EXPECT_EQ(ack.sack[0].end - Wire::kIrs, 101);
    EXPECT_EQ(ack.sack[1].start - Wire::kIrs, 201);
    wire.peer({.seq = 401, .len = 100});  // is not said again
    EXPECT_EQ(wire.sent(kAck, 1, 101, 0).sack[0].start - Wire::kIrs, 401);
}

// Section 4.2: part of a block, which follows; section 4.3: partly old.
void fill_sack_blocks__duplicate_within_a_block(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss | kHasSackPermitted);
    wire.peer({.seq = 201, .len = 300});
    wire.peer({.seq = 701, .len = 100});
    wire.peer({.seq = 301, .len = 100});
    const TransmitEffect& ack = wire.sent(kAck, 1, 1, 0);
    REQUIRE_EQ(ack.sack_blocks, 3);
    EXPECT_EQ(ack.sack[0].start - Wire::kIrs, 301);
    EXPECT_EQ(ack.sack[0].end - Wire::kIrs, 401);
    EXPECT_EQ(ack.sack[1].start - Wire::kIrs, 201);
    EXPECT_EQ(ack.sack[1].end - Wire::kIrs, 501);
    wire.peer({.len = 100});
    wire.peer({.seq = 51, .len = 100});
    const TransmitEffect& partly = wire.sent(kAck, 1, 151, 0);
    EXPECT_EQ(partly.sack[0].start - Wire::kIrs, 51);
    EXPECT_EQ(partly.sack[0].end - Wire::kIrs, 101);
}

// Section 4: of a segment that repeats in several places, the first.
void fill_sack_blocks__duplicate_within_what_is_new(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss | kHasSackPermitted);
    wire.peer({.seq = 101, .len = 200});
    wire.peer({.seq = 401, .len = 100});
    wire.peer({.seq = 701, .len = 100});
    wire.peer({.len = 600});
    const TransmitEffect& inside = wire.sent(kAck, 1, 601, 0);
    REQUIRE_EQ(inside.sack_blocks, 2);
    EXPECT_EQ(inside.sack[0].start - Wire::kIrs, 101);
    EXPECT_EQ(inside.sack[0].end - Wire::kIrs, 301);
    EXPECT_EQ(inside.sack[1].start - Wire::kIrs, 701);
    wire.peer({.seq = 751, .len = 100});  // above what is acknowledged
    const TransmitEffect& front = wire.sent(kAck, 1, 601, 0);
    REQUIRE_EQ(front.sack_blocks, 2);
    EXPECT_EQ(front.sack[0].start - Wire::kIrs, 751);
    EXPECT_EQ(front.sack[0].end - Wire::kIrs, 801);
    EXPECT_EQ(front.sack[1].start - Wire::kIrs, 701);
    EXPECT_EQ(front.sack[1].end - Wire::kIrs, 851);
    wire.peer({.seq = 601, .len = 250});  // at its end
    const TransmitEffect& back = wire.sent(kAck, 1, 851, 0);
    REQUIRE_EQ(back.sack_blocks, 1);
    EXPECT_EQ(back.sack[0].start - Wire::kIrs, 701);
    EXPECT_EQ(back.sack[0].end - Wire::kIrs, 851);
}

void fill_sack_blocks__not_unless_permitted(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.seq = 101, .len = 100});
    EXPECT_EQ(wire.sent(kAck, 1, 1, 0).sack_blocks, 0);
}

// RFC 5961 section 7.
void send_challenge_ack__is_limited(Check& check) {
    Wire wire(check);
    wire.establish();
    for (uint32_t i = 0; i < 10; ++i) {
        wire.peer({.flags = kSyn, .seq = 10});
        wire.sent(kAck, 1, 1, 0);
    }
    wire.peer({.flags = kSyn, .seq = 10});
    wire.quiet();
    wire.pass_ms(5000);
    wire.peer({.flags = kSyn, .seq = 10});
    wire.sent(kAck, 1, 1, 0);
    EXPECT_EQ(wire.info().challenge_acks, 11);
}

constexpr kunit::Test kTests[] = {
    TEST(schedule_ack__quick_at_the_beginning),
    TEST(schedule_ack__quick_after_a_loss),
    TEST(schedule_ack__delayed_but_every_second_full_segment),
    TEST(schedule_ack__merged_segment_at_once),
    TEST(schedule_ack__data_carries_it),
    TEST(schedule_ack__spaced_in_a_burst_from_afar),
    TEST(schedule_ack__not_spaced_from_nearby),
    TEST(note_out_of_order__spaced_after_three),
    TEST(note_out_of_order__quick_ones_are_not_spaced),
    TEST(note_out_of_order__not_spaced_without_sack),
    TEST(announce_window__right_edge_never_goes_back),
    TEST(announce_window__scaled),
    TEST(window_update_due__when_it_has_doubled),
    TEST(fill_sack_blocks__latest_first),
    TEST(fill_sack_blocks__duplicate_first),
    TEST(fill_sack_blocks__duplicate_within_a_block),
    TEST(fill_sack_blocks__duplicate_within_what_is_new),
    TEST(fill_sack_blocks__not_unless_permitted),
    TEST(send_challenge_ack__is_limited),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_ack_suite = SUITE("tcp_ack", scout::kTests);

}  // namespace kunit
