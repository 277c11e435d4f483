// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/cubic.hh"

#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

void cube_root__rounds_down(Check& check) {
    static constexpr uint64_t kRoots[] = {0, 1, 2, 3, 10, 999, 1'000'000, 2'000'000};
    for (uint64_t root : kRoots) {
        EXPECT_EQ(tcp::cube_root(root * root * root), root);
        EXPECT_EQ(tcp::cube_root((root + 1) * (root + 1) * (root + 1) - 1), root);
    }
}

// A connection with a large window, just after a loss; RFC 9438 section 4.6.
struct Path {
    TcpState state{};

    explicit Path(uint64_t cwnd) {
        state.mss = 1000;
        state.srtt_ns = 100'000'000;
        state.now_ns = 1'000'000'000;
        state.cwnd = cwnd;
        state.ssthresh = tcp::cubic_threshold(state, cwnd);
        state.cwnd = state.ssthresh;
    }
    // Round trips in which the whole window is acknowledged.
    void pass(uint32_t round_trips) {
        for (uint32_t i = 0; i < round_trips; ++i) {
            state.now_ns += state.srtt_ns;
            tcp::cubic_acknowledged(state, state.cwnd);
        }
    }
};

void cubic_threshold__seven_tenths(Check& check) {
    Path path(1'000'000);
    EXPECT_EQ(path.state.ssthresh, 700'000);
    EXPECT_EQ(path.state.cubic.w_max, 1'000'000);
}

// Section 4.7: a second loss before the window was back makes room.
void cubic_threshold__converges_fast(Check& check) {
    Path path(1'000'000);
    path.pass(2);
    const uint64_t cwnd = path.state.cwnd;
    EXPECT(cwnd < 1'000'000);
    (void)tcp::cubic_threshold(path.state, cwnd);
    EXPECT_EQ(path.state.cubic.w_max, cwnd * 17 / 20);
}

// Figure 2: K is the cube root of 300 / 0.4 = 9.08 s; there the window is what it was.
void cubic_acknowledged__back_after_k(Check& check) {
    Path path(1'000'000);
    path.pass(45);
    EXPECT(path.state.cwnd > 920'000 && path.state.cwnd < 1'000'000);
    path.pass(46);
    EXPECT(path.state.cwnd > 990'000 && path.state.cwnd < 1'010'000);
    path.pass(90);  // and grows beyond: 0.4 * 9^3 = 292 segments more
    EXPECT(path.state.cwnd > 1'250'000 && path.state.cwnd < 1'350'000);
}

// Section 4.3: never slower than NewReno would be; here 10 segments of 20 round trips.
void cubic_acknowledged__small_windows_grow_as_newreno(Check& check) {
    Path path(20'000);
    path.state.srtt_ns = 1'000'000;
    path.pass(20);
    EXPECT(path.state.cwnd >= 14'000 + 20 * 1000 * 9 / 17 - 1000);
}

// Section 4.2: pauses do not count.
void cubic_idle__shifts_the_epoch(Check& check) {
    Path path(1'000'000);
    path.pass(10);
    const uint64_t cwnd = path.state.cwnd;
    path.state.now_ns += 3'600'000'000'000;
    tcp::cubic_idle(path.state, 3'600'000'000'000);
    path.pass(1);
    EXPECT(path.state.cwnd < cwnd + 10'000);
}

void cubic_acknowledged__no_overflow(Check& check) {
    Path path(tcp::kMaxWindow);
    path.state.srtt_ns = 10'000'000'000;
    path.pass(1000);
    EXPECT_EQ(path.state.cwnd, tcp::kMaxWindow);
}

// RFC 9438 in the whole machine: the default, and what a loss does to it.
void congestion_loss__by_algorithm(Check& check) {
    static constexpr struct {
        TcpCongestion algorithm;
        uint64_t ssthresh;
    } kCases[] = {{TcpCongestion::kCubic, 7000}, {TcpCongestion::kNewReno, 5000}};
    for (const auto& one : kCases) {
        TcpConfig config = Wire::config();
        config.congestion = one.algorithm;
        Wire wire(check, config);
        wire.establish();
        wire.writes(10000);
        for (uint32_t i = 0; i < 3; ++i) wire.peer({});
        EXPECT_EQ(wire.info().ssthresh, one.ssthresh);
    }
}

constexpr kunit::Test kTests[] = {
    TEST(cube_root__rounds_down),
    TEST(cubic_threshold__seven_tenths),
    TEST(cubic_threshold__converges_fast),
    TEST(cubic_acknowledged__back_after_k),
    TEST(cubic_acknowledged__small_windows_grow_as_newreno),
    TEST(cubic_idle__shifts_the_epoch),
    TEST(cubic_acknowledged__no_overflow),
    TEST(congestion_loss__by_algorithm),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_cubic_suite = SUITE("tcp_cubic", scout::kTests);

}  // namespace kunit
