// SPDX-License-Identifier: GPL-2.0
//
// SEGMENT ARRIVES in a connection: whether it is believed, by the checks of RFC 9293 section
// 3.10.7.4, first to fifth, each in all the states it distinguishes; what it brings is in
// kunit/tcp/rfc9293_segment_text_test.cc. Wire conversations: see kunit/tcp/wire.hh.
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint8_t kSynAck = kSyn | kAck;
constexpr uint8_t kFinAck = kFin | kAck;

constexpr TcpPhase kSynchronized[] = {
    TcpPhase::kEstablished, TcpPhase::kFinWait1, TcpPhase::kFinWait2, TcpPhase::kCloseWait,
    TcpPhase::kClosing,     TcpPhase::kLastAck,  TcpPhase::kTimeWait,
};
// In which a program may still lose something by a reset, and in which only the end is awaited.
constexpr TcpPhase kOpen[] = {TcpPhase::kEstablished, TcpPhase::kFinWait1, TcpPhase::kFinWait2,
                              TcpPhase::kCloseWait};
constexpr TcpPhase kClosingDown[] = {TcpPhase::kClosing, TcpPhase::kLastAck, TcpPhase::kTimeWait};
// In which text is taken.
constexpr TcpPhase kReceiving[] = {TcpPhase::kEstablished, TcpPhase::kFinWait1,
                                   TcpPhase::kFinWait2};

// --- 3.10.7.4, first: sequence number ------------------------------------------------------------

// Table 6: no length, window open: RCV.NXT =< SEG.SEQ < RCV.NXT+RCV.WND. (The right edge itself is
// let in as well: see COMPLIANCE.md.)
void section_3_10_7_4__first_no_length(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.ignores({.seq = 1});
    wire.ignores({.seq = 65535});
    wire.challenges({.seq = 0});
    wire.challenges({.seq = 65537});
    wire.challenges({.seq = 0x80000001});
}

// Table 6: a length and an open window: its first or its last byte is in the window.
void section_3_10_7_4__first_some_length(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.challenges({.seq = 0x100u - 0x200u, .len = 100});
    wire.challenges({.seq = 0, .len = 1});
    wire.challenges({.seq = 65536, .len = 1});
    wire.challenges({.seq = 70000, .len = 1000});
    wire.peer({.seq = 0, .len = 2});
    wire.delivered(0, 1, 1);
    wire.peer({.seq = 65535, .len = 1000});
    wire.delivered(65534, 1, 1);
}

// Table 6: no window: only RCV.NXT itself without a length; with one, nothing is.
void section_3_10_7_4__first_shut_window(Check& check) {
    Wire wire(check, Wire::small_ring());
    wire.establish();
    wire.peer({.len = 4096});
    EXPECT_EQ(wire.info().rcv_wnd, 0);
    wire.ignores({.seq = 4097});
    wire.challenges({.seq = 4097, .len = 1});
    wire.challenges({.seq = 4098});
    wire.challenges({.seq = 4098, .len = 1});
}

// Where the window is zero, a special allowance is made for valid ACKs, URGs and RSTs (MUST-66).
void section_3_10_7_4__first_shut_window_takes_ack_and_reset(Check& check) {
    Wire wire(check, Wire::small_ring());
    wire.establish();
    wire.writes(10);
    wire.peer({.len = 4096});
    wire.peer({.seq = 4097, .ack = 11, .len = 1});
    EXPECT_EQ(wire.snd_una(), 11);
    EXPECT_EQ(wire.rcv_nxt(), 4097);
    wire.peer({.flags = kRst, .seq = 4097});
    wire.ended(kEconnreset);
}

// What is not acceptable is answered by <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, unless it is a RST, in
// every state.
void section_3_10_7_4__first_unacceptable_in_every_state(Check& check) {
    for (TcpPhase phase : kSynchronized) {
        Wire wire(check, phase);
        Seg old = wire.right(kAck, 5);
        old.seq -= 10;
        wire.challenges(old);
        old.flags = kRst;
        wire.ignores(old);
    }
}

