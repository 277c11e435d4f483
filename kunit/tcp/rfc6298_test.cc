// SPDX-License-Identifier: GPL-2.0
//
// RFC 6298, the retransmission timer: its computation (section 2), Karn's algorithm (3), and its
// management (5). Written so that a probe for a lost tail (RFC 8985) may come before a timeout.
// Wire conversations: see kunit/tcp/wire.hh.
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint8_t kSynAck = kSyn | kAck;
constexpr uint64_t kMs = Wire::kMs;

// An active open whose SYN,ACK takes `ms`.
void open_with_round_trip(Wire& wire, uint64_t ms) {
    wire.connect();
    wire.pass_ms(ms);
    wire.peer({.flags = kSynAck, .seq = 0, .ack = 1, .options = kHasMss});
}

// Lets the wheel fire until data is sent again; how long that took, or 0 after an hour.
uint64_t until_sent_again(Wire& wire) {
    const uint64_t begin = wire.now();
    while (wire.armed(TimerKind::kRetransmit) && wire.now() - begin < 3600 * 1000 * kMs) {
        wire.pass(wire.armed(TimerKind::kRetransmit) - wire.now());
        if (wire.bytes_sent() > 0) return wire.now() - begin;
    }
    return 0;
}

// --- 2: the basic algorithm ----------------------------------------------------------------------

// (2.1): until a round trip has been measured RTO SHOULD be 1 second.
void section_2_1__one_second_at_first(Check& check) {
    Wire active(check, TcpPhase::kSynSent);
    EXPECT_EQ(active.info().rto_us, 1'000'000);
    active.pass_ms(999);
    active.quiet();
    active.pass_ms(1);
    active.sent(kSyn, 0, 0, 0);
    Wire passive(check, TcpPhase::kSynReceived);
    passive.pass_ms(999);
    passive.quiet();
    passive.pass_ms(1);
    passive.sent(kSynAck, 0, 1, 0);
}

