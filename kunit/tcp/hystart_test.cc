// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/hystart.hh"

#include "kunit/framework.hh"
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint64_t kMs = Wire::kMs;

// A connection in its initial slow start: windows of so many segments, each acknowledged by itself.
struct Path {
    // Two of them would be too large for a kernel's stack.
    const dominoes::Owned<TcpState> allocated{dominoes::make<TcpState>()};
    TcpState& state{*allocated};

    explicit Path(uint32_t window = 10) {
        state.mss = 1000;
        state.cwnd = state.snd_nxt = window * 1000;
        state.ssthresh = tcp::kMaxWindow;
    }
    void acknowledge(uint64_t rtt_ns) {
        state.snd_una += state.mss;
        if (state.snd_una == state.snd_nxt) state.snd_nxt += state.cwnd;
        tcp::hystart_acknowledged(state, rtt_ns);
    }
    void round(uint64_t rtt_ms, uint32_t segments = 10) {
        for (uint32_t i = 0; i < segments; ++i) acknowledge(rtt_ms * kMs);
    }
    bool is_conservative() const { return tcp::hystart_growth(state, 4000) == 1000; }
    bool is_over() const { return state.ssthresh != tcp::kMaxWindow; }
};

// RFC 9406 section 4.2: RttThresh is an eighth of the last round's least, from 4 ms to 16 ms.
void hystart_acknowledged__threshold(Check& check) {
    static constexpr struct {
        uint64_t rtt_ms;
        uint64_t threshold_ms;
    } kCases[] = {{1, 4}, {20, 4}, {80, 10}, {500, 16}};
    for (const auto& [rtt_ms, threshold_ms] : kCases) {
        Path below;
        below.round(rtt_ms);
        below.round(rtt_ms + threshold_ms - 1);
        EXPECT(!below.is_conservative());
        Path reached;
        reached.round(rtt_ms);
        reached.round(rtt_ms + threshold_ms);
        EXPECT(reached.is_conservative());
        EXPECT(!reached.is_over());
    }
}

// It is the least of a round that counts, and of at least 8 (N_RTT_SAMPLE).
void hystart_acknowledged__few_samples_say_nothing(Check& check) {
    Path path;
    path.round(20);
    path.round(90, 7);
    EXPECT(!path.is_conservative());
    path.acknowledge(20 * kMs);
    path.round(90, 2);
    EXPECT(!path.is_conservative());
    path.round(0);  // not measured
    EXPECT(!path.is_conservative());
}

void hystart_acknowledged__goes_back_when_it_was_an_accident(Check& check) {
    Path path;
    path.round(20);
    path.round(30);
    EXPECT(path.is_conservative());
    path.round(30);
    EXPECT(path.is_conservative());
    path.round(25);
    EXPECT(!path.is_conservative());
    path.round(25);
    EXPECT(!path.is_conservative());
    EXPECT(!path.is_over());
}

// CSS_ROUNDS is 5, with the one in which it began.
void hystart_acknowledged__over_after_five_rounds(Check& check) {
    Path path;
    path.round(20);
    path.round(30);
    for (uint32_t i = 0; i < 3; ++i) path.round(30 + i);
    path.round(40, 9);
    EXPECT(path.is_conservative());
    EXPECT(!path.is_over());
    path.acknowledge(40 * kMs);
    EXPECT_EQ(path.state.ssthresh, path.state.cwnd);
    EXPECT_EQ(tcp::hystart_growth(path.state, 4000), 4000);
}

// Section 4.3: only where ssthresh is arbitrarily high.
void hystart_acknowledged__initial_slow_start_only(Check& check) {
    Path path;
    path.state.ssthresh = 1'000'000;
    path.round(20);
    for (uint32_t i = 0; i < 10; ++i) path.round(90);
    EXPECT(!path.is_conservative());
    EXPECT_EQ(path.state.ssthresh, 1'000'000);
    Path lossy;
    lossy.round(20);
    lossy.round(30);
    EXPECT(lossy.is_conservative());
    lossy.state.ssthresh = 1'000'000;
    EXPECT(!lossy.is_conservative());
}

// Round trips that vary do not end it, as long as the shortest stay as short.
void hystart_acknowledged__jitter_does_not_end_it(Check& check) {
    kunit::Dice dice(3);
    for (uint32_t paths = check.scale(200, 10); paths > 0; --paths) {
        Path path(64);
        for (uint32_t i = 0; i < 64 * 50; ++i) path.acknowledge((20 + dice.below(20)) * kMs);
        EXPECT(!path.is_over());
    }
}

// On the wire: the window doubles, then grows by a quarter of what is acknowledged.
void slow_start__slower_when_round_trips_grow(Check& check) {
    Wire wire(check);
    wire.establish(kHasMss | kHasWindowScale, 60000, 4);
    wire.writes(60000);
    for (uint32_t i = 1; i <= 10; ++i) {
        if (i == 1) wire.pass_ms(20);
        wire.peer({.ack = 1 + 1000 * i});
    }
    EXPECT_EQ(wire.info().cwnd, 20000);
    wire.pass_ms(30);
    for (uint32_t i = 11; i <= 30; ++i) wire.peer({.ack = 1 + 1000 * i});
    EXPECT_EQ(wire.info().cwnd, 20000 + 7 * 1000 + 13 * 250);
}

// A window that was not used starts anew (RFC 7661 in spirit),
void slow_start__unused_windows_say_nothing(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(10000);
    wire.pass_ms(20);
    wire.peer({.ack = 1001});
    EXPECT(wire.state().hystart.samples > 0);
    wire.peer({.ack = 8001});
    wire.peer({.ack = 9001});
    EXPECT_EQ(wire.state().hystart.samples, 0);
    EXPECT_EQ(wire.state().hystart.round_end, 0);
}

// and so does a pause.
void slow_start__pauses_say_nothing(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(10000);
    wire.pass_ms(20);
    wire.peer({.ack = 10001});
    EXPECT_EQ(wire.state().hystart.last_min_ns, 20 * kMs);
    wire.pass_ms(1000);
    wire.writes(1000);
    EXPECT_EQ(wire.state().hystart.last_min_ns, 0);
}

constexpr kunit::Test kTests[] = {
    TEST(hystart_acknowledged__threshold),
    TEST(hystart_acknowledged__few_samples_say_nothing),
    TEST(hystart_acknowledged__goes_back_when_it_was_an_accident),
    TEST(hystart_acknowledged__over_after_five_rounds),
    TEST(hystart_acknowledged__initial_slow_start_only),
    TEST(hystart_acknowledged__jitter_does_not_end_it),
    TEST(slow_start__slower_when_round_trips_grow),
    TEST(slow_start__unused_windows_say_nothing),
    TEST(slow_start__pauses_say_nothing),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_hystart_suite = SUITE("tcp_hystart", scout::kTests);

}  // namespace kunit
