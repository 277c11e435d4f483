// SPDX-License-Identifier: GPL-2.0
//
// RFC 5681, congestion control: what holds of any algorithm that conforms (Reno, CUBIC, with or
// without SACK or RACK): bounds on what is sent, when a loss is found by duplicates, and how the
// receiver acknowledges. Wire conversations: see kunit/tcp/wire.hh.
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint32_t kMss = 1000;
constexpr uint32_t kInitialWindow = 10 * kMss;  // RFC 6928: min(10*MSS, max(2*MSS, 14600))

// In ESTABLISHED with more written than any window lets out.
void fill(Wire& wire, uint8_t options = kHasMss) {
    wire.reach(TcpPhase::kEstablished, options);
    wire.writes(60000);
}

// The peer takes all there is, in order, `times` round trips of 10 ms long.
void transfer(Wire& wire, uint32_t times) {
    for (uint32_t i = 0; i < times; ++i) {
        wire.pass_ms(10);
        wire.writes(60000);
        wire.pass_ms(10);
        wire.peer({.ack = wire.snd_nxt()});
    }
}

// --- 3.1 slow start and congestion avoidance -----------------------------------------------------

// IW, the initial value of cwnd: by RFC 6928 up to ten segments; and at least one.
void section_3_1__initial_window(Check& check) {
    Wire wire(check);
    fill(wire);
    EXPECT(wire.bytes_sent() >= kMss);
    EXPECT(wire.bytes_sent() <= kInitialWindow);
}

// If the SYN or SYN/ACK is lost, the initial window used by a sender after a correctly transmitted
// SYN MUST be one segment consisting of at most SMSS bytes.
void section_3_1__initial_window_after_a_lost_syn(Check& check) {
    Wire wire(check, TcpPhase::kSynSent);
    wire.pass_ms(1000);
    wire.peer({.flags = kSyn | kAck, .seq = 0, .ack = 1, .options = kHasMss});
    wire.writes(60000);
    EXPECT(wire.has_sent(1, kMss));
    EXPECT_EQ(wire.bytes_sent(), kMss);
}

// In slow start the window grows by no more than what was acknowledged.
void section_3_1__grows_by_what_was_acknowledged(Check& check) {
    Wire wire(check);
    fill(wire);
    const uint32_t before = wire.snd_nxt();
    wire.peer({.ack = 2001});
    EXPECT(wire.snd_nxt() - 2001 <= before - 1 + 2000);
    EXPECT(wire.snd_nxt() - 2001 >= before - 1);
}

// Section 3.1: ACK division (Savage et al.): a segment acknowledged byte by byte earns no more
// than the segment.
void section_3_1__ack_division_earns_nothing(Check& check) {
    Wire wire(check);
    fill(wire);
    const uint32_t before = wire.snd_nxt();
    for (uint32_t i = 1; i <= kMss; ++i) wire.peer({.ack = 1 + i});
    EXPECT(wire.snd_nxt() <= before + 2 * kMss);
}

// Optimistic ACKs, of what has not been sent yet, earn nothing either.
void section_3_1__optimistic_acks_earn_nothing(Check& check) {
    Wire wire(check);
    fill(wire);
    const uint32_t before = wire.snd_nxt();
    for (uint32_t i = 1; i < 10; ++i) wire.peer({.ack = before + kMss * i});
    EXPECT_EQ(wire.snd_nxt(), before);
    EXPECT_EQ(wire.snd_una(), 1);
}

// Where nothing is lost, some round trips later the peer's window is filled.
void section_3_1__fills_the_window_in_time(Check& check) {
    Wire wire(check);
    wire.reach(TcpPhase::kEstablished);
    transfer(wire, 10);
    wire.writes(60000);
    EXPECT_EQ(wire.snd_nxt() - wire.snd_una(), 60000);
}

// After a timeout cwnd MUST be no more than the loss window: one full-sized segment.
void section_3_1__loss_window(Check& check) {
    Wire wire(check);
    fill(wire);
    while (wire.info().timeouts == 0 && wire.armed(TimerKind::kRetransmit))
        wire.pass(wire.armed(TimerKind::kRetransmit) - wire.now());
    EXPECT_EQ(wire.info().timeouts, 1);
    EXPECT(wire.bytes_sent() > 0);
    EXPECT(wire.bytes_sent() <= kMss);
    EXPECT(wire.has_sent(1, kMss));
}

// --- 2 and 3.2: duplicates, fast retransmit and recovery -----------------------------------------

