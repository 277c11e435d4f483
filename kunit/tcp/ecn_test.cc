// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/ecn.hh"

#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

using tcp::kCe;
using tcp::kEct0;
using tcp::kNotEct;

// ESTABLISHED with ECN, by a peer that asks for it.
void establish(Wire& wire) {
    wire.peer({.flags = kSyn | kEce | kCwr, .seq = 0, .ack = 0, .options = kHasMss});
    wire.peer({});
    if (wire.ready()) wire.state().quick_acks = 0;
}

// RFC 3168 section 6.1.1.
void ecn_agree__gives_it_to_a_peer_that_asks(Check& check) {
    Wire wire(check);
    wire.peer({.flags = kSyn | kEce | kCwr, .seq = 0, .ack = 0, .options = kHasMss});
    EXPECT_EQ(wire.sent(kSyn | kAck | kEce, 0, 1, 0).ecn, kNotEct);
    EXPECT(wire.info().ecn);
    Wire plain(check);
    plain.peer({.flags = kSyn, .seq = 0, .ack = 0, .options = kHasMss});
    plain.sent(kSyn | kAck, 0, 1, 0);
    Wire half(check);
    half.peer({.flags = kSyn | kEce, .seq = 0, .ack = 0, .options = kHasMss});
    half.sent(kSyn | kAck, 0, 1, 0);
    Wire marked(check);
    marked.peer({.flags = kSyn | kEce | kCwr, .seq = 0, .ack = 0, .ecn = kCe});
    marked.sent(kSyn | kAck, 0, 1, 0);
}

// Section 6.1.1.1: it has given up asking, perhaps because its first SYN was lost.
void ecn_agree__not_if_the_syn_comes_again_without(Check& check) {
    Wire wire(check);
    wire.peer({.flags = kSyn | kEce | kCwr, .seq = 0, .ack = 0, .options = kHasMss});
    wire.peer({.flags = kSyn, .seq = 0, .ack = 0, .options = kHasMss});
    wire.sent(kSyn | kAck, 0, 1, 0);
    EXPECT(!wire.info().ecn);
}

void ecn_syn_flags__asks_if_told_to(Check& check) {
    TcpConfig config = Wire::config(true);
    config.ecn = true;
    Wire wire(check, config);
    wire.connect();
    EXPECT_EQ(wire.sent(kSyn | kEce | kCwr, 0, 0, 0).ecn, kNotEct);
    wire.peer({.flags = kSyn | kAck | kEce, .seq = 0, .ack = 1, .options = kHasMss});
    wire.sent(kAck, 1, 1, 0);
    EXPECT(wire.info().ecn);
    Wire refused(check, config);
    refused.connect();
    refused.peer({.flags = kSyn | kAck, .seq = 0, .ack = 1, .options = kHasMss});
    EXPECT(!refused.info().ecn);
    Wire echoed(check, config);  // by a peer that copies what it does not know
    echoed.connect();
    echoed.peer({.flags = kSyn | kAck | kEce | kCwr, .seq = 0, .ack = 1, .options = kHasMss});
    EXPECT(!echoed.info().ecn);
    Wire silent(check, Wire::config(true));
    silent.connect();
    silent.sent(kSyn, 0, 0, 0);
    silent.peer({.flags = kSyn | kAck | kEce, .seq = 0, .ack = 1, .options = kHasMss});
    EXPECT(!silent.info().ecn);
}

void ecn_syn_flags__not_in_a_second_syn(Check& check) {
    TcpConfig config = Wire::config(true);
    config.ecn = true;
    Wire wire(check, config);
    wire.connect();
    wire.pass_ms(1000);
    wire.sent(kSyn, 0, 0, 0);
    wire.peer({.flags = kSyn | kAck | kEce, .seq = 0, .ack = 1, .options = kHasMss});
    EXPECT(!wire.info().ecn);
}

// Sections 6.1.4 and 6.1.5.
void ecn_mark__new_data_only(Check& check) {
    Wire wire(check);
    establish(wire);
    wire.writes(3000);
    EXPECT_EQ(wire.sent(kAck, 1, 1, 3000).ecn, kEct0);
    wire.peer({.ack = 1001, .len = 2000});
    EXPECT_EQ(wire.sent(kAck, 3001, 2001, 0).ecn, kNotEct);
    wire.pass_ms(500);
    EXPECT_EQ(wire.sent(kAck, 1001, 2001, 1000).ecn, kNotEct);
    Wire plain(check);
    plain.establish();
    plain.writes(3000);
    EXPECT_EQ(plain.sent(kAck, 1, 1, 3000).ecn, kNotEct);
}

