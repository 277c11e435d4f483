// SPDX-License-Identifier: GPL-2.0
//
// RFC 2018, selective acknowledgement: what the receiver reports (sections 3 and 4), what the
// sender makes of it (5 and 8), and RFC 6675 where it says what any sender must. Nothing here
// depends on how loss is detected in time. Wire conversations: see kunit/tcp/wire.hh.
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint8_t kSynAck = kSyn | kAck;
constexpr uint8_t kSack = kHasMss | kHasSackPermitted;

// Whether the `i`-th block of `ack` is [start, end) of the peer's sequence numbers.
bool block_is(const TransmitEffect& ack, uint32_t i, uint32_t start, uint32_t end) {
    return i < ack.sack_blocks && ack.sack[i].start - Wire::kIrs == start &&
           ack.sack[i].end - Wire::kIrs == end;
}

// A sender with ten segments of 1000 bytes in flight, from 1 to 10001.
void send_ten(Wire& wire) {
    wire.reach(TcpPhase::kEstablished, kSack);
    wire.writes(10000);
}

// --- 2 and 3: what may be sent -------------------------------------------------------------------

// 2: SACK-permitted is offered in our SYN, answered only if offered, and MUST NOT be sent
// elsewhere.
void section_2__sack_permitted_in_syns(Check& check) {
    Wire active(check, Wire::config(true));
    active.connect();
    EXPECT(active.sent(kSyn, 0, 0, 0).options & kHasSackPermitted);
    Wire with(check);
    with.peer({.flags = kSyn, .seq = 0, .options = kSack});
    EXPECT(with.sent(kSynAck, 0, 1, 0).options & kHasSackPermitted);
    with.peer({.len = 2000});
    EXPECT(!(with.sent(kAck, 1, 2001, 0).options & kHasSackPermitted));
    Wire without(check);
    without.peer({.flags = kSyn, .seq = 0, .options = kHasMss});
    EXPECT(!(without.sent(kSynAck, 0, 1, 0).options & kHasSackPermitted));
}

// 4: If the data receiver has not received a SACK-Permitted option for a given connection, the
// data receiver MUST NOT send SACK options on that connection.
void section_4__not_unless_permitted(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.seq = 1001, .len = 1000});
    EXPECT_EQ(wire.sent(kAck, 1, 1, 0).sack_blocks, 0);
}

// 3: SACK options should be included in all ACKs which do not ACK the highest sequence number:
// none when there is nothing to say.
void section_3__only_while_something_is_missing(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kSack);
    wire.peer({.seq = 1, .len = 2000});
    EXPECT_EQ(wire.sent(kAck, 1, 2001, 0).sack_blocks, 0);
    wire.peer({.seq = 3001, .len = 1000});
    EXPECT_EQ(wire.sent(kAck, 1, 2001, 0).sack_blocks, 1);
    wire.peer({.seq = 2001, .len = 1000});
    EXPECT_EQ(wire.sent(kAck, 1, 4001, 0).sack_blocks, 0);
}

// 3: the option holds at most four blocks, or three beside timestamps.
void section_3__as_many_blocks_as_fit(Check& check) {
    static constexpr uint8_t kOptions[] = {kSack, kSack | kHasTimestamps};
    for (uint8_t options : kOptions) {
        Wire wire(check, TcpPhase::kEstablished, options);
        const auto more = static_cast<uint8_t>(options & kHasTimestamps);
        for (uint32_t i = 1; i < 10; ++i)
            wire.peer({.seq = 1 + 2000 * i, .len = 1000, .options = more, .ts_val = 100});
        EXPECT_EQ(wire.sent(kAck, 1, 1, 0).sack_blocks, more ? 3 : 4);
    }
}

// --- 4: generating blocks ------------------------------------------------------------------------

// The first SACK block MUST specify the contiguous block of data containing the segment which
// triggered this ACK.
void section_4__first_block_is_the_latest(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kSack);
    wire.peer({.seq = 5001, .len = 1000});
    EXPECT(block_is(wire.sent(kAck, 1, 1, 0), 0, 5001, 6001));
    wire.peer({.seq = 3001, .len = 1000});
    EXPECT(block_is(wire.sent(kAck, 1, 1, 0), 0, 3001, 4001));
    wire.peer({.seq = 6001, .len = 500});
    EXPECT(block_is(wire.sent(kAck, 1, 1, 0), 0, 5001, 6501));
}

// The SACK option SHOULD be filled out by repeating the most recently reported SACK blocks.
void section_4__repeats_the_most_recent(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kSack);
    wire.peer({.seq = 2001, .len = 1000});
    wire.peer({.seq = 4001, .len = 1000});
    wire.peer({.seq = 6001, .len = 1000});
    const TransmitEffect& ack = wire.sent(kAck, 1, 1, 0);
    EXPECT(block_is(ack, 0, 6001, 7001));
    EXPECT(block_is(ack, 1, 4001, 5001));
    EXPECT(block_is(ack, 2, 2001, 3001));
}

