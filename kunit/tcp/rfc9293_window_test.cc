// SPDX-License-Identifier: GPL-2.0
//
// Windows and when data goes, by RFC 9293: sections 3.7.4 (Nagle), 3.8.6 (windows), 3.8.6.1 (zero
// window), 3.8.6.2 (silly windows, either side) and 3.8.6.3 (delayed ACKs). Wire conversations: see
// kunit/tcp/wire.hh.
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

// --- 3.7.4 Nagle algorithm -----------------------------------------------------------------------

// If there is unacknowledged data, then the sending TCP endpoint buffers all user data until the
// outstanding data has been acknowledged or until it can send a full-sized segment (SHLD-7), as
// far as a small segment is outstanding (Minshall; see COMPLIANCE.md).
void section_3_7_4__one_small_segment_at_a_time(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(10);
    wire.sent(kAck, 1, 1, 10);
    wire.writes(10);
    wire.quiet();
    wire.writes(10);
    wire.quiet();
    wire.peer({.ack = 11});
    wire.sent(kAck, 11, 1, 20);
    wire.quiet();
}

void section_3_7_4__a_full_segment_does_not_wait(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(10);
    wire.writes(500);
    wire.quiet();
    wire.writes(500);
    wire.sent(kAck, 11, 1, 1000);
    wire.quiet();
}

// There MUST be a way for an application to disable the Nagle algorithm (MUST-17), even while it
// holds something back.
void section_3_7_4__can_be_disabled(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(10);
    wire.writes(10);
    wire.quiet();
    wire.option(&TcpOptions::no_delay, 1);
    wire.sent(kAck, 11, 1, 10);
    wire.writes(1);
    wire.sent(kAck, 21, 1, 1);
}

// Nothing waits behind a CLOSE.
void section_3_7_4__close_lets_it_go(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(10);
    wire.writes(10);
    wire.quiet();
    wire.shutdown();
    wire.sent(kAck | kFin, 11, 1, 10);
}

// --- 3.8.6 managing the window -------------------------------------------------------------------

// A TCP receiver SHOULD NOT shrink the window (SHLD-14): the right edge of every ACK is at or
// beyond that of the one before, whether the program reads or not.
void section_3_8_6__right_edge_never_goes_back(Check& check) {
    Wire wire(check, Wire::small_ring(8192));
    wire.establish();
    uint32_t edge = 1 + 8192, seq = 1;
    for (uint32_t i = 0; i < 40; ++i) {
        const uint32_t bytes = dominoes::min(700 + 50 * (i % 3), edge - seq);
        if (bytes == 0) break;
        wire.peer({.seq = seq, .len = bytes});
        seq += bytes;
        if (i % 3 == 1) wire.reads(i % 2 ? 300 : 2500);
        wire.pass_ms(100);
        const uint32_t now = static_cast<uint32_t>(wire.state().rcv_adv) - Wire::kIrs;
        EXPECT(now >= edge);
        edge = now;
    }
    EXPECT(seq > 8192);
}

// The sending TCP peer packages the data to be transmitted into segments that fit the current
// window: never a byte beyond it.
void section_3_8_6__sends_what_fits(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss, 2500);
    wire.writes(10000);
    EXPECT(wire.has_sent(1, 2000));
    EXPECT(wire.bytes_sent() <= 2500);
    wire.peer({.ack = 2001, .win = 3000});
    EXPECT_EQ(wire.snd_nxt(), 5001);
}

// A sending TCP peer MUST be robust against window shrinking (MUST-34): no new data (SHLD-15).
void section_3_8_6__shrunk_window_stops_new_data(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(5000);
    wire.peer({.ack = 1, .win = 2000});
    wire.writes(2000);
    wire.quiet();
    wire.peer({.ack = 3001, .win = 1000});
    wire.quiet();
    wire.peer({.ack = 5001, .win = 1000});
    EXPECT_EQ(wire.bytes_sent(), 1000);
    EXPECT(wire.has_sent(5001, 1000));
}

// SHLD-16: what was sent within the smaller window goes again as usual,
void section_3_8_6__shrunk_window_retransmits_within(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(5000);
    wire.peer({.ack = 1, .win = 2000});
    wire.pass_ms(3000);
    EXPECT(wire.has_sent(1, 1000));
}

