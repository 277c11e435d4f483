// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint8_t kTooBig = 4;  // code of "destination unreachable"

TcpConfig ethernet() {
    TcpConfig config = Wire::config();
    config.mss = 1460;
    return config;
}

// As Wire::establish(), with an MSS of 1460.
void establish(Wire& wire) {
    wire.peer({.flags = kSyn, .seq = 0, .ack = 0, .options = kHasMss, .mss = 1460});
    wire.peer({});
}

void path_mtu_told__sends_again_at_once_in_smaller_pieces(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(3000);
    const uint64_t cwnd = wire.info().cwnd;
    wire.icmp(3, kTooBig, 1001, 840);
    EXPECT_EQ(wire.sent(kAck, 1, 1, 3000).mss, 800);
    wire.quiet();
    EXPECT_EQ(wire.info().cwnd, cwnd);
    EXPECT_EQ(wire.info().mss, 800);
    // It is no timeout, and the timer begins anew.
    EXPECT_EQ(wire.info().timeouts, 0);
    wire.peer({.ack = 3001});
    wire.writes(2000);
    EXPECT_EQ(wire.sent(kAck, 3001, 1, 2000).mss, 800);
}

void path_mtu_told__only_what_can_be_true(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.icmp(3, kTooBig, 1, 600);  // nothing is in flight
    wire.writes(3000);
    wire.icmp(3, kTooBig, 3001, 600);  // not sent yet
    wire.icmp(3, kTooBig, 1, 1040);    // nothing as large was sent
    wire.icmp(3, kTooBig, 1, 9000);
    wire.quiet();
    EXPECT_EQ(wire.info().mss, 1000);
    wire.icmp(3, kTooBig, 1, 68);
    EXPECT_EQ(wire.info().mss, 552 - 40);
    wire.icmp(3, kTooBig, 1, 68);  // the same again
    wire.quiet();
}

// RFC 1191 section 5.
void path_mtu_told__without_an_mtu_takes_the_next_plateau(Check& check) {
    Wire wire(check, ethernet());
    establish(wire);
    wire.writes(3000);
    wire.icmp(3, kTooBig, 1, 0);
    EXPECT_EQ(wire.info().mss, 1492 - 40);
    wire.icmp(3, kTooBig, 1, 0);
    EXPECT_EQ(wire.info().mss, 1006 - 40);
    wire.icmp(3, kTooBig, 1, 0);
    EXPECT_EQ(wire.info().mss, 552 - 40);
}

void path_mtu_told__options_take_their_room(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss | kHasTimestamps);
    wire.writes(3000);
    wire.icmp(3, kTooBig, 1, 840);
    EXPECT_EQ(wire.info().mss, 840 - 40 - 12);
}

// RFC 5927 section 7.2.
void path_mtu_told__waits_where_larger_ones_have_arrived(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(2000);
    wire.peer({.ack = 2001});
    wire.writes(2000);
    wire.icmp(3, kTooBig, 2001, 840);
    wire.quiet();
    EXPECT_EQ(wire.info().mss, 1000);
    wire.peer({.ack = 4001});  // so it was a lie
    wire.writes(2000);
    wire.pass_ms(1000);
    wire.sent(kAck, 4001, 1, 1000);
    EXPECT_EQ(wire.info().mss, 1000);
    wire.peer({.ack = 6001});
    wire.writes(2000);
    wire.icmp(3, kTooBig, 6001, 840);
    wire.pass_ms(1000);  // and now it was not
    EXPECT_EQ(wire.sent(kAck, 6001, 1, 800).mss, 800);
}

// RFC 4821 section 7.7.
void path_mtu_timeout__steps_down_in_a_black_hole(Check& check) {
    Wire wire(check, ethernet());
    establish(wire);
    wire.writes(10000);
    wire.pass_ms(1000);
    while (wire.info().timeouts < 2) wire.pass_ms(1);
    EXPECT_EQ(wire.info().mss, 1460);
    while (wire.info().timeouts < 3) wire.pass_ms(1);
    EXPECT_EQ(wire.sent(kAck, 1, 1, 1024).mss, 1024);
    while (wire.info().timeouts < 4) wire.pass_ms(1);
    EXPECT_EQ(wire.sent(kAck, 1, 1, 512).mss, 512);
    while (wire.info().timeouts < 6) wire.pass_ms(1);
    EXPECT_EQ(wire.info().mss, 512);
    wire.peer({.ack = 513});
    EXPECT_EQ(wire.sent(kAck, 513, 1, 1024).mss, 512);
}

