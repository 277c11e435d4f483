// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

void segment_text__in_order(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.seq = 1, .len = 100});
    wire.delivered(0, 100, 100);
    EXPECT_EQ(wire.delivery(0).packet_offset, 66);
    EXPECT_EQ(wire.delivery(0).serial, 0);
    wire.peer({.seq = 101, .len = 50});
    wire.delivered(100, 50, 150);
    EXPECT_EQ(wire.delivery(0).serial, 1);
}

void segment_text__out_of_order_is_placed_at_once(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.seq = 101, .len = 100});
    wire.delivered(100, 100, 0);
    wire.sent(kAck, 1, 1, 0);
    wire.peer({.seq = 1, .len = 100});
    wire.delivered(0, 100, 200);
    wire.sent(kAck, 1, 201, 0);  // the hole is filled: at once
}

void segment_text__only_what_is_new(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.seq = 101, .len = 100});
    wire.peer({.seq = 301, .len = 100});
    wire.peer({.seq = 1, .len = 500});  // around both
    wire.delivered(0, 100, 200);        // each piece may have another owner
    wire.delivered(200, 100, 400);
    wire.delivered(400, 100, 500);
    EXPECT_EQ(wire.deliveries(), 3);
    EXPECT_EQ(wire.delivery(1).packet_offset, 66 + 200);
    wire.peer({.seq = 1, .len = 500});
    EXPECT_EQ(wire.deliveries(), 0);
    wire.sent(kAck, 1, 501, 0);
}

void segment_text__too_many_pieces_count_as_not_received(Check& check) {
    Wire wire(check);
    wire.establish();
    for (uint32_t i = 0; i < 6; ++i) wire.peer({.seq = 11 + 20 * i, .len = 10});
    wire.peer({.seq = 1, .len = 130});
    EXPECT_EQ(wire.deliveries(), 4);
    wire.sent(kAck, 1, 81, 0);
    wire.peer({.seq = 81, .len = 50});
    EXPECT_EQ(wire.deliveries(), 3);
    wire.sent(kAck, 1, 131, 0);
}

void segment_text__too_many_ranges_count_as_not_received(Check& check) {
    Wire wire(check);
    wire.establish();
    for (uint32_t i = 0; i < SeqRanges::kMax; ++i) wire.peer({.seq = 11 + 20 * i, .len = 10});
    EXPECT_EQ(wire.deliveries(), 1);
    wire.peer({.seq = 11 + 20 * SeqRanges::kMax, .len = 10});
    EXPECT_EQ(wire.deliveries(), 0);
    wire.sent(kAck, 1, 1, 0);
    wire.peer({.seq = 21, .len = 10});  // joins two: there is room
    EXPECT_EQ(wire.deliveries(), 1);
}

void segment_text__never_beyond_the_ring(Check& check) {
    Wire wire(check, Wire::small_ring());
    wire.establish();
    wire.peer({.seq = 1, .len = 60000});
    wire.delivered(0, 4096, 4096);
    EXPECT_EQ(wire.sent(kAck, 1, 4097, 0).window, 0);
    wire.reads(4096);
    EXPECT_EQ(wire.sent(kAck, 1, 4097, 0).window, 4096);
}

// RFC 1122 section 4.2.2.13.
void segment_text__after_the_reader_has_gone_is_refused(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.shutdown();
    wire.close_reads();
    wire.peer({.ack = 2, .len = 10});
    wire.sent(kRst | kAck, 2, 1, 0);
    EXPECT_EQ(wire.count(EffectKind::kClosed), 1);
    EXPECT_EQ(wire.close_error(), kEconnreset);
    EXPECT_EQ(wire.count(EffectKind::kError), 0);
}

void check_fin__waits_for_what_is_missing(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.flags = kAck | kFin, .seq = 101, .len = 100});
    wire.delivered(100, 100, 0);
    wire.sent(kAck, 1, 1, 0);
    EXPECT_EQ(wire.count(EffectKind::kEndOfStream), 0);
    wire.peer({.seq = 1, .len = 100});
    wire.delivered(0, 100, 200);
    wire.sent(kAck, 1, 202, 0);
    EXPECT_EQ(wire.end_of_stream(), 200);
    EXPECT(wire.phase() == TcpPhase::kCloseWait);
    wire.peer({.seq = 202, .len = 10});  // nothing comes after FIN
    EXPECT_EQ(wire.deliveries(), 0);
}

void check_fin__that_cannot_be_true_is_ignored(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.seq = 101, .len = 100});
    wire.peer({.flags = kAck | kFin, .seq = 51, .len = 10});  // but there was data beyond
    wire.peer({.seq = 1, .len = 100});
    wire.delivered(0, 50, 60);
    EXPECT_EQ(wire.count(EffectKind::kEndOfStream), 0);
    EXPECT(wire.phase() == TcpPhase::kEstablished);
}

void check_fin__again_is_acknowledged_again(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.flags = kAck | kFin});
    wire.sent(kAck, 1, 2, 0);
    wire.peer({.flags = kAck | kFin});
    wire.sent(kAck, 1, 2, 0);
    EXPECT_EQ(wire.count(EffectKind::kEndOfStream), 1);
}

constexpr kunit::Test kTests[] = {
    TEST(segment_text__in_order),
    TEST(segment_text__out_of_order_is_placed_at_once),
    TEST(segment_text__only_what_is_new),
    TEST(segment_text__too_many_pieces_count_as_not_received),
    TEST(segment_text__too_many_ranges_count_as_not_received),
    TEST(segment_text__never_beyond_the_ring),
    TEST(segment_text__after_the_reader_has_gone_is_refused),
    TEST(check_fin__waits_for_what_is_missing),
    TEST(check_fin__that_cannot_be_true_is_ignored),
    TEST(check_fin__again_is_acknowledged_again),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_receive_suite = SUITE("tcp_receive", scout::kTests);

}  // namespace kunit
