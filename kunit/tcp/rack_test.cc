// SPDX-License-Identifier: GPL-2.0
//
// RFC 8985 section 6.2, in the order of its steps. More of it, with what recovery makes of it, is
// in recovery_test.cc.
#include "scout/tcp/rack.hh"

#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint8_t kSackOptions = kHasMss | kHasSackPermitted;

// Ten segments of 1000, on a path of 20 ms: five, and the other five `apart_ms` later, which is
// 20 ms ago.
void fly(Wire& wire, uint64_t apart_ms = 0, uint8_t options = kSackOptions) {
    wire.establish(options);
    wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
    wire.writes(5 * wire.state().mss);
    wire.pass_ms(apart_ms);
    wire.writes(5 * wire.state().mss);
    wire.pass_ms(20);
}

Seg with_echo(Seg seg, uint32_t ts_ecr) {
    seg.options = kHasTimestamps;
    seg.ts_val = 200;
    seg.ts_ecr = ts_ecr;
    return seg;
}

// When what is late would be lost; 0: nothing is late.
uint64_t due(Wire& wire) {
    return wire.state().timer_deadline[static_cast<uint32_t>(TimerKind::kReorder)];
}

uint64_t lost_bytes(Wire& wire) { return wire.state().sent.lost_bytes(); }

// --- step 2 ---

// What was sent first arrives last: that takes nothing back.
void rack_delivered__remembers_what_was_sent_last(Check& check) {
    Wire wire(check);
    fly(wire, 2);
    const uint64_t last_ns = wire.now() - 20 * Wire::kMs;
    wire.peer({.sack = {{9001, 10001}}});
    EXPECT_EQ(wire.state().rack_sent_ns, last_ns);
    EXPECT_EQ(wire.state().rack_rtt_ns, 20 * Wire::kMs);
    wire.peer({.ack = 1001, .sack = {{9001, 10001}}});
    EXPECT_EQ(wire.state().rack_sent_ns, last_ns);
    EXPECT_EQ(static_cast<uint32_t>(wire.state().rack_end) - Wire::kIss, 10001);
}

// Of what was sent at one time, what is further on was sent later (RACK_sent_after()).
void rack_delivered__remembers_what_goes_furthest(Check& check) {
    Wire wire(check);
    fly(wire);
    wire.peer({.sack = {{9001, 10001}}});
    wire.peer({.ack = 1001, .sack = {{9001, 10001}}});
    EXPECT_EQ(static_cast<uint32_t>(wire.state().rack_end) - Wire::kIss, 10001);
}

// The acknowledgement of what was sent again comes sooner than a round trip can be: it is of the
// first transmission, and says nothing of the others that are as old.
void rack_delivered__too_soon_for_what_was_sent_again(Check& check) {
    constexpr uint64_t kAfterMs[] = {5, 20};
    for (uint64_t after_ms : kAfterMs) {
        Wire wire(check);
        fly(wire);
        const uint64_t first_ns = wire.now() - 20 * Wire::kMs;
        wire.peer({.sack = {{1001, 4001}}});
        wire.sent(kAck, 1, 1, 1000);
        const uint64_t again_ns = wire.now();
        wire.pass_ms(after_ms);
        wire.peer({.ack = 4001});
        EXPECT_EQ(wire.state().rack_sent_ns, after_ms == 20 ? again_ns : first_ns);
        EXPECT_EQ(wire.has_sent(4001, 1000), after_ms == 20);
    }
}

// With timestamps the echo tells which transmission arrived, however late that is.
void rack_delivered__echo_of_the_first_transmission(Check& check) {
    for (uint32_t again = 0; again < 2; ++again) {
        Wire wire(check);
        fly(wire, 0, kSackOptions | kHasTimestamps);
        const uint64_t first_ns = wire.now() - 20 * Wire::kMs;
        const uint32_t first_ts = wire.ts_now() - 20;
        wire.peer(with_echo({.sack = {{989, 3953}}}, first_ts));
        wire.sent(kAck, 1, 1, 988);
        const uint64_t again_ns = wire.now();
        const uint32_t again_ts = wire.ts_now();
        wire.pass_ms(25);
        wire.peer(with_echo({.ack = 3953}, again ? again_ts : first_ts));
        EXPECT_EQ(wire.state().rack_sent_ns, again ? again_ns : first_ns);
        EXPECT_EQ(wire.has_sent(3953, 988), again == 1);
    }
}

// The clock has not ticked since the first transmission, so that the echo does not tell which of
// the two arrived; 50 us after the second it can only be the first.
void rack_delivered__too_soon_whatever_the_echo(Check& check) {
    constexpr uint64_t kUs = 1000;
    Wire wire(check);
    wire.establish(kSackOptions | kHasTimestamps);
    wire.state().srtt_ns = wire.state().min_rtt_ns = 200 * kUs;
    const uint64_t first_ns = wire.now();
    const uint32_t ts = wire.ts_now();
    wire.writes(10 * wire.state().mss);
    wire.pass(200 * kUs);
    wire.peer(with_echo({.sack = {{989, 3953}}}, ts));
    wire.sent(kAck, 1, 1, 988);
    wire.pass(50 * kUs);
    EXPECT_EQ(wire.ts_now(), ts);
    wire.peer(with_echo({.ack = 3953}, ts));
    EXPECT_EQ(wire.state().rack_sent_ns, first_ns);
    EXPECT_EQ(lost_bytes(wire), 0);
}