// (2.2): SRTT <- R, RTTVAR <- R/2, RTO <- SRTT + max (G, K*RTTVAR).
void section_2_2__first_measurement(Check& check) {
    Wire wire(check, Wire::config(true));
    open_with_round_trip(wire, 800);
    EXPECT_EQ(wire.info().srtt_us, 800'000);
    EXPECT_EQ(wire.info().rttvar_us, 400'000);
    EXPECT_EQ(wire.info().rto_us, 2'400'000);
}

// (2.3): RTTVAR <- (1 - beta) * RTTVAR + beta * |SRTT - R'|, SRTT <- (1 - alpha) * SRTT + alpha *
// R', with 1/4 and 1/8.
void section_2_3__next_measurement(Check& check) {
    Wire wire(check, Wire::config(true));
    open_with_round_trip(wire, 800);
    wire.writes(10);
    wire.pass_ms(200);
    wire.peer({.ack = 11});
    EXPECT_EQ(wire.info().srtt_us, 725'000);
    EXPECT_EQ(wire.info().rttvar_us, 450'000);
}

// A round trip that stays what it is leaves little variance, and a timeout not far above it.
void section_2_3__steady_round_trip(Check& check) {
    Wire wire(check, Wire::config(true));
    open_with_round_trip(wire, 300);
    for (uint32_t i = 0; i < 40; ++i) {
        wire.writes(10);
        wire.pass_ms(300);
        wire.peer({.ack = wire.snd_nxt()});
    }
    EXPECT(wire.info().srtt_us > 290'000 && wire.info().srtt_us <= 300'000);
    EXPECT(wire.info().rto_us >= 490'000 && wire.info().rto_us <= 520'000);
}

// (2.4) would round up to a second: here SRTT and 200 ms are the least (see COMPLIANCE.md).
void section_2_4__least(Check& check) {
    Wire wire(check, Wire::config(true));
    open_with_round_trip(wire, 0);
    for (uint32_t i = 0; i < 50; ++i) {
        wire.writes(10);
        wire.pass(10'000);
        wire.peer({.ack = wire.snd_nxt()});
    }
    EXPECT(wire.info().rto_us >= 200'000);
}

// (2.5): A maximum value MAY be placed on RTO provided it is at least 60 seconds: 120.
void section_2_5__most(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(10);
    uint64_t longest = 0;
    while (const uint64_t wait = until_sent_again(wire)) longest = dominoes::max(longest, wait);
    EXPECT(longest >= 60'000 * kMs);
    EXPECT(longest <= 120'000 * kMs);
    wire.ended(kEtimedout);
}

// --- 3: Karn's algorithm -------------------------------------------------------------------------

// Segments that were retransmitted MUST NOT be measured: which of the two does the ACK answer?
void section_3__no_sample_of_a_retransmission(Check& check) {
    Wire wire(check, Wire::config(true));
    open_with_round_trip(wire, 300);
    const uint32_t before = wire.info().srtt_us;
    wire.writes(10);
    EXPECT(until_sent_again(wire) > 0);
    wire.peer({.ack = 11});  // at once: of the first, surely
    EXPECT_EQ(wire.info().srtt_us, before);
}

// Nor of a SYN that was sent twice.
void section_3__no_sample_of_a_repeated_syn(Check& check) {
    Wire wire(check, TcpPhase::kSynSent);
    wire.pass_ms(1001);
    wire.peer({.flags = kSynAck, .seq = 0, .ack = 1});
    EXPECT_EQ(wire.info().srtt_us, 0);
}

// Several segments sent again, acknowledged all at once: none is measured.
void section_3__no_sample_of_several(Check& check) {
    Wire wire(check, Wire::config(true));
    open_with_round_trip(wire, 300);
    const uint32_t before = wire.info().srtt_us;
    wire.writes(5000);
    for (uint32_t i = 0; i < 3; ++i) EXPECT(until_sent_again(wire) > 0);
    wire.peer({.ack = 5001});
    EXPECT_EQ(wire.info().srtt_us, before);
}

// --- 5: managing the timer -----------------------------------------------------------------------

// (5.1): Every time a packet containing data is sent (including a retransmission), if the timer is
// not running, start it.
void section_5_1__started_with_data(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(10);
    const uint64_t wait = until_sent_again(wire);
    EXPECT(wait > 0 && wait <= 1000 * kMs);
    EXPECT(wire.has_sent(1, 10));
}

// An ACK or a SYN,ACK that opens the connection leaves no timer behind; nor does a pure ACK start
// one.
void section_5_1__not_started_without_data(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.len = 2000});
    wire.pass_ms(3600 * 1000);
    wire.quiet();
    wire.in(TcpPhase::kEstablished);
}

// (5.2): When all outstanding data has been acknowledged, turn off the retransmission timer.
void section_5_2__off_when_all_is_acknowledged(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(5000);
    wire.peer({.ack = 5001});
    wire.pass_ms(3600 * 1000);
    wire.quiet();
    EXPECT_EQ(wire.info().timeouts, 0);
}

// (5.3): When an ACK is received that acknowledges new data, restart the retransmission timer so
// that it will expire after RTO seconds: a slow but steady peer causes no timeout.
void section_5_3__restarted_by_new_data(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(10000);
    for (uint32_t i = 1; i <= 10; ++i) {
        wire.pass_ms(150);
        wire.peer({.ack = 1 + 1000 * i});
    }
    EXPECT_EQ(wire.info().timeouts, 0);
    EXPECT_EQ(wire.info().bytes_acked, 10000);
}

// Only by new data: a peer that repeats itself does not hold the timer up.
void section_5_3__not_restarted_by_duplicates(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(10);
    bool again = false;
    for (uint32_t i = 0; i < 100 && !again; ++i) {
        wire.peer({.seq = 1 + i, .len = 1});
        wire.pass_ms(50);
        again = wire.has_sent(1, 10);
    }
    EXPECT(again);
}

// (5.4): Retransmit the earliest segment that has not been acknowledged.
void section_5_4__earliest_segment(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(5000);
    wire.peer({.ack = 2001});
    while (wire.info().timeouts == 0 && until_sent_again(wire) > 0) {
    }
    EXPECT(wire.has_sent(2001, 1000));
    EXPECT(!wire.has_sent(1, 1));
}

// (5.5): The host MUST set RTO <- RTO * 2 ('back off the timer'): from the second timeout on the
// waits double, up to the limit.
void section_5_5__doubles(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(10);
    while (wire.info().timeouts < 2 && until_sent_again(wire) > 0) {
    }
    uint64_t last = until_sent_again(wire);
    for (uint32_t i = 0; i < 5; ++i) {
        const uint64_t wait = until_sent_again(wire);
        EXPECT(wait >= last * 19 / 10 && wait <= last * 21 / 10);
        last = wait;
    }
}

// SYNs as well: 1, 2, 4, 8 seconds.
void section_5_5__doubles_for_syn(Check& check) {
    Wire wire(check, TcpPhase::kSynSent);
    for (uint64_t wait = 1000; wait <= 16000; wait *= 2) {
        wire.pass_ms(wait - 1);
        wire.quiet();
        wire.pass_ms(1);
        wire.sent(kSyn, 0, 0, 0);
    }
}

// (5.7): where a SYN had to be sent again, RTO MUST begin with 3 seconds for data.
void section_5_7__after_a_lost_syn(Check& check) {
    Wire wire(check, TcpPhase::kSynSent);
    wire.pass_ms(1000);
    wire.peer({.flags = kSynAck, .seq = 0, .ack = 1, .options = kHasMss});
    EXPECT_EQ(wire.info().rto_us, 3'000'000);
    wire.writes(10);
    wire.pass_ms(2900);
    EXPECT_EQ(wire.info().timeouts, 1);  // the SYN's
}

// What is sent again may be cut otherwise than before: bytes have numbers, segments have none.
void section_5_4__may_be_cut_otherwise(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.option(&TcpOptions::no_delay, 1);
    wire.writes(100);
    wire.writes(100);
    wire.writes(100);
    EXPECT(until_sent_again(wire) > 0);
    wire.peer({.ack = 151});
    wire.pass_ms(10000);
    EXPECT_EQ(wire.snd_una(), 151);
    wire.peer({.ack = 301});
    EXPECT_EQ(wire.info().bytes_acked, 300);
}

constexpr kunit::Test kTests[] = {
    TEST(section_2_1__one_second_at_first),
    TEST(section_2_2__first_measurement),
    TEST(section_2_3__next_measurement),
    TEST(section_2_3__steady_round_trip),
    TEST(section_2_4__least),
    TEST(section_2_5__most),
    TEST(section_3__no_sample_of_a_retransmission),
    TEST(section_3__no_sample_of_a_repeated_syn),
    TEST(section_3__no_sample_of_several),
    TEST(section_5_1__started_with_data),
    TEST(section_5_1__not_started_without_data),
    TEST(section_5_2__off_when_all_is_acknowledged),
    TEST(section_5_3__restarted_by_new_data),
    TEST(section_5_3__not_restarted_by_duplicates),
    TEST(section_5_4__earliest_segment),
    TEST(section_5_4__may_be_cut_otherwise),
    TEST(section_5_5__doubles),
    TEST(section_5_5__doubles_for_syn),
    TEST(section_5_7__after_a_lost_syn),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite rfc6298_suite = SUITE("rfc6298", scout::kTests);

}  // namespace kunit
