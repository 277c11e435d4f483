// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

void output__run_of_full_segments(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(5500);
    const TransmitEffect& run = wire.sent(kAck, 1, 1, 5500);
    EXPECT_EQ(run.mss, 1000);
    EXPECT_EQ(run.flags & kPsh, kPsh);
    EXPECT_EQ(run.stream_offset, 0);
    wire.quiet();
    EXPECT_EQ(wire.info().segments_out, 1 + 6);
}

void output__pieces_for_every_replica(Check& check) {
    TcpConfig config = Wire::config();
    config.max_piece = 64000;
    Wire wire(check, config);
    wire.establish(kHasMss | kHasWindowScale, 60000, 4);
    wire.peer({.win = 60000});
    wire.state().cwnd = 1 << 20;
    wire.writes(150000);
    const TransmitEffect& run = wire.sent(kAck, 1, 1, 150000);
    EXPECT_EQ(run.piece_bytes, 50000);
    EXPECT_EQ(run.pieces(), 3);
}

// As Linux cuts them: acknowledgements come in between, and let more out.
void output__two_pieces_in_a_window(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(20000);
    EXPECT_EQ(wire.sent(kAck, 1, 1, 10000).piece_bytes, 5000);
    Wire narrow(check);
    narrow.establish();
    narrow.state().cwnd = 3000;
    narrow.writes(20000);
    EXPECT_EQ(narrow.sent(kAck, 1, 1, 3000).piece_bytes, 1000);
}

void output__most_pieces_of_a_step(Check& check) {
    TcpConfig config = Wire::config();
    config.max_piece = 1000;
    Wire wire(check, config);
    wire.establish(kHasMss | kHasWindowScale, 60000, 14);
    wire.peer({.win = 60000});
    wire.state().cwnd = 1 << 24;
    wire.writes(1000000);
    const TransmitEffect& run = wire.sent(kAck, 1, 1, 480000);
    EXPECT(run.pieces() <= Effects::kMaxTransmissions);
    EXPECT_EQ(wire.armed(TimerKind::kOutput), wire.now());
    wire.pass_ms(1);
    wire.sent(kAck, 480001, 1, 480000);
}

void output__within_windows(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss, 3500);
    wire.writes(20000);
    wire.sent(kAck, 1, 1, 3000);  // 500 would be silly (RFC 9293 section 3.8.6.2.1)
    wire.quiet();
    wire.peer({.ack = 3001, .win = 50000});
    wire.sent(kAck, 3001, 1, 10000);  // all that cwnd allows
    wire.quiet();
}

void held_back__nagle_with_a_small_segment_in_flight(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(100);
    wire.sent(kAck, 1, 1, 100);
    wire.writes(100);
    wire.quiet();
    wire.writes(850);
    wire.quiet();
    wire.writes(100);
    wire.sent(kAck, 101, 1, 1000);  // full ones go
    wire.quiet();
    wire.peer({.ack = 101});
    wire.sent(kAck, 1101, 1, 50);
}

void held_back__not_with_no_delay(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.option(&TcpOptions::no_delay, 1);
    wire.writes(100);
    wire.sent(kAck, 1, 1, 100);
    wire.writes(100);
    wire.sent(kAck, 101, 1, 100);
}

// The option was set before there was a connection.
void held_back__corked_from_the_start(Check& check) {
    TcpConfig config = Wire::config();
    config.options.cork = 1;
    Wire wire(check, config);
    wire.establish();
    wire.writes(100);
    wire.quiet();
    wire.option(&TcpOptions::cork, 0);
    wire.sent(kAck, 1, 1, 100);
}

// But only what is there then.
void held_back__cork_until_no_delay(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.option(&TcpOptions::cork, 1);
    wire.writes(100);
    wire.quiet();
    wire.option(&TcpOptions::no_delay, 1);
    wire.sent(kAck, 1, 1, 100);
    wire.writes(100);
    wire.quiet();
}

void held_back__cork(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.option(&TcpOptions::cork, 1);
    wire.writes(100);
    wire.quiet();
    wire.pass_ms(199);
    wire.quiet();
    wire.pass_ms(1);
    wire.sent(kAck, 1, 1, 100);
    wire.peer({.ack = 101});
    wire.writes(1100);
    wire.sent(kAck, 101, 1, 1000);
    wire.quiet();
    wire.option(&TcpOptions::cork, 0);
    wire.sent(kAck, 1101, 1, 100);
}

void sendable__half_of_the_largest_window(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss, 600);  // never offers a full segment
    wire.writes(2000);
    wire.sent(kAck, 1, 1, 600);
    wire.peer({.ack = 601, .win = 200});
    wire.quiet();
    wire.peer({.ack = 601, .win = 300});
    wire.sent(kAck, 601, 1, 300);
}

void send_new__fin_goes_with_the_last_data(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss, 1000);
    wire.writes(1500);
    wire.sent(kAck, 1, 1, 1000);
    wire.shutdown();
    wire.quiet();
    wire.peer({.ack = 1001, .win = 1000});
    wire.sent(kAck | kFin, 1001, 1, 500);
    EXPECT_EQ(wire.info().send_queue, 500);
}

void send_new__fin_needs_window(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss, 1000);
    wire.writes(1000);
    wire.shutdown();
    wire.quiet();
    wire.peer({.ack = 1001, .win = 0});
    wire.quiet();
    wire.pass_ms(1000);
    wire.sent(kAck, 1000, 1, 0);  // the persist timer's probe
    wire.peer({.ack = 1001, .win = 1});
    wire.sent(kAck | kFin, 1001, 1, 0);
}

// RFC 5681 section 4.1.
void send_new__after_a_pause_starts_anew(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(1000);
    wire.peer({.ack = 1001});
    wire.state().cwnd = 50000;
    wire.pass_ms(5000);
    wire.writes(40000);
    wire.sent(kAck, 1001, 1, 10000);
}

constexpr kunit::Test kTests[] = {
    TEST(output__run_of_full_segments),
    TEST(output__pieces_for_every_replica),
    TEST(output__two_pieces_in_a_window),
    TEST(output__most_pieces_of_a_step),
    TEST(output__within_windows),
    TEST(held_back__nagle_with_a_small_segment_in_flight),
    TEST(held_back__not_with_no_delay),
    TEST(held_back__corked_from_the_start),
    TEST(held_back__cork_until_no_delay),
    TEST(held_back__cork),
    TEST(sendable__half_of_the_largest_window),
    TEST(send_new__fin_goes_with_the_last_data),
    TEST(send_new__fin_needs_window),
    TEST(send_new__after_a_pause_starts_anew),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_output_suite = SUITE("tcp_output", scout::kTests);

}  // namespace kunit
