// SPDX-License-Identifier: GPL-2.0
//
// Closing a connection, by RFC 9293: section 3.6, and what 3.10.4, 3.10.5 and 3.10.8 say of CLOSE,
// ABORT and the timeouts that belong to them. Wire conversations: see kunit/tcp/wire.hh.
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint8_t kFinAck = kFin | kAck;

// In which our FIN may be on its way,
constexpr TcpPhase kFinOut[] = {TcpPhase::kFinWait1, TcpPhase::kClosing, TcpPhase::kLastAck};
// in which the program has closed,
constexpr TcpPhase kClosed[] = {TcpPhase::kFinWait1, TcpPhase::kFinWait2, TcpPhase::kClosing,
                                TcpPhase::kLastAck, TcpPhase::kTimeWait};
// and those an ABORT must, or need not, tell the peer of.
constexpr TcpPhase kBelieved[] = {TcpPhase::kEstablished, TcpPhase::kFinWait1, TcpPhase::kFinWait2,
                                  TcpPhase::kCloseWait};
constexpr TcpPhase kAwaitingTheEnd[] = {TcpPhase::kClosing, TcpPhase::kLastAck,
                                        TcpPhase::kTimeWait};

// Figure 12, as its TCP Peer A.
void section_3_6__normal_close_by_us(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.shutdown();
    wire.sent(kFinAck, 1, 1, 0);
    wire.in(TcpPhase::kFinWait1);
    wire.peer({.ack = 2});
    wire.quiet();
    wire.in(TcpPhase::kFinWait2);
    wire.answers({.flags = kFinAck, .ack = 2}, kAck, 2, 2);
    wire.in(TcpPhase::kTimeWait);
    wire.pass_ms(60000);
    wire.ended(kNoError);
}

// Figure 12, as its TCP Peer B.
void section_3_6__normal_close_by_peer(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.answers({.flags = kFinAck}, kAck, 1, 2);
    wire.in(TcpPhase::kCloseWait);
    EXPECT_EQ(wire.end_of_stream(), 0);
    wire.shutdown();
    wire.sent(kFinAck, 1, 2, 0);
    wire.in(TcpPhase::kLastAck);
    wire.peer({.seq = 2, .ack = 2});
    wire.quiet();
    wire.ended(kNoError);
}

// Figure 13: both FINs cross.
void section_3_6__simultaneous_close(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.shutdown();
    wire.sent(kFinAck, 1, 1, 0);
    wire.answers({.flags = kFinAck, .ack = 1}, kAck, 2, 2);
    wire.in(TcpPhase::kClosing);
    wire.peer({.seq = 2, .ack = 2});
    wire.quiet();
    wire.in(TcpPhase::kTimeWait);
}

// Case 1: all segments preceding and including FIN will be retransmitted until acknowledged.
void section_3_6__fin_is_repeated(Check& check) {
    for (TcpPhase phase : kFinOut) {
        Wire wire(check, phase);
        const uint32_t ack = wire.rcv_nxt();
        wire.pass_ms(3000);
        wire.sent(kFinAck, 1, ack, 0);
        wire.in(phase);
    }
}

// Case 1: data that was lost goes again before the FIN does any good.
void section_3_6__data_before_the_fin_is_repeated(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(100);
    wire.shutdown();
    wire.pass_ms(3000);
    EXPECT(wire.has_sent(1, 100));
    wire.peer({.ack = 101});
    wire.in(TcpPhase::kFinWait1);
    wire.peer({.ack = 102});
    wire.in(TcpPhase::kFinWait2);
}

// ... and what the peer has does not go again with it, be it a timeout or a probe (RFC 8985).
void section_3_6__fin_is_repeated_alone(Check& check) {
    static constexpr uint8_t kOptions[] = {kHasMss, kHasMss | kHasSackPermitted};
    for (uint8_t options : kOptions) {
        Wire wire(check, TcpPhase::kEstablished, options);
        wire.writes(1500);
        wire.pass_ms(10);
        wire.shutdown();
        wire.peer({.ack = 1501});
        wire.pass_ms(250);
        wire.sent(kFinAck, 1501, 1, 0);
        wire.pass_ms(5000);
        wire.sent(kFinAck, 1501, 1, 0);
    }
}

// RFC 8985 section 7.3: a probe is the last segment. The FIN was one of its own.
void section_3_6__probe_of_a_fin_that_went_alone(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kHasMss | kHasSackPermitted);
    wire.writes(1000);
    wire.pass_ms(10);
    wire.peer({.ack = 1001});
    wire.writes(10000);
    wire.pass_ms(10);
    wire.shutdown();
    wire.sent(kFinAck, 11001, 1, 0);
    wire.pass_ms(40);
    wire.sent(kFinAck, 11001, 1, 0);
    wire.quiet();
}

