// SPDX-License-Identifier: GPL-2.0
//
// SEGMENT ARRIVES in a connection: what it brings, by RFC 9293 section 3.10.7.4, sixth to eighth
// (URG, text and FIN), each in all the states it distinguishes; before that, first to fifth, see
// kunit/tcp/rfc9293_segment_arrives_test.cc. Wire conversations: see kunit/tcp/wire.hh.
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint8_t kFinAck = kFin | kAck;

// In which text is taken,
constexpr TcpPhase kReceiving[] = {TcpPhase::kEstablished, TcpPhase::kFinWait1,
                                   TcpPhase::kFinWait2};
// and in which the peer has said that there is no more.
constexpr TcpPhase kPeerHasClosed[] = {TcpPhase::kCloseWait, TcpPhase::kClosing, TcpPhase::kLastAck,
                                       TcpPhase::kTimeWait};

// --- sixth: the URG bit --------------------------------------------------------------------------

// Urgent data is data (see COMPLIANCE.md).
void section_3_10_7_4__sixth_urgent_data_is_data(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.flags = kAck | kUrg, .len = 10});
    wire.delivered(0, 10, 10);
}

// --- seventh: the segment text -------------------------------------------------------------------

// Once in the ESTABLISHED state, it is possible to deliver segment data to user RECEIVE buffers;
// so in FIN-WAIT-1 and FIN-WAIT-2.
void section_3_10_7_4__seventh_text_is_taken(Check& check) {
    for (TcpPhase phase : kReceiving) {
        Wire wire(check, phase);
        const uint32_t ack = wire.snd_una();  // not of our FIN
        wire.peer({.seq = 1, .ack = ack, .len = 100});
        wire.delivered(0, 100, 100);
        wire.peer({.seq = 101, .ack = ack, .len = 2000});
        wire.delivered(100, 2000, 2100);
        wire.sent(kAck, wire.snd_nxt(), 2101, 0);
        wire.in(phase);
    }
}

// CLOSE-WAIT, CLOSING, LAST-ACK, TIME-WAIT: This should not occur since a FIN has been received
// from the remote side. Ignore the segment text.
void section_3_10_7_4__seventh_text_after_the_fin(Check& check) {
    for (TcpPhase phase : kPeerHasClosed) {
        Wire wire(check, phase);
        wire.peer(wire.right(kAck, 100));
        EXPECT_EQ(wire.deliveries(), 0);
        EXPECT_EQ(wire.rcv_nxt(), 2);
        EXPECT_EQ(wire.end_of_stream(), 0);
    }
}

// One byte at a time is slow, and right.
void section_3_10_7_4__seventh_one_byte_at_a_time(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    for (uint32_t i = 0; i < 300; ++i) {
        wire.peer({.seq = 1 + i, .len = 1});
        wire.delivered(i, 1, i + 1);
    }
    wire.pass_ms(500);
    EXPECT_EQ(wire.state().last_ack_sent - wire.state().irs, 301);
}

// The same, backwards: nothing can be read until the first is there.
void section_3_10_7_4__seventh_backwards(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    for (uint32_t i = 9; i > 0; --i) {
        wire.peer({.seq = 1 + 100 * i, .len = 100});
        wire.delivered(100 * i, 100, 0);
        wire.sent(kAck, 1, 1, 0);
    }
    wire.peer({.seq = 1, .len = 100});
    wire.delivered(0, 100, 1000);
    wire.sent(kAck, 1, 1001, 0);
}

// When the TCP endpoint takes responsibility for delivering the data to the user, it must also
// acknowledge the receipt: each byte once, however the peer cuts what it sends again.
void section_3_10_7_4__seventh_other_boundaries(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.seq = 101, .len = 100});
    wire.peer({.seq = 301, .len = 100});
    wire.peer({.seq = 51, .len = 400});  // over both
    EXPECT_EQ(wire.deliveries(), 3);
    wire.delivered(50, 50, 0);
    wire.delivered(200, 100, 0);
    wire.delivered(400, 50, 0);
    wire.peer({.seq = 1, .len = 449});
    wire.delivered(0, 50, 450);
    EXPECT_EQ(wire.deliveries(), 1);
    EXPECT_EQ(wire.rcv_nxt(), 451);
}

// All of it old: acknowledged, and nothing placed again.
void section_3_10_7_4__seventh_repeated_text(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.len = 1000});
    wire.peer({.seq = 1001, .len = 1000});
    wire.challenges({.seq = 1, .len = 2000});
    wire.challenges({.seq = 501, .len = 1000});
    wire.peer({.seq = 3001, .len = 1000});
    wire.challenges({.seq = 3001, .len = 1000});
    EXPECT_EQ(wire.info().bytes_received, 2000);
}