void path_mtu_timeout__skips_a_step_that_would_not_help(Check& check) {
    Wire wire(check, ethernet());
    establish(wire);
    wire.writes(700);
    while (wire.info().timeouts < 3) wire.pass_ms(1);
    EXPECT_EQ(wire.sent(kAck, 1, 1, 512).mss, 512);
}

void path_mtu_timeout__small_segments_are_no_evidence(Check& check) {
    Wire wire(check, ethernet());
    establish(wire);
    wire.writes(512);
    wire.pass_ms(60000);
    EXPECT(wire.info().timeouts > 4);
    EXPECT_EQ(wire.info().mss, 1460);
}

void path_mtu_timeout__is_patient_where_large_ones_have_arrived(Check& check) {
    Wire wire(check, ethernet());
    establish(wire);
    wire.writes(2920);
    wire.peer({.ack = 2921});
    wire.writes(10000);
    while (wire.info().timeouts < 5) wire.pass_ms(1);
    EXPECT_EQ(wire.info().mss, 1460);
    while (wire.info().timeouts < 6) wire.pass_ms(1);
    EXPECT_EQ(wire.info().mss, 1024);
    while (wire.info().timeouts < 7) wire.pass_ms(1);
    EXPECT_EQ(wire.info().mss, 512);
}

// RFC 1191 section 6.3.
void keep_path_mtu__forgets_after_ten_minutes(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(3000);
    wire.icmp(3, kTooBig, 1, 840);
    wire.peer({.ack = 3001});
    wire.pass_ms(599 * 1000);
    wire.writes(1600);
    wire.sent(kAck, 3001, 1, 1600);
    wire.peer({.ack = 4601});
    EXPECT_EQ(wire.info().mss, 800);
    wire.pass_ms(1000);
    wire.writes(2000);
    EXPECT_EQ(wire.sent(kAck, 4601, 1, 2000).mss, 1000);
}

// --- the device's own MTU (RFC 9293 MUST-16) ---

void link__segments_fit_from_now_on(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(3000);
    wire.sent(kAck, 1, 1, 3000);
    wire.link(840);
    wire.quiet();  // what has left may arrive
    EXPECT_EQ(wire.info().mss, 800);
    wire.peer({.ack = 3001});
    wire.writes(2000);
    EXPECT_EQ(wire.sent(kAck, 3001, 1, 2000).mss, 800);
    EXPECT_EQ(wire.info().timeouts, 0);
}

void link__retransmissions_fit(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss | kHasSackPermitted);
    wire.writes(3000);
    wire.link(840);
    wire.pass_ms(1000);
    EXPECT(wire.info().timeouts > 0);
    const TransmitEffect& again = wire.sent(kAck, 2201, 1, 800);  // the tail loss probe
    EXPECT_EQ(again.mss, 800);
    const TransmitEffect& head = wire.sent(kAck, 1, 1, 800);
    EXPECT_EQ(head.mss, 800);
}

void link__grows_up_to_what_was_agreed_on(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.link(840);
    wire.link(940);
    EXPECT_EQ(wire.info().mss, 900);
    wire.link(9000);
    EXPECT_EQ(wire.info().mss, 1000);
    wire.writes(2000);
    EXPECT_EQ(wire.sent(kAck, 1, 1, 2000).mss, 1000);
}

void link__options_take_their_room(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss | kHasTimestamps);
    wire.link(840);
    EXPECT_EQ(wire.info().mss, 840 - 40 - 12);
    wire.link(1500);
    EXPECT_EQ(wire.info().mss, 1000 - 12);
}

