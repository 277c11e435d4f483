// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint8_t kAllOptions = kHasMss | kHasWindowScale | kHasSackPermitted | kHasTimestamps;

void connect__offers_every_option(Check& check) {
    Wire wire(check, Wire::config(true));
    wire.connect();
    const TransmitEffect& syn = wire.sent(kSyn, 0, 0, 0);
    EXPECT_EQ(syn.options, kAllOptions);
    EXPECT_EQ(syn.syn_mss, 1000);
    EXPECT_EQ(syn.window, 65535);
    EXPECT_EQ(syn.window_scale, 1);
    EXPECT_EQ(syn.ts_ecr, 0);
    wire.quiet();
    EXPECT(wire.phase() == TcpPhase::kSynSent);
    wire.connect();  // once is enough
    wire.quiet();
}

// RFC 9293 figure 6.
void connect__three_way_handshake(Check& check) {
    Wire wire(check, Wire::config(true));
    wire.connect();
    wire.peer({.flags = kSyn | kAck,
               .seq = 0,
               .ack = 1,
               .options = kAllOptions,
               .mss = 900,
               .scale = 3,
               .ts_val = 70,
               .ts_ecr = wire.ts_now()});
    const TransmitEffect& ack = wire.sent(kAck, 1, 1, 0);
    EXPECT_EQ(ack.ts_ecr, 70);
    EXPECT_EQ(ack.window, 65535 >> 1);
    EXPECT(wire.phase() == TcpPhase::kEstablished);
    EXPECT_EQ(wire.count(EffectKind::kEstablished), 1);
    EXPECT_EQ(wire.info().mss, 900 - 12);
    EXPECT_EQ(wire.info().snd_wnd, 60000);  // a SYN's window is not scaled
    wire.peer({.win = 1000, .options = kHasTimestamps, .ts_val = 71});
    EXPECT_EQ(wire.info().snd_wnd, 8000);
}

void connect__without_options_of_the_peer(Check& check) {
    Wire wire(check, Wire::config(true));
    wire.connect();
    wire.peer({.flags = kSyn | kAck, .seq = 0, .ack = 1});
    const TransmitEffect& ack = wire.sent(kAck, 1, 1, 0);
    EXPECT_EQ(ack.options, 0);
    EXPECT_EQ(ack.window, 65535);
    EXPECT_EQ(wire.info().mss, 536);  // RFC 9293 section 3.7.1
    EXPECT(!wire.info().sack);
}

void segment_in_listen__each_check(Check& check) {
    Wire wire(check);
    wire.peer({.flags = kRst, .seq = 5});
    wire.quiet();
    wire.peer({.flags = kAck, .seq = 5, .ack = 77});
    wire.sent(kRst, 77, 0, 0);
    wire.peer({.flags = kFin, .seq = 5});
    wire.quiet();
    EXPECT(wire.phase() == TcpPhase::kListen);
}

void segment_in_listen__takes_what_the_syn_offers(Check& check) {
    Wire wire(check);
    wire.peer(
        {.flags = kSyn, .seq = 0, .options = kHasMss | kHasTimestamps, .mss = 500, .ts_val = 9});
    const TransmitEffect& answer = wire.sent(kSyn | kAck, 0, 1, 0);
    EXPECT_EQ(answer.options, kHasMss | kHasTimestamps);
    EXPECT_EQ(answer.syn_mss, 1000);
    EXPECT_EQ(answer.ts_ecr, 9);
    EXPECT(wire.phase() == TcpPhase::kSynReceived);
    EXPECT_EQ(wire.info().mss, 488);
    EXPECT_EQ(wire.count(EffectKind::kEstablished), 0);
    wire.peer({.options = kHasTimestamps, .ts_val = 9});
    EXPECT_EQ(wire.count(EffectKind::kEstablished), 1);
    wire.quiet();
}

void segment_in_listen__data_in_syn_is_not_received(Check& check) {
    Wire wire(check);
    wire.peer({.flags = kSyn, .seq = 0, .len = 100, .options = kHasMss});
    wire.sent(kSyn | kAck, 0, 1, 0);
    EXPECT_EQ(wire.deliveries(), 0);
}

