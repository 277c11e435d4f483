// SPDX-License-Identifier: GPL-2.0
//
// RFC 5961, blind in-window attacks: by RST (section 3), SYN (4), data (5), and the limit on
// challenge ACKs (7); and RFC 1337. Somebody who knows addresses and ports guesses numbers: the
// connection must live through all of it. Wire conversations: see kunit/tcp/wire.hh.
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr TcpPhase kSynchronized[] = {
    TcpPhase::kEstablished, TcpPhase::kFinWait1, TcpPhase::kFinWait2, TcpPhase::kCloseWait,
    TcpPhase::kClosing,     TcpPhase::kLastAck,  TcpPhase::kTimeWait,
};
// Guesses, as distances from the right number; those within a window of 64 KB, and the others.
constexpr uint32_t kNear[] = {1, 2, 100, 30000, 65000};
constexpr uint32_t kFar[] = {0x10000, 0x20000,  0x1000000,  0x40000000, 0x7fffffff,
                             0u - 1,  0u - 100, 0u - 65535, 0x80000001};

// --- 3: RST --------------------------------------------------------------------------------------

// 3.2, 1): If the RST bit is set and the sequence number is outside the current receive window,
// silently drop the segment.
void section_3_2__reset_outside_the_window(Check& check) {
    for (TcpPhase phase : kSynchronized) {
        Wire wire(check, phase);
        for (uint32_t guess : kFar) {
            Seg seg = wire.right(kRst);
            seg.seq += guess;
            wire.ignores(seg);
        }
    }
}

// 3.2, 2): If the RST bit is set and the sequence number exactly matches the next expected
// sequence number (RCV.NXT), then TCP MUST reset the connection.
void section_3_2__reset_that_matches(Check& check) {
    for (TcpPhase phase : kSynchronized) {
        Wire wire(check, phase);
        wire.peer(wire.right(kRst));
        wire.quiet();
        EXPECT_EQ(wire.count(EffectKind::kClosed), 1);
    }
}

// 3.2, 3): within the window, but not exactly the next: TCP MUST send a challenge ACK,
// <SEQ=SND.NXT><ACK=RCV.NXT>. Also at its edge, where a peer is that has filled it.
void section_3_2__reset_inside_the_window(Check& check) {
    for (TcpPhase phase : kSynchronized) {
        Wire wire(check, phase);
        for (uint32_t guess : kNear) {
            Seg seg = wire.right(kRst);
            seg.seq += guess;
            wire.challenges(seg);
        }
        Seg edge = wire.right(kRst);
        edge.seq += wire.info().rcv_wnd;
        wire.challenges(edge);
        EXPECT_EQ(wire.info().challenge_acks, 6);
    }
}

// After sending the challenge ACK, TCP MUST drop the unacceptable segment: not even its ACK
// counts.
void section_3_2__nothing_of_a_challenged_reset_counts(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(100);
    wire.challenges({.flags = kRst | kAck, .seq = 50, .ack = 101, .len = 10});
    EXPECT_EQ(wire.snd_una(), 1);
}

// A peer that meant it answers the challenge with the number it says.
void section_3_2__legitimate_reset_after_a_challenge(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.len = 2000});
    wire.peer({.flags = kRst, .seq = 2501});  // sent before the peer had more to say, and lost that
    const TransmitEffect& challenge = wire.sent(kAck, 1, 2001, 0);
    wire.peer({.flags = kRst, .seq = challenge.ack - Wire::kIrs});
    wire.ended(kEconnreset);
}

// In SYN-RECEIVED as well.
void section_3_2__reset_in_syn_received(Check& check) {
    Wire wire(check, TcpPhase::kSynReceived);
    for (uint32_t guess : kNear) wire.challenges({.flags = kRst, .seq = 1 + guess});
    for (uint32_t guess : kFar) wire.ignores({.flags = kRst, .seq = 1 + guess});
    wire.peer({});
    wire.in(TcpPhase::kEstablished);
}

// 3.2: in SYN-SENT only with an ACK of our SYN, which a blind attacker must guess in 2^32.
void section_3_2__reset_in_syn_sent(Check& check) {
    Wire wire(check, TcpPhase::kSynSent);
    for (uint32_t guess : kFar) {
        wire.ignores({.flags = kRst, .seq = guess, .ack = 0});
        wire.ignores({.flags = kRst | kAck, .seq = guess, .ack = 1 + guess});
    }
}

// --- 4: SYN --------------------------------------------------------------------------------------

// 4.2: a SYN, whatever its sequence number, MUST be answered by an ACK and dropped.
void section_4_2__syn_anywhere(Check& check) {
    for (TcpPhase phase : kSynchronized) {
        Wire wire(check, phase);
        for (uint32_t guess : kNear) {
            Seg seg = wire.right(kSyn);
            seg.seq += guess;
            wire.challenges(seg);
        }
        wire.pass_ms(5001);
        for (uint32_t guess : kFar) {
            Seg seg = wire.right(kSyn);
            seg.seq += guess;
            wire.challenges(seg);
        }
    }
}

// A peer that was restarted and got the challenge resets what it does not know.
void section_4_2__restarted_peer(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.flags = kSyn, .seq = 777777, .ack = 0});
    const TransmitEffect& challenge = wire.sent(kAck, 1, 1, 0);
    wire.peer({.flags = kRst, .seq = challenge.ack - Wire::kIrs, .ack = 0});
    wire.ended(kEconnreset);
}

// --- 5: data -------------------------------------------------------------------------------------

