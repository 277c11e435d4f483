// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint8_t kAllOptions = kHasMss | kHasSackPermitted | kHasTimestamps;

// Ten segments of 988 in flight, sent 20 ms ago.
void fly(Wire& wire, uint8_t options) {
    wire.establish(options);
    wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
    wire.writes(20 * wire.state().mss);
    wire.pass_ms(20);
}

Seg with_echo(Seg seg, uint32_t ts_ecr) {
    seg.options = kHasTimestamps;
    seg.ts_val = 200;
    seg.ts_ecr = ts_ecr;
    return seg;
}

// RFC 3522, RFC 4015: the acknowledgement echoes the first transmission.
void undo_due__echo_of_the_original(Check& check) {
    Wire wire(check);
    fly(wire, kAllOptions);
    const uint32_t sent_at = wire.ts_now() - 20;
    const uint64_t cwnd = wire.info().cwnd;
    wire.peer(with_echo({.sack = {{989, 3953}}}, sent_at));
    EXPECT_EQ(wire.info().fast_recoveries, 1);
    wire.pass_ms(5);
    wire.peer(with_echo({.ack = 3953}, sent_at));
    EXPECT_EQ(wire.info().undos, 1);
    EXPECT(wire.info().cwnd >= cwnd);
    EXPECT_EQ(wire.info().ssthresh, ~uint64_t{0});
    EXPECT(wire.state().recovery == TcpRecovery::kOpen);
}

void undo_due__not_if_it_echoes_the_retransmission(Check& check) {
    Wire wire(check);
    fly(wire, kAllOptions);
    wire.peer(with_echo({.sack = {{989, 3953}}}, wire.ts_now() - 20));
    const uint32_t sent_again_at = wire.ts_now();
    wire.pass_ms(20);
    wire.peer(with_echo({.ack = 3953}, sent_again_at));
    EXPECT_EQ(wire.info().undos, 0);
    EXPECT(wire.info().ssthresh < 10000);
}

// Two are sent again. The original of one arrives; of the other, the original or what was sent
// again.
void undo_due__echo_of_one_of_two(Check& check) {
    for (uint32_t other_was_lost = 0; other_was_lost < 2; ++other_was_lost) {
        Wire wire(check);
        fly(wire, kAllOptions);
        const uint32_t sent_at = wire.ts_now() - 20;
        wire.peer(with_echo({.sack = {{989, 1977}, {2965, 9881}}}, sent_at));
        EXPECT_EQ(wire.state().resent.count(), 2);
        const uint32_t sent_again_at = wire.ts_now();
        wire.pass_ms(5);
        wire.peer(with_echo({.ack = 1977, .sack = {{2965, 9881}}}, sent_at));
        EXPECT_EQ(wire.info().undos, 0);
        wire.pass_ms(15);
        wire.peer(with_echo({.ack = 9881}, other_was_lost ? sent_again_at : sent_at));
        EXPECT_EQ(wire.info().undos, other_was_lost ? 0 : 1);
        EXPECT_EQ(wire.info().ssthresh < 10000, other_was_lost == 1);
    }
}

// RFC 3708: D-SACKs for everything that was sent again.
void undo_due__all_was_duplicate(Check& check) {
    Wire wire(check);
    fly(wire, kHasMss | kHasSackPermitted);
    const uint64_t cwnd = wire.info().cwnd;
    wire.peer({.sack = {{2001, 10001}}});  // two were late
    wire.sent(kAck, 1, 1, 2000);
    wire.peer({.ack = 10001});
    EXPECT(wire.info().cwnd < cwnd);
    wire.peer({.ack = 10001, .sack = {{1, 1001}}});
    EXPECT_EQ(wire.info().undos, 0);
    wire.peer({.ack = 10001, .sack = {{1001, 2001}}});
    EXPECT_EQ(wire.info().undos, 1);
    EXPECT(wire.info().cwnd >= cwnd);
}

// RFC 5682 section 3: after the timeout something arrives that was sent only before it.
void undo_due__originals_arrive_after_a_timeout(Check& check) {
    Wire wire(check);
    fly(wire, kHasMss | kHasSackPermitted);
    const uint64_t cwnd = wire.info().cwnd;
    wire.pass_ms(500);
    EXPECT_EQ(wire.info().timeouts, 1);
    wire.peer({.ack = 1001});  // perhaps of the retransmission
    EXPECT_EQ(wire.info().undos, 0);
    wire.peer({.ack = 1001, .sack = {{4001, 5001}}});
    EXPECT_EQ(wire.info().undos, 1);
    EXPECT(wire.info().cwnd >= cwnd);
    EXPECT(wire.state().recovery == TcpRecovery::kOpen);
}