// One could tailor actual segments to fit this assumption by trimming off any portions that lie
// outside the window: both ends at once.
void section_3_10_7_4__first_trims_both_ends(Check& check) {
    Wire wire(check, Wire::small_ring());
    wire.establish();
    wire.peer({.len = 100});
    wire.peer({.seq = 51, .len = 10000});
    wire.delivered(100, 3996, 4096);
    wire.sent(kAck, 1, 4097, 0);
    EXPECT_EQ(wire.delivery(0).packet_offset, 66 + 50);
}

// Segments with higher beginning sequence numbers SHOULD be held for later processing (SHLD-31).
void section_3_10_7_4__first_holds_what_comes_early(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.seq = 2001, .len = 1000});
    wire.delivered(2000, 1000, 0);
    wire.sent(kAck, 1, 1, 0);
    wire.peer({.seq = 1, .len = 2000});
    wire.delivered(0, 2000, 3000);
    wire.sent(kAck, 1, 3001, 0);
}

// In SYN-RECEIVED a segment from before the peer's SYN is as old as in any other.
void section_3_10_7_4__first_in_syn_received(Check& check) {
    Wire wire(check, TcpPhase::kSynReceived);
    wire.challenges({.seq = 0, .ack = 1});
    wire.challenges({.seq = 70000, .ack = 1, .len = 10});
    wire.in(TcpPhase::kSynReceived);
}

// --- second: the RST bit -------------------------------------------------------------------------

// SYN-RECEIVED: of a passive OPEN nobody need be told; of an active one it is connection refused.
void section_3_10_7_4__second_in_syn_received(Check& check) {
    Wire passive(check, TcpPhase::kSynReceived);
    passive.peer({.flags = kRst});
    passive.quiet();
    EXPECT_EQ(passive.count(EffectKind::kError), 0);
    Wire active(check, TcpPhase::kSynSent);
    active.peer({.flags = kSyn, .seq = 0});
    active.peer({.flags = kRst});
    active.ended(kEconnrefused);
}

// ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2, CLOSE-WAIT: the user should receive a general 'connection
// reset' signal. All segment queues should be flushed.
void section_3_10_7_4__second_while_open(Check& check) {
    for (TcpPhase phase : kOpen) {
        Wire wire(check, phase);
        wire.peer(wire.right(kRst));
        wire.quiet();
        wire.ended(kEconnreset);
        EXPECT_EQ(wire.error(), kEconnreset);
    }
}

// CLOSING, LAST-ACK, TIME-WAIT: enter the CLOSED state, delete the TCB, and return: no error.
void section_3_10_7_4__second_while_closing(Check& check) {
    for (TcpPhase phase : kClosingDown) {
        Wire wire(check, phase);
        wire.peer(wire.right(kRst));
        wire.quiet();
        wire.ended(kNoError);
    }
}

// A RST may carry data (SHLD-2 of section 3.5.3, and may tell why): it resets all the same.
void section_3_10_7_4__second_with_text(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.flags = kRst | kAck, .len = 20});
    wire.quiet();
    wire.ended(kEconnreset);
    EXPECT_EQ(wire.deliveries(), 0);
}

// Within the window, but not exactly the next number: a challenge (RFC 5961).
void section_3_10_7_4__second_only_the_exact_number(Check& check) {
    for (TcpPhase phase : kReceiving) {
        Wire wire(check, phase);
        Seg reset = wire.right(kRst);
        reset.seq += 1;
        wire.challenges(reset);
        reset.seq += 60000;
        wire.challenges(reset);
    }
}

// --- fourth: the SYN bit -------------------------------------------------------------------------

// A SYN in a synchronized state is answered by a challenge ACK, wherever its number lies.
void section_3_10_7_4__fourth_in_every_state(Check& check) {
    for (TcpPhase phase : kSynchronized) {
        Wire wire(check, phase);
        Seg syn = wire.right(kSyn);
        wire.challenges(syn);
        syn.seq += 100;
        wire.challenges(syn);
        syn.flags = kSynAck;
        wire.challenges(syn);
    }
}

// A SYN brings no data in, and does not end the stream.
void section_3_10_7_4__fourth_nothing_of_it_is_taken(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.challenges({.flags = kSynAck | kPsh, .len = 10});
    wire.challenges({.flags = kSynAck | kFin, .len = 10});
    EXPECT_EQ(wire.rcv_nxt(), 1);
}