// Section 7's example, case 2: the first segment is lost, seven arrive: one block grows.
void section_7__case_2(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kSack);
    for (uint32_t i = 1; i < 8; ++i) {
        wire.peer({.seq = 1 + 500 * i, .len = 500});
        const TransmitEffect& ack = wire.sent(kAck, 1, 1, 0);
        EXPECT_EQ(ack.sack_blocks, 1);
        EXPECT(block_is(ack, 0, 501, 501 + 500 * i));
    }
}

// Section 7's example, case 3: the 2nd, 4th, 6th and 8th are lost; then the 4th and 2nd come.
void section_7__case_3(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kSack);
    wire.peer({.seq = 1, .len = 500});
    wire.peer({.seq = 1001, .len = 500});
    wire.peer({.seq = 2001, .len = 500});
    wire.peer({.seq = 3001, .len = 500});
    const TransmitEffect& holes = wire.sent(kAck, 1, 501, 0);
    EXPECT(block_is(holes, 0, 3001, 3501));
    EXPECT(block_is(holes, 1, 2001, 2501));
    EXPECT(block_is(holes, 2, 1001, 1501));
    wire.peer({.seq = 1501, .len = 500});
    const TransmitEffect& joined = wire.sent(kAck, 1, 501, 0);
    EXPECT(block_is(joined, 0, 1001, 2501));
    EXPECT(block_is(joined, 1, 3001, 3501));
    wire.peer({.seq = 501, .len = 500});
    const TransmitEffect& filled = wire.sent(kAck, 1, 2501, 0);
    EXPECT_EQ(filled.sack_blocks, 1);
    EXPECT(block_is(filled, 0, 3001, 3501));
}

// 3: blocks are isolated: what is just below and just above each has not been received; but for one
// that reports a duplicate and lies in that after it (RFC 2883).
void section_4__blocks_are_disjoint_and_above(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kSack);
    for (uint32_t i = 1; i < 40; ++i) {
        const uint32_t seq = 1 + 300 * (i * 7 % 40);
        wire.peer({.seq = seq, .len = 350});
        const TransmitEffect& ack = wire.sent(kAck, 1, 1, 0);
        EXPECT(ack.sack_blocks > 0);
        const bool reports = ack.sack_blocks > 1 && ack.sack[1].start <= ack.sack[0].start &&
                             ack.sack[0].end <= ack.sack[1].end;
        if (reports) {
            EXPECT(ack.sack[0].start - Wire::kIrs >= seq);
            EXPECT(ack.sack[0].end - Wire::kIrs <= seq + 350);
        }
        for (uint32_t a = reports; a < ack.sack_blocks; ++a) {
            EXPECT(ack.sack[a].start - Wire::kIrs > 1);
            EXPECT(ack.sack[a].end - Wire::kIrs > ack.sack[a].start - Wire::kIrs);
            for (uint32_t b = reports; b < a; ++b)
                EXPECT(ack.sack[a].end < ack.sack[b].start || ack.sack[b].end < ack.sack[a].start);
        }
    }
}

// 8: a receiver had better not discard what it has reported. We never do: it need not be sent
// again.
void section_8__nothing_reported_is_taken_back(Check& check) {
    Wire wire(check, TcpPhase::kEstablished, kSack);
    for (uint32_t i = 1; i < 30; ++i) wire.peer({.seq = 1 + 2000 * i, .len = 1000});
    for (uint32_t i = 0; i < 30; ++i) wire.peer({.seq = 1001 + 2000 * i, .len = 1000});
    wire.peer({.seq = 1, .len = 1000});
    EXPECT_EQ(wire.info().bytes_received, 60000);
}

// --- 5: the sender -------------------------------------------------------------------------------

// 5: what was selectively acknowledged is not sent again: there are two holes, and only these go.
void section_5__only_holes_are_sent_again(Check& check) {
    Wire wire(check);
    send_ten(wire);
    wire.pass_ms(20);
    uint32_t first = 0, second = 0, other = 0;
    for (uint32_t i = 0; i < 3; ++i) {
        wire.peer({.sack = {{5001, 6001 + 2000 * i}, {1001, 4001}}});
        first += wire.has_sent(1, 1000);
        second += wire.has_sent(4001, 1000);
        other += wire.has_sent(1001, 1) + wire.has_sent(2001, 1) + wire.has_sent(5001, 1);
    }
    wire.pass_ms(5);
    first += wire.has_sent(1, 1000);
    EXPECT(first == 1);
    wire.pass_ms(95);  // a probe may repeat the first
    second += wire.has_sent(4001, 1000);
    other += wire.has_sent(1001, 1) + wire.has_sent(2001, 1) + wire.has_sent(5001, 1);
    EXPECT(second == 1);
    EXPECT_EQ(other, 0);
}