void link__the_least(Check& check) {
    static constexpr uint32_t kMtus[] = {0, 39, 40, 68, 127, 128};
    for (uint32_t mtu : kMtus) {
        Wire wire(check);
        wire.establish();
        wire.link(mtu);
        EXPECT_EQ(wire.info().mss, 88);
        wire.writes(176);
        EXPECT_EQ(wire.sent(kAck, 1, 1, 176).mss, 88);
    }
}

// What the path was found to carry stays so.
void link__beside_the_path(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(3000);
    wire.icmp(3, kTooBig, 1, 840);
    wire.peer({.ack = 3001});
    wire.link(9000);
    EXPECT_EQ(wire.info().mss, 800);
    wire.link(740);
    EXPECT_EQ(wire.info().mss, 700);
    wire.pass_ms(600 * 1000);
    wire.writes(700);
    EXPECT_EQ(wire.sent(kAck, 3001, 1, 700).mss, 700);
    wire.link(1500);
    EXPECT_EQ(wire.info().mss, 1000);
}

// An error that was not believed asked for more than there now is.
void link__below_what_an_error_claims(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(2000);
    wire.peer({.ack = 2001});
    wire.writes(2000);
    wire.icmp(3, kTooBig, 2001, 840);
    EXPECT_EQ(wire.info().mss, 1000);
    wire.link(640);
    wire.pass_ms(1000);
    EXPECT_EQ(wire.sent(kAck, 2001, 1, 600).mss, 600);
    EXPECT_EQ(wire.info().mss, 600);
}

void link__before_the_handshake_is_over(Check& check) {
    static constexpr uint32_t kInitialWindow = 10;
    Wire wire(check, TcpPhase::kSynSent);
    wire.link(840);
    wire.peer({.flags = kSyn | kAck, .seq = 0, .ack = 1, .options = kHasMss});
    EXPECT_EQ(wire.info().mss, 800);
    EXPECT_EQ(wire.info().cwnd, kInitialWindow * 800);
    wire.link(1500);
    EXPECT_EQ(wire.info().mss, 1000);  // what the SYN announced
}

void link__packets_are_no_larger_than_the_device_takes(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.link(1040, 2500);
    wire.writes(8000);
    EXPECT_EQ(wire.sent(kAck, 1, 1, 8000).piece_bytes, 2000);
}

// The path lets 840 through. That the device did not for a while says nothing of the path.
void link__grows_up_to_what_the_path_lets_through(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(3000);
    wire.icmp(3, kTooBig, 1, 840);
    EXPECT_EQ(wire.info().mss, 800);
    wire.peer({.ack = 3001});
    wire.link(640);
    EXPECT_EQ(wire.info().mss, 600);
    wire.link(1500);
    EXPECT_EQ(wire.info().mss, 800);
    wire.pass_ms(599 * 1000);
    wire.writes(2000);
    EXPECT_EQ(wire.info().mss, 800);
}

constexpr kunit::Test kTests[] = {
    TEST(path_mtu_told__sends_again_at_once_in_smaller_pieces),
    TEST(path_mtu_told__only_what_can_be_true),
    TEST(path_mtu_told__without_an_mtu_takes_the_next_plateau),
    TEST(path_mtu_told__options_take_their_room),
    TEST(path_mtu_told__waits_where_larger_ones_have_arrived),
    TEST(path_mtu_timeout__steps_down_in_a_black_hole),
    TEST(path_mtu_timeout__is_patient_where_large_ones_have_arrived),
    TEST(path_mtu_timeout__skips_a_step_that_would_not_help),
    TEST(path_mtu_timeout__small_segments_are_no_evidence),
    TEST(keep_path_mtu__forgets_after_ten_minutes),
    TEST(link__segments_fit_from_now_on),
    TEST(link__retransmissions_fit),
    TEST(link__grows_up_to_what_was_agreed_on),
    TEST(link__options_take_their_room),
    TEST(link__the_least),
    TEST(link__beside_the_path),
    TEST(link__below_what_an_error_claims),
    TEST(link__before_the_handshake_is_over),
    TEST(link__packets_are_no_larger_than_the_device_takes),
    TEST(link__grows_up_to_what_the_path_lets_through),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_path_mtu_suite = SUITE("tcp_path_mtu", scout::kTests);

}  // namespace kunit
