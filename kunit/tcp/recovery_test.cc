// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/wire.hh"
#include "scout/tcp/prr.hh"

namespace scout {
namespace {

constexpr uint8_t kSackOptions = kHasMss | kHasSackPermitted;

// Ten segments of 1000 in flight, on a path of 20 ms.
void fly(Wire& wire, uint8_t options) {
    wire.establish(options);
    wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
    wire.writes(10000);
    wire.sent(kAck, 1, 1, 10000);
    wire.quiet();
    wire.writes(10000);  // more, which cwnd holds back
    wire.quiet();
    wire.pass_ms(20);
}

// RFC 5681 section 3.2, RFC 3042.
void recovery_detect__third_duplicate(Check& check) {
    Wire wire(check);
    fly(wire, kHasMss);
    wire.peer({});
    wire.sent(kAck, 10001, 1, 1000);  // limited transmit
    wire.peer({});
    wire.sent(kAck, 11001, 1, 1000);
    wire.peer({});
    wire.sent(kAck, 1, 1, 1000);
    EXPECT_EQ(wire.info().ssthresh, 5000);  // half of cwnd, not of what limited transmit made of it
    EXPECT_EQ(wire.info().fast_recoveries, 1);
}

// RFC 6582 section 3.2.
void recovery_acknowledged__partial_without_sack(Check& check) {
    Wire wire(check);
    fly(wire, kHasMss);
    for (uint32_t i = 0; i < 3; ++i) wire.peer({});
    wire.peer({.ack = 3001});
    wire.sent(kAck, 3001, 1, 1000);  // the next hole, at once
    EXPECT(wire.state().recovery == TcpRecovery::kFast);
    wire.peer({.ack = 12001});  // all that was in flight when it began
    EXPECT(wire.state().recovery == TcpRecovery::kOpen);
    EXPECT_EQ(wire.info().timeouts, 0);
}

void is_duplicate__not_with_data_or_a_new_window(Check& check) {
    Wire wire(check);
    fly(wire, kHasMss);
    for (uint32_t i = 0; i < 5; ++i) wire.peer({.seq = 1 + i, .len = 1});
    for (uint16_t i = 0; i < 5; ++i) wire.peer({.seq = 6, .win = static_cast<uint16_t>(50000 + i)});
    EXPECT_EQ(wire.info().fast_recoveries, 0);
}

// RFC 6675 section 5.
void recovery_detect__by_sack(Check& check) {
    Wire wire(check);
    fly(wire, kSackOptions);
    wire.peer({.sack = {{1001, 2001}}});
    wire.sent(kAck, 10001, 1, 1000);
    wire.peer({.sack = {{1001, 3001}}});
    wire.sent(kAck, 11001, 1, 1000);
    wire.peer({.sack = {{1001, 4001}}});
    wire.sent(kAck, 1, 1, 1000);
    wire.quiet();
}

void recovery_detect__one_ack_for_many_segments(Check& check) {
    Wire wire(check);
    fly(wire, kSackOptions);
    wire.peer({.sack = {{2001, 9001}}});  // merged at the peer: two lost, seven there
    wire.sent(kAck, 1, 1, 2000);
    wire.sent(kAck, 10001, 1, 2000);  // pipe 3000 of 5000
    wire.quiet();
}

void recovery_respond__sack_repairs_several_holes(Check& check) {
    Wire wire(check);
    fly(wire, kSackOptions);
    wire.peer({.sack = {{9001, 10001}, {5001, 8001}, {1001, 4001}}});
    wire.sent(kAck, 1, 1, 1000);
    wire.sent(kAck, 4001, 1, 1000);
    wire.sent(kAck, 8001, 1, 1000);
    wire.sent(kAck, 10001, 1, 2000);  // pipe 3000 of 5000
    wire.quiet();
    wire.pass_ms(20);
    wire.peer({.ack = 12001});
    EXPECT(wire.state().recovery == TcpRecovery::kOpen);
    EXPECT_EQ(wire.info().cwnd, 5000);
    EXPECT_EQ(wire.info().undos, 0);
}

// RFC 8985 section 6.2 step 4: with reordering seen, what is late gets a quarter of a round trip.
void rack_detect__waits_for_what_is_late(Check& check) {
    Wire wire(check);
    fly(wire, kSackOptions);
    wire.peer({.sack = {{1001, 2001}}});
    EXPECT_EQ(wire.info().fast_recoveries, 0);
    wire.peer({.ack = 2001});  // it was late
    EXPECT(wire.state().reordering_seen);
    wire.peer({.ack = 2001, .sack = {{3001, 9001}}});
    EXPECT_EQ(wire.info().fast_recoveries, 0);  // that it is six segments is no reason
    wire.pass_ms(4);
    EXPECT_EQ(wire.info().fast_recoveries, 0);
    wire.pass_ms(2);
    wire.sent(kAck, 2001, 1, 1000);
    EXPECT_EQ(wire.info().fast_recoveries, 1);
    EXPECT_EQ(wire.info().timeouts, 0);
}

// RFC 8985 section 6.2 step 4: a retransmission that was for nothing widens the window.
void rack_duplicate__widens_the_window(Check& check) {
    Wire wire(check);
    fly(wire, kSackOptions);
    wire.peer({.sack = {{1001, 4001}}});
    wire.sent(kAck, 1, 1, 1000);
    wire.peer({.ack = 4001});
    wire.peer({.ack = 4001, .sack = {{1, 1001}}});
    EXPECT_EQ(wire.state().reorder_factor, 2);
    wire.peer({.ack = 4001, .sack = {{1, 1001}}});  // once a round trip
    EXPECT_EQ(wire.state().reorder_factor, 2);
}

void recovery_take_sack__nonsense_is_ignored(Check& check) {
    Wire wire(check);
    fly(wire, kSackOptions);
    wire.peer({.sack = {{5001, 4001}, {0, 1}, {9001, 50001}, {1, 500}}});
    EXPECT_EQ(wire.state().sent.sacked_bytes(), 0);
    wire.quiet();
}

void recovery_take_sack__not_unless_agreed(Check& check) {
    Wire wire(check);
    fly(wire, kHasMss);
    wire.peer({.sack = {{1001, 9001}}});
    EXPECT_EQ(wire.state().sent.sacked_bytes(), 0);
}

// RFC 8985 section 3.2: a retransmission that is lost is found as anything else is.
void rack_detect__lost_retransmission(Check& check) {
    Wire wire(check);
    fly(wire, kSackOptions);
    wire.writes(20000);
    wire.peer({.sack = {{1001, 8001}}});  // the first is lost
    wire.sent(kAck, 1, 1, 1000);
    wire.pass_ms(20);
    wire.peer({.sack = {{1001, 10001}}});  // sent before that
    const uint64_t resent = wire.info().bytes_retransmitted;
    wire.pass_ms(1);
    wire.peer({.sack = {{1001, 12001}}});  // sent after it
    wire.sent(kAck, 1, 1, 1000);
    EXPECT_EQ(wire.info().bytes_retransmitted, resent + 1000);
    EXPECT_EQ(wire.info().timeouts, 0);
}

// RFC 6298 (5.4) to (5.6), RFC 5681 section 3.1.
void recovery_timeout__starts_slowly_from_the_beginning(Check& check) {
    Wire wire(check);
    fly(wire, kHasMss);
    wire.pass_ms(300);
    wire.sent(kAck, 1, 1, 1000);
    wire.quiet();
    EXPECT_EQ(wire.info().cwnd, 1000);
    EXPECT_EQ(wire.info().ssthresh, 5000);
    wire.peer({.ack = 1001});
    wire.sent(kAck, 1001, 1, 2000);
    wire.peer({.ack = 10001});  // they had arrived after all
    EXPECT(wire.state().recovery == TcpRecovery::kOpen);
    wire.sent(kAck, 10001, 1, 6000);
}

// RFC 2018 section 8.
void recovery_advance__peer_takes_back_what_it_acknowledged(Check& check) {
    Wire wire(check);
    fly(wire, kSackOptions);
    wire.peer({.sack = {{1001, 3001}}});
    wire.pass_ms(300);
    wire.sent(kAck, 1, 1, 1000);
    wire.pass_ms(600);
    EXPECT_EQ(wire.state().sent.sacked_bytes(), 2000);
    EXPECT_EQ(wire.info().ssthresh, 5000);  // not halved again
    wire.peer({.ack = 1001});               // and nothing of what follows
    EXPECT_EQ(wire.state().sent.sacked_bytes(), 0);
}

// RFC 6582 section 4: duplicates of what was sent twice.
void recovery_detect__not_right_after_a_timeout(Check& check) {
    Wire wire(check);
    fly(wire, kHasMss);
    wire.pass_ms(300);
    wire.peer({.ack = 10001});
    for (uint32_t i = 0; i < 4; ++i) wire.peer({.ack = 10001});
    EXPECT_EQ(wire.info().fast_recoveries, 0);
}

// RFC 5681 section 3.2: made-up duplicates let no more out than what was in flight stands for.
void duplicate__counts_what_was_in_flight(Check& check) {
    Wire wire(check);
    fly(wire, kHasMss);
    wire.writes(40000);
    for (uint32_t i = 0; i < 200; ++i) wire.peer({});
    EXPECT_EQ(wire.info().fast_recoveries, 1);
    EXPECT(wire.snd_nxt() >= 13001);
    EXPECT(wire.snd_nxt() <= 12001 + 6000);
}

// RFC 6937 section 3: what duplicates have told of is not delivered once more.
void recovery_respond__partial_without_sack_is_one_segment(Check& check) {
    Wire wire(check);
    fly(wire, kHasMss);
    wire.writes(40000);
    for (uint32_t i = 0; i < 8; ++i) wire.peer({});  // two of ten are lost
    EXPECT_EQ(wire.state().prr_delivered, 6000);     // since the third
    wire.peer({.ack = 8001});
    wire.sent(kAck, 8001, 1, 1000);
    EXPECT(wire.bytes_sent() <= 2000);
    EXPECT_EQ(wire.state().prr_delivered, 7000);
}

// RFC 9937 section 6.2: more had to be sent than was delivered, which holds nothing back later.
void prr_delivered__as_much_as_has_left_just_now(Check& check) {
    TcpState state{};
    state.mss = 1000;
    state.ssthresh = 5000;
    state.snd_una = kSeqBase;
    state.snd_nxt = kSeqBase + 3000;
    state.prr_flight = 10000;
    state.prr_delivered = 1000;
    state.prr_out = 2500;
    tcp::prr_delivered(state, 1000, false);
    EXPECT_EQ(state.cwnd, 4000);
    tcp::prr_delivered(state, 1000, true);
    EXPECT_EQ(state.cwnd, 5000);
}

constexpr kunit::Test kTests[] = {
    TEST(prr_delivered__as_much_as_has_left_just_now),
    TEST(recovery_detect__third_duplicate),
    TEST(recovery_acknowledged__partial_without_sack),
    TEST(is_duplicate__not_with_data_or_a_new_window),
    TEST(recovery_detect__by_sack),
    TEST(recovery_detect__one_ack_for_many_segments),
    TEST(recovery_respond__sack_repairs_several_holes),
    TEST(rack_detect__waits_for_what_is_late),
    TEST(rack_duplicate__widens_the_window),
    TEST(recovery_take_sack__nonsense_is_ignored),
    TEST(recovery_take_sack__not_unless_agreed),
    TEST(rack_detect__lost_retransmission),
    TEST(recovery_timeout__starts_slowly_from_the_beginning),
    TEST(recovery_advance__peer_takes_back_what_it_acknowledged),
    TEST(recovery_detect__not_right_after_a_timeout),
    TEST(duplicate__counts_what_was_in_flight),
    TEST(recovery_respond__partial_without_sack_is_one_segment),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_recovery_suite = SUITE("tcp_recovery", scout::kTests);

}  // namespace kunit
