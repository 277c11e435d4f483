// SPDX-License-Identifier: GPL-2.0
#include "scout/connection/reuse.hh"

#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

// In TIME-WAIT: 100 bytes were received, 10 sent, and the latest timestamp was 500.
TcpInfo waiting(Check& check, bool timestamps) {
    const uint8_t option = timestamps ? kHasTimestamps : 0;
    Wire wire(check);
    wire.establish(static_cast<uint8_t>(kHasMss | option));
    wire.writes(10);
    wire.shutdown();
    wire.peer({.flags = kAck | kFin, .ack = 12, .len = 100, .options = option, .ts_val = 500});
    EXPECT(wire.phase() == TcpPhase::kTimeWait);
    return wire.info();
}

SegmentEvent syn(uint32_t seq, uint8_t options = 0, uint32_t ts_val = 0) {
    SegmentEvent event{};
    event.flags = kSyn;
    event.seq = seq + Wire::kIrs;
    event.options = options;
    event.ts_val = ts_val;
    return event;
}

void tcp_may_reopen__with_a_later_sequence_number(Check& check) {
    const TcpInfo old = waiting(check, false);
    EXPECT(tcp_may_reopen(old, syn(103)));
    EXPECT(tcp_may_reopen(old, syn(1'000'000'000)));
    EXPECT(!tcp_may_reopen(old, syn(102)));  // RCV.NXT
    EXPECT(!tcp_may_reopen(old, syn(50)));
    EXPECT(!tcp_may_reopen(old, syn(3'000'000'000)));
}

// RFC 6191 section 2.
void tcp_may_reopen__with_a_later_timestamp(Check& check) {
    const TcpInfo old = waiting(check, true);
    EXPECT(tcp_may_reopen(old, syn(50, kHasTimestamps, 501)));
    EXPECT(!tcp_may_reopen(old, syn(50, kHasTimestamps, 500)));
    EXPECT(tcp_may_reopen(old, syn(103, kHasTimestamps, 500)));
    EXPECT(!tcp_may_reopen(old, syn(103, kHasTimestamps, 499)));
    EXPECT(tcp_may_reopen(old, syn(103)));
    EXPECT(!tcp_may_reopen(old, syn(50)));
}

// Both kinds of numbers go round.
void tcp_may_reopen__across_a_wrap(Check& check) {
    TcpInfo old = waiting(check, true);
    old.ts_recent = 0xffffff00;
    EXPECT(tcp_may_reopen(old, syn(50, kHasTimestamps, 5)));
    old.ts_recent = 5;
    EXPECT(!tcp_may_reopen(old, syn(103, kHasTimestamps, 0xffffff00)));
    old.rcv_nxt = 0xffffff00;
    SegmentEvent next = syn(0);
    next.seq = 5;
    EXPECT(tcp_may_reopen(old, next));
    old.rcv_nxt = 5;
    next.seq = 0xffffff00;
    EXPECT(!tcp_may_reopen(old, next));
}

void tcp_may_reopen__only_time_wait_and_only_a_syn(Check& check) {
    Wire wire(check);
    wire.establish();
    EXPECT(!tcp_may_reopen(wire.info(), syn(1000)));
    const TcpInfo old = waiting(check, false);
    constexpr uint8_t kOthers[] = {kAck, kRst};
    for (uint8_t flag : kOthers) {
        SegmentEvent other = syn(1000);
        other.flags |= flag;
        EXPECT(!tcp_may_reopen(old, other));
    }
}

void tcp_reopening_sequence__is_beyond_the_old_ones(Check& check) {
    const TcpInfo old = waiting(check, false);
    const uint32_t end = Wire::kIss + 12;
    EXPECT_EQ(tcp_reopening_sequence(old, end + 1), end + 1);
    EXPECT_EQ(tcp_reopening_sequence(old, end), end + 65536);
    EXPECT_EQ(tcp_reopening_sequence(old, end - 100000), end + 65536);
}

constexpr kunit::Test kTests[] = {
    TEST(tcp_may_reopen__with_a_later_sequence_number),
    TEST(tcp_may_reopen__with_a_later_timestamp),
    TEST(tcp_may_reopen__across_a_wrap),
    TEST(tcp_may_reopen__only_time_wait_and_only_a_syn),
    TEST(tcp_reopening_sequence__is_beyond_the_old_ones),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_reuse_suite = SUITE("tcp_reuse", scout::kTests);

}  // namespace kunit