void segment_in_listen__tiny_mss_is_not_believed(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss);
    EXPECT_EQ(wire.info().mss, 1000);
    Wire tiny(check);
    tiny.peer({.flags = kSyn, .seq = 0, .options = kHasMss, .mss = 1});
    EXPECT_EQ(tiny.info().mss, 88);
}

// RFC 7323 section 2.3.
void agree_on_window_scale__at_most_14(Check& check) {
    Wire wire(check);
    wire.peer({.flags = kSyn, .seq = 0, .options = kHasMss | kHasWindowScale, .scale = 200});
    EXPECT_EQ(wire.info().snd_scale, 14);
}

void segment_in_syn_sent__bad_ack(Check& check) {
    Wire wire(check, Wire::config(true));
    wire.connect();
    wire.peer({.flags = kSyn | kAck, .seq = 0, .ack = 0});
    wire.sent(kRst, 0, 0, 0);
    wire.peer({.flags = kAck, .seq = 0, .ack = 2});
    wire.sent(kRst, 2, 0, 0);
    wire.peer({.flags = kRst | kAck, .seq = 0, .ack = 2});
    wire.quiet();
    EXPECT(wire.phase() == TcpPhase::kSynSent);
}

void segment_in_syn_sent__refused(Check& check) {
    Wire wire(check, Wire::config(true));
    wire.connect();
    wire.peer({.flags = kRst, .seq = 0});  // without ACK anyone could send it
    EXPECT(wire.phase() == TcpPhase::kSynSent);
    wire.peer({.flags = kRst | kAck, .seq = 0, .ack = 1});
    EXPECT_EQ(wire.error(), kEconnrefused);
    EXPECT_EQ(wire.close_error(), kEconnrefused);
    EXPECT_EQ(wire.count(EffectKind::kClosed), 1);
    wire.quiet();
}

void segment_in_syn_sent__ack_alone_is_dropped(Check& check) {
    Wire wire(check, Wire::config(true));
    wire.connect();
    wire.peer({.flags = kAck, .seq = 0, .ack = 1});
    wire.quiet();
    EXPECT(wire.phase() == TcpPhase::kSynSent);
}

void segment_in_syn_sent__data_with_syn_ack_is_received(Check& check) {
    Wire wire(check, Wire::config(true));
    wire.connect();
    wire.peer({.flags = kSyn | kAck, .seq = 0, .ack = 1, .len = 10, .options = kHasMss});
    wire.delivered(0, 10, 10);
    wire.sent(kAck, 1, 11, 0);
    EXPECT(wire.effects().begin()->kind == EffectKind::kEstablished);  // before any delivery
}

// RFC 9293 figure 7.
void simultaneous_open__becomes_established(Check& check) {
    Wire wire(check, Wire::config(true));
    wire.connect();
    wire.peer({.flags = kSyn, .seq = 0, .options = kHasMss});
    wire.sent(kSyn | kAck, 0, 1, 0);
    EXPECT(wire.phase() == TcpPhase::kSynReceived);
    wire.peer(
        {.flags = kSyn | kAck, .seq = 0, .ack = 1, .options = kHasMss});  // old: answered by an ACK
    wire.sent(kAck, 1, 1, 0);
    wire.quiet();
    EXPECT(wire.phase() == TcpPhase::kSynReceived);
    wire.peer({});
    EXPECT(wire.phase() == TcpPhase::kEstablished);
    EXPECT_EQ(wire.count(EffectKind::kEstablished), 1);
}

void syn_received__repeated_syn_is_answered_again(Check& check) {
    Wire wire(check);
    wire.peer({.flags = kSyn, .seq = 0, .options = kHasMss});
    wire.peer({.flags = kSyn, .seq = 0, .options = kHasMss});
    wire.sent(kSyn | kAck, 0, 1, 0);
    wire.quiet();
}

void syn_received__bad_ack_is_reset(Check& check) {
    Wire wire(check);
    wire.peer({.flags = kSyn, .seq = 0, .options = kHasMss});
    wire.peer({.ack = 0});
    wire.sent(kRst, 0, 0, 0);
    wire.peer({.ack = 2});
    wire.sent(kRst, 2, 0, 0);
    EXPECT(wire.phase() == TcpPhase::kSynReceived);
}