// Fast retransmit: three duplicate ACKs say that a segment was lost.
void section_3_2__third_duplicate(Check& check) {
    Wire wire(check);
    fill(wire);
    wire.peer({});
    EXPECT(!wire.has_sent(1, 1));
    wire.peer({});
    EXPECT(!wire.has_sent(1, 1));
    wire.peer({});
    EXPECT(wire.has_sent(1, kMss));
}

// Section 2, (a): the receiver of the ACK has outstanding data: else an ACK is just one.
void section_2__no_duplicate_without_outstanding_data(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    for (uint32_t i = 0; i < 5; ++i) wire.ignores({});
    wire.writes(5000);
    EXPECT_EQ(wire.bytes_sent(), 5000);
    wire.peer({});
    EXPECT(!wire.has_sent(1, 1));
}

// Section 2, (b): the incoming acknowledgment carries no data.
void section_2__no_duplicate_with_data(Check& check) {
    Wire wire(check);
    fill(wire);
    for (uint32_t i = 0; i < 5; ++i) {
        wire.peer({.seq = 1 + 10 * i, .len = 10});
        EXPECT(!wire.has_sent(1, 1));
    }
}

// Nor has the byte of a probe of our window, when that is shut, though nothing of it is taken.
void section_2__no_duplicate_with_a_probing_byte(Check& check) {
    Wire wire(check, Wire::small_ring());
    wire.establish();
    wire.peer({.len = 4096});
    wire.writes(1000);
    wire.sent(kAck, 1, 4097, 1000);
    for (uint32_t i = 0; i < 5; ++i) wire.answers({.seq = 4097, .len = 1}, kAck, 1001, 4097);
    EXPECT_EQ(wire.info().fast_recoveries, 0);
}

// Section 2, (c): the SYN and FIN bits are both off.
void section_2__no_duplicate_with_fin(Check& check) {
    Wire wire(check);
    fill(wire);
    for (uint32_t i = 0; i < 5; ++i) {
        wire.peer({.flags = kFin | kAck});
        EXPECT(!wire.has_sent(1, 1));
    }
}

// Section 2, (d): the acknowledgment number is equal to the greatest acknowledgment received.
void section_2__no_duplicate_of_an_older_one(Check& check) {
    Wire wire(check);
    fill(wire);
    wire.peer({.ack = 3001});
    for (uint32_t i = 0; i < 5; ++i) {
        wire.peer({.ack = 2001});
        EXPECT(!wire.has_sent(3001, 1));
    }
}

// Section 2, (e): the advertised window in the incoming acknowledgment equals the advertised
// window in the last incoming acknowledgment.
void section_2__no_duplicate_with_another_window(Check& check) {
    Wire wire(check);
    fill(wire);
    for (uint32_t i = 0; i < 5; ++i) {
        wire.peer({.win = static_cast<uint16_t>(50000 + i)});
        EXPECT(!wire.has_sent(1, 1));
    }
}

// 3.2, step 6: when the next ACK arrives that acknowledges previously unacknowledged data: with
// all of it, recovery is over and nothing is left to send again.
void section_3_2__full_acknowledgement_ends_it(Check& check) {
    Wire wire(check);
    wire.reach(TcpPhase::kEstablished);
    wire.writes(8000);
    for (uint32_t i = 0; i < 3; ++i) wire.peer({});
    EXPECT(wire.has_sent(1, kMss));
    wire.peer({.ack = 8001});
    wire.pass_ms(60000);
    wire.quiet();
    EXPECT_EQ(wire.info().bytes_acked, 8000);
}

// A partial acknowledgement (RFC 6582) shows the next hole: it is filled without a timeout.
void section_3_2__partial_acknowledgement(Check& check) {
    Wire wire(check);
    wire.reach(TcpPhase::kEstablished);
    wire.writes(8000);
    for (uint32_t i = 0; i < 4; ++i) wire.peer({});
    wire.peer({.ack = 3001});
    EXPECT(wire.has_sent(3001, kMss));
    EXPECT_EQ(wire.info().timeouts, 0);
}

// A loss shrinks the window, and not to nothing: equation (4), or RFC 9438's 0.7.
void section_3_2__a_loss_shrinks_the_window(Check& check) {
    Wire wire(check);
    wire.reach(TcpPhase::kEstablished);
    transfer(wire, 6);
    wire.writes(60000);
    const uint64_t before = wire.info().cwnd;
    const uint32_t una = wire.snd_una();
    for (uint32_t i = 0; i < 3; ++i) wire.peer({.ack = una});
    EXPECT(wire.has_sent(una, kMss));
    wire.peer({.ack = wire.snd_nxt()});
    EXPECT(wire.info().cwnd < before);
    EXPECT(wire.info().cwnd >= 2 * kMss);
}

