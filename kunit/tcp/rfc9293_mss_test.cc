// SPDX-License-Identifier: GPL-2.0
//
// The maximum segment size, by RFC 9293 section 3.7.1 and RFC 6691. Wire conversations: see
// kunit/tcp/wire.hh.
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint8_t kSynAck = kSyn | kAck;

// TCP endpoints MUST implement both sending and receiving the MSS option (MUST-14): in our SYN,
void section_3_7_1__sent_in_syn(Check& check) {
    Wire wire(check, Wire::config(true));
    wire.connect();
    const TransmitEffect& syn = wire.sent(kSyn, 0, 0, 0);
    EXPECT(syn.options & kHasMss);
    EXPECT_EQ(syn.syn_mss, 1000);
}

// in the answer to one, whether that had the option or not, and when either is repeated.
void section_3_7_1__sent_in_every_syn_ack(Check& check) {
    static constexpr uint8_t kOptions[] = {0, kHasMss};
    for (uint8_t options : kOptions) {
        Wire wire(check);
        wire.peer({.flags = kSyn, .seq = 0, .options = options});
        EXPECT_EQ(wire.sent(kSynAck, 0, 1, 0).syn_mss, 1000);
        wire.pass_ms(1000);
        const TransmitEffect& again = wire.sent(kSynAck, 0, 1, 0);
        EXPECT(again.options & kHasMss);
        EXPECT_EQ(again.syn_mss, 1000);
    }
}

// If an MSS Option is not received at connection setup, TCP implementations MUST assume a default
// send MSS of 536 (MUST-15).
void section_3_7_1__default(Check& check) {
    Wire passive(check);
    passive.establish(0);
    EXPECT_EQ(passive.info().mss, 536);
    Wire active(check, TcpPhase::kSynSent);
    active.peer({.flags = kSynAck, .seq = 0, .ack = 1});
    EXPECT_EQ(active.info().mss, 536);
    active.writes(5360);
    EXPECT_EQ(active.sent(kAck, 1, 1, 5360).mss, 536);
}

// The maximum size of a segment that a TCP endpoint really sends, the 'effective send MSS', MUST
// be the smaller of the send MSS and the largest transmission size permitted by the IP layer
// (MUST-16).
void section_3_7_1__smaller_of_both(Check& check) {
    static constexpr uint16_t kTheirs[] = {600, 1000, 1460, 65535};
    for (uint16_t theirs : kTheirs) {
        Wire wire(check);
        wire.peer({.flags = kSyn, .seq = 0, .options = kHasMss, .mss = theirs});
        wire.peer({});
        const uint32_t wanted = dominoes::min<uint32_t>(theirs, 1000);
        EXPECT_EQ(wire.info().mss, wanted);
        wire.writes(5 * wanted);
        EXPECT_EQ(wire.sent(kAck, 1, 1, 5 * wanted).mss, wanted);
    }
}

// RFC 6691 section 2: the value in the option MUST NOT allow for other options; the sender of a
// segment makes it shorter by those that it carries: here the timestamps.
void rfc6691_section_2__options_reduce_what_is_sent(Check& check) {
    Wire wire(check);
    wire.peer({.flags = kSyn, .seq = 0, .options = kHasMss | kHasTimestamps, .mss = 900});
    EXPECT_EQ(wire.sent(kSynAck, 0, 1, 0).syn_mss, 1000);
    wire.peer({.options = kHasTimestamps});
    wire.writes(1776);
    EXPECT_EQ(wire.sent(kAck, 1, 1, 1776).mss, 888);
}

// This option MUST only be sent in the initial connection request: elsewhere it says nothing.
void section_3_7_1__only_in_a_syn(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.options = kHasMss, .mss = 100});
    EXPECT_EQ(wire.info().mss, 1000);
}

// A peer that would have each byte in a packet of its own is not believed (see COMPLIANCE.md).
void section_3_7_1__hostile_ones(Check& check) {
    static constexpr uint16_t kTheirs[] = {0, 1, 87};
    for (uint16_t theirs : kTheirs) {
        static constexpr uint8_t kMore[] = {0, kHasTimestamps};
        for (uint8_t more : kMore) {
            Wire wire(check);
            const auto options = static_cast<uint8_t>(kHasMss | more);
            wire.peer({.flags = kSyn, .seq = 0, .options = options, .mss = theirs});
            wire.peer({.options = more});
            EXPECT(wire.info().mss >= 76);
            wire.writes(1000);
            EXPECT(wire.bytes_sent() >= 76);
        }
    }
}

// Segments larger than what was announced are taken: merging makes them.
void section_3_7_1__larger_segments_are_taken(Check& check) {
    Wire wire(check, TcpPhase::kEstablished);
    wire.peer({.len = 60000});
    wire.delivered(0, 60000, 60000);
}

constexpr kunit::Test kTests[] = {
    TEST(section_3_7_1__sent_in_syn),
    TEST(section_3_7_1__sent_in_every_syn_ack),
    TEST(section_3_7_1__default),
    TEST(section_3_7_1__smaller_of_both),
    TEST(section_3_7_1__only_in_a_syn),
    TEST(section_3_7_1__hostile_ones),
    TEST(section_3_7_1__larger_segments_are_taken),
    TEST(rfc6691_section_2__options_reduce_what_is_sent),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite rfc9293_mss_suite = SUITE("rfc9293_mss", scout::kTests);

}  // namespace kunit