// --- step 3 ---

void rack_delivered__below_what_had_arrived_is_reordering(Check& check) {
    Wire wire(check);
    fly(wire);
    wire.peer({.sack = {{2001, 3001}}});
    wire.peer({.sack = {{3001, 4001}, {2001, 3001}}});
    EXPECT_EQ(wire.state().reordering_seen, 0);
    wire.peer({.sack = {{1001, 2001}, {2001, 4001}}});
    EXPECT_EQ(wire.state().reordering_seen, 1);
}

// Of two blocks that come together, none was first.
void rack_delivered__in_one_acknowledgement_is_no_reordering(Check& check) {
    Wire wire(check);
    fly(wire);
    wire.peer({.sack = {{5001, 6001}, {3001, 4001}}});
    EXPECT_EQ(wire.state().reordering_seen, 0);
}

// It arrives late because it was lost.
void rack_delivered__of_what_was_sent_again_is_no_reordering(Check& check) {
    Wire wire(check);
    fly(wire);
    wire.peer({.sack = {{1001, 4001}}});
    wire.sent(kAck, 1, 1, 1000);
    wire.pass_ms(20);
    wire.peer({.ack = 4001});
    EXPECT_EQ(wire.state().reordering_seen, 0);
}

// --- step 4 ---

// "RACK.dsack_round = SND.NXT": until that is acknowledged the window does not grow again.
void rack_duplicate__once_a_round_trip(Check& check) {
    TcpState state{};
    state.snd_una = kSeqBase;
    state.snd_nxt = kSeqBase + 3000;
    tcp::rack_duplicate(state);
    EXPECT_EQ(state.reorder_factor, 2);
    constexpr uint32_t kLess[] = {0, 1000, 2999};
    for (uint32_t acknowledged : kLess) {
        state.snd_una = kSeqBase + acknowledged;
        tcp::rack_duplicate(state);
        EXPECT_EQ(state.reorder_factor, 2);
    }
    state.snd_una = kSeqBase + 3000;
    tcp::rack_duplicate(state);
    EXPECT_EQ(state.reorder_factor, 3);
}

void rack_duplicate__has_a_limit(Check& check) {
    TcpState state{};
    state.snd_una = state.snd_nxt = kSeqBase;
    for (uint32_t factor = 2; factor <= tcp::kMaxReorderFactor; ++factor) {
        tcp::rack_duplicate(state);
        EXPECT_EQ(state.reorder_factor, factor);
    }
    tcp::rack_duplicate(state);
    EXPECT_EQ(state.reorder_factor, tcp::kMaxReorderFactor);
}

// "RACK.reo_wnd_persist = 16", and each recovery that ends takes one off.
void rack_recovered__sixteen_without_a_duplicate(Check& check) {
    TcpState state{};
    state.snd_una = state.snd_nxt = kSeqBase;
    tcp::rack_duplicate(state);
    for (uint32_t recovery = 0; recovery < 15; ++recovery) tcp::rack_recovered(state);
    tcp::rack_duplicate(state);  // they are counted anew
    for (uint32_t recovery = 0; recovery < 15; ++recovery) {
        tcp::rack_recovered(state);
        EXPECT_EQ(state.reorder_factor, 3);
    }
    tcp::rack_recovered(state);
    EXPECT_EQ(state.reorder_factor, 1);
    tcp::rack_recovered(state);
    EXPECT_EQ(state.reorder_factor, 1);
}

// Before DupThresh segments have arrived, a quarter of a round trip is given.
void rack_detect__waits_for_fewer_than_three(Check& check) {
    Wire wire(check);
    fly(wire);
    wire.peer({.sack = {{1001, 3001}}});
    EXPECT_EQ(lost_bytes(wire), 0);
    EXPECT_EQ(due(wire), wire.now() + 5 * Wire::kMs);
    wire.pass_ms(5);
    wire.sent(kAck, 1, 1, 1000);
    EXPECT_EQ(wire.info().fast_recoveries, 1);
}

// In a recovery no time is given, however few have arrived.
void rack_detect__at_once_in_a_recovery(Check& check) {
    Wire wire(check);
    fly(wire);
    wire.peer({.sack = {{1001, 4001}}});
    wire.sent(kAck, 1, 1, 1000);
    wire.pass_ms(5);
    wire.peer({.ack = 4001});  // the first transmission: nothing else is known to be lost
    EXPECT_EQ(lost_bytes(wire), 0);
    EXPECT(wire.state().recovery == TcpRecovery::kFast);
    wire.peer({.ack = 4001, .sack = {{5001, 6001}}});
    wire.sent(kAck, 4001, 1, 1000);
    EXPECT_EQ(due(wire), 0);
}

