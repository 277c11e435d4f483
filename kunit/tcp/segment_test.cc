// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint8_t kWithTimestamps = kHasMss | kHasTimestamps;

// RFC 7323 section 5.3.
void check_timestamps__old_segment_is_answered_and_dropped(Check& check) {
    Wire wire(check);
    wire.establish(kWithTimestamps);
    wire.peer({.seq = 1, .len = 10, .options = kHasTimestamps, .ts_val = 99});
    wire.sent(kAck, 1, 1, 0);
    EXPECT_EQ(wire.deliveries(), 0);
    wire.peer({.seq = 1, .len = 10, .options = kHasTimestamps, .ts_val = 100});
    wire.delivered(0, 10, 10);
}

void check_timestamps__reset_is_not_checked(Check& check) {
    Wire wire(check);
    wire.establish(kWithTimestamps);
    wire.peer({.flags = kRst, .seq = 1, .options = kHasTimestamps, .ts_val = 1});
    EXPECT_EQ(wire.error(), kEconnreset);
}

void check_timestamps__invalid_after_24_days(Check& check) {
    Wire wire(check);
    wire.establish(kWithTimestamps);
    wire.pass(tcp::kTimestampLife + 1);
    wire.peer({.seq = 1, .len = 10, .options = kHasTimestamps, .ts_val = 1});
    wire.delivered(0, 10, 10);
    EXPECT_EQ(wire.state().ts_recent, 1);
}

void check_timestamps__missing_one_is_tolerated(Check& check) {
    Wire wire(check);
    wire.establish(kWithTimestamps);
    wire.peer({.seq = 1, .len = 10});
    wire.delivered(0, 10, 10);
}

// RFC 9293 table 6.
void check_sequence__window_of_some_size(Check& check) {
    Wire wire(check);
    wire.establish();
    const uint32_t edge = 1 + 65535;
    wire.peer({.seq = edge + 1});  // no data, beyond
    wire.sent(kAck, 1, 1, 0);
    wire.peer({.seq = edge});  // no data, at the edge
    wire.quiet();
    wire.peer({.seq = 0, .len = 1});  // all old
    wire.sent(kAck, 1, 1, 0);
    wire.peer({.seq = edge, .len = 1});  // all beyond
    wire.sent(kAck, 1, 1, 0);
    EXPECT_EQ(wire.deliveries(), 0);
    wire.peer({.seq = 0, .len = 2});  // partly old
    wire.delivered(0, 1, 1);
    wire.peer({.seq = edge - 1, .len = 5});  // partly beyond
    wire.delivered(65534, 1, 1);
}

void check_sequence__shut_window_takes_ack_and_reset_only(Check& check) {
    Wire wire(check, Wire::small_ring());
    wire.establish();
    wire.writes(10);
    wire.peer({.seq = 1, .len = 4096});
    EXPECT_EQ(wire.info().rcv_wnd, 0);
    wire.peer(
        {.flags = kAck | kFin, .seq = 4097, .ack = 11, .len = 1});  // a probe that acknowledges
    wire.sent(kAck, 11, 4097, 0);
    EXPECT_EQ(wire.deliveries(), 0);
    EXPECT_EQ(wire.info().bytes_acked, 10);
    wire.peer({.flags = kRst, .seq = 4097});
    EXPECT_EQ(wire.error(), kEconnreset);
}

void check_sequence__unacceptable_reset_is_dropped(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.flags = kRst, .seq = 0});
    wire.peer({.flags = kRst, .seq = 70000});
    wire.quiet();
    EXPECT(wire.phase() == TcpPhase::kEstablished);
}

void update_recent_timestamp__not_from_beyond_a_hole(Check& check) {
    Wire wire(check);
    wire.establish(kWithTimestamps);
    wire.peer({.seq = 101, .len = 10, .options = kHasTimestamps, .ts_val = 300});
    EXPECT_EQ(wire.sent(kAck, 1, 1, 0).ts_ecr, 100);
    wire.peer({.seq = 1, .len = 100, .options = kHasTimestamps, .ts_val = 200});
    EXPECT_EQ(wire.sent(kAck, 1, 111, 0).ts_ecr, 200);
}

