// SPDX-License-Identifier: GPL-2.0
//
// RFC 7323, TCP extensions for high performance: window scaling (section 2), timestamps (3), round
// trips (4), PAWS (5). Wire conversations: see kunit/tcp/wire.hh.
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint8_t kSynAck = kSyn | kAck;
constexpr uint8_t kScaling = kHasMss | kHasWindowScale;
constexpr uint8_t kTimestamps = kHasMss | kHasTimestamps;

TcpConfig large_ring(bool active = false) {
    TcpConfig config = Wire::config(active);
    config.receive_bytes = 1 << 20;  // scale 5
    return config;
}

Seg stamped(const Seg& seg, uint32_t ts_val) {
    Seg result = seg;
    result.options |= kHasTimestamps;
    result.ts_val = ts_val;
    return result;
}

// --- 2: window scale -----------------------------------------------------------------------------

// 2.2: the option may be in a SYN, and in a SYN,ACK only if it was in the SYN.
void section_2_2__answered_only_if_offered(Check& check) {
    Wire with(check, large_ring());
    with.peer({.flags = kSyn, .seq = 0, .options = kScaling, .scale = 3});
    const TransmitEffect& answer = with.sent(kSynAck, 0, 1, 0);
    EXPECT(answer.options & kHasWindowScale);
    EXPECT_EQ(answer.window_scale, 5);
    Wire without(check, large_ring());
    without.peer({.flags = kSyn, .seq = 0, .options = kHasMss});
    EXPECT(!(without.sent(kSynAck, 0, 1, 0).options & kHasWindowScale));
}

// 2.2: The window field in a segment where the SYN bit is set MUST NOT be scaled: neither way.
void section_2_2__windows_of_syns_are_not_scaled(Check& check) {
    Wire wire(check, large_ring());
    wire.peer({.flags = kSyn, .seq = 0, .win = 1000, .options = kScaling, .scale = 7});
    EXPECT_EQ(wire.sent(kSynAck, 0, 1, 0).window, 65535);
    EXPECT_EQ(wire.info().snd_wnd, 1000);
    wire.peer({.win = 1000});
    EXPECT_EQ(wire.info().snd_wnd, 128000);
    Wire active(check, TcpPhase::kSynSent);
    active.peer(
        {.flags = kSynAck, .seq = 0, .ack = 1, .win = 1000, .options = kScaling, .scale = 7});
    EXPECT_EQ(active.info().snd_wnd, 1000);
}

// 2.2: if either end does not send the option, both are zero: as the active side as well.
void section_2_2__no_scaling_unless_both(Check& check) {
    Wire wire(check, large_ring(true));
    wire.connect();
    EXPECT_EQ(wire.sent(kSyn, 0, 0, 0).window_scale, 5);
    wire.peer({.flags = kSynAck, .seq = 0, .ack = 1, .win = 2000, .options = kHasMss, .scale = 9});
    EXPECT_EQ(wire.sent(kAck, 1, 1, 0).window, 65535);
    wire.peer({.win = 2000, .scale = 9});
    EXPECT_EQ(wire.info().snd_wnd, 2000);
}

// 2.3: SND.WND = SEG.WND << Snd.Wind.Shift, SEG.WND = RCV.WND >> Rcv.Wind.Shift.
void section_2_3__scaled_both_ways(Check& check) {
    Wire wire(check, large_ring());
    wire.establish(kScaling, 100, 4);
    EXPECT_EQ(wire.info().snd_wnd, 1600);
    wire.peer({.len = 3200, .win = 100});
    EXPECT_EQ(wire.sent(kAck, 1, 3201, 0).window, ((1 << 20) - 3200) >> 5);
}

// 2.3: If a Window Scale option is received with a shift.cnt value larger than 14, the TCP SHOULD
// log the error but MUST use 14 instead.
void section_2_3__at_most_14(Check& check) {
    static constexpr uint8_t kScales[] = {14, 15, 31, 32, 255};
    for (uint8_t scale : kScales) {
        Wire wire(check);
        wire.establish(kScaling, 65535, scale);
        EXPECT_EQ(wire.info().snd_wnd, uint64_t{65535} << 14);
    }
}

// 2.4: what a rounded window promised must not be taken back: the edge may come out lower by less
// than the unit, and what was promised is still accepted.
void section_2_4__rounding_breaks_no_promise(Check& check) {
    Wire wire(check, large_ring());
    wire.establish(kScaling, 60000, 0);
    uint64_t promised = 0;
    for (uint32_t seq = 1; seq < 5000; seq += 7) {
        wire.peer({.seq = seq, .len = 7});
        wire.pass_ms(50);
        EXPECT(wire.state().rcv_adv >= promised);
        promised = wire.state().rcv_adv;
    }
    const uint32_t edge = static_cast<uint32_t>(promised) - Wire::kIrs;
    wire.peer({.seq = edge - 1, .len = 1});
    EXPECT_EQ(wire.deliveries(), 1);
}

// An option outside of a SYN says nothing.
void section_2_2__only_in_a_syn(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.win = 1000, .options = kHasWindowScale, .scale = 7});
    EXPECT_EQ(wire.info().snd_wnd, 1000);
}

