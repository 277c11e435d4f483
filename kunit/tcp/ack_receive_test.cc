// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

void take_window__older_segment_does_not_count(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.seq = 11, .win = 5000});
    EXPECT_EQ(wire.info().snd_wnd, 5000);
    wire.peer({.seq = 1, .win = 9000});  // sent earlier
    EXPECT_EQ(wire.info().snd_wnd, 5000);
    wire.peer({.seq = 11, .win = 7000});
    EXPECT_EQ(wire.info().snd_wnd, 7000);
}

// An acknowledgement that was overtaken by a later segment, which knew less of what we sent.
void take_window__right_edge_stays_where_the_peer_had_it(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(1000);
    wire.peer({.seq = 11, .ack = 1, .win = 5000});
    wire.peer({.seq = 1, .ack = 1001, .win = 4000});
    EXPECT_EQ(wire.info().snd_wnd, 4000);
    wire.peer({.seq = 6, .ack = 1001, .win = 9000});  // older again
    EXPECT_EQ(wire.info().snd_wnd, 4000);
}

void advance_snd_una__releases_and_stops_the_timer(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(1500);
    EXPECT(wire.armed(TimerKind::kRetransmit) != 0);
    wire.peer({.ack = 1001});
    EXPECT_EQ(tcp_released(wire.state()), 1000);
    wire.peer({.ack = 1501});
    EXPECT_EQ(tcp_released(wire.state()), 1500);
    EXPECT_EQ(wire.state().timer_deadline[0], 0);
    wire.pass_ms(5000);
    wire.quiet();
}

void check_fin_acknowledged__half_close(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(10);
    wire.shutdown();
    wire.sent(kAck | kFin, 11, 1, 0);
    EXPECT(wire.phase() == TcpPhase::kFinWait1);
    wire.peer({.ack = 11});
    EXPECT(wire.phase() == TcpPhase::kFinWait1);
    wire.peer({.ack = 12});
    EXPECT(wire.phase() == TcpPhase::kFinWait2);
    EXPECT_EQ(tcp_released(wire.state()), 10);  // FIN is no byte of the stream
    wire.pass_ms(600000);                       // reading may go on for as long as it likes
    wire.peer({.ack = 12, .len = 100});
    wire.delivered(0, 100, 100);
    wire.peer({.flags = kAck | kFin, .seq = 101, .ack = 12});
    EXPECT(wire.phase() == TcpPhase::kTimeWait);
    EXPECT_EQ(wire.end_of_stream(), 100);
    EXPECT_EQ(wire.count(EffectKind::kLeave), 1);
}

// RFC 9293 figure 13.
void check_fin_acknowledged__simultaneous_close(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.shutdown();
    wire.sent(kAck | kFin, 1, 1, 0);
    wire.peer({.flags = kAck | kFin});
    wire.sent(kAck, 2, 2, 0);
    EXPECT(wire.phase() == TcpPhase::kClosing);
    wire.peer({.seq = 2, .ack = 2});
    EXPECT(wire.phase() == TcpPhase::kTimeWait);
}

void check_fin_acknowledged__last_ack(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.flags = kAck | kFin});
    wire.sent(kAck, 1, 2, 0);
    EXPECT(wire.phase() == TcpPhase::kCloseWait);
    wire.writes(10);  // the other half is still open
    wire.sent(kAck, 1, 2, 10);
    wire.shutdown();
    wire.sent(kAck | kFin, 11, 2, 0);
    EXPECT(wire.phase() == TcpPhase::kLastAck);
    wire.peer({.seq = 2, .ack = 12});
    EXPECT_EQ(wire.count(EffectKind::kClosed), 1);
    EXPECT_EQ(wire.close_error(), 0);
    EXPECT_EQ(wire.count(EffectKind::kLeave), 0);
}

void enter_fin_wait_2__is_limited_when_nobody_reads(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.shutdown();
    wire.close_reads();
    wire.peer({.ack = 2});
    EXPECT(wire.phase() == TcpPhase::kFinWait2);
    wire.pass_ms(59999);
    EXPECT_EQ(wire.count(EffectKind::kClosed), 0);
    wire.pass_ms(1);
    EXPECT_EQ(wire.count(EffectKind::kClosed), 1);
}

void enter_time_wait__replicas_leave_for_the_next_request(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.shutdown();
    wire.peer({.flags = kAck | kFin, .ack = 2});
    EXPECT_EQ(wire.state().replicas, 7);
    wire.peer({.seq = 2, .ack = 2});
    EXPECT_EQ(wire.state().replicas, 1);
}

constexpr kunit::Test kTests[] = {
    TEST(take_window__older_segment_does_not_count),
    TEST(take_window__right_edge_stays_where_the_peer_had_it),
    TEST(advance_snd_una__releases_and_stops_the_timer),
    TEST(check_fin_acknowledged__half_close),
    TEST(check_fin_acknowledged__simultaneous_close),
    TEST(check_fin_acknowledged__last_ack),
    TEST(enter_fin_wait_2__is_limited_when_nobody_reads),
    TEST(enter_time_wait__replicas_leave_for_the_next_request),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_acknowledge_suite = SUITE("tcp_acknowledge", scout::kTests);

}  // namespace kunit