// RFC 5961 section 3.2.
void check_reset__only_the_exact_number(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.flags = kRst, .seq = 2});
    wire.sent(kAck, 1, 1, 0);
    EXPECT_EQ(wire.info().challenge_acks, 1);
    EXPECT(wire.phase() == TcpPhase::kEstablished);
    wire.peer({.flags = kRst, .seq = 1});
    wire.quiet();
    EXPECT_EQ(wire.error(), kEconnreset);
    EXPECT_EQ(wire.close_error(), kEconnreset);
    wire.peer({.len = 10});
    wire.sent(kRst, 1, 0, 0);
    EXPECT_EQ(wire.count(EffectKind::kClosed), 1);
}

void check_reset__in_last_ack_only_lost_data_is_an_error(Check& check) {
    Wire polite(check);
    polite.establish();
    polite.peer({.flags = kAck | kFin});
    polite.shutdown();
    polite.peer({.flags = kRst, .seq = 2});
    EXPECT_EQ(polite.close_error(), 0);
    Wire rude(check);
    rude.establish();
    rude.peer({.flags = kAck | kFin});
    rude.writes(10);
    rude.shutdown();
    rude.peer({.flags = kRst, .seq = 2});
    EXPECT_EQ(rude.close_error(), kEconnreset);
}

// RFC 5961 section 4.2.
void check_syn__is_challenged(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.flags = kSyn, .seq = 10});
    wire.sent(kAck, 1, 1, 0);
    EXPECT(wire.phase() == TcpPhase::kEstablished);
}

void check_ack__segment_without_ack_is_dropped(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.flags = 0, .seq = 1, .len = 10});
    wire.quiet();
    EXPECT_EQ(wire.deliveries(), 0);
}

// RFC 5961 section 5.2.
void check_ack__out_of_range_is_challenged(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.ack = 2, .len = 10});
    wire.sent(kAck, 1, 1, 0);
    EXPECT_EQ(wire.deliveries(), 0);
    wire.peer({.ack = 1u - 60001, .len = 10});
    wire.sent(kAck, 1, 1, 0);
    EXPECT_EQ(wire.deliveries(), 0);
    wire.peer({.ack = 1u - 60000, .len = 10});  // old, but possible
    wire.delivered(0, 10, 10);
}

// RFC 9293 section 3.10.7.4, eighth.
void time_wait__answers_the_fin_and_waits_anew(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.shutdown();
    wire.peer({.flags = kAck | kFin, .ack = 2});
    wire.sent(kAck, 2, 2, 0);
    EXPECT(wire.phase() == TcpPhase::kTimeWait);
    wire.pass_ms(59000);
    wire.peer({.flags = kAck | kFin, .ack = 2});
    wire.sent(kAck, 2, 2, 0);
    wire.pass_ms(59000);
    EXPECT(wire.phase() == TcpPhase::kTimeWait);
    wire.pass_ms(1000);
    EXPECT_EQ(wire.count(EffectKind::kClosed), 1);
    EXPECT_EQ(wire.close_error(), 0);
}

constexpr kunit::Test kTests[] = {
    TEST(check_timestamps__old_segment_is_answered_and_dropped),
    TEST(check_timestamps__reset_is_not_checked),
    TEST(check_timestamps__invalid_after_24_days),
    TEST(check_timestamps__missing_one_is_tolerated),
    TEST(check_sequence__window_of_some_size),
    TEST(check_sequence__shut_window_takes_ack_and_reset_only),
    TEST(check_sequence__unacceptable_reset_is_dropped),
    TEST(update_recent_timestamp__not_from_beyond_a_hole),
    TEST(check_reset__only_the_exact_number),
    TEST(check_reset__in_last_ack_only_lost_data_is_an_error),
    TEST(check_syn__is_challenged),
    TEST(check_ack__segment_without_ack_is_dropped),
    TEST(check_ack__out_of_range_is_challenged),
    TEST(time_wait__answers_the_fin_and_waits_anew),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_segment_suite = SUITE("tcp_segment", scout::kTests);

}  // namespace kunit