// --- 3: timestamps -------------------------------------------------------------------------------

// 3.2: the option may be in a SYN, and in a SYN,ACK only if it was in the SYN. TSecr is zero
// without an ACK.
void section_3_2__offered_and_answered(Check& check) {
    Wire active(check, Wire::config(true));
    active.connect();
    const TransmitEffect& syn = active.sent(kSyn, 0, 0, 0);
    EXPECT(syn.options & kHasTimestamps);
    EXPECT_EQ(syn.ts_val, active.ts_now());
    EXPECT_EQ(syn.ts_ecr, 0);
    Wire without(check);
    without.peer({.flags = kSyn, .seq = 0, .options = kHasMss});
    EXPECT(!(without.sent(kSynAck, 0, 1, 0).options & kHasTimestamps));
    Wire with(check);
    with.peer({.flags = kSyn, .seq = 0, .options = kTimestamps, .ts_val = 77});
    EXPECT_EQ(with.sent(kSynAck, 0, 1, 0).ts_ecr, 77);
}

// 3.2: once agreed on, the option MUST be in every segment but a RST, for as long as the connection
// lasts.
void section_3_2__in_every_segment(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kTimestamps);
    wire.peer(stamped({.len = 2000}, 101));
    EXPECT(wire.sent(kAck, 1, 2001, 0).options & kHasTimestamps);
    wire.writes(10);
    EXPECT(wire.sent(kAck, 1, 2001, 10).options & kHasTimestamps);
    wire.challenges({.flags = kSyn, .seq = 5});
    wire.shutdown();
    EXPECT(wire.sent(kAck | kFin, 11, 2001, 0).options & kHasTimestamps);
    wire.pass_ms(10000);
    EXPECT(wire.sent(kAck | kFin, 1, 2001, 10).options & kHasTimestamps);
}

// 3.2: not agreed on, it MUST be ignored.
void section_3_2__ignored_unless_agreed_on(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer(stamped({.len = 2000}, 500));
    EXPECT_EQ(wire.sent(kAck, 1, 2001, 0).options, 0);
    wire.peer(stamped({.seq = 2001, .len = 10}, 1));
    wire.delivered(2000, 10, 2010);
}

// 3.2 would drop a segment that lacks it; we take it, as Linux (see COMPLIANCE.md).
void section_3_2__missing_is_tolerated(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kTimestamps);
    wire.peer({.len = 10});
    wire.delivered(0, 10, 10);
}

// --- 4: the RTTM mechanism -----------------------------------------------------------------------

// 4.3: If SEG.TSval >= TS.Recent and SEG.SEQ <= Last.ACK.sent, then SEG.TSval is copied to
// TS.Recent: delayed ACKs echo the earliest segment they acknowledge.
void section_4_3__delayed_ack_echoes_the_first(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kTimestamps);
    wire.peer(stamped({.seq = 1, .len = 500}, 200));
    wire.peer(stamped({.seq = 501, .len = 500}, 201));
    wire.pass_ms(100);
    EXPECT_EQ(wire.sent(kAck, 1, 1001, 0).ts_ecr, 200);
}

// 4.3: a segment that arrives out of order: the echo stays that of the last in order.
void section_4_3__hole_echoes_the_last_in_order(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kTimestamps);
    wire.peer(stamped({.seq = 1001, .len = 1000}, 300));
    EXPECT_EQ(wire.sent(kAck, 1, 1, 0).ts_ecr, 100);
    wire.peer(stamped({.seq = 2001, .len = 1000}, 301));
    EXPECT_EQ(wire.sent(kAck, 1, 1, 0).ts_ecr, 100);
}

// 4.3: a filled hole: the segment that advanced the window, not the youngest.
void section_4_3__filled_hole_echoes_what_filled_it(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kTimestamps);
    wire.peer(stamped({.seq = 1001, .len = 1000}, 300));
    wire.peer(stamped({.seq = 1, .len = 1000}, 250));
    EXPECT_EQ(wire.sent(kAck, 1, 2001, 0).ts_ecr, 250);
}

// 4.1: an echo measures the round trip even of what was sent twice.
void section_4_1__measures_retransmissions(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kTimestamps);
    wire.writes(100);
    wire.pass_ms(2000);
    const uint32_t sent_at = wire.ts_now();
    wire.writes(1);
    wire.pass_ms(30);
    Seg ack = stamped({.ack = 101}, 101);
    ack.ts_ecr = sent_at - 5;
    wire.peer(ack);
    EXPECT(wire.info().rto_us < 3'000'000);
}

// --- 5: PAWS -------------------------------------------------------------------------------------

// 5.3, R1: If there is a Timestamps option in the arriving segment, SEG.TSval < TS.Recent,
// TS.Recent is valid, and the RST bit is not set, then treat the arriving segment as not
// acceptable: Send an acknowledgment in reply and drop the segment.
void section_5_3__old_segment(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kTimestamps);
    wire.challenges(stamped({.len = 100}, 99));
    wire.challenges(stamped({.len = 100}, 0x80000065));
    wire.peer(stamped({.len = 100}, 100));
    wire.delivered(0, 100, 100);
}

