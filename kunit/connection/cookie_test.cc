// SPDX-License-Identifier: GPL-2.0
#include "scout/connection/cookie.hh"

#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint8_t kKey[16] = {1, 2, 3};
constexpr uint64_t kSecond = 1'000'000'000;

TcpCookieContext at(uint64_t seconds) {
    return {{IpAddress::v4(0xc0000201), 80},
            {IpAddress::v4(0xc0000202), 4000},
            kKey,
            seconds * kSecond,
            1 << 20};
}

SegmentEvent syn_with(uint8_t options, uint16_t mss = 1460) {
    SegmentEvent syn{};
    syn.seq = 77;
    syn.flags = kSyn;
    syn.options = options;
    syn.mss = mss;
    syn.window_scale = 7;
    return syn;
}

// The peer's ACK of the SYN,ACK that would be sent for `syn` when its TSval was 1000.
SegmentEvent answer_to(const SegmentEvent& syn, uint64_t seconds = 1000) {
    SegmentEvent ack{};
    ack.flags = kAck;
    ack.seq = syn.seq + 1;
    ack.ack = tcp_cookie_sequence(at(seconds), syn) + 1;
    ack.options = syn.options & kHasTimestamps;
    ack.ts_val = 4711;
    ack.ts_ecr = tcp_cookie_timestamp(1000, syn);
    ack.window = 500;
    return ack;
}

void tcp_cookie_open__brings_the_syn_back(Check& check) {
    SegmentEvent syn =
        syn_with(kHasMss | kHasTimestamps | kHasWindowScale | kHasSackPermitted, 1460);
    syn.flags |= kEce | kCwr;
    SegmentEvent found{};
    EXPECT(tcp_cookie_open(at(1000), answer_to(syn), found));
    EXPECT_EQ(found.seq, 77);
    EXPECT_EQ(found.flags, kSyn | kEce | kCwr);
    EXPECT_EQ(found.options, syn.options);
    EXPECT_EQ(found.mss, 1460);
    EXPECT_EQ(found.window_scale, 7);
    EXPECT_EQ(found.ts_val, 4711);
    EXPECT(tcp_cookie_open(at(1000), answer_to(syn_with(kHasTimestamps)), found));
    EXPECT_EQ(found.flags, kSyn);
    EXPECT_EQ(found.options, kHasMss | kHasTimestamps);
    EXPECT_EQ(found.mss, 536);
}

void tcp_cookie_open__never_a_larger_mss(Check& check) {
    for (uint32_t mss = 88; mss <= 65535; mss += 7) {
        SegmentEvent found{};
        const SegmentEvent syn = syn_with(kHasMss, static_cast<uint16_t>(mss));
        EXPECT(tcp_cookie_open(at(1000), answer_to(syn), found));
        EXPECT(found.mss <= mss);
        EXPECT(mss < 536 || found.mss >= 536);
        EXPECT_EQ(found.options, kHasMss);
    }
}

void tcp_cookie_open__only_for_a_while(Check& check) {
    const SegmentEvent ack = answer_to(syn_with(kHasMss), 1000);
    SegmentEvent found{};
    EXPECT(tcp_cookie_open(at(1000 + 64), ack, found));
    EXPECT(!tcp_cookie_open(at(1000 + 128), ack, found));
    EXPECT(!tcp_cookie_open(at(1000 + 32 * 64), ack, found));  // when the 5 bits come again
    EXPECT(!tcp_cookie_open(at(1000 - 64), ack, found));
}

void tcp_cookie_open__only_ours(Check& check) {
    const SegmentEvent good = answer_to(syn_with(kHasMss));
    SegmentEvent found{};
    TcpCookieContext other = at(1000);
    other.peer.port = 4001;
    EXPECT(!tcp_cookie_open(other, good, found));
    constexpr uint8_t kOtherKey[16] = {9};
    other = at(1000);
    other.key = kOtherKey;
    EXPECT(!tcp_cookie_open(other, good, found));
    other = at(1000);
    other.receive_max = 1 << 14;  // we would scale our window by less than we said
    EXPECT(!tcp_cookie_open(other, good, found));
    SegmentEvent wrong = good;
    ++wrong.seq;
    EXPECT(!tcp_cookie_open(at(1000), wrong, found));
    uint32_t guessed = 0;
    for (uint32_t i = 8; i < 100'000; ++i) {
        wrong = good;
        wrong.ack += i * 42'949;
        guessed += tcp_cookie_open(at(1000), wrong, found);
    }
    EXPECT_EQ(guessed, 0);
}

void tcp_cookie_timestamp__is_never_ahead(Check& check) {
    for (uint32_t now = 0u - 200; now != 200; ++now) {
        for (uint8_t scale = 0; scale <= 14; ++scale) {
            SegmentEvent syn = syn_with(kHasTimestamps | kHasWindowScale);
            syn.window_scale = scale;
            EXPECT(now - tcp_cookie_timestamp(now, syn) < 64);
        }
    }
}

// Our clock goes round between the cookie and what follows it.
void tcp_cookie_timestamp__just_after_the_clocks_wrap(Check& check) {
    const SegmentEvent syn = syn_with(kHasMss | kHasTimestamps | kHasWindowScale);
    SegmentEvent ack = answer_to(syn), found{};
    ack.ts_ecr = tcp_cookie_timestamp(3, syn);
    EXPECT(ack.ts_ecr > 0xffffff00);
    EXPECT(tcp_cookie_open(at(1000), ack, found));
    EXPECT_EQ(found.window_scale, 7);
    EXPECT_EQ(found.options, syn.options);
}

void tcp_cookie_restrict__without_timestamps_only_the_mss(Check& check) {
    SegmentEvent syn = syn_with(kHasMss | kHasWindowScale | kHasSackPermitted);
    syn.flags |= kEce | kCwr;
    tcp_cookie_restrict(syn);
    EXPECT_EQ(syn.options, kHasMss);
    EXPECT_EQ(syn.flags, kSyn);
    syn = syn_with(kHasMss | kHasTimestamps | kHasWindowScale | kHasSackPermitted);
    syn.window_scale = 200;
    tcp_cookie_restrict(syn);
    EXPECT_EQ(syn.options, kHasMss | kHasTimestamps | kHasWindowScale | kHasSackPermitted);
    EXPECT_EQ(syn.window_scale, 14);
}

// The step's part: the SYN that a cookie has answered is not answered again.
void tcp_step__goes_on_where_the_cookie_left_off(Check& check) {
    TcpConfig config = Wire::config();
    config.answered = true;
    Wire wire(check, config);
    wire.peer({.flags = kSyn, .seq = 0, .ack = 0, .options = kHasMss});
    wire.quiet();
    wire.peer({});
    EXPECT(wire.phase() == TcpPhase::kEstablished);
    wire.writes(100);
    wire.sent(kAck, 1, 1, 100);
}

constexpr kunit::Test kTests[] = {
    TEST(tcp_cookie_open__brings_the_syn_back),
    TEST(tcp_cookie_open__never_a_larger_mss),
    TEST(tcp_cookie_open__only_for_a_while),
    TEST(tcp_cookie_open__only_ours),
    TEST(tcp_cookie_timestamp__is_never_ahead),
    TEST(tcp_cookie_timestamp__just_after_the_clocks_wrap),
    TEST(tcp_cookie_restrict__without_timestamps_only_the_mss),
    TEST(tcp_step__goes_on_where_the_cookie_left_off),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_cookie_suite = SUITE("tcp_cookie", scout::kTests);

}  // namespace kunit
