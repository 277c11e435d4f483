// SPDX-License-Identifier: GPL-2.0
//
// SEGMENT ARRIVES in the states in which there is no connection yet, or no longer, by RFC 9293
// sections 3.10.7.1 CLOSED, 3.10.7.2 LISTEN and 3.10.7.3 SYN-SENT. Wire conversations: see
// kunit/tcp/wire.hh.
#include "kunit/tcp/wire.hh"
#include "scout/tcp/header.hh"

namespace scout {
namespace {

constexpr uint8_t kSynAck = kSyn | kAck;
constexpr uint8_t kFinAck = kFin | kAck;

// --- 3.10.7.1 CLOSED -----------------------------------------------------------------------------

SegmentEvent stray(uint8_t flags, uint32_t seq, uint32_t ack, uint32_t bytes) {
    SegmentEvent event{};
    event.flags = flags;
    event.seq = seq;
    event.ack = ack;
    event.payload_bytes = bytes;
    return event;
}

// All data in the incoming segment is discarded. An incoming segment containing a RST is
// discarded.
void section_3_10_7_1__reset_is_discarded(Check& check) {
    TransmitEffect reset;
    EXPECT(!tcp_reset_reply(stray(kRst, 5, 0, 0), reset));
    EXPECT(!tcp_reset_reply(stray(kRst | kAck, 5, 6, 10), reset));
}

// If the ACK bit is off, sequence number zero is used, <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>;
// SYN and FIN count.
void section_3_10_7_1__without_ack_the_reset_acknowledges_everything(Check& check) {
    TransmitEffect reset;
    EXPECT(tcp_reset_reply(stray(kSyn, 0xffffffff, 0, 10), reset));
    EXPECT_EQ(reset.flags, kRst | kAck);
    EXPECT_EQ(reset.seq, 0);
    EXPECT_EQ(reset.ack, 10);
    EXPECT(tcp_reset_reply(stray(kFin, 100, 0, 10), reset));
    EXPECT_EQ(reset.ack, 111);
}

// If the ACK bit is on, <SEQ=SEG.ACK><CTL=RST>.
void section_3_10_7_1__with_ack_the_reset_has_its_number(Check& check) {
    TransmitEffect reset;
    EXPECT(tcp_reset_reply(stray(kAck, 100, 77, 10), reset));
    EXPECT_EQ(reset.flags, kRst);
    EXPECT_EQ(reset.seq, 77);
}

// So does a connection that is over, until it is forgotten.
void section_3_10_7_1__what_comes_after_the_end_is_reset(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.abort(kEconnaborted);
    wire.answers({.ack = 77, .len = 10}, kRst, 77, 0);
    wire.ignores({.flags = kRst});
    wire.in(TcpPhase::kClosed);
}

// A SYN that meets what is left of a listener's connection would find the listener a moment later:
// it is to come again. Of an active open there is none.
void section_3_10_7_1__syn_after_the_end_is_the_listeners(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.abort(kEconnaborted);
    wire.ignores({.flags = kSyn, .seq = 5000});
    wire.answers({.flags = kSynAck, .ack = 77}, kRst, 77, 0);
    Wire active(check, Wire::config(true));
    active.connect();
    active.abort(kEconnaborted);
    active.answers({.flags = kSyn, .seq = 7}, kRst | kAck, 0 - Wire::kIss, 8);
}

// --- 3.10.7.2 LISTEN -----------------------------------------------------------------------------

// First: An incoming RST segment could not be valid; second: Any acknowledgment is bad if it
// arrives on a connection still in the LISTEN state, whatever else the segment has.
void section_3_10_7_2__reset_before_ack(Check& check) {
    Wire wire(check);
    wire.ignores({.flags = kRst | kAck, .seq = 3, .ack = 4});
    wire.answers({.flags = kAck, .seq = 3, .ack = 4, .len = 20}, kRst, 4, 0);
    wire.in(TcpPhase::kListen);
}

void section_3_10_7_2__ack_before_syn(Check& check) {
    Wire wire(check);
    wire.answers({.flags = kSynAck, .seq = 3, .ack = 4}, kRst, 4, 0);
    wire.in(TcpPhase::kListen);
}

// Third: RCV.NXT is set to SEG.SEQ+1, IRS to SEG.SEQ, and <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK> sent;
// SND.NXT is set to ISS+1 and SND.UNA to ISS.
void section_3_10_7_2__syn_sets_the_numbers(Check& check) {
    Wire wire(check);
    wire.answers({.flags = kSyn, .seq = 0}, kSynAck, 0, 1);
    wire.in(TcpPhase::kSynReceived);
    EXPECT_EQ(wire.rcv_nxt(), 1);
    EXPECT_EQ(wire.snd_una(), 0);
    EXPECT_EQ(wire.snd_nxt(), 1);
}

// Fourth: This should not be reached: a segment with neither is dropped.
void section_3_10_7_2__anything_else_is_dropped(Check& check) {
    Wire wire(check);
    wire.ignores({.flags = 0, .seq = 3, .len = 10});
    wire.ignores({.flags = kFin, .seq = 3});
    wire.ignores({.flags = kUrg | kPsh, .seq = 3});
    wire.in(TcpPhase::kListen);
}

// --- 3.10.7.3 SYN-SENT ---------------------------------------------------------------------------

// First: if SEG.ACK =< ISS or SEG.ACK > SND.NXT, send a reset and discard the segment: even one
// with a SYN.
void section_3_10_7_3__first_unacceptable_ack(Check& check) {
    Wire wire(check, TcpPhase::kSynSent);
    wire.answers({.flags = kSynAck, .seq = 0, .ack = 0}, kRst, 0, 0);
    wire.answers({.flags = kSynAck, .seq = 0, .ack = 2}, kRst, 2, 0);
    wire.answers({.flags = kAck, .seq = 0, .ack = 0x80000000}, kRst, 0x80000000, 0);
    wire.in(TcpPhase::kSynSent);
}

// Second: If the ACK was acceptable, then signal to the user 'error: connection reset'.
void section_3_10_7_3__second_reset_with_acceptable_ack(Check& check) {
    Wire wire(check, TcpPhase::kSynSent);
    wire.peer({.flags = kRst | kAck, .seq = 99, .ack = 1});
    wire.quiet();
    wire.ended(kEconnrefused);
}

// Otherwise (no ACK), drop the segment.
void section_3_10_7_3__second_reset_without_ack(Check& check) {
    Wire wire(check, TcpPhase::kSynSent);
    wire.ignores({.flags = kRst, .seq = 0, .ack = 0});
    wire.ignores({.flags = kRst | kSyn, .seq = 0, .ack = 0});
}

// Fourth: If SND.UNA > ISS (our SYN has been ACKed), change the connection state to ESTABLISHED.
void section_3_10_7_3__fourth_syn_ack(Check& check) {
    Wire wire(check, TcpPhase::kSynSent);
    wire.answers({.flags = kSynAck, .seq = 0, .ack = 1}, kAck, 1, 1);
    wire.in(TcpPhase::kEstablished);
    EXPECT_EQ(wire.snd_una(), 1);
}

// If there are other controls or text in the segment, then continue processing at the sixth step.
void section_3_10_7_3__fourth_syn_ack_with_text_and_fin(Check& check) {
    Wire wire(check, TcpPhase::kSynSent);
    wire.peer({.flags = kSynAck | kFin, .seq = 0, .ack = 1, .len = 10});
    wire.delivered(0, 10, 10);
    wire.in(TcpPhase::kCloseWait);
    wire.sent(kAck, 1, 12, 0);
}

// Otherwise, enter SYN-RECEIVED, form a SYN,ACK segment. SND.WND, SND.WL1 and SND.WL2 are set
// from the segment.
void section_3_10_7_3__fourth_syn_alone(Check& check) {
    Wire wire(check, TcpPhase::kSynSent);
    wire.answers({.flags = kSyn, .seq = 0, .ack = 0, .win = 4321}, kSynAck, 0, 1);
    wire.in(TcpPhase::kSynReceived);
    EXPECT_EQ(wire.info().snd_wnd, 4321);
}

// Fifth: if neither of the SYN or RST bits is set, then drop the segment.
void section_3_10_7_3__fifth_neither(Check& check) {
    Wire wire(check, TcpPhase::kSynSent);
    wire.ignores({.flags = kAck, .seq = 0, .ack = 1, .len = 10});
    wire.ignores({.flags = kFinAck, .seq = 0, .ack = 1});
    wire.ignores({.flags = 0, .seq = 0});
}

constexpr kunit::Test kTests[] = {
    TEST(section_3_10_7_1__reset_is_discarded),
    TEST(section_3_10_7_1__without_ack_the_reset_acknowledges_everything),
    TEST(section_3_10_7_1__with_ack_the_reset_has_its_number),
    TEST(section_3_10_7_1__what_comes_after_the_end_is_reset),
    TEST(section_3_10_7_1__syn_after_the_end_is_the_listeners),
    TEST(section_3_10_7_2__reset_before_ack),
    TEST(section_3_10_7_2__ack_before_syn),
    TEST(section_3_10_7_2__syn_sets_the_numbers),
    TEST(section_3_10_7_2__anything_else_is_dropped),
    TEST(section_3_10_7_3__first_unacceptable_ack),
    TEST(section_3_10_7_3__second_reset_with_acceptable_ack),
    TEST(section_3_10_7_3__second_reset_without_ack),
    TEST(section_3_10_7_3__fourth_syn_ack),
    TEST(section_3_10_7_3__fourth_syn_ack_with_text_and_fin),
    TEST(section_3_10_7_3__fourth_syn_alone),
    TEST(section_3_10_7_3__fifth_neither),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite rfc9293_segment_unconnected_suite =
    SUITE("rfc9293_segment_unconnected", scout::kTests);

}  // namespace kunit