// It changes nothing: no ACK, window or FIN is taken from it.
void section_5_3__nothing_of_an_old_segment_is_taken(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kTimestamps);
    wire.writes(100);
    wire.challenges(stamped({.flags = kAck | kFin, .ack = 101, .win = 5}, 50));
    EXPECT_EQ(wire.snd_una(), 1);
    EXPECT_EQ(wire.info().snd_wnd, 60000);
    EXPECT_EQ(wire.count(EffectKind::kEndOfStream), 0);
}

// 5.2: the timestamp clock wraps: comparisons are modulo 2^32.
void section_5_2__clock_wraps(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kTimestamps);
    static constexpr uint32_t kClock[] = {0x70000000, 0xd0000000, 0xffffff00, 5};
    for (uint32_t i = 0; i < 4; ++i) {
        wire.peer(stamped({.seq = 1 + 10 * i, .len = 10}, kClock[i]));
        wire.delivered(10 * i, 10, 10 * (i + 1));
        wire.pass_ms(100);  // acknowledged: TS.Recent is of the next
    }
    wire.challenges(stamped({.seq = 41, .len = 10}, 0xffffff01));
}

// 5.2: it is recommended that RST segments NOT carry timestamps, and that they be acceptable
// regardless of their timestamp.
void section_5_2__reset_is_not_tested(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kTimestamps);
    wire.peer(stamped({.flags = kRst}, 1));
    wire.ended(kEconnreset);
}

// 5.5: when the connection has been idle for too long, TS.Recent is not valid.
void section_5_5__outdated_timestamps(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kTimestamps);
    wire.pass(tcp::kTimestampLife - 1);
    wire.challenges(stamped({.len = 10}, 50));
    wire.pass(2);
    wire.peer(stamped({.len = 10}, 50));
    wire.delivered(0, 10, 10);
    wire.challenges(stamped({.seq = 11, .len = 10}, 49));
}

// 5.3, R3: If an arriving segment satisfies SEG.SEQ <= Last.ACK.sent: one from the future, beyond
// a hole, does not shut out what is older and missing.
void section_5_3__a_segment_beyond_a_hole_shuts_out_nothing(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kTimestamps);
    wire.peer(stamped({.seq = 30001, .len = 1000}, 0x40000000));
    wire.peer(stamped({.seq = 1, .len = 1000}, 101));
    wire.delivered(0, 1000, 1000);
}

// A blind attacker's timestamp counts only if its segment is acceptable.
void section_5_3__unacceptable_segments_set_no_timestamp(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kTimestamps);
    wire.challenges(stamped({.seq = 0x40000000, .len = 10}, 0x70000000));
    wire.challenges(stamped({.seq = 0u - 100, .len = 10}, 0x70000000));
    wire.peer(stamped({.len = 10}, 101));
    wire.delivered(0, 10, 10);
}

// ... or if it is dropped later, for its SYN or for acknowledging what was never sent (RFC 9293
// section 3.10.7.4, fourth and fifth).
void section_5_3__dropped_segments_set_no_timestamp(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kTimestamps);
    wire.challenges(stamped({.flags = kSyn}, 0x70000000));
    wire.challenges(stamped({.ack = 9999, .len = 10}, 0x70000000));
    wire.ignores(stamped({.flags = 0, .len = 10}, 0x70000000));
    wire.peer(stamped({.len = 10}, 101));
    wire.delivered(0, 10, 10);
}

constexpr kunit::Test kTests[] = {
    TEST(section_2_2__answered_only_if_offered),
    TEST(section_2_2__windows_of_syns_are_not_scaled),
    TEST(section_2_2__no_scaling_unless_both),
    TEST(section_2_2__only_in_a_syn),
    TEST(section_2_3__scaled_both_ways),
    TEST(section_2_3__at_most_14),
    TEST(section_2_4__rounding_breaks_no_promise),
    TEST(section_3_2__offered_and_answered),
    TEST(section_3_2__in_every_segment),
    TEST(section_3_2__ignored_unless_agreed_on),
    TEST(section_3_2__missing_is_tolerated),
    TEST(section_4_1__measures_retransmissions),
    TEST(section_4_3__delayed_ack_echoes_the_first),
    TEST(section_4_3__hole_echoes_the_last_in_order),
    TEST(section_4_3__filled_hole_echoes_what_filled_it),
    TEST(section_5_2__clock_wraps),
    TEST(section_5_2__reset_is_not_tested),
    TEST(section_5_3__old_segment),
    TEST(section_5_3__nothing_of_an_old_segment_is_taken),
    TEST(section_5_3__a_segment_beyond_a_hole_shuts_out_nothing),
    TEST(section_5_3__unacceptable_segments_set_no_timestamp),
    TEST(section_5_3__dropped_segments_set_no_timestamp),
    TEST(section_5_5__outdated_timestamps),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite rfc7323_suite = SUITE("rfc7323", scout::kTests);

}  // namespace kunit
