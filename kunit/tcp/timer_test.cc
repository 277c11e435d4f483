// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

void timer_due__early_or_stray_does_nothing(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(10);
    wire.stray_timeout(TimerKind::kRetransmit);
    wire.stray_timeout(TimerKind::kDelayedAck);
    wire.stray_timeout(TimerKind::kTimeWait);
    wire.stray_timeout(TimerKind::kOutput);
    wire.stray_timeout(static_cast<TimerKind>(77));
    wire.quiet();
    EXPECT(wire.phase() == TcpPhase::kEstablished);
}

void arm_timers__moving_a_deadline_out_costs_nothing(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(2000);
    const uint64_t armed = wire.armed(TimerKind::kRetransmit);
    const uint32_t before = wire.count(EffectKind::kTimer);
    wire.pass_ms(10);
    wire.peer({.ack = 1001});
    EXPECT_EQ(wire.count(EffectKind::kTimer), before);
    EXPECT_EQ(wire.armed(TimerKind::kRetransmit), armed);
    wire.pass(armed - wire.now());  // too early: it is armed again
    wire.quiet();
    EXPECT(wire.armed(TimerKind::kRetransmit) > armed);
}

void retransmission_expired__backs_off_and_gives_up(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(10);
    uint64_t rto_ms = wire.info().rto_us / 1000 + 1;
    wire.pass_ms(rto_ms);
    wire.sent(kAck, 1, 1, 10);
    wire.pass_ms(rto_ms);
    wire.quiet();
    wire.pass_ms(rto_ms);
    wire.sent(kAck, 1, 1, 10);
    wire.pass_ms(20 * 60 * 1000);
    EXPECT_EQ(wire.info().timeouts, 15);
    EXPECT_EQ(wire.error(), kEtimedout);
    EXPECT_EQ(wire.count(EffectKind::kClosed), 1);
}

// RFC 9293 section 3.8.6.1.
void persist_timeout__probes_for_as_long_as_it_is_answered(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.win = 0});
    wire.writes(100);
    wire.quiet();
    for (uint32_t i = 0; i < 40; ++i) {
        wire.pass_ms(120 * 1000);
        wire.sent(kAck, 0, 1, 0);
        wire.peer({.win = 0});
    }
    wire.peer({.win = 5000});
    wire.sent(kAck, 1, 1, 100);
    EXPECT_EQ(wire.state().backoff, 0);
}

void persist_timeout__gives_up_without_an_answer(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.win = 0});
    wire.writes(100);
    wire.pass_ms(3600 * 1000);
    EXPECT_EQ(wire.error(), kEtimedout);
}

// RFC 9293 section 3.8.6.2.1, (4).
void persist_timeout__overrides_silly_window_avoidance(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.win = 100});
    wire.writes(500);
    wire.quiet();
    wire.pass_ms(250);
    wire.sent(kAck, 1, 1, 100);
}

void cancel_timers__at_the_end(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(10);
    wire.peer({.len = 10});
    wire.peer({.flags = kRst, .seq = 11});
    for (uint32_t i = 0; i < kTimerKinds; ++i) EXPECT_EQ(wire.armed(static_cast<TimerKind>(i)), 0);
    EXPECT(wire.effects().begin()[wire.effects().count() - 1].kind == EffectKind::kClosed);
}

constexpr kunit::Test kTests[] = {
    TEST(timer_due__early_or_stray_does_nothing),
    TEST(arm_timers__moving_a_deadline_out_costs_nothing),
    TEST(retransmission_expired__backs_off_and_gives_up),
    TEST(persist_timeout__probes_for_as_long_as_it_is_answered),
    TEST(persist_timeout__gives_up_without_an_answer),
    TEST(persist_timeout__overrides_silly_window_avoidance),
    TEST(cancel_timers__at_the_end),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_timer_suite = SUITE("tcp_timer", scout::kTests);

}  // namespace kunit
