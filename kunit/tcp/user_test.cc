// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/wire.hh"
#include "scout/tcp/header.hh"

namespace scout {
namespace {

void send__in_syn_sent_waits(Check& check) {
    Wire wire(check, Wire::config(true));
    wire.connect();
    wire.writes(10);
    wire.quiet();
    wire.peer({.flags = kSyn | kAck, .seq = 0, .ack = 1, .options = kHasMss});
    wire.sent(kAck, 1, 1, 10);
    wire.quiet();  // it carried the ACK of the SYN
}

void send__after_shutdown_is_ignored(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.shutdown();
    wire.writes(10);
    wire.quiet();
    EXPECT_EQ(wire.info().send_queue, 0);
}

void set_options__ttl_and_tos_of_what_follows(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(10);
    const TransmitEffect before = wire.sent(kAck, 1, 1, 10);
    wire.peer({.ack = 11});
    EXPECT_EQ(tcp_service(before).ttl, kIpTtl);
    EXPECT_EQ(tcp_service(before).tos, 0);
    wire.option(&TcpOptions::ttl, 9);
    wire.option(&TcpOptions::tos, 0xbb);  // whose lower bits are ECN's
    wire.writes(10);
    const TransmitEffect after = wire.sent(kAck, 11, 1, 10);
    EXPECT_EQ(tcp_service(after).ttl, 9);
    EXPECT_EQ(tcp_service(after).tos, 0xb8);
    wire.abort(0);
    EXPECT_EQ(wire.sent(kRst | kAck, 21, 1, 0).ttl, 9);
    wire.peer({.ack = 21});  // too late for it
    EXPECT_EQ(wire.sent(kRst, 21, 0, 0).ttl, 9);
}

void shutdown__in_syn_sent_ends_it(Check& check) {
    Wire wire(check, Wire::config(true));
    wire.connect();
    wire.shutdown();
    wire.quiet();
    EXPECT_EQ(wire.count(EffectKind::kClosed), 1);
    EXPECT_EQ(wire.count(EffectKind::kError), 0);
}

void shutdown__twice_is_once(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.shutdown();
    wire.sent(kAck | kFin, 1, 1, 0);
    wire.shutdown();
    wire.quiet();
}

void abort__in_each_state(Check& check) {
    Wire listening(check);
    listening.abort(0);
    listening.quiet();
    Wire opening(check, Wire::config(true));
    opening.connect();
    opening.abort(kEconnaborted);
    opening.quiet();
    EXPECT_EQ(opening.error(), kEconnaborted);
    Wire open(check);
    open.establish();
    open.writes(10);
    open.abort(0);
    open.sent(kRst | kAck, 11, 1, 0);
    EXPECT_EQ(open.count(EffectKind::kError), 0);
    EXPECT_EQ(open.count(EffectKind::kClosed), 1);
    Wire waiting(check);
    waiting.establish();
    waiting.shutdown();
    waiting.peer({.flags = kAck | kFin, .ack = 2});
    waiting.abort(0);
    waiting.quiet();
    EXPECT_EQ(waiting.count(EffectKind::kClosed), 1);
}

void abort__silently(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.abort(kEnetdown, true);
    wire.quiet();
    EXPECT_EQ(wire.error(), kEnetdown);
    EXPECT_EQ(wire.close_error(), kEnetdown);
}

constexpr kunit::Test kTests[] = {
    TEST(send__in_syn_sent_waits),
    TEST(send__after_shutdown_is_ignored),
    TEST(set_options__ttl_and_tos_of_what_follows),
    TEST(shutdown__in_syn_sent_ends_it),
    TEST(shutdown__twice_is_once),
    TEST(abort__in_each_state),
    TEST(abort__silently),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_user_suite = SUITE("tcp_user", scout::kTests);

}  // namespace kunit
