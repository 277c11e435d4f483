// SPDX-License-Identifier: GPL-2.0
//
// Clocks that wrap: connections that live for months. Our timestamps go round in 49.7 days, and
// half of that is as far as one can be told to be before another; a peer's in 71 minutes if its
// clock ticks in microseconds, as Linux's can. Wire conversations: see kunit/tcp/wire.hh.
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint8_t kTimestamps = kHasMss | kHasTimestamps;
constexpr uint8_t kAllOptions = kTimestamps | kHasSackPermitted;
constexpr uint64_t kSecond = tcp::kSecond;
constexpr uint64_t kMinute = 60 * kSecond;
constexpr uint64_t kHour = 60 * kMinute;
constexpr uint64_t kDay = 24 * kHour;

// What a peer's clock may tick in: RFC 7323 section 5.4 allows 1 ms to 1 s.
constexpr uint64_t kTicks[] = {kSecond, 10 * Wire::kMs, Wire::kMs, 1000};

// Among them where a clock of microseconds, or of milliseconds, is half round, and all round.
constexpr uint64_t kPauses[] = {10 * kMinute, 40 * kMinute, 72 * kMinute, 2 * kHour,
                                23 * kDay,    30 * kDay,    50 * kDay,    100 * kDay};

// The peer, whose clock ticks so.
class Ticking {
public:
    Ticking(Wire& wire, uint64_t tick_ns) : wire_(wire), tick_ns_(tick_ns), begin_ns_(wire.now()) {}
    // 100 is what establish() begins with.
    uint32_t clock() const {
        return static_cast<uint32_t>(100 + (wire_.now() - begin_ns_) / tick_ns_);
    }
    Seg stamped(Seg seg, uint32_t late = 0) const {
        seg.options |= kHasTimestamps;
        seg.ts_val = clock() - late;
        return seg;
    }

private:
    Wire& wire_;
    const uint64_t tick_ns_;
    const uint64_t begin_ns_;
};

// --- the peer's clock (RFC 7323 section 5) -------------------------------------------------------

// Ten bytes arrive, and what is older is still told from them.
void expect_goes_on(Check& check, Wire& wire, const Ticking& peer, uint32_t seq) {
    wire.peer(peer.stamped({.seq = seq, .len = 10}));
    wire.delivered(seq - 1, 10, seq + 9);
    wire.pass_ms(100);  // acknowledged: TS.Recent is of the next
    wire.peer(peer.stamped({.seq = seq + 10, .len = 10}));
    wire.challenges(peer.stamped({.seq = seq + 20, .len = 10}, 5));
    wire.in(TcpPhase::kEstablished);
    EXPECT_EQ(wire.rcv_nxt(), seq + 20);
}

void paws__after_a_pause(Check& check) {
    for (uint64_t tick_ns : kTicks) {
        for (uint64_t pause_ns : kPauses) {
            Wire wire(check);
            const Ticking peer(wire, tick_ns);
            wire.establish(kTimestamps);
            wire.pass(pause_ns);
            wire.quiet();
            expect_goes_on(check, wire, peer, 1);
            wire.pass(pause_ns);
            expect_goes_on(check, wire, peer, 21);
        }
    }
}

// The peer is silent but for its answers.
void paws__after_a_pause_with_keepalives(Check& check) {
    TcpConfig config = Wire::config();
    config.options.keep_alive = 1;
    for (uint64_t tick_ns : kTicks) {
        Wire wire(check, config);
        const Ticking peer(wire, tick_ns);
        wire.establish(kTimestamps);
        for (uint64_t silent_ns = 0; silent_ns < 100 * kDay; silent_ns += 2 * kHour) {
            wire.pass(2 * kHour);
            wire.sent(kAck, 0, 1, 0);
            wire.pass_ms(20);
            wire.peer(peer.stamped({}));
            wire.quiet();
            EXPECT_EQ(wire.state().keep_probes, 0);
            if (check.failed()) return;
        }
        expect_goes_on(check, wire, peer, 1);
    }
}

// What the peer sends all the time wraps any clock.
void paws__while_data_flows(Check& check) {
    for (uint64_t tick_ns : kTicks) {
        Wire wire(check);
        const Ticking peer(wire, tick_ns);
        wire.establish(kTimestamps);
        uint32_t seq = 1;
        for (uint64_t time_ns = 0; time_ns < 60 * kDay; time_ns += 30 * kMinute, seq += 10) {
            wire.pass(30 * kMinute);
            wire.peer(peer.stamped({.seq = seq, .len = 10}));
            wire.delivered(seq - 1, 10, seq + 9);
            wire.reads(10);
            if (check.failed()) return;
        }
    }
}