// Duplicates that the peer makes up let out no more than its own window (to stop at the number of
// segments that are outstanding is a MAY), and the lost segment not once for each.
void section_3_2__duplicate_spoofing_is_bounded(Check& check) {
    Wire wire(check);
    fill(wire);
    wire.writes(1000000);
    for (uint32_t i = 0; i < 1000; ++i) wire.peer({});
    EXPECT(wire.snd_nxt() <= 1 + 60000);
    EXPECT(wire.info().bytes_retransmitted <= 3 * kInitialWindow);
}

// --- 4.1 restarting idle connections -------------------------------------------------------------

// A TCP SHOULD set cwnd to no more than RW before beginning transmission if the TCP has not sent
// data in an interval exceeding the retransmission timeout.
void section_4_1__restart_window(Check& check) {
    Wire wire(check);
    wire.reach(TcpPhase::kEstablished);
    transfer(wire, 8);
    while (wire.snd_una() != wire.snd_nxt()) wire.peer({.ack = wire.snd_nxt()});
    EXPECT(wire.info().cwnd > kInitialWindow);
    wire.pass_ms(60000);
    wire.writes(60000);
    EXPECT(wire.bytes_sent() >= kMss);
    EXPECT(wire.bytes_sent() <= kInitialWindow);
}

// --- 4.2 generating acknowledgments --------------------------------------------------------------

// A TCP receiver MUST NOT generate more than one ACK for every incoming segment.
void section_4_2__one_ack_a_segment(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    static constexpr uint32_t kOrder[] = {0, 2, 1, 1, 5, 3, 4, 9, 6, 8, 7, 0, 9};
    for (uint32_t i : kOrder) {
        const uint32_t before = wire.count(EffectKind::kTransmit);
        wire.peer({.seq = 1 + 1000 * i, .len = 1000});
        EXPECT(wire.count(EffectKind::kTransmit) - before <= 1);
    }
}

// Out-of-order data segments SHOULD be acknowledged immediately, in order to accelerate loss
// recovery, each of them,
void section_4_2__out_of_order_at_once(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    for (uint32_t i = 1; i < 10; ++i) wire.answers({.seq = 1 + 100 * i, .len = 100}, kAck, 1, 1);
}

// and a receiver SHOULD send an immediate ACK when it receives a data segment that fills in all or
// part of a gap.
void section_4_2__filling_a_gap_at_once(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.seq = 301, .len = 100});
    wire.answers({.seq = 1, .len = 100}, kAck, 1, 101);
    wire.answers({.seq = 101, .len = 100}, kAck, 1, 201);
    wire.answers({.seq = 201, .len = 100}, kAck, 1, 401);
}

// While something is missing, our own data does not hide that from the peer: a duplicate has none.
void section_4_2__duplicates_carry_no_data(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(10);
    wire.writes(10);  // waits (Nagle)
    wire.peer({.seq = 101, .ack = 11, .len = 100});
    wire.sent(kAck, 11, 1, 0);
    wire.sent(kAck, 11, 1, 10);
    wire.quiet();
}

constexpr kunit::Test kTests[] = {
    TEST(section_2__no_duplicate_without_outstanding_data),
    TEST(section_2__no_duplicate_with_data),
    TEST(section_2__no_duplicate_with_a_probing_byte),
    TEST(section_2__no_duplicate_with_fin),
    TEST(section_2__no_duplicate_of_an_older_one),
    TEST(section_2__no_duplicate_with_another_window),
    TEST(section_3_1__initial_window),
    TEST(section_3_1__initial_window_after_a_lost_syn),
    TEST(section_3_1__grows_by_what_was_acknowledged),
    TEST(section_3_1__ack_division_earns_nothing),
    TEST(section_3_1__optimistic_acks_earn_nothing),
    TEST(section_3_1__fills_the_window_in_time),
    TEST(section_3_1__loss_window),
    TEST(section_3_2__third_duplicate),
    TEST(section_3_2__full_acknowledgement_ends_it),
    TEST(section_3_2__partial_acknowledgement),
    TEST(section_3_2__a_loss_shrinks_the_window),
    TEST(section_3_2__duplicate_spoofing_is_bounded),
    TEST(section_4_1__restart_window),
    TEST(section_4_2__one_ack_a_segment),
    TEST(section_4_2__out_of_order_at_once),
    TEST(section_4_2__filling_a_gap_at_once),
    TEST(section_4_2__duplicates_carry_no_data),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite rfc5681_suite = SUITE("rfc5681", scout::kTests);

}  // namespace kunit