// Each duplicate makes it a quarter longer, and the smoothed round trip is the most.
void rack_detect__window_grows_to_a_round_trip(Check& check) {
    for (uint32_t factor = 1; factor <= 5; ++factor) {
        Wire wire(check);
        fly(wire);
        wire.state().reordering_seen = 1;
        wire.state().reorder_factor = factor;
        wire.state().srtt_ns = 18 * Wire::kMs;
        wire.peer({.sack = {{1001, 4001}}});
        const uint64_t window_ms = factor <= 3 ? 5 * factor : 18;
        EXPECT_EQ(due(wire), wire.now() + window_ms * Wire::kMs);
    }
}

// --- step 5 ---

void rack_detect__nothing_that_was_sent_later(Check& check) {
    Wire wire(check);
    fly(wire);
    wire.peer({.sack = {{3001, 6001}}});
    wire.sent(kAck, 1, 1, 1000);
    EXPECT_EQ(lost_bytes(wire), 2000);  // waits for the window; and [6001, 10001) is on its way
    wire.pass_ms(4);
    EXPECT_EQ(lost_bytes(wire), 2000);
}

// One is enough if it was sent more than the window later: it is the time that counts.
void rack_detect__one_that_was_sent_much_later(Check& check) {
    Wire wire(check);
    fly(wire, 6);
    wire.peer({.sack = {{5001, 6001}}});
    EXPECT_EQ(wire.info().fast_recoveries, 1);
    wire.sent(kAck, 1, 1, 1000);
    EXPECT(!wire.has_sent(6001, 1));
}

// One timer is for all of them, and so goes off when the last is due.
void rack_detect__timer_of_the_last_that_is_due(Check& check) {
    Wire wire(check);
    fly(wire, 2);
    wire.peer({.sack = {{9001, 10001}}});
    EXPECT_EQ(due(wire), wire.now() + 5 * Wire::kMs);
    wire.pass_ms(3);
    EXPECT_EQ(lost_bytes(wire), 0);
    wire.pass_ms(2);
    wire.sent(kAck, 1, 1, 1000);
    EXPECT_EQ(wire.info().fast_recoveries, 1);
    EXPECT_EQ(lost_bytes(wire), 8000);
}

void rack_detect__stops_the_timer_when_all_is_there(Check& check) {
    Wire wire(check);
    fly(wire);
    wire.peer({.sack = {{1001, 2001}, {3001, 4001}}});
    EXPECT(due(wire) != 0);
    wire.peer({.ack = 2001, .sack = {{3001, 4001}}});
    EXPECT(due(wire) != 0);
    wire.peer({.ack = 4001});
    EXPECT_EQ(due(wire), 0);
    wire.pass_ms(10);
    EXPECT_EQ(wire.info().fast_recoveries, 0);
}

// The same while something else is repaired.
void rack_detect__stops_the_timer_in_a_recovery(Check& check) {
    Wire wire(check);
    fly(wire);
    wire.state().reordering_seen = 1;
    wire.peer({.sack = {{1001, 5001}}});
    wire.pass_ms(5);
    wire.sent(kAck, 1, 1, 1000);
    wire.peer({.sack = {{6001, 7001}, {1001, 5001}}});
    EXPECT(due(wire) != 0);
    wire.peer({.sack = {{1001, 7001}}});
    EXPECT(wire.state().recovery == TcpRecovery::kFast);
    EXPECT_EQ(due(wire), 0);
}

constexpr kunit::Test kTests[] = {
    TEST(rack_delivered__remembers_what_was_sent_last),
    TEST(rack_delivered__remembers_what_goes_furthest),
    TEST(rack_delivered__too_soon_for_what_was_sent_again),
    TEST(rack_delivered__echo_of_the_first_transmission),
    TEST(rack_delivered__too_soon_whatever_the_echo),
    TEST(rack_delivered__below_what_had_arrived_is_reordering),
    TEST(rack_delivered__in_one_acknowledgement_is_no_reordering),
    TEST(rack_delivered__of_what_was_sent_again_is_no_reordering),
    TEST(rack_duplicate__once_a_round_trip),
    TEST(rack_duplicate__has_a_limit),
    TEST(rack_recovered__sixteen_without_a_duplicate),
    TEST(rack_detect__waits_for_fewer_than_three),
    TEST(rack_detect__at_once_in_a_recovery),
    TEST(rack_detect__window_grows_to_a_round_trip),
    TEST(rack_detect__nothing_that_was_sent_later),
    TEST(rack_detect__one_that_was_sent_much_later),
    TEST(rack_detect__timer_of_the_last_that_is_due),
    TEST(rack_detect__stops_the_timer_when_all_is_there),
    TEST(rack_detect__stops_the_timer_in_a_recovery),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_rack_suite = SUITE("tcp_rack", scout::kTests);

}  // namespace kunit