// --- eighth: the FIN bit -------------------------------------------------------------------------

// Do not process the FIN if the state is CLOSED, LISTEN, or SYN-SENT.
void section_3_10_7_4__eighth_not_before_the_peer_is_known(Check& check) {
    Wire listening(check);
    listening.ignores({.flags = kFin, .seq = 1});
    Wire sent(check, TcpPhase::kSynSent);
    sent.ignores({.flags = kFin, .seq = 1});
    EXPECT_EQ(listening.count(EffectKind::kEndOfStream), 0);
    EXPECT_EQ(sent.count(EffectKind::kEndOfStream), 0);
}

// Tell the user that the connection is closing, advance RCV.NXT over the FIN and acknowledge it:
// SYN-RECEIVED and ESTABLISHED to CLOSE-WAIT.
void section_3_10_7_4__eighth_to_close_wait(Check& check) {
    Wire opening(check, TcpPhase::kSynReceived);
    opening.answers({.flags = kFinAck}, kAck, 1, 2);
    opening.in(TcpPhase::kCloseWait);
    Wire wire(check, TcpPhase::kEstablished);
    wire.answers({.flags = kFinAck, .len = 100}, kAck, 1, 102);
    wire.in(TcpPhase::kCloseWait);
    EXPECT_EQ(wire.end_of_stream(), 100);
}

// FIN-WAIT-1: If our FIN has been ACKed (perhaps in this segment), then enter TIME-WAIT; otherwise
// enter the CLOSING state.
void section_3_10_7_4__eighth_in_fin_wait_1(Check& check) {
    Wire acknowledged(check, TcpPhase::kFinWait1);
    acknowledged.answers({.flags = kFinAck, .ack = 2}, kAck, 2, 2);
    acknowledged.in(TcpPhase::kTimeWait);
    Wire crossed(check, TcpPhase::kFinWait1);
    crossed.answers({.flags = kFinAck, .ack = 1}, kAck, 2, 2);
    crossed.in(TcpPhase::kClosing);
}

// FIN-WAIT-2: Enter the TIME-WAIT state. Start the time-wait timer, turn off the other timers.
void section_3_10_7_4__eighth_in_fin_wait_2(Check& check) {
    Wire wire(check, TcpPhase::kFinWait2);
    wire.answers({.flags = kFinAck, .ack = 2}, kAck, 2, 2);
    wire.in(TcpPhase::kTimeWait);
    wire.pass_ms(59999);
    wire.quiet();
    wire.in(TcpPhase::kTimeWait);
    wire.pass_ms(1);
    wire.ended(kNoError);
}

// CLOSE-WAIT, CLOSING and LAST-ACK: Remain in that state: the FIN again is acknowledged again.
void section_3_10_7_4__eighth_again(Check& check) {
    for (TcpPhase phase : kPeerHasClosed) {
        Wire wire(check, phase);
        Seg fin = wire.right(kFinAck);
        fin.seq = 1;
        wire.challenges(fin);
        EXPECT_EQ(wire.count(EffectKind::kEndOfStream), 1);
    }
}

// A FIN that comes before what it ends waits for that.
void section_3_10_7_4__eighth_out_of_order(Check& check) {
    for (TcpPhase phase : kReceiving) {
        Wire wire(check, phase);
        const uint32_t ack = wire.snd_una();  // not of our FIN
        wire.peer({.flags = kFinAck, .seq = 101, .ack = ack, .len = 100});
        wire.in(phase);
        EXPECT_EQ(wire.count(EffectKind::kEndOfStream), 0);
        wire.peer({.seq = 1, .ack = ack, .len = 100});
        EXPECT_EQ(wire.end_of_stream(), 200);
        wire.sent(kAck, wire.snd_nxt(), 202, 0);
    }
}

// Beyond a FIN there is nothing: text that comes from there, before or after it, is not taken.
void section_3_10_7_4__eighth_nothing_beyond(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.flags = kFinAck, .seq = 101, .len = 100});
    wire.delivered(100, 100, 0);
    wire.peer({.seq = 201, .len = 100});
    EXPECT_EQ(wire.deliveries(), 0);
    wire.peer({.seq = 1, .len = 1000});
    wire.delivered(0, 100, 200);
    EXPECT_EQ(wire.end_of_stream(), 200);
    wire.in(TcpPhase::kCloseWait);
}