// 5.2: The ACK value is considered acceptable only if it is in the range of ((SND.UNA -
// MAX.SND.WND) <= SEG.ACK <= SND.NXT). All incoming segments whose ACK value doesn't satisfy the
// above condition MUST be discarded and an ACK sent back.
void section_5_2__data_with_a_guessed_ack(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(1000);
    wire.challenges({.ack = 1002, .len = 100});
    wire.challenges({.ack = 0x40000000, .len = 100});
    wire.challenges({.ack = 0x80000000, .len = 100});
    wire.challenges({.ack = 0u - 60000, .len = 100});
    EXPECT_EQ(wire.rcv_nxt(), 1);
}

// The range is as wide as the largest window there ever was: what is only old is taken.
void section_5_2__old_acks_are_acceptable(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(1000);
    wire.peer({.ack = 1001});
    wire.peer({.ack = 1001u - 60000, .len = 100});
    wire.delivered(0, 100, 100);
    wire.challenges({.seq = 101, .ack = 1001u - 60001, .len = 100});
}

// In every state, and for what has no data, too.
void section_5_2__guessed_ack_in_every_state(Check& check) {
    for (TcpPhase phase : kSynchronized) {
        Wire wire(check, phase);
        for (uint32_t guess : kNear) {
            Seg seg = wire.right();
            seg.ack += guess;
            wire.challenges(seg);
        }
        Seg fin = wire.right(kFin | kAck);
        fin.ack += 5;
        wire.challenges(fin);
    }
}

// A FIN with a guessed ACK ends no stream.
void section_5_2__fin_with_a_guessed_ack(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.challenges({.flags = kFin | kAck, .ack = 99});
    EXPECT_EQ(wire.count(EffectKind::kEndOfStream), 0);
    wire.peer({.len = 10});
    wire.delivered(0, 10, 10);
}

// --- 7: the limit --------------------------------------------------------------------------------

// The number of challenge ACKs is to be limited: ten in five seconds, of
// whatever cause together.
void section_7__limit(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(10);
    uint32_t answers = 0;
    for (uint32_t i = 0; i < 1000; ++i) {
        const uint8_t flags = i % 3 == 0 ? kSyn : i % 3 == 1 ? kRst : kAck;
        wire.peer({.flags = flags, .seq = 5, .ack = 1000});
        answers += wire.effects().count() > 0;
    }
    EXPECT_EQ(answers, 10);
    wire.pass_ms(5000);
    wire.challenges({.flags = kSyn, .seq = 5});
}

// The limit is the connection's own: another one's challenges tell nothing about this one
// (CVE-2016-5696).
void section_7__limit_is_not_shared(Check& check) {
    Wire one(check, TcpPhase::kEstablished);
    for (uint32_t i = 0; i < 20; ++i) one.peer({.flags = kSyn, .seq = 5});
    one.ignores({.flags = kSyn, .seq = 5});
    Wire other(check, TcpPhase::kEstablished);
    other.challenges({.flags = kSyn, .seq = 5});
}

// Acknowledgements of data are no challenges: a flood does not silence them.
void section_7__flood_does_not_stop_data(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    for (uint32_t i = 0; i < 100; ++i) wire.peer({.flags = kRst, .seq = 5});
    wire.peer({.len = 2000});
    wire.sent(kAck, 1, 2001, 0);
    wire.peer({.seq = 1, .len = 100});  // old data: the peer lacks that ACK
    wire.sent(kAck, 1, 2001, 0);
}

// Two ends that disagree do not answer each other for ever: what has no data shares the limit.
void section_7__no_war_of_acks(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    uint32_t answers = 0;
    for (uint32_t i = 0; i < 1000; ++i) {
        wire.peer({.seq = 0x50000000, .ack = 1});
        answers += wire.effects().count() > 0;
    }
    EXPECT_EQ(answers, 10);
}

// --- RFC 1337 ------------------------------------------------------------------------------------

// Hazards of TIME-WAIT: old data and ACKs from the connection do not end it; a RST must match.
void rfc1337__time_wait_is_not_assassinated(Check& check) {
    Wire wire(check, TcpPhase::kTimeWait);
    wire.challenges({.seq = 1, .ack = 2, .len = 1});
    wire.challenges({.seq = 0u - 1000, .ack = 1, .len = 100});
    wire.ignores({.flags = kRst, .seq = 1});
    wire.challenges({.flags = kRst, .seq = 3});
    wire.in(TcpPhase::kTimeWait);
}

constexpr kunit::Test kTests[] = {
    TEST(section_3_2__reset_outside_the_window),
    TEST(section_3_2__reset_that_matches),
    TEST(section_3_2__reset_inside_the_window),
    TEST(section_3_2__nothing_of_a_challenged_reset_counts),
    TEST(section_3_2__legitimate_reset_after_a_challenge),
    TEST(section_3_2__reset_in_syn_received),
    TEST(section_3_2__reset_in_syn_sent),
    TEST(section_4_2__syn_anywhere),
    TEST(section_4_2__restarted_peer),
    TEST(section_5_2__data_with_a_guessed_ack),
    TEST(section_5_2__old_acks_are_acceptable),
    TEST(section_5_2__guessed_ack_in_every_state),
    TEST(section_5_2__fin_with_a_guessed_ack),
    TEST(section_7__limit),
    TEST(section_7__limit_is_not_shared),
    TEST(section_7__flood_does_not_stop_data),
    TEST(section_7__no_war_of_acks),
    TEST(rfc1337__time_wait_is_not_assassinated),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite rfc5961_suite = SUITE("rfc5961", scout::kTests);

}  // namespace kunit