void undo_due__not_when_the_retransmissions_repair(Check& check) {
    Wire wire(check);
    fly(wire, kHasMss | kHasSackPermitted);
    wire.pass_ms(500);
    for (uint32_t ack = 1001; ack <= 10001; ack += 1000) {
        wire.pass_ms(20);
        wire.peer({.ack = ack});
    }
    EXPECT_EQ(wire.info().undos, 0);
}

// New data, sent after the timeout only, is no original.
void undo_due__not_by_what_was_sent_after_the_timeout(Check& check) {
    for (uint32_t in_order = 0; in_order < 2; ++in_order) {
        Wire wire(check);
        wire.establish(kHasMss | kHasSackPermitted);
        wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
        wire.writes(10000);
        wire.pass_ms(500);
        EXPECT_EQ(wire.info().timeouts, 1);
        wire.writes(10000);
        uint32_t ack = 1;
        while (wire.snd_nxt() == 10001 && ack < 9001) {
            wire.pass_ms(20);
            wire.peer({.ack = ack += 1000});
        }
        EXPECT(wire.snd_nxt() >= 11001);
        if (in_order) {
            wire.peer({.ack = 11001});
        } else {
            wire.peer({.ack = ack, .sack = {{10001, 11001}}});
        }
        EXPECT_EQ(wire.info().undos, 0);
        EXPECT_EQ(wire.info().ssthresh, 5000);
    }
}

// A retransmission was lost: that what was sent after it arrives proves nothing.
void undo_due__not_by_a_timeout_within_fast_recovery(Check& check) {
    Wire wire(check);
    fly(wire, kHasMss | kHasSackPermitted);
    wire.peer({.sack = {{1001, 8001}}});
    wire.peer({.sack = {{1001, 9001}}});
    wire.peer({.sack = {{1001, 10001}}});
    EXPECT_EQ(wire.info().fast_recoveries, 1);
    const uint32_t end = wire.snd_nxt();
    EXPECT(end >= 12001);
    wire.pass_ms(500);
    EXPECT_EQ(wire.info().timeouts, 1);
    wire.peer({.sack = {{1001, end}}});
    EXPECT_EQ(wire.info().undos, 0);
}

// D-SACKs for what an earlier recovery sent again say nothing of this one.
void undo_duplicate__not_of_what_came_before(Check& check) {
    Wire wire(check);
    fly(wire, kHasMss | kHasSackPermitted);
    wire.peer({.ack = 2001});
    wire.peer({.ack = 2001, .sack = {{4001, 10001}}});
    EXPECT_EQ(wire.info().fast_recoveries, 1);
    EXPECT_EQ(wire.state().resent.count(), 1);
    wire.peer({.ack = 2001, .sack = {{1, 1001}, {4001, 10001}}});
    wire.peer({.ack = 2001, .sack = {{1, 2001}, {4001, 10001}}});
    EXPECT_EQ(wire.info().undos, 0);
    wire.peer({.ack = 10001, .sack = {{1, 4001}}});
    EXPECT_EQ(wire.info().undos, 1);
}

// A tail loss probe has repeated the last segment: that it arrives twice says nothing of the first,
// which a recovery sends again. But both together do.
void undo_duplicate__of_a_probe(Check& check) {
    for (uint32_t late = 0; late < 2; ++late) {
        Wire wire(check);
        wire.establish(kHasMss | kHasSackPermitted);
        wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
        wire.state().options.no_delay = 1;
        wire.writes(4000);
        wire.pass_ms(49);
        wire.sent(kAck, 3001, 1, 1000);
        wire.peer({.sack = {{1001, 4001}}});
        wire.sent(kAck, 1, 1, 1000);
        wire.peer({.sack = {{3001, 4001}, {1001, 4001}}});
        EXPECT_EQ(wire.info().undos, 0);
        wire.pass_ms(20);
        wire.peer({.ack = 4001});
        if (late) wire.peer({.ack = 4001, .sack = {{1, 1001}}});
        EXPECT_EQ(wire.info().undos, late);
        EXPECT_EQ(wire.info().ssthresh == ~uint64_t{0}, late == 1);
    }
}

// ... and so it is if the probe's report came with what began the recovery.
void undo_duplicate__of_a_probe_before(Check& check) {
    for (uint32_t late = 0; late < 2; ++late) {
        Wire wire(check);
        wire.establish(kHasMss | kHasSackPermitted);
        wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
        wire.writes(4000);
        wire.pass_ms(49);
        wire.peer({.sack = {{3001, 4001}, {1001, 4001}}});
        wire.pass_ms(20);  // the reordering window
        EXPECT_EQ(wire.info().fast_recoveries, 1);
        wire.peer({.ack = 4001});
        EXPECT_EQ(wire.info().undos, 0);
        if (late) wire.peer({.ack = 4001, .sack = {{1, 1001}}});
        EXPECT_EQ(wire.info().undos, late);
    }
}

