// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

void tcp_step__time_never_goes_back(Check& check) {
    Wire wire(check);
    wire.establish();
    const uint64_t now = wire.state().now_ns;
    wire.state().now_ns = now + 50;
    wire.peer({});
    EXPECT_EQ(wire.state().now_ns, now + 50);
}

void tcp_step__app_read_is_not_beyond_what_came(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({.len = 10});
    wire.reads(1000);
    EXPECT_EQ(wire.state().app_read, 10);
}

void tcp_step__debug_counts_as_a_request_only(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.peer({});  // from now on every replica takes part
    TcpState* before = dominoes::make<TcpState>();
    Effects* effects = dominoes::make<Effects>();
    if (EXPECT(before && effects)) {
        *before = wire.state();
        dominoes::Request request{};
        request.kind = static_cast<uint32_t>(EventKind::kDebug);
        tcp_step(wire.state(), request, *effects);
        EXPECT_EQ(effects->count(), 0);
        ++before->requests;
        EXPECT(__builtin_memcmp(before, &wire.state(), sizeof *before) == 0);
    }
    dominoes::destroy(effects);
    dominoes::destroy(before);
}

void tcp_released__begins_at_0(Check& check) {
    Wire wire(check, Wire::config(true));
    EXPECT_EQ(tcp_released(wire.state()), 0);
    wire.connect();
    EXPECT_EQ(tcp_released(wire.state()), 0);
}

// A peer that knows the numbers and means ill, an application that does anything in any order.
void tcp_step__nothing_breaks_the_invariants(Check& check) {
    for (uint32_t round = 0; round < check.scale(3000, 50) && !check.failed(); ++round) {
        uint64_t chance = round * 0x9e3779b97f4a7c15 + 1;
        const auto below = [&](uint64_t n) {
            chance = chance * 6364136223846793005 + 1442695040888963407;
            return (chance >> 33) % n;
        };
        const auto near = [&](uint64_t seq, uint64_t base) {
            const uint64_t jump[] = {0, 0, 0, 1, below(3000), below(70000), below(1ull << 32)};
            const uint64_t by = jump[below(7)];
            return static_cast<uint32_t>((below(2) ? seq + by : seq - by) - base);
        };
        TcpConfig config = Wire::config(below(2));
        config.receive_bytes = 4096u << below(6);
        config.max_piece = static_cast<uint32_t>(1000 + below(60000));
        Wire wire(check, config);
        if (config.passive && below(2)) wire.establish(static_cast<uint8_t>(below(16)));
        for (uint32_t i = 0; i < 200 && !check.failed(); ++i) {
            const TcpState& s = wire.state();
            const uint64_t action = below(41);
            if (action < 28) {
                Seg seg{
                    .flags = static_cast<uint8_t>(below(8) ? kAck | (below(4) ? 0 : below(4) << 6)
                                                           : below(256)),
                    .seq = near(s.rcv_nxt, Wire::kIrs),
                    .ack = near(below(2) ? s.snd_nxt : s.snd_una, Wire::kIss),
                    .len = static_cast<uint32_t>(below(3) ? below(3000) : below(66000)),
                    .win = static_cast<uint16_t>(below(4) ? below(65536) : below(3)),
                    .options = static_cast<uint8_t>(
                        below(4) ? s.agreed & kAgreedTimestamps ? kHasTimestamps : 0 : below(16)),
                    .mss = static_cast<uint16_t>(below(65536)),
                    .scale = static_cast<uint8_t>(below(256)),
                    .ts_val = static_cast<uint32_t>(s.ts_recent + below(10) - 2),
                    .ts_ecr =
                        static_cast<uint32_t>(below(3) ? wire.ts_now() - below(100) : chance >> 16),
                    .ecn = static_cast<uint8_t>(below(4))};
                if (below(12) == 0) seg.flags |= kFin;
                for (uint64_t n = below(5); n-- > 0;) {
                    const uint32_t start =
                        near(s.snd_una + below(s.snd_nxt - s.snd_una + 1), Wire::kIss);
                    seg.sack[n] = {start, start + static_cast<uint32_t>(below(2500))};
                }
                wire.peer(seg);
            } else if (action < 31) {
                wire.writes(below(20000));
            } else if (action < 33) {
                wire.reads(below(5000));
            } else if (action < 35) {
                wire.pass_ms(below(4) ? below(300) : below(70000));
            } else if (action == 35) {
                wire.stray_timeout(static_cast<TimerKind>(below(kTimerKinds + 1)));
            } else if (action == 36) {
                const auto number = [&] { return static_cast<uint32_t>(1 + below(100)); };
                const auto either = [&] { return static_cast<uint8_t>(below(2)); };
                wire.set_options({.keep_idle_s = number(),
                                  .keep_interval_s = number(),
                                  .keep_count = number(),
                                  .user_timeout_ms = number() * either(),
                                  .keep_alive = either(),
                                  .no_delay = either(),
                                  .cork = either(),
                                  .ttl = static_cast<uint8_t>(number()),
                                  .tos = static_cast<uint8_t>(number()),
                                  .reserved = {}});
            } else if (action == 37) {
                wire.icmp(static_cast<uint8_t>(below(14)), static_cast<uint8_t>(below(17)),
                          near(s.snd_una, Wire::kIss), static_cast<uint16_t>(below(2000)));
            } else if (action == 40) {
                wire.icmp(3, 4, near(s.snd_una, Wire::kIss), static_cast<uint16_t>(below(1100)));
            } else if (action == 38) {
                wire.connect();
            } else if (below(8) == 0) {
                const uint64_t which = below(4);
                if (which == 0) wire.shutdown();
                if (which == 1) wire.close_reads();
                if (which == 2) wire.abort(static_cast<uint32_t>(below(2)), below(2));
                if (which == 3) wire.link(static_cast<uint32_t>(below(2000)));
            }
        }
    }
}

constexpr kunit::Test kTests[] = {
    TEST(tcp_step__time_never_goes_back),
    TEST(tcp_step__app_read_is_not_beyond_what_came),
    TEST(tcp_step__debug_counts_as_a_request_only),
    TEST(tcp_released__begins_at_0),
    TEST(tcp_step__nothing_breaks_the_invariants),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_step_suite = SUITE("tcp_step", scout::kTests);

}  // namespace kunit
