// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint8_t kSackOptions = kHasMss | kHasSackPermitted;

void establish(Wire& wire, uint8_t options = kSackOptions) {
    wire.establish(options);
    wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
    wire.state().rto_ns = 220 * Wire::kMs;
}

// RFC 8985 section 7.3: the last segment again, after two round trips and a bit.
void probe_timeout__sends_the_last_segment_again(Check& check) {
    Wire wire(check);
    establish(wire);
    wire.writes(3500);
    wire.pass_ms(47);
    wire.quiet();
    wire.pass_ms(2);
    wire.sent(kAck, 2501, 1, 1000);
    wire.quiet();
    EXPECT_EQ(wire.info().probes, 1);
    // It tells that the first is missing, without a timeout.
    wire.pass_ms(20);
    wire.peer({.sack = {{1001, 3501}}});
    wire.sent(kAck, 1, 1, 1000);
    EXPECT_EQ(wire.info().timeouts, 0);
}

void probe_timeout__prefers_new_data(Check& check) {
    Wire wire(check);
    establish(wire);
    wire.writes(20000);  // ten segments leave, ten wait
    wire.pass_ms(49);
    wire.sent(kAck, 10001, 1, 1000);
    wire.quiet();
}

void probe_timeout__once(Check& check) {
    Wire wire(check);
    establish(wire);
    wire.writes(3000);
    wire.pass_ms(200);
    EXPECT_EQ(wire.info().probes, 1);
    EXPECT_EQ(wire.info().timeouts, 0);
    wire.pass_ms(100);  // the retransmission timer counts from the probe
    EXPECT_EQ(wire.info().probes, 1);
    EXPECT_EQ(wire.info().timeouts, 1);
}

// Section 7.2: for a single segment it waits for a delayed ACK; the timeout comes first.
void keep_probe_timer__single_segment_may_be_acknowledged_late(Check& check) {
    Wire wire(check);
    establish(wire);
    wire.writes(1000);
    wire.pass_ms(210);
    wire.quiet();
}

// ... at the same time, and then is not counted as one.
void retransmission_expired__probe_goes_first(Check& check) {
    Wire wire(check);
    establish(wire);
    wire.writes(1000);
    wire.pass_ms(221);
    wire.sent(kAck, 1, 1, 1000);
    EXPECT_EQ(wire.info().probes, 1);
    EXPECT_EQ(wire.info().timeouts, 0);
    EXPECT_EQ(wire.info().cwnd, 10000);
}

void keep_probe_timer__not_without_sack(Check& check) {
    Wire wire(check);
    establish(wire, kHasMss);
    wire.writes(3000);
    wire.pass_ms(210);
    EXPECT_EQ(wire.info().probes, 0);
}

// Section 7.4: the probe has filled the only hole, which was congestion.
void probe_repaired__reduces_the_window(Check& check) {
    Wire wire(check);
    establish(wire);
    wire.writes(3000);
    wire.pass_ms(49);
    wire.pass_ms(20);
    wire.peer({.ack = 3001});
    wire.writes(1000);
    wire.pass_ms(20);
    wire.peer({.ack = 4001});
    EXPECT(wire.info().ssthresh < 10000);
    EXPECT_EQ(wire.info().cwnd, wire.info().ssthresh);
}

void probe_repaired__nothing_if_it_arrived_twice(Check& check) {
    Wire wire(check);
    establish(wire);
    wire.writes(3000);
    wire.pass_ms(49);
    wire.peer({.ack = 3001});
    wire.peer({.ack = 3001, .sack = {{2001, 3001}}});
    wire.writes(1000);
    wire.peer({.ack = 4001});
    EXPECT_EQ(wire.info().ssthresh, ~uint64_t{0});
}

// Section 7.4.2: only a duplicate acknowledgement, in the sense of RFC 5681, says that nothing was
// lost. Data says nothing of it, nor does another window, a FIN or a SACK.
void probe_repaired__not_forgotten_for_anything_but_a_duplicate(Check& check) {
    const Seg kBetween[] = {
        {.ack = 3001, .len = 10},
        {.ack = 3001, .win = 50000},
        {.flags = kAck | kFin, .ack = 3001},
        {.ack = 3001, .sack = {{1, 1001}}},  // a duplicate, but not of the probe
    };
    for (const Seg& between : kBetween) {
        Wire wire(check);
        establish(wire);
        wire.writes(3000);
        wire.pass_ms(49);
        EXPECT_EQ(wire.info().probes, 1);
        wire.pass_ms(20);
        wire.peer({.ack = 3001});
        wire.peer(between);
        wire.writes(1000);
        wire.pass_ms(20);
        Seg next = wire.right();
        next.win = between.win;
        wire.peer(next);
        EXPECT(wire.info().ssthresh < 10000);
    }
}

// ... as this does.
void probe_repaired__nothing_if_acknowledged_twice(Check& check) {
    Wire wire(check);
    establish(wire);
    wire.writes(3000);
    wire.pass_ms(49);
    wire.peer({.ack = 3001});
    wire.peer({.ack = 3001});
    wire.writes(1000);
    wire.peer({.ack = 4001});
    EXPECT_EQ(wire.info().ssthresh, ~uint64_t{0});
}