// --- our own clock -------------------------------------------------------------------------------

// It wraps so many milliseconds after the wire begins.
TcpConfig wraps_after(uint32_t ms) {
    constexpr uint32_t kWireBeginsMs = 1000;
    TcpConfig config = Wire::config();
    config.ts_offset = 0u - kWireBeginsMs - ms;
    return config;
}

Seg echoing(Seg seg, uint32_t ts_ecr) {
    seg.options |= kHasTimestamps;
    seg.ts_val = 200;
    seg.ts_ecr = ts_ecr;
    return seg;
}

void own_clock__wraps_while_data_flows(Check& check) {
    Wire wire(check, wraps_after(200));
    wire.establish(kTimestamps);
    uint32_t seq = 1;
    uint32_t last = 0;
    for (uint32_t i = 0; i < 20; ++i, seq += 100) {
        wire.writes(100);
        const uint32_t ts_val = wire.sent(kAck, seq, 1, 100).ts_val;
        EXPECT(last == 0 || ts_val - last == 20);
        last = ts_val;
        wire.pass_ms(20);
        wire.peer(echoing({.ack = seq + 100}, ts_val));
    }
    EXPECT(last < 200);
    EXPECT(wire.info().srtt_us > 15'000 && wire.info().srtt_us <= 20'000);
    EXPECT_EQ(wire.info().timeouts, 0);
}

// RFC 7323 section 4.1: what was sent twice is measured by its echo, here from before the wrap.
void own_clock__measures_across_its_wrap(Check& check) {
    Wire wire(check, wraps_after(10));
    wire.establish(kTimestamps);
    wire.state().srtt_ns = wire.state().min_rtt_ns = 100 * Wire::kMs;
    wire.writes(100);
    const uint32_t original = wire.sent(kAck, 1, 1, 100).ts_val;
    EXPECT_EQ(original, 0u - 10);
    wire.pass_ms(220);
    EXPECT_EQ(wire.info().timeouts, 1);
    wire.peer(echoing({.ack = 101}, original));
    EXPECT_EQ(wire.info().srtt_us, (7 * 100'000 + 220'000) / 8);
}

