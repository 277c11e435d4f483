// SPDX-License-Identifier: GPL-2.0
//
// What the device does not take (EventKind::kRefused).
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint8_t kSackOptions = kHasMss | kHasSackPermitted;

// Ten segments of 1000 in flight, on a path of 20 ms, and more to send.
void fly(Wire& wire, uint8_t options = kSackOptions) {
    wire.establish(options);
    wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
    wire.writes(20000);
    wire.sent(kAck, 1, 1, 10000);
    wire.quiet();
}

void refused__goes_again_with_the_next_ack(Check& check) {
    Wire wire(check);
    fly(wire);
    wire.refused(8001, 2000);
    wire.quiet();  // the queue is full
    EXPECT_EQ(wire.info().ssthresh, 5000);
    wire.pass_ms(20);
    wire.peer({.ack = 2001});
    wire.sent(kAck, 8001, 1, 1000);  // proportional rate reduction: half of what was delivered
    wire.quiet();
    wire.peer({.ack = 5001});
    wire.sent(kAck, 9001, 1, 1000);
    wire.peer({.ack = 10001});
    EXPECT(wire.state().recovery == TcpRecovery::kOpen);
    EXPECT_EQ(wire.info().fast_recoveries, 1);
    EXPECT_EQ(wire.info().timeouts, 0);
}

// Nothing that follows could tell that it is lost.
void refused__the_last_segment(Check& check) {
    Wire wire(check);
    wire.establish(kSackOptions);
    wire.writes(3000);
    wire.refused(2001, 1000);
    wire.quiet();
    wire.pass_ms(1);
    wire.peer({.ack = 2001});
    wire.sent(kAck, 2001, 1, 1000);
    wire.quiet();
}

void refused__fin(Check& check) {
    Wire wire(check);
    wire.establish(kSackOptions);
    wire.writes(1000);
    wire.shutdown();
    wire.refused(1001, 1);
    wire.quiet();
    wire.pass_ms(1);
    wire.peer({.ack = 1001});
    wire.sent(kAck | kFin, 1001, 1, 0);
    wire.quiet();
}

// While the device takes nothing at all it is asked ever more rarely.
void refused__everything(Check& check) {
    Wire wire(check);
    fly(wire);
    wire.refused(1, 10000);
    wire.quiet();
    uint32_t tries = 0;
    for (uint32_t ms = 0; ms < 10'000; ++ms) {
        wire.pass_ms(1);
        const uint32_t sent = wire.bytes_sent();
        if (sent == 0) continue;
        ++tries;
        EXPECT(sent <= 1000);
        wire.refused(1, sent);
        wire.writes(1);
        wire.quiet();
    }
    EXPECT(tries >= 3);
    EXPECT(tries <= 10);
    wire.peer({.ack = 1001});  // one has come through
    EXPECT(wire.has_sent(1001, 1000));
}

void refused__not_with_the_next_write(Check& check) {
    Wire wire(check);
    fly(wire);
    wire.refused(9001, 1000);
    wire.writes(1000);
    wire.quiet();  // cwnd is what is in the network
}

void refused__once_more(Check& check) {
    Wire wire(check);
    fly(wire);
    wire.refused(9001, 1000);
    wire.pass_ms(20);
    wire.peer({.ack = 2001});
    wire.sent(kAck, 9001, 1, 1000);
    wire.refused(9001, 1000);
    wire.quiet();
    wire.writes(1000);
    wire.quiet();
    EXPECT_EQ(wire.info().fast_recoveries, 1);
    EXPECT_EQ(wire.info().ssthresh, 5000);
    wire.peer({.ack = 5001});
    wire.sent(kAck, 9001, 1, 1000);
}

