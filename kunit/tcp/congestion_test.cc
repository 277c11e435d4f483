// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

// RFC 6928.
void congestion_begin__ten_segments(Check& check) {
    Wire wire(check);
    wire.establish();
    EXPECT_EQ(wire.info().cwnd, 10000);
    EXPECT_EQ(wire.info().ssthresh, ~uint64_t{0});
    TcpConfig large = Wire::config();
    large.mss = 9000;
    Wire jumbo(check, large);
    jumbo.peer({.flags = kSyn, .seq = 0, .options = kHasMss, .mss = 9000});
    jumbo.peer({});
    EXPECT_EQ(jumbo.info().cwnd, 18000);
}

void congestion_acknowledged__slow_start_doubles(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(50000);
    wire.peer({.ack = 5001});
    EXPECT_EQ(wire.info().cwnd, 15000);
    wire.peer({.ack = 10001});
    EXPECT_EQ(wire.info().cwnd, 20000);
}

void congestion_acknowledged__not_if_the_window_was_not_used(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(1000);
    wire.peer({.ack = 1001});
    EXPECT_EQ(wire.info().cwnd, 10000);
}

void congestion_acknowledged__avoidance_adds_one_segment_a_window(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.state().ssthresh = 10000;
    wire.writes(50000);
    for (uint32_t ack = 1001; ack <= 9001; ack += 1000) wire.peer({.ack = ack});
    EXPECT_EQ(wire.info().cwnd, 10000);
    wire.peer({.ack = 10001});
    EXPECT_EQ(wire.info().cwnd, 11000);
}

void congestion_timeout__once_for_the_same_data(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(10000);
    wire.pass_ms(10000);
    EXPECT(wire.info().timeouts >= 3);
    EXPECT_EQ(wire.info().ssthresh, 5000);
    EXPECT_EQ(wire.info().cwnd, wire.info().mss);
}

// RFC 9438 section 4.2: one pause shifts CUBIC's epoch once, however often something is written
// meanwhile that may not be sent yet, and never beyond now.
void congestion_after_idle__counts_a_pause_once(Check& check) {
    TcpConfig config = Wire::config();
    config.congestion = TcpCongestion::kCubic;
    Wire wire(check, config);
    wire.establish();
    wire.state().ssthresh = 5000;
    wire.writes(10000);
    wire.pass_ms(20);
    wire.peer({.ack = 10001});
    const uint64_t epoch = wire.state().cubic.epoch_ns;
    EXPECT_EQ(epoch, wire.now());
    wire.option(&TcpOptions::cork, 1);
    for (uint32_t i = 0; i < 5; ++i) {
        wire.pass_ms(10);
        wire.writes(10);
    }
    EXPECT_EQ(wire.state().cubic.epoch_ns, epoch);
    wire.option(&TcpOptions::cork, 0);
    EXPECT_EQ(wire.bytes_sent(), 50);
    EXPECT_EQ(wire.state().cubic.epoch_ns, wire.now());
}

constexpr kunit::Test kTests[] = {
    TEST(congestion_begin__ten_segments),
    TEST(congestion_acknowledged__slow_start_doubles),
    TEST(congestion_acknowledged__not_if_the_window_was_not_used),
    TEST(congestion_acknowledged__avoidance_adds_one_segment_a_window),
    TEST(congestion_timeout__once_for_the_same_data),
    TEST(congestion_after_idle__counts_a_pause_once),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_congestion_suite = SUITE("tcp_congestion", scout::kTests);

}  // namespace kunit