// SYN-RECEIVED: the same SYN again is the peer's retransmission; another one is challenged (see
// COMPLIANCE.md: the RFC would return to LISTEN).
void section_3_10_7_4__fourth_in_syn_received(Check& check) {
    Wire wire(check, TcpPhase::kSynReceived);
    wire.answers({.flags = kSyn, .seq = 0}, kSynAck, 0, 1);
    wire.challenges({.flags = kSyn, .seq = 500, .ack = 0});
    wire.peer({});
    wire.in(TcpPhase::kEstablished);
}

// --- fifth: the ACK field ------------------------------------------------------------------------

// If the ACK bit is off, drop the segment and return, in every state.
void section_3_10_7_4__fifth_no_ack_bit(Check& check) {
    Wire opening(check, TcpPhase::kSynReceived);
    opening.ignores({.flags = 0, .len = 10});
    for (TcpPhase phase : kSynchronized) {
        Wire wire(check, phase);
        wire.ignores(wire.right(0));
        wire.ignores(wire.right(kFin));
        wire.ignores(wire.right(kPsh, 10));
    }
}

// SYN-RECEIVED: If SND.UNA < SEG.ACK =< SND.NXT, then enter ESTABLISHED, else a reset. The window
// is the segment's.
void section_3_10_7_4__fifth_in_syn_received(Check& check) {
    Wire wire(check, TcpPhase::kSynReceived);
    wire.answers({.ack = 0}, kRst, 0, 0);
    wire.answers({.ack = 2}, kRst, 2, 0);
    wire.answers({.ack = 0x80000000}, kRst, 0x80000000, 0);
    wire.in(TcpPhase::kSynReceived);
    wire.peer({.ack = 1, .win = 777});
    wire.in(TcpPhase::kEstablished);
    EXPECT_EQ(wire.info().snd_wnd, 777);
}

// ESTABLISHED: If SND.UNA < SEG.ACK =< SND.NXT, then set SND.UNA <- SEG.ACK, all or a part.
void section_3_10_7_4__fifth_moves_snd_una(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(3000);
    wire.peer({.ack = 501});
    EXPECT_EQ(wire.snd_una(), 501);
    wire.peer({.ack = 3001});
    EXPECT_EQ(wire.snd_una(), 3001);
    EXPECT_EQ(wire.info().bytes_acked, 3000);
}

// If the ACK is a duplicate (SEG.ACK =< SND.UNA), it can be ignored: it takes nothing back.
void section_3_10_7_4__fifth_old_ack(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(2000);
    wire.peer({.ack = 2001});
    wire.peer({.ack = 1001});
    EXPECT_EQ(wire.snd_una(), 2001);
    wire.peer({.ack = 1001, .len = 10});
    wire.delivered(0, 10, 10);
}

// If the ACK acks something not yet sent (SEG.ACK > SND.NXT), then send an ACK, drop the segment.
void section_3_10_7_4__fifth_ack_of_what_was_never_sent(Check& check) {
    for (TcpPhase phase : kSynchronized) {
        Wire wire(check, phase);
        Seg seg = wire.right(kAck);
        seg.ack += 1;
        wire.challenges(seg);
        seg.len = 10;
        wire.challenges(seg);
        seg.ack += 0x7000000;
        wire.challenges(seg);
    }
}

// If (SND.WL1 < SEG.SEQ or (SND.WL1 = SEG.SEQ and SND.WL2 =< SEG.ACK)), set SND.WND: an older
// segment, overtaken on its way, does not change the window.
void section_3_10_7_4__fifth_window_of_the_latest(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(2000);
    wire.peer({.ack = 2001, .len = 100, .win = 5000});
    EXPECT_EQ(wire.info().snd_wnd, 5000);
    wire.peer({.ack = 1001, .win = 100});
    EXPECT_EQ(wire.info().snd_wnd, 5000);
    wire.peer({.seq = 101, .ack = 2001, .win = 4000});
    EXPECT_EQ(wire.info().snd_wnd, 4000);
    wire.peer({.seq = 101, .ack = 2001, .win = 3000});
    EXPECT_EQ(wire.info().snd_wnd, 3000);
    wire.peer(
        {.seq = 51, .ack = 2001, .len = 100, .win = 100});  // older, for all that is new in it
    EXPECT_EQ(wire.info().snd_wnd, 3000);
}