// It looks like a delay to what undoes a needless recovery: an answer to what was sent before.
void refused__is_no_delay(Check& check) {
    constexpr uint32_t kMss = 988;  // timestamps take 12
    Wire wire(check);
    wire.establish(kSackOptions | kHasTimestamps);
    wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
    wire.writes(10 * kMss);
    const uint32_t first = wire.ts_now(), last = 1 + 9 * kMss;
    wire.refused(last, kMss);
    wire.pass_ms(20);
    constexpr uint32_t kAcked[] = {2, 5};
    for (const uint32_t acked : kAcked) {
        wire.peer(
            {.ack = 1 + acked * kMss, .options = kHasTimestamps, .ts_val = 120, .ts_ecr = first});
        wire.sent(kAck, last, 1, kMss);
        wire.refused(last, kMss);
    }
    wire.peer({.ack = 1 + 7 * kMss, .options = kHasTimestamps, .ts_val = 120, .ts_ecr = first});
    EXPECT(wire.state().recovery == TcpRecovery::kFast);
    EXPECT_EQ(wire.info().undos, 0);
}

// What was delivered meanwhile, or was never sent, is not lost.
void refused__not_in_flight(Check& check) {
    Wire wire(check);
    fly(wire);
    wire.pass_ms(20);
    wire.peer({.ack = 5001, .sack = {{7001, 8001}}});
    const uint64_t cwnd = wire.state().cwnd;
    wire.refused(1, 5000);
    wire.refused(wire.snd_nxt(), 5000);
    wire.refused(7001, 1000);
    EXPECT_EQ(wire.state().sent.lost_bytes(), 0);
    EXPECT_EQ(wire.state().cwnd, cwnd);
    EXPECT_EQ(wire.info().fast_recoveries, 0);
}

// Without SACK duplicates tell, and of the head only.
void refused__without_sack(Check& check) {
    Wire wire(check);
    fly(wire, kHasMss);
    wire.refused(8001, 1000);
    wire.quiet();
    EXPECT_EQ(wire.info().fast_recoveries, 0);
    EXPECT_EQ(wire.state().sent.lost_bytes(), 0);
}

// No acknowledgement can come.
void refused__alone(Check& check) {
    Wire wire(check);
    wire.establish(kSackOptions);
    wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
    wire.writes(1000);
    wire.refused(1, 1000);
    wire.pass_ms(47);
    wire.quiet();
    wire.pass_ms(2);  // two round trips and 8 ms
    wire.sent(kAck, 1, 1, 1000);
}

// The originals are late, and their copies have not left: the timeout was for nothing.
void refused__copy_after_a_timeout(Check& check) {
    Wire wire(check);
    fly(wire);
    const uint64_t cwnd = wire.info().cwnd;
    wire.pass_ms(500);
    EXPECT_EQ(wire.info().timeouts, 1);
    const uint64_t after = wire.state().cwnd;
    wire.refused(1, 1000);
    EXPECT_EQ(wire.state().cwnd, after);
    wire.peer({.ack = 3001});
    EXPECT_EQ(wire.info().undos, 1);
    EXPECT(wire.info().cwnd >= cwnd);
}

// Karn's rule.
void refused__is_not_timed(Check& check) {
    Wire wire(check);
    fly(wire);
    wire.refused(9001, 1000);
    wire.pass_ms(20);
    wire.peer({.ack = 8001});
    wire.sent(kAck, 9001, 1, 1000);
    wire.sent(kAck, 10001, 1, 3000);
    EXPECT(wire.state().rtt_seq != 0);
    wire.refused(10001, 1000);
    EXPECT_EQ(wire.state().rtt_seq, 0);
}

constexpr kunit::Test kTests[] = {
    TEST(refused__goes_again_with_the_next_ack),
    TEST(refused__the_last_segment),
    TEST(refused__fin),
    TEST(refused__everything),
    TEST(refused__not_with_the_next_write),
    TEST(refused__once_more),
    TEST(refused__is_no_delay),
    TEST(refused__not_in_flight),
    TEST(refused__without_sack),
    TEST(refused__alone),
    TEST(refused__copy_after_a_timeout),
    TEST(refused__is_not_timed),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_refused_suite = SUITE("tcp_refused", scout::kTests);

}  // namespace kunit
