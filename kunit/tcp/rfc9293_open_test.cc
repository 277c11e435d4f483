// SPDX-License-Identifier: GPL-2.0
//
// Opening a connection, by RFC 9293: sections 3.5, 3.5.1 to 3.5.3, 3.10.1 and what 3.10.2 to 3.10.5
// say of a connection that is not open yet. Wire conversations: see kunit/tcp/wire.hh.
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint8_t kSynAck = kSyn | kAck;

// States in which both ends know each other's numbers.
constexpr TcpPhase kSynchronized[] = {
    TcpPhase::kEstablished, TcpPhase::kFinWait1, TcpPhase::kFinWait2, TcpPhase::kCloseWait,
    TcpPhase::kClosing,     TcpPhase::kLastAck,  TcpPhase::kTimeWait,
};

// Figure 6, as its TCP Peer A.
void section_3_5__basic_handshake_by_us(Check& check) {
    Wire wire(check, Wire::config(true));
    wire.connect();
    wire.sent(kSyn, 0, 0, 0);
    wire.in(TcpPhase::kSynSent);
    wire.answers({.flags = kSynAck, .seq = 0, .ack = 1}, kAck, 1, 1);
    wire.in(TcpPhase::kEstablished);
    wire.writes(100);
    wire.sent(kAck, 1, 1, 100);
    wire.quiet();
}

// Figure 6, as its TCP Peer B.
void section_3_5__basic_handshake_by_peer(Check& check) {
    Wire wire(check);
    wire.answers({.flags = kSyn, .seq = 0}, kSynAck, 0, 1);
    wire.in(TcpPhase::kSynReceived);
    wire.peer({});
    wire.quiet();
    wire.in(TcpPhase::kEstablished);
    wire.peer({.len = 100});
    wire.delivered(0, 100, 100);
}

// Figure 6, line 5: the ACK of a SYN occupies no sequence number, data follows at once.
void section_3_5__data_may_come_with_the_ack_of_syn(Check& check) {
    Wire wire(check, TcpPhase::kSynReceived);
    wire.peer({.len = 10});
    wire.in(TcpPhase::kEstablished);
    wire.delivered(0, 10, 10);
}

// Figure 7. What answers the peer's SYN,ACK (its SYN is old by then) opens the peer's end, and the
// ACK that answers ours opens this one.
void section_3_5__simultaneous_open(Check& check) {
    Wire wire(check, TcpPhase::kSynSent);
    wire.answers({.flags = kSyn, .seq = 0}, kSynAck, 0, 1);
    wire.in(TcpPhase::kSynReceived);
    wire.challenges({.flags = kSynAck, .seq = 0, .ack = 1});
    wire.peer({});
    wire.in(TcpPhase::kEstablished);
    wire.quiet();
}

// MUST-10: simultaneous open must be supported; it ends, as any, with an ACK of our SYN.
void section_3_5__simultaneous_open_needs_an_acceptable_ack(Check& check) {
    Wire wire(check, TcpPhase::kSynSent);
    wire.peer({.flags = kSyn, .seq = 0});
    wire.answers({.ack = 0}, kRst, 0, 0);
    wire.answers({.ack = 2}, kRst, 2, 0);
    wire.in(TcpPhase::kSynReceived);
    wire.peer({});
    wire.in(TcpPhase::kEstablished);
}

// MUST-11: MUST keep track of whether a connection has reached SYN-RECEIVED as the result of a
// passive OPEN or an active OPEN: only the second has a program that waits.
void section_3_5__reset_tells_only_who_has_opened(Check& check) {
    Wire passive(check, TcpPhase::kSynReceived);
    passive.peer({.flags = kRst});
    passive.quiet();
    passive.ended(kEconnreset);
    EXPECT_EQ(passive.count(EffectKind::kError), 0);
    Wire active(check, TcpPhase::kSynSent);
    active.peer({.flags = kSyn, .seq = 0});
    active.peer({.flags = kRst});
    active.quiet();
    active.ended(kEconnrefused);
    EXPECT_EQ(active.count(EffectKind::kError), 1);
}

// Figure 8: an old SYN is answered in good faith; the peer's RST, which has the number we
// acknowledged, ends that, without harm to anybody.
void section_3_5__old_duplicate_syn(Check& check) {
    Wire wire(check);
    wire.answers({.flags = kSyn, .seq = 0}, kSynAck, 0, 1);
    wire.peer({.flags = kRst, .seq = 1, .ack = 0});
    wire.quiet();
    EXPECT_EQ(wire.count(EffectKind::kEstablished), 0);
    EXPECT_EQ(wire.count(EffectKind::kDeliver), 0);
}