// SHLD-17: and what lies beyond it is no reason to give up, as long as the peer answers.
void section_3_8_6__shrunk_to_nothing_does_not_time_out(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(5000);
    for (uint32_t i = 0; i < 60; ++i) {
        wire.peer({.ack = 1, .win = 0});
        wire.pass_ms(130000);
        EXPECT(wire.count(EffectKind::kTransmit) > i);
    }
    wire.in(TcpPhase::kEstablished);
    wire.peer({.ack = 1001, .win = 60000});
    wire.pass_ms(130000);
    wire.peer({.ack = 5001, .win = 60000});
    EXPECT_EQ(wire.info().bytes_acked, 5000);
}

// An ACK of all that was sent moves on even if the window is too small for it.
void section_3_8_6__ack_beyond_the_shrunk_window(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(5000);
    wire.peer({.ack = 1, .win = 10});
    wire.peer({.ack = 5001, .win = 10});
    EXPECT_EQ(wire.snd_una(), 5001);
}

// --- 3.8.6.1 zero-window probing -----------------------------------------------------------------

// The sending TCP peer must regularly transmit at least one octet of new data (if available), or
// retransmit, to the receiving TCP peer even if the send window is zero (MUST-36); here an empty
// segment just below the window (see COMPLIANCE.md). The first after the retransmission timeout
// (SHLD-29), then exponentially rarer (SHLD-30).
void section_3_8_6_1__probes_back_off(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss, 0);
    wire.writes(100);
    wire.quiet();
    uint64_t last = wire.now(), interval = 0;
    for (uint32_t i = 0; i < 5; ++i) {
        const uint64_t due = wire.armed(TimerKind::kRetransmit);
        REQUIRE(due > wire.now());
        wire.pass(due - wire.now());
        wire.sent(kAck, 0, 1, 0);
        wire.quiet();
        EXPECT(wire.now() - last > interval);
        interval = wire.now() - last;
        last = wire.now();
        wire.peer({.win = 0});
    }
}

// As long as the receiving TCP peer continues to send acknowledgments in response to the probe
// segments, the sending TCP peer MUST allow the connection to stay open (MUST-37): for days.
void section_3_8_6_1__answered_probes_keep_it_open(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss, 0);
    wire.writes(100);
    for (uint32_t i = 0; i < 2000; ++i) {
        wire.pass_ms(120000);
        wire.peer({.win = 0});
    }
    wire.in(TcpPhase::kEstablished);
    EXPECT_EQ(wire.snd_nxt(), 1);
    wire.peer({.win = 1000});
    wire.sent(kAck, 1, 1, 100);
}

// ... but not for a peer that keeps shut what no program waits for any longer: as Linux does, until
// the probes are two minutes apart.
void section_3_8_6_1__answered_probes_do_not_keep_an_orphan(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss, 0);
    wire.state().rto_ns = 300 * Wire::kMs;
    wire.writes(100);
    wire.close_reads();
    wire.shutdown();
    const uint64_t begin = wire.now();
    uint32_t probes = 0;
    for (; wire.count(EffectKind::kClosed) == 0 && probes < 2000; ++probes) {
        wire.pass(wire.armed(TimerKind::kRetransmit) - wire.now());
        wire.peer({.win = 0});
    }
    wire.ended(kEtimedout);
    EXPECT_EQ(probes, 10);
    EXPECT(wire.now() - begin > 150'000 * Wire::kMs && wire.now() - begin < 400'000 * Wire::kMs);
}

// One that began before its program left ends as well.
void section_3_8_6_1__orphaned_between_probes(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss, 0);
    wire.writes(100);
    for (uint32_t i = 0; i < 100; ++i) {
        wire.pass_ms(120000);
        wire.peer({.win = 0});
    }
    wire.close_reads();
    wire.shutdown();
    wire.pass_ms(120000);
    wire.ended(kEtimedout);
}

// What nobody answers ends it.
void section_3_8_6_1__unanswered_probes_do_not(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss, 0);
    wire.writes(100);
    wire.pass_ms(3600 * 1000);
    wire.ended(kEtimedout);
}

// When the window opens, data goes at once, not at the next probe.
void section_3_8_6_1__opening_is_enough(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss, 0);
    wire.writes(3000);
    wire.pass_ms(100000);
    wire.peer({.win = 60000});
    EXPECT(wire.has_sent(1, 1000));
}