// The network duplicates what was sent once. Nothing that it reports counts any more, although it
// may be of what was sent again.
void undo_duplicate__of_what_was_sent_once(Check& check) {
    for (uint32_t then = 0; then < 2; ++then) {
        Wire wire(check);
        wire.establish(kHasMss | kHasSackPermitted);
        wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
        wire.writes(6000);
        wire.pass_ms(20);
        wire.peer({.sack = {{1001, 6001}}});
        wire.sent(kAck, 1, 1, 1000);
        wire.peer({.sack = {{3001, 4001}, {1001, 6001}}});
        EXPECT_EQ(wire.info().undos, 0);
        wire.peer({.ack = 6001, .sack = {{then ? 1u : 2001u, then ? 1001u : 3001u}}});
        EXPECT_EQ(wire.info().undos, 0);
        EXPECT(wire.info().ssthresh < 10000);
    }
}

// Two are sent again, and one is reported twice.
void undo_duplicate__each_once(Check& check) {
    Wire wire(check);
    fly(wire, kHasMss | kHasSackPermitted);
    wire.peer({.sack = {{2001, 10001}}});
    wire.peer({.ack = 10001});
    wire.peer({.ack = 10001, .sack = {{1, 1001}}});
    wire.peer({.ack = 10001, .sack = {{1, 1001}}});
    EXPECT_EQ(wire.info().undos, 0);
    wire.peer({.ack = 10001, .sack = {{1001, 2001}}});
    EXPECT_EQ(wire.info().undos, 0);
}

// More is reported than was sent again.
void undo_duplicate__more_than_was_sent_again(Check& check) {
    Wire wire(check);
    fly(wire, kHasMss | kHasSackPermitted);
    wire.peer({.sack = {{2001, 10001}}});
    wire.peer({.ack = 10001, .sack = {{1, 4001}}});
    EXPECT_EQ(wire.info().undos, 0);
}

// The retransmission is lost as well, and sent once more: one report does not tell of which copy.
void undo_duplicate__of_what_was_sent_again_twice(Check& check) {
    Wire wire(check);
    fly(wire, kHasMss | kHasSackPermitted);
    wire.peer({.sack = {{1001, 10001}}});
    wire.sent(kAck, 1, 1, 1000);
    wire.pass_ms(60);
    wire.peer({.sack = {{1001, wire.snd_nxt()}}});
    wire.pass_ms(10);
    EXPECT(wire.info().bytes_retransmitted > 1000);
    wire.peer({.ack = wire.snd_nxt(), .sack = {{1, 1001}}});
    EXPECT_EQ(wire.info().undos, 0);
}

// A report that never came does not come a window later, in the disguise of another.
void undo_advance__gives_up_on_what_is_old(Check& check) {
    Wire wire(check);
    fly(wire, kHasMss | kHasSackPermitted);
    wire.peer({.sack = {{1001, 10001}}});
    const uint32_t una = wire.snd_nxt();
    wire.peer({.ack = una});
    for (uint32_t i = 0; i < 20; ++i) {
        wire.writes(10000);
        wire.peer(wire.right());
    }
    EXPECT(wire.snd_una() > 60000 + una);
    EXPECT(wire.state().resent.empty());
    wire.state().srtt_ns = 20 * Wire::kMs;
    wire.writes(3000);
    wire.pass_ms(60);  // probed
    const uint32_t nxt = wire.snd_nxt();
    wire.peer({.ack = nxt, .sack = {{nxt - 1000, nxt}}});
    EXPECT_EQ(wire.info().undos, 0);
}

// A timeout while a smaller path MTU is being followed: there is nothing to go back to.
void undo_prepare__not_within_another_recovery(Check& check) {
    Wire wire(check);
    fly(wire, kHasMss | kHasSackPermitted);
    wire.icmp(3, 4, 1, 600);
    EXPECT(wire.state().recovery == TcpRecovery::kLoss);
    EXPECT_EQ(wire.state().undo_possible, 0);
    wire.pass_ms(500);
    EXPECT_EQ(wire.info().timeouts, 1);
    EXPECT_EQ(wire.state().undo_possible, 0);
}

// One packet was duplicated by the network, once.
void undo_was_needless__after_one_duplicate_by_the_network(Check& check) {
    for (uint32_t dup = 0; dup < 2; ++dup) {
        Wire wire(check);
        wire.establish(kHasMss | kHasSackPermitted);
        wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
        wire.writes(2000);
        wire.pass_ms(20);
        wire.peer({.ack = 2001});
        if (dup) wire.peer({.ack = 2001, .sack = {{1, 1001}}});
        uint32_t base = 2001;
        for (uint32_t i = 0; i < 8; ++i) {
            wire.writes(10000);
            wire.pass_ms(20);
            wire.peer({.ack = base, .sack = {{base + 1000, wire.snd_nxt()}}});
            wire.pass_ms(10);
            const uint32_t end = wire.snd_nxt();
            wire.peer({.ack = end});
            wire.pass_ms(1);
            wire.peer({.ack = end, .sack = {{base, base + 1000}}});
            base = end;
        }
        EXPECT(wire.state().reorder_factor >= 2);
        EXPECT(wire.info().fast_recoveries <= 2);
    }
}