void syn_received__reset_of_passive_tells_nobody(Check& check) {
    Wire wire(check);
    wire.peer({.flags = kSyn, .seq = 0, .options = kHasMss});
    wire.peer({.flags = kRst, .seq = 1});
    EXPECT_EQ(wire.count(EffectKind::kError), 0);
    EXPECT_EQ(wire.count(EffectKind::kClosed), 1);
}

void syn_received__ack_may_carry_data_and_fin(Check& check) {
    Wire wire(check);
    wire.peer({.flags = kSyn, .seq = 0, .options = kHasMss});
    wire.peer({.flags = kAck | kFin, .len = 10});
    wire.delivered(0, 10, 10);
    EXPECT_EQ(wire.count(EffectKind::kEstablished), 1);
    EXPECT_EQ(wire.end_of_stream(), 10);
    EXPECT(wire.phase() == TcpPhase::kCloseWait);
    wire.sent(kAck, 1, 12, 0);
}

void enter_established__or_fin_wait_1_if_closed_already(Check& check) {
    Wire wire(check);
    wire.peer({.flags = kSyn, .seq = 0, .options = kHasMss});
    wire.shutdown();
    wire.quiet();
    wire.peer({});
    EXPECT_EQ(wire.count(EffectKind::kEstablished), 1);
    EXPECT(wire.phase() == TcpPhase::kFinWait1);
    wire.sent(kAck | kFin, 1, 1, 0);
}

void enter_established__replicas_join_for_the_next_request(Check& check) {
    Wire wire(check);
    wire.peer({.flags = kSyn, .seq = 0, .options = kHasMss});
    wire.peer({});
    EXPECT_EQ(wire.state().replicas, 1);
    wire.peer({});
    EXPECT_EQ(wire.state().replicas, 7);
}

void send_syn__backs_off_and_gives_up(Check& check) {
    Wire wire(check, Wire::config(true));
    wire.connect();
    uint64_t wait_s = 1;
    for (uint32_t i = 0; i < 6; ++i, wait_s *= 2) {
        wire.pass_ms(1000 * wait_s - 1);
        wire.quiet();
        wire.pass_ms(1);
        wire.sent(kSyn, 0, 0, 0);
    }
    wire.pass_ms(64000);
    wire.quiet();
    EXPECT_EQ(wire.error(), kEtimedout);
    EXPECT_EQ(wire.close_error(), kEtimedout);
    EXPECT_EQ(wire.info().timeouts, 6);
}

// RFC 5681 section 3.1, RFC 6298 (5.7).
void send_syn__lost_one_means_a_small_window(Check& check) {
    Wire wire(check, Wire::config(true));
    wire.connect();
    wire.pass_ms(1000);
    wire.peer({.flags = kSyn | kAck, .seq = 0, .ack = 1, .options = kHasMss});
    EXPECT_EQ(wire.info().cwnd, 1000);
    EXPECT_EQ(wire.info().rto_us, 3000000);
}

constexpr kunit::Test kTests[] = {
    TEST(connect__offers_every_option),
    TEST(connect__three_way_handshake),
    TEST(connect__without_options_of_the_peer),
    TEST(segment_in_listen__each_check),
    TEST(segment_in_listen__takes_what_the_syn_offers),
    TEST(segment_in_listen__data_in_syn_is_not_received),
    TEST(segment_in_listen__tiny_mss_is_not_believed),
    TEST(agree_on_window_scale__at_most_14),
    TEST(segment_in_syn_sent__bad_ack),
    TEST(segment_in_syn_sent__refused),
    TEST(segment_in_syn_sent__ack_alone_is_dropped),
    TEST(segment_in_syn_sent__data_with_syn_ack_is_received),
    TEST(simultaneous_open__becomes_established),
    TEST(syn_received__repeated_syn_is_answered_again),
    TEST(syn_received__bad_ack_is_reset),
    TEST(syn_received__reset_of_passive_tells_nobody),
    TEST(syn_received__ack_may_carry_data_and_fin),
    TEST(enter_established__or_fin_wait_1_if_closed_already),
    TEST(enter_established__replicas_join_for_the_next_request),
    TEST(send_syn__backs_off_and_gives_up),
    TEST(send_syn__lost_one_means_a_small_window),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_handshake_suite = SUITE("tcp_handshake", scout::kTests);

}  // namespace kunit