// The receiver's side: whatever arrives at a shut window is answered by an ACK of what is expected,
// with the window as it is.
void section_3_8_6_1__a_probe_is_answered(Check& check) {
    Wire wire(check, Wire::small_ring());
    wire.establish();
    wire.peer({.len = 4096});
    wire.peer({.seq = 4097, .len = 1});
    EXPECT_EQ(wire.sent(kAck, 1, 4097, 0).window, 0);
    wire.peer({.seq = 4096});  // as ours: an empty one, just below
    EXPECT_EQ(wire.sent(kAck, 1, 4097, 0).window, 0);
    wire.reads(4096);
    EXPECT_EQ(wire.sent(kAck, 1, 4097, 0).window, 4096);
    wire.peer({.seq = 4097, .len = 1});
    wire.delivered(4096, 1, 4097);
}

// An update of the window that is lost is told again to whoever asks.
void section_3_8_6_1__lost_update(Check& check) {
    Wire wire(check, Wire::small_ring());
    wire.establish();
    wire.peer({.len = 4096});
    wire.reads(4096);
    wire.peer({.seq = 4096});
    EXPECT_EQ(wire.sent(kAck, 1, 4097, 0).window, 4096);
}

// A FIN needs a place in the window, too.
void section_3_8_6_1__fin_waits_for_the_window(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss, 0);
    wire.shutdown();
    wire.quiet();
    EXPECT(wire.armed(TimerKind::kRetransmit) != 0);
    wire.peer({.win = 1});
    wire.sent(kAck | kFin, 1, 1, 0);
}

// --- 3.8.6.2.1 sender's silly window avoidance ---------------------------------------------------

// Send data: (1) if a maximum-sized segment can be sent.
void section_3_8_6_2_1__a_full_segment(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss, 1000);
    wire.writes(5000);
    wire.sent(kAck, 1, 1, 1000);
    wire.quiet();
}

// (2) if the data is pushed and all queued data can be sent now.
void section_3_8_6_2_1__all_of_it(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss, 300);
    wire.writes(300);
    wire.sent(kAck, 1, 1, 300);
    wire.quiet();
}

// (3) if at least a fraction Fs of the maximum window can be sent: one half.
void section_3_8_6_2_1__half_of_the_largest_window(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss, 800);
    wire.writes(5000);
    wire.sent(kAck, 1, 1, 800);
    wire.peer({.ack = 801, .win = 399});
    wire.quiet();
    wire.peer({.ack = 801, .win = 400});
    wire.sent(kAck, 801, 1, 400);
}

// (4) or if data is pushed and the override timeout occurs, after 0.1 - 1.0 seconds: a window
// that stays small is used in the end.
void section_3_8_6_2_1__override(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.win = 400});
    wire.writes(5000);
    wire.quiet();
    const uint64_t wait = wire.armed(TimerKind::kRetransmit) - wire.now();
    EXPECT(wait >= 100 * Wire::kMs && wait <= 1000 * Wire::kMs);
    wire.pass(wait);
    wire.sent(kAck, 1, 1, 400);
    wire.quiet();
}

// A peer that opens its window byte by byte does not make us send byte by byte.
void section_3_8_6_2_1__no_dribble(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss, 0);
    wire.writes(10000);
    wire.peer({.win = 10000});
    uint32_t segments = 0;
    const uint32_t una = wire.snd_nxt();
    for (uint32_t i = 1; i <= 1000; ++i) {
        wire.peer({.ack = una, .win = static_cast<uint16_t>(i)});
        if (wire.bytes_sent() > 0) ++segments;
    }
    EXPECT(segments <= 1);
}

// --- 3.8.6.2.2 receiver's silly window avoidance -------------------------------------------------

// Keep RCV.NXT+RCV.WND fixed until RCV.BUFF - RCV.USER - RCV.WND >= min(Fr * RCV.BUFF,
// Eff.snd.MSS) (MUST-39).
void section_3_8_6_2_2__edge_stays_until_it_is_worth_it(Check& check) {
    Wire wire(check, Wire::small_ring());
    wire.establish();
    wire.peer({.len = 4096});
    wire.sent(kAck, 1, 4097, 0);
    for (uint32_t i = 0; i < 9; ++i) {
        wire.reads(100);
        wire.quiet();
    }
    wire.reads(100);
    EXPECT_EQ(wire.sent(kAck, 1, 4097, 0).window, 1000);
}