// A recovery of which the only retransmission is lost: the first of three, with a window for no
// more.
void lose_twice(Wire& wire) {
    establish(wire);
    wire.peer({.win = 3000});
    wire.writes(20000);
    wire.pass_ms(20);
    wire.peer({.win = 3000, .sack = {{1001, 3001}}});
    wire.pass_ms(5);  // RACK's reordering window
    wire.sent(kAck, 1, 1, 1000);
    wire.quiet();
}

// Beyond RFC 8985 section 7.2: nothing else would tell before the timeout.
void probe_timeout__lost_retransmission(Check& check) {
    Wire wire(check);
    lose_twice(wire);
    const uint64_t ssthresh = wire.info().ssthresh;
    wire.pass_ms(42);
    wire.quiet();
    wire.pass_ms(6);
    wire.sent(kAck, 1, 1, 1000);
    wire.quiet();
    EXPECT_EQ(wire.info().probes, 1);
    wire.peer({.ack = 3001});
    EXPECT_EQ(wire.info().timeouts, 0);
    EXPECT_EQ(wire.info().fast_recoveries, 1);
    EXPECT_EQ(wire.info().ssthresh, ssthresh);
}

// ... once: if that is lost, too, it is the timer's turn, which counts from the probe.
void probe_timeout__lost_retransmission_once(Check& check) {
    Wire wire(check);
    lose_twice(wire);
    wire.pass_ms(200);
    EXPECT_EQ(wire.info().probes, 1);
    EXPECT_EQ(wire.info().timeouts, 0);
    wire.pass_ms(100);
    EXPECT_EQ(wire.info().probes, 1);
    EXPECT_EQ(wire.info().timeouts, 1);
}

// ... and again once the head has arrived.
void probe_timeout__next_lost_retransmission(Check& check) {
    Wire wire(check);
    establish(wire);
    wire.peer({.win = 5000});
    wire.writes(20000);
    wire.pass_ms(20);
    wire.peer({.win = 5000, .sack = {{1001, 3001}, {4001, 5001}}});
    wire.pass_ms(60);
    EXPECT_EQ(wire.info().probes, 1);
    wire.peer({.ack = 3001, .win = 3000, .sack = {{4001, 5001}}});
    wire.pass_ms(60);
    EXPECT_EQ(wire.info().probes, 2);
    EXPECT_EQ(wire.info().timeouts, 0);
}

// It waits from the last news.
void keep_probe_timer__from_the_last_news(Check& check) {
    Wire wire(check);
    establish(wire);
    wire.writes(5000);
    wire.pass_ms(20);
    wire.peer({.sack = {{1001, 4001}}});  // the first is sent again
    wire.pass_ms(40);
    wire.peer({.sack = {{1001, 5001}}});
    wire.pass_ms(46);
    wire.quiet();
    wire.peer({.win = 50000, .sack = {{1001, 5001}}});  // says nothing of it
    wire.pass_ms(4);
    EXPECT_EQ(wire.info().probes, 1);
}

// What fills a gap is acknowledged at once: also for a single segment it does not wait longer.
void keep_probe_timer__last_hole(Check& check) {
    Wire wire(check);
    establish(wire);
    wire.writes(4000);
    wire.pass_ms(20);
    wire.peer({.sack = {{1001, 3001}}});
    wire.pass_ms(25);
    wire.peer({.ack = 3001});  // so the fourth is lost as well
    wire.sent(kAck, 3001, 1, 1000);
    wire.pass_ms(60);
    EXPECT_EQ(wire.info().probes, 1);
}

// A timeout that is due before sends all that is left again.
void keep_probe_timer__timeout_is_due_before(Check& check) {
    Wire wire(check);
    establish(wire);
    wire.state().srtt_ns = 200 * Wire::kMs;
    wire.writes(4000);
    wire.pass_ms(20);
    wire.peer({.sack = {{1001, 4001}}});
    wire.sent(kAck, 1, 1, 1000);
    wire.pass_ms(300);
    EXPECT_EQ(wire.info().probes, 0);
    EXPECT_EQ(wire.info().timeouts, 1);
}

constexpr kunit::Test kTests[] = {
    TEST(probe_timeout__sends_the_last_segment_again),
    TEST(probe_timeout__prefers_new_data),
    TEST(probe_timeout__once),
    TEST(keep_probe_timer__single_segment_may_be_acknowledged_late),
    TEST(retransmission_expired__probe_goes_first),
    TEST(keep_probe_timer__not_without_sack),
    TEST(probe_repaired__reduces_the_window),
    TEST(probe_repaired__nothing_if_it_arrived_twice),
    TEST(probe_repaired__not_forgotten_for_anything_but_a_duplicate),
    TEST(probe_repaired__nothing_if_acknowledged_twice),
    TEST(probe_timeout__lost_retransmission),
    TEST(probe_timeout__lost_retransmission_once),
    TEST(probe_timeout__next_lost_retransmission),
    TEST(keep_probe_timer__from_the_last_news),
    TEST(keep_probe_timer__last_hole),
    TEST(keep_probe_timer__timeout_is_due_before),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_probe_suite = SUITE("tcp_probe", scout::kTests);

}  // namespace kunit