// A half-closed connection goes on in the other direction: we have closed, the peer has not.
void section_3_6__half_closed_by_us(Check& check) {
    Wire wire(check, TcpPhase::kFinWait2);
    for (uint32_t i = 0; i < 10; ++i) {
        wire.peer({.seq = 1 + 2000 * i, .ack = 2, .len = 2000});
        wire.delivered(2000 * i, 2000, 2000 * (i + 1));
        wire.sent(kAck, 2, 2001 + 2000 * i, 0);
        wire.pass_ms(100000);  // for as long as it likes
    }
    wire.peer({.flags = kFinAck, .seq = 20001, .ack = 2});
    wire.in(TcpPhase::kTimeWait);
}

// The peer has closed, we have not: the connection is only closed in one direction.
void section_3_6__half_closed_by_peer(Check& check) {
    Wire wire(check, TcpPhase::kCloseWait);
    for (uint32_t i = 0; i < 10; ++i) {
        wire.writes(1000);
        wire.sent(kAck, 1 + 1000 * i, 2, 1000);
        wire.peer({.seq = 2, .ack = 1001 + 1000 * i});
        wire.pass_ms(100000);
    }
    wire.in(TcpPhase::kCloseWait);
    wire.shutdown();
    wire.sent(kFinAck, 10001, 2, 0);
}

// Case 2: a CLOSE sends a FIN after any data that remains.
void section_3_6__fin_after_remaining_data(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss, 1500);
    wire.writes(4000);
    wire.shutdown();
    EXPECT_EQ(wire.bytes_sent(), 0);
    wire.peer({.ack = 1001, .win = 60000});
    EXPECT(wire.has_sent(1001, 3000));
    wire.peer({.ack = 4001});
    wire.in(TcpPhase::kFinWait1);
    wire.peer({.ack = 4002});
    wire.in(TcpPhase::kFinWait2);
}

// SHLD-3, and RFC 2525 section 2.17: data that comes when nobody will read is answered by a RST.
void section_3_6__data_after_full_close_is_reset(Check& check) {
    Wire wire(check, TcpPhase::kFinWait2);
    wire.close_reads();
    wire.answers({.ack = 2, .len = 10}, kRst | kAck, 2, 1);
    wire.ended(kEconnreset);
}

// Only an ACK or a FIN may still come then.
void section_3_6__full_close_still_takes_ack_and_fin(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.close_reads();
    wire.shutdown();
    wire.peer({.ack = 2});
    wire.in(TcpPhase::kFinWait2);
    wire.answers({.flags = kFinAck, .ack = 2}, kAck, 2, 2);
    wire.in(TcpPhase::kTimeWait);
}

// Section 3.6.1: it MUST linger in TIME-WAIT state for a time 2xMSL (MUST-13): 60 s here.
void section_3_6_1__time_wait_lasts(Check& check) {
    Wire wire(check, TcpPhase::kTimeWait);
    EXPECT_EQ(wire.count(EffectKind::kLeave), 1);
    wire.pass_ms(59999);
    wire.in(TcpPhase::kTimeWait);
    wire.pass_ms(1);
    wire.quiet();
    wire.ended(kNoError);
}

// A FIN again shows that our ACK was lost; so does the end of the data before it.
void section_3_6_1__time_wait_answers_what_comes_again(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.len = 100});
    wire.shutdown();
    wire.peer({.flags = kFinAck, .seq = 101, .ack = 2});
    wire.challenges({.flags = kFinAck, .seq = 101, .ack = 2});
    wire.pass_ms(59000);
    wire.challenges({.flags = kFinAck, .seq = 1, .ack = 2, .len = 100});
    wire.pass_ms(59000);
    wire.in(TcpPhase::kTimeWait);
}

// MAY-2 is not made use of: a SYN does not reopen the connection, but is answered by an ACK, which
// lets the peer reset it.
void section_3_6_1__syn_in_time_wait(Check& check) {
    Wire wire(check, TcpPhase::kTimeWait);
    wire.challenges({.flags = kSyn, .seq = 500000, .ack = 0});
    wire.peer({.flags = kRst, .seq = 2, .ack = 0});
    wire.ended(kNoError);
}

// ACKs that mean nothing do not keep a connection in TIME-WAIT.
void section_3_6_1__acks_do_not_prolong_time_wait(Check& check) {
    Wire wire(check, TcpPhase::kTimeWait);
    for (uint32_t i = 0; i < 6; ++i) {
        wire.pass_ms(9999);
        wire.peer({.seq = 2, .ack = 2});
        wire.quiet();
    }
    wire.pass_ms(6);
    wire.ended(kNoError);
}