// After many strays one needless recovery is not undone, but makes up for two of them.
void undo_duplicate__of_what_was_sent_again_restores_belief(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss | kHasSackPermitted);
    wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
    uint32_t una = 1;
    for (uint32_t recovery = 1; recovery <= 3; ++recovery) {
        wire.writes(10000);
        wire.pass_ms(20);
        const uint32_t end = wire.snd_nxt();
        wire.peer({.ack = una, .sack = {{una + 1000, end}}});
        wire.pass_ms(10);
        if (recovery == 1)
            for (int strays = 0; strays < 4; ++strays)
                wire.peer({.ack = una, .sack = {{una + 2000, una + 3000}, {una + 1000, end}}});
        wire.peer({.ack = end});
        if (recovery > 1) wire.peer({.ack = end, .sack = {{una, una + 1000}}});
        EXPECT_EQ(wire.info().fast_recoveries, recovery);
        EXPECT_EQ(wire.info().undos, recovery == 3);
        una = end;
    }
}

// [12001, 13001) is late, and so sent again twice; both copies are reported. The network duplicates
// nothing.
void undo_prepare__not_exact_while_copies_are_under_way(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss | kHasSackPermitted);
    wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
    wire.state().rto_ns = 1000 * Wire::kMs;
    wire.writes(14000);
    wire.pass_ms(20);
    wire.peer({.ack = 1001});
    wire.peer({.ack = 2001, .sack = {{3001, 10001}}});
    EXPECT(wire.has_sent(2001, 1000) && wire.has_sent(12001, 2000));
    wire.pass_ms(20);
    wire.peer({.ack = 11001, .sack = {{13001, 14001}}});
    EXPECT(wire.has_sent(12001, 1000));  // the first copy
    wire.writes(6000);
    EXPECT_EQ(wire.snd_nxt(), 17001);
    wire.pass_ms(20);
    wire.peer({.ack = 11001, .sack = {{13001, 15001}}});
    EXPECT(wire.has_sent(12001, 1000));  // the second
    EXPECT_EQ(wire.state().undo_exact, 0);
    wire.peer({.ack = 12001, .sack = {{13001, 15001}}});
    EXPECT(wire.state().recovery == TcpRecovery::kOpen);
    wire.peer({.ack = 12001, .sack = {{16001, 17001}, {13001, 15001}}});
    EXPECT(wire.has_sent(15001, 1000));
    EXPECT_EQ(wire.info().fast_recoveries, 2);
    EXPECT_EQ(wire.state().undo_exact, 0);
    wire.peer({.ack = 17001});
    wire.peer({.ack = 17001, .sack = {{12001, 13001}}});
    EXPECT_EQ(wire.state().dsack_strays, 0);
    wire.peer({.ack = 17001, .sack = {{12001, 13001}}});
    EXPECT_EQ(wire.state().dsack_strays, 0);
}

constexpr kunit::Test kTests[] = {
    TEST(undo_prepare__not_exact_while_copies_are_under_way),
    TEST(undo_was_needless__after_one_duplicate_by_the_network),
    TEST(undo_duplicate__of_what_was_sent_again_restores_belief),
    TEST(undo_due__echo_of_the_original),
    TEST(undo_due__not_if_it_echoes_the_retransmission),
    TEST(undo_due__echo_of_one_of_two),
    TEST(undo_due__all_was_duplicate),
    TEST(undo_due__originals_arrive_after_a_timeout),
    TEST(undo_due__not_when_the_retransmissions_repair),
    TEST(undo_due__not_by_what_was_sent_after_the_timeout),
    TEST(undo_due__not_by_a_timeout_within_fast_recovery),
    TEST(undo_prepare__not_within_another_recovery),
    TEST(undo_duplicate__not_of_what_came_before),
    TEST(undo_duplicate__of_a_probe),
    TEST(undo_duplicate__of_a_probe_before),
    TEST(undo_duplicate__of_what_was_sent_once),
    TEST(undo_duplicate__each_once),
    TEST(undo_duplicate__more_than_was_sent_again),
    TEST(undo_duplicate__of_what_was_sent_again_twice),
    TEST(undo_advance__gives_up_on_what_is_old),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_undo_suite = SUITE("tcp_undo", scout::kTests);

}  // namespace kunit
