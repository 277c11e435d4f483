// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

// RFC 6298 section 2.
void rtt_sample__first_and_second(Check& check) {
    Wire wire(check);
    wire.peer({.flags = kSyn, .seq = 0, .options = kHasMss});
    EXPECT_EQ(wire.info().rto_us, 1000000);
    wire.pass_ms(100);
    wire.peer({});
    EXPECT_EQ(wire.info().srtt_us, 100000);
    EXPECT_EQ(wire.info().rttvar_us, 50000);
    EXPECT_EQ(wire.info().rto_us, 300000);  // Linux's least variance: 200 ms
    wire.writes(10);
    wire.pass_ms(180);
    wire.peer({.ack = 11});
    EXPECT_EQ(wire.info().srtt_us, 110000);
    EXPECT_EQ(wire.info().rttvar_us, 57500);
    EXPECT_EQ(wire.info().rto_us, 340000);
}

// Karn's algorithm.
void rtt_acknowledged__nothing_from_a_retransmission(Check& check) {
    Wire wire(check);
    wire.establish();
    const uint32_t before = wire.info().srtt_us;
    wire.writes(10);
    wire.pass_ms(500);
    wire.peer({.ack = 11});
    EXPECT_EQ(wire.info().srtt_us, before);
    EXPECT_EQ(wire.state().backoff, 1);  // until there is a measurement
    wire.writes(10);
    wire.pass_ms(10);
    wire.peer({.ack = 21});
    EXPECT_EQ(wire.state().backoff, 0);
}

// A tail loss probe sends it again as well.
void rtt_acknowledged__nothing_from_a_probe(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss | kHasSackPermitted);
    wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
    wire.state().rto_ns = 300 * Wire::kMs;
    wire.writes(100);
    wire.pass_ms(248);
    wire.sent(kAck, 1, 1, 100);
    EXPECT_EQ(wire.info().probes, 1);
    wire.pass_ms(20);
    wire.peer({.ack = 101});
    EXPECT_EQ(wire.info().srtt_us, 20000);
    wire.writes(100);
    wire.pass_ms(28);
    wire.peer({.ack = 201});
    EXPECT_EQ(wire.info().srtt_us, 21000);
}

// The peer has sent its SYN again, so what it acknowledges may be either answer.
void rtt_acknowledged__nothing_from_a_repeated_answer(Check& check) {
    Wire wire(check);
    wire.peer({.flags = kSyn, .seq = 0, .ack = 0, .options = kHasMss});
    wire.pass_ms(900);
    wire.peer({.flags = kSyn, .seq = 0, .ack = 0, .options = kHasMss});
    wire.sent(kSyn | kAck, 0, 1, 0);
    wire.pass_ms(20);
    wire.peer({});
    wire.in(TcpPhase::kEstablished);
    EXPECT_EQ(wire.info().srtt_us, 0);
    EXPECT_EQ(wire.info().rto_us, 1000000);
    wire.writes(100);
    wire.pass_ms(20);
    wire.peer({.ack = 101});
    EXPECT_EQ(wire.info().srtt_us, 20000);
}

// Simultaneous open: the peer may acknowledge the SYN, or the SYN and ACK that repeats it.
void rtt_acknowledged__nothing_from_crossing_syns(Check& check) {
    Wire wire(check, TcpPhase::kSynSent);
    wire.pass_ms(500);
    wire.peer({.flags = kSyn, .seq = 0, .ack = 0, .options = kHasMss});
    wire.sent(kSyn | kAck, 0, 1, 0);
    wire.pass_ms(20);
    wire.peer({});
    wire.in(TcpPhase::kEstablished);
    EXPECT_EQ(wire.info().srtt_us, 0);
}

// RFC 7323 section 4.1.
void rtt_acknowledged__timestamp_tells_which(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss | kHasTimestamps);
    wire.state().min_rtt_ns = 20000000;
    wire.writes(10);
    const uint32_t original = wire.ts_now();
    wire.pass_ms(210);
    wire.sent(kAck, 1, 1, 10);
    wire.peer({.ack = 11, .options = kHasTimestamps, .ts_val = 101, .ts_ecr = original});
    EXPECT(wire.info().srtt_us > 20000);  // it was late, not lost
}

void acknowledgement_was_lost__timeout_does_not_feed_on_itself(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss | kHasTimestamps);
    wire.writes(10);
    wire.pass_ms(20);
    wire.peer({.ack = 11, .options = kHasTimestamps, .ts_val = 100, .ts_ecr = wire.ts_now() - 20});
    wire.state().min_rtt_ns = 20000000;
    const uint32_t before = wire.info().srtt_us;
    wire.writes(10);
    const uint32_t original = wire.ts_now();
    wire.pass_ms(300);
    wire.peer({.ack = 21, .options = kHasTimestamps, .ts_val = 101, .ts_ecr = original});
    EXPECT_EQ(wire.info().srtt_us, before);
}

// Nor does a probe.
void acknowledgement_was_lost__of_what_was_probed(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss | kHasSackPermitted | kHasTimestamps);
    wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
    wire.state().rto_ns = 300 * Wire::kMs;
    const uint32_t original = wire.ts_now();
    wire.writes(100);
    wire.pass_ms(248);
    EXPECT_EQ(wire.info().probes, 1);
    wire.pass_ms(20);
    wire.peer({.ack = 101,
               .options = kHasTimestamps,
               .ts_val = 101,
               .ts_ecr = original,
               .sack = {{1, 101}}});
    EXPECT_EQ(wire.info().srtt_us, 20000);
}

void rtt_as_expected__ends_backing_off(Check& check) {
    Wire wire(check);
    wire.establish();
    for (uint32_t i = 0; i < 4; ++i) {  // the round trip is 20 ms
        wire.writes(10);
        wire.pass_ms(20);
        wire.peer({.ack = 11 + 10 * i});
    }
    wire.writes(10);
    wire.pass_ms(1700);
    EXPECT_EQ(wire.info().timeouts, 3);
    const uint64_t next = wire.state().timer_deadline[0];
    wire.pass(next - wire.now());
    wire.pass_ms(20);
    wire.peer({.ack = 51});
    EXPECT_EQ(wire.state().backoff, 1);
}

constexpr kunit::Test kTests[] = {
    TEST(rtt_sample__first_and_second),
    TEST(rtt_acknowledged__nothing_from_a_retransmission),
    TEST(rtt_acknowledged__nothing_from_a_probe),
    TEST(rtt_acknowledged__nothing_from_a_repeated_answer),
    TEST(rtt_acknowledged__nothing_from_crossing_syns),
    TEST(rtt_acknowledged__timestamp_tells_which),
    TEST(acknowledgement_was_lost__timeout_does_not_feed_on_itself),
    TEST(acknowledgement_was_lost__of_what_was_probed),
    TEST(rtt_as_expected__ends_backing_off),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_rtt_suite = SUITE("tcp_rtt", scout::kTests);

}  // namespace kunit