// One that would lie inside of what has come is a lie.
void section_3_10_7_4__eighth_inside_of_what_has_come(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.seq = 101, .len = 100});
    wire.peer({.flags = kFinAck, .seq = 1, .len = 50});
    wire.in(TcpPhase::kEstablished);
    EXPECT_EQ(wire.count(EffectKind::kEndOfStream), 0);
    wire.peer({.seq = 51, .len = 50});
    EXPECT_EQ(wire.info().bytes_received, 200);
}

// A FIN beyond the window is not taken, but what fits before it is.
void section_3_10_7_4__eighth_beyond_the_window(Check& check) {
    Wire wire(check, Wire::small_ring());
    wire.establish();
    wire.peer({.flags = kFinAck, .len = 4097});
    wire.delivered(0, 4096, 4096);
    wire.sent(kAck, 1, 4097, 0);
    wire.in(TcpPhase::kEstablished);
    wire.answers({.flags = kFinAck, .seq = 4098}, kAck, 1, 4097);
    wire.in(TcpPhase::kEstablished);
    wire.reads(4096);
    wire.sent(kAck, 1, 4097, 0);
    wire.answers({.flags = kFinAck, .seq = 4097, .len = 1}, kAck, 1, 4099);
    wire.in(TcpPhase::kCloseWait);
}

// At its very edge it is, since it takes no room (COMPLIANCE.md): with the text that fills the
// window, when that is shut, and again.
void section_3_10_7_4__eighth_at_the_edge_of_the_window(Check& check) {
    Wire filled(check, Wire::small_ring());
    filled.establish();
    filled.peer({.flags = kFinAck, .len = 4096});
    filled.delivered(0, 4096, 4096);
    EXPECT_EQ(filled.sent(kAck, 1, 4098, 0).window, 0);
    EXPECT_EQ(filled.end_of_stream(), 4096);
    Wire shut(check, Wire::small_ring());
    shut.establish();
    shut.peer({.len = 4096});
    EXPECT_EQ(shut.sent(kAck, 1, 4097, 0).window, 0);
    shut.answers({.flags = kFinAck, .seq = 3097, .len = 1000}, kAck, 1, 4098);
    EXPECT_EQ(shut.end_of_stream(), 4096);
    shut.in(TcpPhase::kCloseWait);
    shut.answers({.flags = kFinAck, .seq = 4097}, kAck, 1, 4098);
    EXPECT_EQ(shut.info().rcv_wnd, 0);
    shut.reads(4096);
    shut.shutdown();
    shut.sent(kAck | kFin, 1, 4098, 0);
}

// ... and before what comes before it.
void section_3_10_7_4__eighth_at_the_edge_and_early(Check& check) {
    Wire wire(check, Wire::small_ring());
    wire.establish();
    wire.writes(10);
    wire.sent(kAck, 1, 1, 10);
    wire.answers({.flags = kFinAck, .seq = 4097}, kAck, 11, 1);
    wire.peer({.seq = 4098, .ack = 11});  // after its FIN
    EXPECT_EQ(wire.info().bytes_acked, 10);
    wire.peer({.ack = 11, .len = 4096});
    wire.sent(kAck, 11, 4098, 0);
    EXPECT_EQ(wire.end_of_stream(), 4096);
    wire.in(TcpPhase::kCloseWait);
}

constexpr kunit::Test kTests[] = {
    TEST(section_3_10_7_4__sixth_urgent_data_is_data),
    TEST(section_3_10_7_4__seventh_text_is_taken),
    TEST(section_3_10_7_4__seventh_text_after_the_fin),
    TEST(section_3_10_7_4__seventh_one_byte_at_a_time),
    TEST(section_3_10_7_4__seventh_backwards),
    TEST(section_3_10_7_4__seventh_other_boundaries),
    TEST(section_3_10_7_4__seventh_repeated_text),
    TEST(section_3_10_7_4__eighth_not_before_the_peer_is_known),
    TEST(section_3_10_7_4__eighth_to_close_wait),
    TEST(section_3_10_7_4__eighth_in_fin_wait_1),
    TEST(section_3_10_7_4__eighth_in_fin_wait_2),
    TEST(section_3_10_7_4__eighth_again),
    TEST(section_3_10_7_4__eighth_out_of_order),
    TEST(section_3_10_7_4__eighth_nothing_beyond),
    TEST(section_3_10_7_4__eighth_inside_of_what_has_come),
    TEST(section_3_10_7_4__eighth_beyond_the_window),
    TEST(section_3_10_7_4__eighth_at_the_edge_of_the_window),
    TEST(section_3_10_7_4__eighth_at_the_edge_and_early),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite rfc9293_segment_text_suite = SUITE("rfc9293_segment_text", scout::kTests);

}  // namespace kunit