// Section 3.5.1, figure 9: the peer has crashed and opens anew; an ACK tells it what we think, and
// its RST what it thinks.
void section_3_5_1__half_open_discovered_by_a_syn(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(300);
    wire.challenges({.flags = kSyn, .seq = 0x12345678, .ack = 0});
    wire.peer({.flags = kRst, .seq = 1, .ack = 0});
    wire.quiet();
    wire.ended(kEconnreset);
}

// Figure 10: the active side has crashed; what we send is answered by a RST.
void section_3_5_1__half_open_discovered_by_data(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(100);
    wire.sent(kAck, 1, 1, 100);
    wire.peer({.flags = kRst, .seq = 1, .ack = 0});
    wire.quiet();
    wire.ended(kEconnreset);
}

// Figure 11: SYN,ACK for a SYN that was never sent, in SYN-SENT: reset with what it acknowledges.
void section_3_5_1__answer_to_an_old_syn_is_reset(Check& check) {
    Wire wire(check, TcpPhase::kSynSent);
    wire.answers({.flags = kSynAck, .seq = 0, .ack = 100}, kRst, 100, 0);
    wire.in(TcpPhase::kSynSent);
    wire.answers({.flags = kSynAck, .seq = 0, .ack = 1}, kAck, 1, 1);
    wire.in(TcpPhase::kEstablished);
}

// Section 3.5.2, group 2: in a state that is not synchronized a wrong ACK is reset, and nothing
// changes.
void section_3_5_2__unsynchronized_states_reset_a_wrong_ack(Check& check) {
    Wire listening(check);
    listening.answers({.flags = kAck, .seq = 7, .ack = 9}, kRst, 9, 0);
    listening.in(TcpPhase::kListen);
    Wire sent(check, TcpPhase::kSynSent);
    sent.answers({.flags = kAck, .seq = 7, .ack = 2}, kRst, 2, 0);
    sent.in(TcpPhase::kSynSent);
    Wire received(check, TcpPhase::kSynReceived);
    received.answers({.ack = 2}, kRst, 2, 0);
    received.in(TcpPhase::kSynReceived);
}

// Section 3.5.2, group 3: in a synchronized state an unacceptable segment elicits only an empty
// acknowledgement.
void section_3_5_2__synchronized_states_only_acknowledge(Check& check) {
    for (TcpPhase phase : kSynchronized) {
        Wire wire(check, phase);
        Seg seg = wire.right();
        seg.seq += 70000;
        wire.challenges(seg);
        seg.len = 10;
        wire.challenges(seg);
    }
}

// Section 3.5.2: no RST is ever answered by one.
void section_3_5_2__a_reset_is_not_reset(Check& check) {
    Wire listening(check);
    listening.ignores({.flags = kRst | kAck, .seq = 7, .ack = 9});
    Wire sent(check, TcpPhase::kSynSent);
    sent.ignores({.flags = kRst | kAck, .seq = 7, .ack = 9});
    Wire received(check, TcpPhase::kSynReceived);
    received.ignores({.flags = kRst | kAck, .seq = 70000, .ack = 9});
}

// Section 3.5.3: In the SYN-SENT state, the RST is acceptable if the ACK field acknowledges the
// SYN; in all others, by its sequence number.
void section_3_5_3__in_syn_sent_by_its_ack(Check& check) {
    Wire wire(check, TcpPhase::kSynSent);
    wire.ignores({.flags = kRst, .seq = 0, .ack = 0});
    wire.ignores({.flags = kRst | kAck, .seq = 0, .ack = 0});
    wire.ignores({.flags = kRst | kAck, .seq = 0, .ack = 2});
    wire.peer({.flags = kRst | kAck, .seq = 12345, .ack = 1});
    wire.ended(kEconnrefused);
}

// Section 3.5.3: In all other states, a reset is valid if its sequence number is in the window;
// by RFC 5961 even only the next one.
void section_3_5_3__in_all_others_by_its_sequence_number(Check& check) {
    for (TcpPhase phase : kSynchronized) {
        Wire wire(check, phase);
        Seg reset = wire.right(kRst);
        reset.seq -= 1;
        wire.ignores(reset);
        reset.seq += 70000;
        wire.ignores(reset);
        wire.peer(wire.right(kRst));
        wire.quiet();
        EXPECT_EQ(wire.count(EffectKind::kClosed), 1);
    }
}

// The LISTEN state ignores a RST.
void section_3_5_3__listen_ignores_it(Check& check) {
    Wire wire(check);
    wire.ignores({.flags = kRst, .seq = 0});
    wire.answers({.flags = kSyn, .seq = 0}, kSynAck, 0, 1);
}

// Section 3.10.1: OPEN again is an error of the caller, and no second SYN.
void section_3_10_1__open_twice_is_once(Check& check) {
    Wire wire(check, TcpPhase::kSynSent);
    wire.connect();
    wire.quiet();
    wire.in(TcpPhase::kSynSent);
}