// Section 6.1.3.
void ecn_received__echoes_until_told_to_stop(Check& check) {
    Wire wire(check);
    establish(wire);
    wire.peer({.len = 100, .ecn = kCe});
    wire.sent(kAck | kEce, 1, 101, 0);  // at once
    wire.peer({.seq = 101, .len = 1000, .ecn = kEct0});
    wire.peer({.seq = 1101, .len = 1000, .ecn = kEct0});
    wire.sent(kAck | kEce, 1, 2101, 0);
    wire.writes(10);
    wire.sent(kAck | kEce, 1, 2101, 10);
    wire.peer({.flags = kAck | kCwr, .seq = 2101, .ack = 11, .len = 1000, .ecn = kEct0});
    wire.peer({.seq = 3101, .ack = 11, .len = 1000, .ecn = kEct0});
    wire.sent(kAck, 11, 4101, 0);
    // Marked and with CWR: that is a new one.
    wire.peer({.flags = kAck | kCwr, .seq = 4101, .ack = 11, .len = 1000, .ecn = kCe});
    wire.sent(kAck | kEce, 11, 5101, 0);
}

void ecn_received__nothing_where_not_agreed(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.len = 2000, .ecn = kCe});
    wire.sent(kAck, 1, 2001, 0);
}

// Section 6.1.2.
void ecn_acknowledged__halves_once_a_window(Check& check) {
    Wire wire(check);
    establish(wire);
    wire.writes(30000);
    wire.sent(kAck, 1, 1, 10000);
    wire.peer({.flags = kAck | kEce, .ack = 1001});
    wire.quiet();
    EXPECT_EQ(wire.info().cwnd, 5000);
    EXPECT_EQ(wire.info().ecn_reductions, 1);
    wire.peer({.flags = kAck | kEce, .ack = 3001});
    wire.quiet();
    EXPECT_EQ(wire.info().cwnd, 5000);
    wire.peer({.flags = kAck | kEce, .ack = 10001});
    const TransmitEffect& run = wire.sent(kAck | kCwr, 10001, 1, 6000);
    EXPECT_EQ(run.ecn, kEct0);
    EXPECT_EQ(wire.info().ecn_reductions, 1);
    wire.peer({.flags = kAck | kEce, .ack = 11001});  // of the next window
    EXPECT_EQ(wire.info().ecn_reductions, 2);
    EXPECT(wire.info().cwnd < 5000);
}

void ecn_acknowledged__not_besides_a_loss(Check& check) {
    Wire wire(check);
    establish(wire);
    wire.writes(10000);
    for (uint32_t i = 0; i < 3; ++i) wire.peer({});
    EXPECT_EQ(wire.info().fast_recoveries, 1);
    const uint64_t ssthresh = wire.info().ssthresh;
    wire.peer({.flags = kAck | kEce});
    EXPECT_EQ(wire.info().ssthresh, ssthresh);
    EXPECT_EQ(wire.info().ecn_reductions, 0);
}

// Nor is a loss one more, which comes with a mark or within the window that one was for.
void ecn_acknowledged__or_for_a_loss_but_not_both(Check& check) {
    Wire wire(check);
    establish(wire);
    wire.writes(10000);
    wire.peer({});
    wire.peer({});
    wire.peer({.flags = kAck | kEce, .ack = 1001});
    const uint64_t ssthresh = wire.info().ssthresh;
    for (uint32_t i = 0; i < 3; ++i) wire.peer({.ack = 1001});
    EXPECT_EQ(wire.info().fast_recoveries, 1);
    EXPECT_EQ(wire.info().ecn_reductions, 1);
    EXPECT_EQ(wire.info().ssthresh, ssthresh);
}

// RFC 4015 section 3: the network was congested, whatever the recovery was for.
void ecn_acknowledged__cannot_be_undone(Check& check) {
    Wire wire(check);
    wire.peer(
        {.flags = kSyn | kEce | kCwr, .seq = 0, .ack = 0, .options = kHasMss | kHasSackPermitted});
    wire.peer({});
    wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
    wire.writes(10000);
    wire.pass_ms(20);
    wire.peer({.sack = {{1001, 10001}}});
    EXPECT_EQ(wire.info().fast_recoveries, 1);
    wire.peer({.flags = kAck | kEce, .sack = {{1001, 10001}}});
    wire.peer({.ack = 10001});
    wire.peer({.ack = 10001, .sack = {{1, 1001}}});
    EXPECT_EQ(wire.info().undos, 0);
}

constexpr kunit::Test kTests[] = {
    TEST(ecn_agree__gives_it_to_a_peer_that_asks),
    TEST(ecn_agree__not_if_the_syn_comes_again_without),
    TEST(ecn_syn_flags__asks_if_told_to),
    TEST(ecn_syn_flags__not_in_a_second_syn),
    TEST(ecn_mark__new_data_only),
    TEST(ecn_received__echoes_until_told_to_stop),
    TEST(ecn_received__nothing_where_not_agreed),
    TEST(ecn_acknowledged__halves_once_a_window),
    TEST(ecn_acknowledged__not_besides_a_loss),
    TEST(ecn_acknowledged__or_for_a_loss_but_not_both),
    TEST(ecn_acknowledged__cannot_be_undone),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_ecn_suite = SUITE("tcp_ecn", scout::kTests);

}  // namespace kunit
