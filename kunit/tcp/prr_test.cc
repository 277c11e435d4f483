// SPDX-License-Identifier: GPL-2.0
//
// RFC 6937 section 3, with the bounds of RFC 9937 section 6.2.
#include "scout/tcp/prr.hh"

#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

// A fast recovery with so many bytes in the network.
TcpState recovering(uint64_t in_network, uint64_t ssthresh) {
    TcpState state{};
    state.recovery = TcpRecovery::kFast;
    state.mss = 1000;
    state.ssthresh = ssthresh;
    state.snd_una = kSeqBase;
    state.snd_nxt = kSeqBase + in_network;
    return state;
}

// As many bytes as cwnd allows, in full segments.
uint64_t send(TcpState& state) {
    uint64_t bytes = 0;
    while (state.snd_nxt - state.snd_una + state.mss <= state.cwnd) {
        state.snd_nxt += state.mss;
        bytes += state.mss;
    }
    tcp::prr_sent(state, bytes);
    return bytes;
}

// RecoverFS is what is in flight, and nothing of an earlier recovery counts.
void prr_begin__counts_from_here(Check& check) {
    TcpState state = recovering(7000, 3500);
    state.prr_flight = 1;
    state.prr_delivered = 2;
    state.prr_out = 3;
    tcp::prr_begin(state);
    EXPECT_EQ(state.prr_flight, 7000);
    EXPECT_EQ(state.prr_delivered, 0);
    EXPECT_EQ(state.prr_out, 0);
}

// Whatever part of the window ssthresh is, that part of what arrives is sent. When all has arrived
// that was in flight, ssthresh has been sent.
void prr_delivered__in_proportion(Check& check) {
    constexpr uint64_t kThresholds[] = {10000, 14000, 5000};
    for (uint64_t ssthresh : kThresholds) {
        TcpState state = recovering(20000, ssthresh);
        tcp::prr_begin(state);
        uint64_t sent = 0;
        for (uint64_t delivered = 1000; delivered <= 20000; delivered += 1000) {
            state.snd_una += 1000;
            const bool above = state.snd_nxt - state.snd_una > ssthresh;
            tcp::prr_delivered(state, 1000, false);
            sent += send(state);
            const uint64_t share = delivered * ssthresh / 20000;
            EXPECT(sent <= share);
            EXPECT(sent + state.mss > share || !above);
        }
        EXPECT_EQ(sent, ssthresh);
        EXPECT_EQ(state.cwnd, ssthresh);
    }
}

// CEIL(prr_delivered * ssthresh / RecoverFS)
void prr_delivered__rounds_up(Check& check) {
    TcpState state = recovering(3000, 2000);
    tcp::prr_begin(state);
    ++state.snd_una;
    tcp::prr_delivered(state, 1, false);
    EXPECT_EQ(state.cwnd, 2999 + 1);
}

// More was sent than the share, as the first retransmission does: that is made up for.
void prr_delivered__what_was_sent_too_early_is_not_sent_again(Check& check) {
    TcpState state = recovering(9000, 5000);
    state.prr_flight = 10000;
    state.prr_out = 1000;
    tcp::prr_delivered(state, 1000, true);
    EXPECT_EQ(state.cwnd, 9000);
    tcp::prr_delivered(state, 1000, true);
    EXPECT_EQ(state.cwnd, 9000);
    tcp::prr_delivered(state, 2000, true);
    EXPECT_EQ(state.cwnd, 10000);
}

// So much is lost that there is less in the network than there may be: it is filled up, by no more
// than has left (packet conservation), and up to ssthresh.
void prr_delivered__fills_up_to_ssthresh(Check& check) {
    TcpState state = recovering(3000, 5000);
    state.prr_flight = 10000;
    tcp::prr_delivered(state, 1000, false);
    EXPECT_EQ(state.cwnd, 4000);
    EXPECT_EQ(send(state), 1000);
    state.snd_una += 1000;
    tcp::prr_delivered(state, 1000, false);
    EXPECT_EQ(state.cwnd, 4000);
    tcp::prr_delivered(state, 4000, true);
    EXPECT_EQ(state.cwnd, 5000);
}

// There was nothing to send for a while. That may go now.
void prr_delivered__catches_up(Check& check) {
    TcpState state = recovering(1000, 9000);
    state.prr_flight = 18000;
    state.prr_delivered = 4000;
    state.prr_out = 1000;
    tcp::prr_delivered(state, 1000, false);
    EXPECT_EQ(state.cwnd, 5000);
}

// Nothing is in the network, and nothing was delivered.
void prr_delivered__a_segment_at_least(Check& check) {
    TcpState state = recovering(0, 5000);
    state.prr_flight = 10000;
    tcp::prr_delivered(state, 0, false);
    EXPECT_EQ(state.cwnd, 1000);
}

void prr_sent__counts_in_fast_recovery_only(Check& check) {
    TcpState state = recovering(1000, 5000);
    constexpr TcpRecovery kOthers[] = {TcpRecovery::kOpen, TcpRecovery::kLoss};
    for (TcpRecovery other : kOthers) {
        state.recovery = other;
        tcp::prr_sent(state, 1000);
        EXPECT_EQ(state.prr_out, 0);
    }
    state.recovery = TcpRecovery::kFast;
    tcp::prr_sent(state, 1000);
    tcp::prr_sent(state, 500);
    EXPECT_EQ(state.prr_out, 1500);
}

// One of ten is lost. Of the other nine each tells of its arrival, and the window is half of what
// it was when the last has.
void conversation__one_of_ten_is_lost(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss | kHasSackPermitted);
    wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
    wire.writes(10000);
    wire.writes(10000);
    wire.pass_ms(20);
    wire.peer({.sack = {{1001, 4001}}});  // 3 of 10: a share of 1500
    wire.sent(kAck, 1, 1, 1000);
    wire.quiet();
    wire.peer({.sack = {{1001, 5001}}});  // 2000
    wire.sent(kAck, 10001, 1, 1000);
    wire.quiet();
    wire.peer({.sack = {{1001, 6001}}});  // 2500
    wire.quiet();
    wire.peer({.sack = {{1001, 7001}}});  // 5000 are in the network, which is ssthresh
    wire.quiet();
    for (uint32_t end = 8001; end <= 10001; end += 1000) {  // from now on one for each
        wire.peer({.sack = {{1001, end}}});
        wire.sent(kAck, end + 3000, 1, 1000);
        wire.quiet();
    }
    EXPECT_EQ(wire.info().cwnd, 5000);
    wire.pass_ms(20);
    wire.peer({.ack = 14001});
    EXPECT(wire.state().recovery == TcpRecovery::kOpen);
    EXPECT_EQ(wire.info().cwnd, 5000);
}

constexpr kunit::Test kTests[] = {
    TEST(prr_begin__counts_from_here),
    TEST(prr_delivered__in_proportion),
    TEST(prr_delivered__rounds_up),
    TEST(prr_delivered__what_was_sent_too_early_is_not_sent_again),
    TEST(prr_delivered__fills_up_to_ssthresh),
    TEST(prr_delivered__catches_up),
    TEST(prr_delivered__a_segment_at_least),
    TEST(prr_sent__counts_in_fast_recovery_only),
    TEST(conversation__one_of_ten_is_lost),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_prr_suite = SUITE("tcp_prr", scout::kTests);

}  // namespace kunit