// Section 3.10.2: SEND in SYN-SENT and SYN-RECEIVED: Queue the data for transmission after
// entering ESTABLISHED state.
void section_3_10_2__data_waits_for_established(Check& check) {
    Wire active(check, TcpPhase::kSynSent);
    active.writes(100);
    active.quiet();
    active.peer({.flags = kSynAck, .seq = 0, .ack = 1});
    active.sent(kAck, 1, 1, 100);
    Wire passive(check, TcpPhase::kSynReceived);
    passive.writes(100);
    passive.quiet();
    passive.peer({});
    passive.sent(kAck, 1, 1, 100);
}

// Section 3.10.4: CLOSE in LISTEN and SYN-SENT: delete the TCB, without a word.
void section_3_10_4__close_before_anybody_knows(Check& check) {
    Wire listening(check);
    listening.shutdown();
    listening.quiet();
    listening.ended(kNoError);
    Wire sent(check, TcpPhase::kSynSent);
    sent.shutdown();
    sent.quiet();
    sent.ended(kNoError);
}

// Section 3.10.4: CLOSE in SYN-RECEIVED: FIN after what was written, once ESTABLISHED.
void section_3_10_4__close_in_syn_received_is_queued(Check& check) {
    Wire wire(check, TcpPhase::kSynReceived);
    wire.writes(10);
    wire.shutdown();
    wire.quiet();
    wire.peer({});
    wire.sent(kAck | kFin, 1, 1, 10);
    wire.in(TcpPhase::kFinWait1);
}

// Section 3.10.5: ABORT in SYN-RECEIVED sends a RST; in SYN-SENT nobody is there to be told.
void section_3_10_5__abort_before_established(Check& check) {
    Wire received(check, TcpPhase::kSynReceived);
    received.abort(kEconnaborted);
    received.sent(kRst | kAck, 1, 1, 0);
    received.ended(kEconnaborted);
    Wire sent(check, TcpPhase::kSynSent);
    sent.abort(kEconnaborted);
    sent.quiet();
    sent.ended(kEconnaborted);
}

// Section 3.10.8: a SYN that is not answered is sent again, and so is its answer, unchanged.
void section_3_10_8__syn_and_its_answer_are_repeated(Check& check) {
    Wire active(check, TcpPhase::kSynSent);
    active.pass_ms(1000);
    active.sent(kSyn, 0, 0, 0);
    active.answers({.flags = kSynAck, .seq = 0, .ack = 1}, kAck, 1, 1);
    Wire passive(check, TcpPhase::kSynReceived);
    passive.pass_ms(1000);
    passive.sent(kSynAck, 0, 1, 0);
    passive.peer({});
    passive.in(TcpPhase::kEstablished);
}

// The answer to SYN,ACK was lost: the peer repeats it, and must be answered again.
void section_3_5__repeated_syn_ack_is_acknowledged_again(Check& check) {
    Wire wire(check, TcpPhase::kSynSent);
    wire.peer({.flags = kSynAck, .seq = 0, .ack = 1});
    wire.challenges({.flags = kSynAck, .seq = 0, .ack = 1});
    wire.challenges({.flags = kSynAck, .seq = 0, .ack = 1});
    wire.in(TcpPhase::kEstablished);
}

constexpr kunit::Test kTests[] = {
    TEST(section_3_5__basic_handshake_by_us),
    TEST(section_3_5__basic_handshake_by_peer),
    TEST(section_3_5__data_may_come_with_the_ack_of_syn),
    TEST(section_3_5__simultaneous_open),
    TEST(section_3_5__simultaneous_open_needs_an_acceptable_ack),
    TEST(section_3_5__reset_tells_only_who_has_opened),
    TEST(section_3_5__old_duplicate_syn),
    TEST(section_3_5__repeated_syn_ack_is_acknowledged_again),
    TEST(section_3_5_1__half_open_discovered_by_a_syn),
    TEST(section_3_5_1__half_open_discovered_by_data),
    TEST(section_3_5_1__answer_to_an_old_syn_is_reset),
    TEST(section_3_5_2__unsynchronized_states_reset_a_wrong_ack),
    TEST(section_3_5_2__synchronized_states_only_acknowledge),
    TEST(section_3_5_2__a_reset_is_not_reset),
    TEST(section_3_5_3__in_syn_sent_by_its_ack),
    TEST(section_3_5_3__in_all_others_by_its_sequence_number),
    TEST(section_3_5_3__listen_ignores_it),
    TEST(section_3_10_1__open_twice_is_once),
    TEST(section_3_10_2__data_waits_for_established),
    TEST(section_3_10_4__close_before_anybody_knows),
    TEST(section_3_10_4__close_in_syn_received_is_queued),
    TEST(section_3_10_5__abort_before_established),
    TEST(section_3_10_8__syn_and_its_answer_are_repeated),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite rfc9293_open_suite = SUITE("rfc9293_open", scout::kTests);

}  // namespace kunit