// The ACK that comes of a repair moves on over everything that was reported before.
void section_5__a_cumulative_ack_covers_what_was_reported(Check& check) {
    Wire wire(check);
    send_ten(wire);
    wire.peer({.sack = {{1001, 10001}}});
    EXPECT(wire.has_sent(1, 1000));
    wire.peer({.ack = 10001});
    EXPECT_EQ(wire.info().bytes_acked, 10000);
    wire.pass_ms(60000);
    wire.quiet();
}

// Nothing is in flight after that which could be lost: no block is left behind.
void section_5__scoreboard_is_empty_at_the_end(Check& check) {
    Wire wire(check);
    send_ten(wire);
    wire.peer({.sack = {{2001, 3001}, {4001, 5001}, {6001, 7001}}});
    wire.peer({.ack = 10001});
    EXPECT_EQ(wire.state().sent.sacked_bytes(), 0);
}

// Blocks that cannot be true: of what was never sent, backwards, empty, long acknowledged, half in
// and half out. None is believed.
void section_5__impossible_blocks(Check& check) {
    static constexpr SackBlock kLies[] = {
        {10002, 11001}, {9001, 10002}, {5001, 4001},         {3001, 3001},          {0, 1},
        {1, 2001},      {0, 10001},    {10001, 0x80000000u}, {0x80000000u, 10001u},
    };
    for (const SackBlock& lie : kLies) {
        Wire wire(check);
        send_ten(wire);
        wire.peer({.sack = {lie}});
        wire.quiet();
        EXPECT_EQ(wire.state().sent.sacked_bytes(), 0);
    }
}

// The peer did not agree: its blocks are noise.
void section_5__not_agreed_on(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.writes(10000);
    for (uint32_t i = 0; i < 2; ++i) wire.peer({.sack = {{1001, 10001}}});
    EXPECT_EQ(wire.state().sent.sacked_bytes(), 0);
}

// A peer that reports byte by byte cannot make the scoreboard grow for ever, nor stop the transfer.
void section_5__hostile_scoreboard(Check& check) {
    Wire wire(check);
    send_ten(wire);
    for (uint32_t i = 0; i < 1000; ++i) {
        const uint32_t at = 3 + 4 * i;
        wire.peer({.sack = {{at, at + 1}, {at + 4, at + 5}, {at + 8, at + 9}}});
    }
    wire.pass_ms(100000);
    wire.peer({.ack = 10001});
    EXPECT_EQ(wire.info().bytes_acked, 10000);
    wire.in(TcpPhase::kEstablished);
}

// --- 8: reneging ---------------------------------------------------------------------------------

// The data sender MUST NOT discard data before being acknowledged by the Acknowledgment Number
// field: what is only selectively acknowledged is not released to the writer.
void section_8__selective_acknowledgement_releases_nothing(Check& check) {
    Wire wire(check);
    send_ten(wire);
    wire.peer({.sack = {{1001, 10001}}});
    EXPECT_EQ(wire.info().bytes_acked, 0);
    wire.peer({.ack = 1001, .sack = {{3001, 10001}}});
    EXPECT_EQ(wire.info().bytes_acked, 1000);
}

// After a retransmit timeout the data sender SHOULD turn off all of the SACKed bits: a peer that
// has taken back what it reported gets it again in the end.
void section_8__reneging_peer_gets_it_again(Check& check) {
    Wire wire(check);
    send_ten(wire);
    wire.peer({.sack = {{1001, 10001}}});
    uint32_t ack = 1;
    for (uint32_t i = 0; i < 200 && ack < 10001; ++i) {
        // It has thrown away all but what is in order, and says so.
        const bool comes = wire.has_sent(ack, 1000);
        if (comes) ack += 1000;
        if (comes)
            wire.peer({.ack = ack});
        else
            wire.pass(wire.armed(TimerKind::kRetransmit) - wire.now());
    }
    EXPECT_EQ(ack, 10001);
    wire.in(TcpPhase::kEstablished);
}

constexpr kunit::Test kTests[] = {
    TEST(section_2__sack_permitted_in_syns),
    TEST(section_3__only_while_something_is_missing),
    TEST(section_3__as_many_blocks_as_fit),
    TEST(section_4__not_unless_permitted),
    TEST(section_4__first_block_is_the_latest),
    TEST(section_4__repeats_the_most_recent),
    TEST(section_4__blocks_are_disjoint_and_above),
    TEST(section_5__only_holes_are_sent_again),
    TEST(section_5__a_cumulative_ack_covers_what_was_reported),
    TEST(section_5__scoreboard_is_empty_at_the_end),
    TEST(section_5__impossible_blocks),
    TEST(section_5__not_agreed_on),
    TEST(section_5__hostile_scoreboard),
    TEST(section_7__case_2),
    TEST(section_7__case_3),
    TEST(section_8__nothing_reported_is_taken_back),
    TEST(section_8__selective_acknowledgement_releases_nothing),
    TEST(section_8__reneging_peer_gets_it_again),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite rfc2018_suite = SUITE("rfc2018", scout::kTests);

}  // namespace kunit