// FIN-WAIT-1: if the FIN segment is now acknowledged, then enter FIN-WAIT-2 and continue
// processing in that state: also with text.
void section_3_10_7_4__fifth_in_fin_wait_1(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(100);
    wire.shutdown();
    wire.peer({.ack = 101});
    wire.in(TcpPhase::kFinWait1);
    wire.peer({.ack = 102, .len = 10});
    wire.in(TcpPhase::kFinWait2);
    wire.delivered(0, 10, 10);
}

// CLOSING: if the ACK acknowledges our FIN, then enter the TIME-WAIT state; otherwise, ignore the
// segment.
void section_3_10_7_4__fifth_in_closing(Check& check) {
    Wire wire(check, TcpPhase::kClosing);
    wire.ignores({.seq = 2, .ack = 1});
    wire.peer({.seq = 2, .ack = 2});
    wire.quiet();
    wire.in(TcpPhase::kTimeWait);
}

// LAST-ACK: If our FIN is now acknowledged, delete the TCB, enter the CLOSED state.
void section_3_10_7_4__fifth_in_last_ack(Check& check) {
    Wire wire(check, TcpPhase::kLastAck);
    wire.ignores({.seq = 2, .ack = 1});
    wire.peer({.seq = 2, .ack = 2});
    wire.quiet();
    wire.ended(kNoError);
    EXPECT_EQ(wire.count(EffectKind::kError), 0);
}

// TIME-WAIT: the only thing that can arrive in this state is a retransmission of the remote FIN.
// Acknowledge it, and restart the 2 MSL timeout.
void section_3_10_7_4__fifth_in_time_wait(Check& check) {
    Wire wire(check, TcpPhase::kTimeWait);
    wire.pass_ms(50000);
    wire.challenges({.flags = kFinAck, .ack = 2});
    wire.pass_ms(59999);
    wire.in(TcpPhase::kTimeWait);
    wire.pass_ms(1);
    wire.ended(kNoError);
}

constexpr kunit::Test kTests[] = {
    TEST(section_3_10_7_4__first_no_length),
    TEST(section_3_10_7_4__first_some_length),
    TEST(section_3_10_7_4__first_shut_window),
    TEST(section_3_10_7_4__first_shut_window_takes_ack_and_reset),
    TEST(section_3_10_7_4__first_unacceptable_in_every_state),
    TEST(section_3_10_7_4__first_trims_both_ends),
    TEST(section_3_10_7_4__first_holds_what_comes_early),
    TEST(section_3_10_7_4__first_in_syn_received),
    TEST(section_3_10_7_4__second_in_syn_received),
    TEST(section_3_10_7_4__second_while_open),
    TEST(section_3_10_7_4__second_while_closing),
    TEST(section_3_10_7_4__second_with_text),
    TEST(section_3_10_7_4__second_only_the_exact_number),
    TEST(section_3_10_7_4__fourth_in_every_state),
    TEST(section_3_10_7_4__fourth_nothing_of_it_is_taken),
    TEST(section_3_10_7_4__fourth_in_syn_received),
    TEST(section_3_10_7_4__fifth_no_ack_bit),
    TEST(section_3_10_7_4__fifth_in_syn_received),
    TEST(section_3_10_7_4__fifth_moves_snd_una),
    TEST(section_3_10_7_4__fifth_old_ack),
    TEST(section_3_10_7_4__fifth_ack_of_what_was_never_sent),
    TEST(section_3_10_7_4__fifth_window_of_the_latest),
    TEST(section_3_10_7_4__fifth_in_fin_wait_1),
    TEST(section_3_10_7_4__fifth_in_closing),
    TEST(section_3_10_7_4__fifth_in_last_ack),
    TEST(section_3_10_7_4__fifth_in_time_wait),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite rfc9293_segment_arrives_suite = SUITE("rfc9293_segment_arrives", scout::kTests);

}  // namespace kunit