// Half of a buffer smaller than two segments will do.
void section_3_8_6_2_2__half_of_a_small_buffer(Check& check) {
    TcpConfig config = Wire::small_ring();
    config.mss = 8000;
    Wire wire(check, config);
    wire.establish();
    wire.peer({.len = 4096});
    wire.reads(2047);
    wire.quiet();
    wire.reads(1);
    EXPECT_EQ(wire.sent(kAck, 1, 4097, 0).window, 2048);
}

// A program that reads byte by byte does not make us announce byte by byte.
void section_3_8_6_2_2__no_dribble(Check& check) {
    Wire wire(check, Wire::small_ring());
    wire.establish();
    wire.peer({.len = 4096});
    const uint32_t before = wire.count(EffectKind::kTransmit);
    for (uint32_t i = 0; i < 4096; ++i) wire.reads(1);
    EXPECT(wire.count(EffectKind::kTransmit) - before <= 4);
    EXPECT(wire.info().rcv_wnd >= 3096);
}

// --- 3.8.6.3 delayed acknowledgments -------------------------------------------------------------

// An ACK should not be excessively delayed; in particular, the delay MUST be less than 0.5
// seconds (MUST-40).
void section_3_8_6_3__delay_is_less_than_half_a_second(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.len = 10});
    wire.quiet();
    wire.pass_ms(499);
    wire.sent(kAck, 1, 11, 0);
    wire.quiet();
}

// There SHOULD be an ACK for at least every second full-sized segment (SHLD-19).
void section_3_8_6_3__every_second_full_segment(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    for (uint32_t i = 0; i < 10; ++i) {
        wire.peer({.seq = 1 + 2000 * i, .len = 1000});
        wire.peer({.seq = 1001 + 2000 * i, .len = 1000});
        wire.sent(kAck, 1, 2001 + 2000 * i, 0);
        wire.quiet();
    }
}

// Data that goes anyway carries it, and then nothing more follows.
void section_3_8_6_3__rides_on_data(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.len = 10});
    wire.writes(10);
    wire.sent(kAck, 1, 11, 10);
    wire.peer({.seq = 11, .ack = 11});
    wire.pass_ms(1000);
    wire.quiet();
}

constexpr kunit::Test kTests[] = {
    TEST(section_3_7_4__one_small_segment_at_a_time),
    TEST(section_3_7_4__a_full_segment_does_not_wait),
    TEST(section_3_7_4__can_be_disabled),
    TEST(section_3_7_4__close_lets_it_go),
    TEST(section_3_8_6__right_edge_never_goes_back),
    TEST(section_3_8_6__sends_what_fits),
    TEST(section_3_8_6__shrunk_window_stops_new_data),
    TEST(section_3_8_6__shrunk_window_retransmits_within),
    TEST(section_3_8_6__shrunk_to_nothing_does_not_time_out),
    TEST(section_3_8_6__ack_beyond_the_shrunk_window),
    TEST(section_3_8_6_1__probes_back_off),
    TEST(section_3_8_6_1__answered_probes_keep_it_open),
    TEST(section_3_8_6_1__answered_probes_do_not_keep_an_orphan),
    TEST(section_3_8_6_1__orphaned_between_probes),
    TEST(section_3_8_6_1__unanswered_probes_do_not),
    TEST(section_3_8_6_1__opening_is_enough),
    TEST(section_3_8_6_1__a_probe_is_answered),
    TEST(section_3_8_6_1__lost_update),
    TEST(section_3_8_6_1__fin_waits_for_the_window),
    TEST(section_3_8_6_2_1__a_full_segment),
    TEST(section_3_8_6_2_1__all_of_it),
    TEST(section_3_8_6_2_1__half_of_the_largest_window),
    TEST(section_3_8_6_2_1__override),
    TEST(section_3_8_6_2_1__no_dribble),
    TEST(section_3_8_6_2_2__edge_stays_until_it_is_worth_it),
    TEST(section_3_8_6_2_2__half_of_a_small_buffer),
    TEST(section_3_8_6_2_2__no_dribble),
    TEST(section_3_8_6_3__delay_is_less_than_half_a_second),
    TEST(section_3_8_6_3__every_second_full_segment),
    TEST(section_3_8_6_3__rides_on_data),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite rfc9293_window_suite = SUITE("rfc9293_window", scout::kTests);

}  // namespace kunit
