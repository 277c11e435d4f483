// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

void user_timeout__bounds_retransmission(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.option(&TcpOptions::user_timeout_ms, 5000);
    wire.pass_ms(60000);  // nothing is owed
    wire.writes(100);
    wire.pass_ms(4999);
    EXPECT_EQ(wire.error(), 0);
    wire.pass_ms(1);
    EXPECT_EQ(wire.error(), kEtimedout);
    EXPECT_EQ(wire.count(EffectKind::kClosed), 1);
}

void user_timeout__begins_anew_with_progress(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.option(&TcpOptions::user_timeout_ms, 5000);
    wire.writes(2000);
    wire.pass_ms(4000);
    wire.peer({.ack = 1001});
    wire.pass_ms(4000);
    wire.peer({.ack = 1001});  // says nothing new
    wire.pass_ms(999);
    EXPECT_EQ(wire.error(), 0);
    wire.pass_ms(1);
    EXPECT_EQ(wire.error(), kEtimedout);
}

// "Overrides" R2: RFC 9293 section 3.8.3 leaves that to the application.
void user_timeout__may_be_longer_than_r2(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.option(&TcpOptions::user_timeout_ms, 3600 * 1000);
    wire.writes(100);
    wire.pass_ms(3599 * 1000);
    EXPECT_EQ(wire.error(), 0);
    EXPECT(wire.info().timeouts > 15);
    wire.pass_ms(1000);
    EXPECT_EQ(wire.error(), kEtimedout);
}

// Even while the peer answers: that is what the application has asked for.
void user_timeout__bounds_a_shut_window(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.option(&TcpOptions::user_timeout_ms, 60000);
    wire.peer({.win = 0});
    wire.writes(100);
    for (uint32_t i = 0; i < 5; ++i) {
        wire.pass_ms(10000);
        wire.peer({.win = 0});
    }
    EXPECT_EQ(wire.error(), 0);
    wire.pass_ms(10000);
    EXPECT_EQ(wire.error(), kEtimedout);
}

void user_timeout__an_opened_window_is_progress(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.option(&TcpOptions::user_timeout_ms, 10000);
    wire.peer({.win = 0});
    wire.writes(100);
    wire.pass_ms(9000);
    wire.peer({.win = 5000});
    wire.sent(kAck, 1, 1, 100);
    wire.pass_ms(9999);
    EXPECT_EQ(wire.error(), 0);
    wire.pass_ms(1);
    EXPECT_EQ(wire.error(), kEtimedout);
}

void user_timeout__bounds_keep_alive(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.option(&TcpOptions::user_timeout_ms, 12000);
    wire.option(&TcpOptions::keep_idle_s, 10);
    wire.option(&TcpOptions::keep_interval_s, 1);
    wire.option(&TcpOptions::keep_count, 1);
    wire.option(&TcpOptions::keep_alive, 1);
    wire.pass_ms(11500);  // two probes by now
    EXPECT_EQ(wire.error(), 0);
    wire.pass_ms(500);
    EXPECT_EQ(wire.error(), kEtimedout);
}

void user_timeout__bounds_connecting(Check& check) {
    TcpConfig config = Wire::config(true);
    config.options.user_timeout_ms = 4000;
    Wire wire(check, config);
    wire.connect();
    wire.pass_ms(4000);
    EXPECT_EQ(wire.error(), kEtimedout);
}

void user_timeout__can_be_set_late_and_taken_back(Check& check) {
    Wire late(check);
    late.establish();
    late.writes(100);
    late.pass_ms(5000);
    late.option(&TcpOptions::user_timeout_ms, 3000);  // over already
    late.pass_ms(0);
    EXPECT_EQ(late.error(), kEtimedout);
    Wire back(check);
    back.establish();
    back.option(&TcpOptions::user_timeout_ms, 3000);
    back.writes(100);
    back.pass_ms(2000);
    back.option(&TcpOptions::user_timeout_ms, 0);
    back.pass_ms(60000);
    EXPECT_EQ(back.error(), 0);
}

// A peer that says nothing to an orphan is given up sooner.
void retransmissions_exhausted__sooner_for_an_orphan(Check& check) {
    for (uint32_t orphan = 0; orphan < 2; ++orphan) {
        Wire wire(check);
        wire.establish();
        wire.state().rto_ns = 200 * Wire::kMs;
        wire.writes(100);
        if (orphan) wire.close_reads();
        wire.shutdown();
        wire.pass_ms(3600 * 1000);
        wire.ended(kEtimedout);
        EXPECT_EQ(wire.info().timeouts, orphan ? 8 : 15);
    }
}

// The window of an orphan's peer opens by a byte, and shuts again, for ever.
void retransmissions_exhausted__also_where_the_window_flaps(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss, 0);
    wire.writes(1000);
    wire.close_reads();
    wire.shutdown();
    uint32_t i = 0;
    for (; wire.count(EffectKind::kClosed) == 0 && i < 20000; ++i) {
        wire.pass_ms(100);
        wire.peer({.win = 1});
        wire.peer({.win = 0});
    }
    EXPECT(wire.count(EffectKind::kClosed) == 1);
    EXPECT_EQ(wire.snd_una(), 1);
}

// The program would have waited for a week; nobody does now.
void retransmissions_exhausted__of_an_orphan_with_a_user_timeout(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss, 0);
    wire.option(&TcpOptions::user_timeout_ms, 7u * 24 * 3600 * 1000);
    wire.writes(1000);
    wire.close_reads();
    wire.shutdown();
    for (uint32_t i = 0; wire.count(EffectKind::kClosed) == 0 && i < 6 * 24 * 30; ++i) {
        wire.pass_ms(120000);
        wire.peer({.win = 0});
    }
    EXPECT(wire.count(EffectKind::kClosed) == 1);
}

constexpr kunit::Test kTests[] = {
    TEST(retransmissions_exhausted__also_where_the_window_flaps),
    TEST(retransmissions_exhausted__of_an_orphan_with_a_user_timeout),
    TEST(user_timeout__bounds_retransmission),
    TEST(user_timeout__begins_anew_with_progress),
    TEST(user_timeout__may_be_longer_than_r2),
    TEST(user_timeout__bounds_a_shut_window),
    TEST(user_timeout__an_opened_window_is_progress),
    TEST(user_timeout__bounds_keep_alive),
    TEST(user_timeout__bounds_connecting),
    TEST(user_timeout__can_be_set_late_and_taken_back),
    TEST(retransmissions_exhausted__sooner_for_an_orphan),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_user_timeout_suite = SUITE("tcp_user_timeout", scout::kTests);

}  // namespace kunit