// Of what was sent twice an echo from before a pause tells nothing, however often the clock has
// gone round.
void own_clock__measures_no_pause(Check& check) {
    for (uint64_t pause_ns : kPauses) {
        Wire wire(check);
        wire.establish(kTimestamps);
        wire.state().srtt_ns = wire.state().min_rtt_ns = 100 * Wire::kMs;
        const uint32_t old = wire.ts_now();
        wire.pass(pause_ns);
        wire.writes(100);
        wire.pass_ms(220);
        EXPECT_EQ(wire.info().timeouts, 1);
        wire.peer(echoing({.ack = 101}, old));
        EXPECT_EQ(wire.info().srtt_us, 100'000);
    }
}

// RFC 3522 section 3.2, where the original was sent before the wrap and its copy after it.
void own_clock__tells_the_original_from_its_copy(Check& check) {
    for (uint32_t echoes_copy = 0; echoes_copy < 2; ++echoes_copy) {
        Wire wire(check, wraps_after(10));
        wire.establish(kAllOptions);
        wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
        wire.writes(10 * wire.state().mss);
        const uint32_t original = wire.sent(kAck, 1, 1, 9880).ts_val;
        wire.pass_ms(20);
        wire.peer(echoing({.sack = {{989, 3953}}}, original));
        const uint32_t copy = wire.sent(kAck, 1, 1, 988).ts_val;
        EXPECT(original > 0xfffffff0u && copy < 100);
        wire.pass_ms(20);
        wire.peer(echoing({.ack = 3953}, echoes_copy ? copy : original));
        EXPECT_EQ(wire.info().undos, 1 - echoes_copy);
    }
}

// A user timeout may be 49 days. After more than half of the numbers the copy's echo is no older
// than what it is compared with.
void own_clock__tells_them_after_weeks(Check& check) {
    for (uint64_t days = 20; days < 49; days += 7) {
        TcpConfig config = Wire::config();
        config.options.user_timeout_ms = 0xffffffff;
        Wire wire(check, config);
        wire.establish(kAllOptions);
        wire.writes(100);
        wire.sent(kAck, 1, 1, 100);
        wire.pass(days * kDay);
        wire.in(TcpPhase::kEstablished);
        EXPECT(wire.state().recovery == TcpRecovery::kLoss);
        wire.peer(echoing({.ack = 101}, wire.ts_now() - 20));
        EXPECT_EQ(wire.info().undos, 0);
        EXPECT_EQ(wire.snd_una(), 101);
    }
}

// The receiver's own measurement (scout/tcp/tuning.hh) was under way when the pause began. The peer
// has since heard from us, so what it echoes is of half a round of the clock later.
void own_clock__receiver_measures_after_a_pause(Check& check) {
    for (uint64_t pause_ns : kPauses) {
        Wire wire(check);
        wire.establish(kTimestamps);
        wire.state().tuning.rtt_ns = 20 * Wire::kMs;
        wire.pass_ms(10);
        wire.peer(echoing({.len = 2000}, wire.ts_now()));
        wire.sent(kAck, 1, 2001, 0);
        wire.pass(pause_ns);
        uint32_t seq = 2001;
        for (uint32_t i = 0; i < 20; ++i, seq += 2000) {
            wire.peer(echoing({.seq = seq, .len = 2000}, wire.ts_now() - (i == 0 ? 20 : 100)));
            wire.reads(2000);
            wire.pass_ms(100);
        }
        EXPECT(wire.state().tuning.rtt_ns > 50 * Wire::kMs);
        EXPECT(wire.state().tuning.rtt_ns < kSecond);
    }
}

// --- timers --------------------------------------------------------------------------------------

void timers__of_weeks(Check& check) {
    TcpConfig config = Wire::config();
    config.options.keep_alive = 1;
    config.options.keep_idle_s = 30 * 24 * 3600;
    Wire wire(check, config);
    wire.establish(kTimestamps);
    wire.pass(30 * kDay - 1);
    wire.quiet();
    wire.pass(1);
    wire.sent(kAck, 0, 1, 0);
    wire.peer(echoing({}, wire.ts_now()));
    wire.option(&TcpOptions::user_timeout_ms, 0xffffffff);
    wire.writes(100);
    const uint64_t since = wire.now();
    wire.pass(0xffffffffull * Wire::kMs - 1);
    wire.in(TcpPhase::kEstablished);
    wire.pass(1);
    wire.ended(kEtimedout);
    EXPECT_EQ(wire.now() - since, 0xffffffffull * Wire::kMs);
}

// After a pause of any length data goes out again, from a small window, and is acknowledged.
void timers__sending_after_a_pause(Check& check) {
    for (uint64_t pause_ns : kPauses) {
        for (uint8_t congestion = 0; congestion < 2; ++congestion) {
            TcpConfig config = Wire::config();
            config.congestion = static_cast<TcpCongestion>(congestion);
            Wire wire(check, config);
            wire.establish(kAllOptions);
            wire.state().cwnd = wire.state().ssthresh = 40'000;
            wire.state().srtt_ns = wire.state().min_rtt_ns = 20 * Wire::kMs;
            wire.pass(pause_ns);
            wire.writes(40'000);
            EXPECT_EQ(wire.bytes_sent(), 9880);  // IW10, less timestamps
            wire.pass_ms(20);
            wire.peer(echoing({.ack = 9881}, wire.ts_now() - 20));
            EXPECT(wire.bytes_sent() >= 9880);
            EXPECT(wire.info().srtt_us < 30'000);
            wire.shutdown();
            EXPECT_EQ(wire.info().timeouts, 0);
        }
    }
}

constexpr kunit::Test kTests[] = {
    TEST(paws__after_a_pause),
    TEST(paws__after_a_pause_with_keepalives),
    TEST(paws__while_data_flows),
    TEST(own_clock__wraps_while_data_flows),
    TEST(own_clock__measures_across_its_wrap),
    TEST(own_clock__measures_no_pause),
    TEST(own_clock__tells_the_original_from_its_copy),
    TEST(own_clock__tells_them_after_weeks),
    TEST(own_clock__receiver_measures_after_a_pause),
    TEST(timers__of_weeks),
    TEST(timers__sending_after_a_pause),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_clock_suite = SUITE("tcp_clock", scout::kTests);

}  // namespace kunit