// FIN-WAIT-2 waits for a program that still reads, and not for ever where nobody does.
void section_3_6__fin_wait_2_without_a_reader_is_limited(Check& check) {
    Wire patient(check, TcpPhase::kFinWait2);
    patient.pass_ms(24 * 3600 * 1000);
    patient.in(TcpPhase::kFinWait2);
    patient.close_reads();
    patient.pass_ms(59999);
    patient.in(TcpPhase::kFinWait2);
    patient.pass_ms(1);
    patient.ended(kNoError);
}

// Section 3.10.4: CLOSE again in a closing state is an error of the caller, and no second FIN.
void section_3_10_4__close_twice(Check& check) {
    for (TcpPhase phase : kClosed) {
        Wire wire(check, phase);
        wire.shutdown();
        wire.quiet();
        wire.in(phase);
    }
}

// Section 3.10.2: SEND after CLOSE: error: connection closing, nothing is sent.
void section_3_10_2__send_after_close(Check& check) {
    for (TcpPhase phase : kClosed) {
        Wire wire(check, phase);
        wire.writes(100);
        wire.quiet();
        wire.in(phase);
    }
}

// Section 3.10.5: ABORT: <SEQ=SND.NXT><CTL=RST> in SYN-RECEIVED, ESTABLISHED, FIN-WAIT-1,
// FIN-WAIT-2 and CLOSE-WAIT, and none in the others.
void section_3_10_5__abort_resets_where_a_peer_believes(Check& check) {
    for (TcpPhase phase : kBelieved) {
        Wire wire(check, phase);
        const uint32_t seq = wire.snd_nxt(), ack = wire.rcv_nxt();
        wire.abort(kEconnaborted);
        wire.sent(kRst | kAck, seq, ack, 0);
        wire.quiet();
        wire.ended(kEconnaborted);
    }
    for (TcpPhase phase : kAwaitingTheEnd) {
        Wire wire(check, phase);
        wire.abort(kEconnaborted);
        wire.quiet();
        wire.ended(kEconnaborted);
    }
}

// All queued SENDs and RECEIVEs should be given 'connection reset' notification; all segments
// queued for transmission should be flushed.
void section_3_10_5__abort_sends_nothing_more(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.win = 0});
    wire.writes(5000);
    wire.abort(kEconnaborted);
    wire.sent(kRst | kAck, 1, 1, 0);
    wire.pass_ms(200000);
    wire.quiet();
}

// Section 3.10.8: R2 is up: signal the user 'error: connection aborted due to user timeout', also
// when only the FIN is left.
void section_3_10_8__fin_that_is_never_acknowledged(Check& check) {
    for (TcpPhase phase : kFinOut) {
        Wire wire(check, phase);
        wire.pass_ms(3600 * 1000);
        wire.ended(kEtimedout);
    }
}

// A peer that acknowledges data for ever, and never the FIN, keeps nothing alive by that.
void section_3_10_8__fin_that_is_only_just_not_acknowledged(Check& check) {
    Wire wire(check, TcpPhase::kFinWait1);
    for (uint32_t i = 0; i < 100 && wire.phase() == TcpPhase::kFinWait1; ++i) {
        wire.peer({.ack = 1});
        wire.pass_ms(60000);
    }
    wire.ended(kEtimedout);
}

constexpr kunit::Test kTests[] = {
    TEST(section_3_6__normal_close_by_us),
    TEST(section_3_6__normal_close_by_peer),
    TEST(section_3_6__simultaneous_close),
    TEST(section_3_6__fin_is_repeated),
    TEST(section_3_6__data_before_the_fin_is_repeated),
    TEST(section_3_6__fin_is_repeated_alone),
    TEST(section_3_6__probe_of_a_fin_that_went_alone),
    TEST(section_3_6__half_closed_by_us),
    TEST(section_3_6__half_closed_by_peer),
    TEST(section_3_6__fin_after_remaining_data),
    TEST(section_3_6__data_after_full_close_is_reset),
    TEST(section_3_6__full_close_still_takes_ack_and_fin),
    TEST(section_3_6__fin_wait_2_without_a_reader_is_limited),
    TEST(section_3_6_1__time_wait_lasts),
    TEST(section_3_6_1__time_wait_answers_what_comes_again),
    TEST(section_3_6_1__syn_in_time_wait),
    TEST(section_3_6_1__acks_do_not_prolong_time_wait),
    TEST(section_3_10_2__send_after_close),
    TEST(section_3_10_4__close_twice),
    TEST(section_3_10_5__abort_resets_where_a_peer_believes),
    TEST(section_3_10_5__abort_sends_nothing_more),
    TEST(section_3_10_8__fin_that_is_never_acknowledged),
    TEST(section_3_10_8__fin_that_is_only_just_not_acknowledged),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite rfc9293_close_suite = SUITE("rfc9293_close", scout::kTests);

}  // namespace kunit
