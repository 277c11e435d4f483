// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint64_t kIdleMs = 7200 * 1000;
constexpr uint64_t kIntervalMs = 75 * 1000;

void keepalive__is_off_by_default(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.pass_ms(10 * kIdleMs);
    wire.quiet();
    EXPECT_EQ(wire.armed(TimerKind::kKeepAlive), 0);
}

// RFC 1122 section 4.2.3.6: SEG.SEQ = SND.NXT-1, without data.
void keepalive__asks_a_silent_peer(Check& check) {
    TcpConfig config = Wire::config();
    config.options.keep_alive = 1;
    Wire wire(check, config);
    wire.establish();
    wire.pass_ms(kIdleMs - 1);
    wire.quiet();
    wire.pass_ms(1);
    wire.sent(kAck, 0, 1, 0);
    wire.peer({});
    wire.quiet();
    EXPECT_EQ(wire.state().keep_probes, 0);
    wire.pass_ms(kIdleMs - 1);
    wire.quiet();
    wire.pass_ms(1);
    wire.sent(kAck, 0, 1, 0);
}

void keepalive__gives_up_after_so_many(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.option(&TcpOptions::keep_alive, 1);
    wire.pass_ms(kIdleMs);
    wire.sent(kAck, 0, 1, 0);
    for (uint32_t i = 1; i < 9; ++i) {
        wire.pass_ms(kIntervalMs);
        wire.sent(kAck, 0, 1, 0);
        wire.quiet();
    }
    EXPECT_EQ(wire.count(EffectKind::kClosed), 0);
    wire.pass_ms(kIntervalMs);
    wire.sent(kRst | kAck, 1, 1, 0);
    EXPECT_EQ(wire.error(), kEtimedout);
    EXPECT_EQ(wire.count(EffectKind::kClosed), 1);
}

void keepalive__an_answer_to_the_last_probe_saves_it(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.option(&TcpOptions::keep_alive, 1);
    wire.option(&TcpOptions::keep_count, 2);
    wire.pass_ms(kIdleMs + kIntervalMs);
    wire.sent(kAck, 0, 1, 0);
    wire.sent(kAck, 0, 1, 0);
    wire.peer({});
    wire.pass_ms(kIdleMs + kIntervalMs + kIntervalMs / 2);
    EXPECT_EQ(wire.count(EffectKind::kClosed), 0);
    wire.pass_ms(kIntervalMs);
    EXPECT_EQ(wire.count(EffectKind::kClosed), 1);
}

void keepalive__whatever_the_peer_sends_counts(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.option(&TcpOptions::keep_alive, 1);
    wire.option(&TcpOptions::keep_idle_s, 10);
    wire.pass_ms(6000);
    wire.peer({.len = 100});
    wire.pass_ms(6000);
    wire.sent(kAck, 1, 101, 0);  // the delayed one, and no probe
    wire.quiet();
    // What is not acceptable does not: it may be anybody's.
    wire.peer({.seq = 900000});
    wire.pass_ms(4000);
    wire.sent(kAck, 0, 101, 0);
}

void keepalive__not_while_the_peer_is_asked_anyway(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.option(&TcpOptions::keep_alive, 1);
    wire.option(&TcpOptions::keep_idle_s, 1);
    wire.option(&TcpOptions::keep_interval_s, 1);
    wire.option(&TcpOptions::keep_count, 1);
    wire.writes(100);
    wire.pass_ms(60000);  // longer than probes would be sent, and shorter than R2
    EXPECT(wire.phase() == TcpPhase::kEstablished);
    EXPECT_EQ(wire.state().keep_probes, 0);
    wire.peer({.ack = 101, .win = 0});
    wire.writes(100);
    wire.pass_ms(60000);
    EXPECT(wire.phase() == TcpPhase::kEstablished);
    EXPECT_EQ(wire.state().keep_probes, 0);
}

void keepalive__can_be_set_at_any_time(Check& check) {
    Wire opening(check, Wire::config(true));
    opening.connect();
    opening.option(&TcpOptions::keep_alive, 1);
    EXPECT_EQ(opening.armed(TimerKind::kKeepAlive), 0);
    Wire wire(check);
    wire.establish();
    wire.pass_ms(5000);
    wire.option(&TcpOptions::keep_idle_s, 3);
    wire.quiet();
    wire.option(&TcpOptions::keep_alive, 1);  // silent for longer already
    wire.pass_ms(0);
    wire.sent(kAck, 0, 1, 0);
    wire.option(&TcpOptions::keep_alive, 0);
    wire.pass_ms(10 * kIdleMs);
    wire.quiet();
}

// FIN-WAIT-2 may last for ever, unless somebody asks.
void keepalive__until_time_wait(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.option(&TcpOptions::keep_alive, 1);
    wire.option(&TcpOptions::keep_idle_s, 10);
    wire.shutdown();
    wire.peer({.ack = 2});
    EXPECT(wire.phase() == TcpPhase::kFinWait2);
    wire.pass_ms(10000);
    wire.sent(kAck, 1, 1, 0);
    wire.peer({.flags = kAck | kFin, .ack = 2});
    EXPECT(wire.phase() == TcpPhase::kTimeWait);
    wire.peer({.seq = 2, .ack = 2});
    wire.pass_ms(11000);
    wire.quiet();
}

constexpr kunit::Test kTests[] = {
    TEST(keepalive__is_off_by_default),
    TEST(keepalive__asks_a_silent_peer),
    TEST(keepalive__gives_up_after_so_many),
    TEST(keepalive__an_answer_to_the_last_probe_saves_it),
    TEST(keepalive__whatever_the_peer_sends_counts),
    TEST(keepalive__not_while_the_peer_is_asked_anyway),
    TEST(keepalive__can_be_set_at_any_time),
    TEST(keepalive__until_time_wait),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_keepalive_suite = SUITE("tcp_keepalive", scout::kTests);

}  // namespace kunit
