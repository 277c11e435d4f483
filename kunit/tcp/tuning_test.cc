// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/tuning.hh"

#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

constexpr uint32_t kRing = 65536;
constexpr uint32_t kMax = 1 << 20;
constexpr uint8_t kScaling = kHasMss | kHasWindowScale;

TcpConfig tuned() {
    TcpConfig config = Wire::config();
    config.receive_bytes = kRing;
    config.send_bytes = 16384;
    config.receive_max = config.send_max = kMax;
    return config;
}

// A connection with a round trip of 10 ms, whose peer sends what a test says.
struct Flow {
    Wire wire;
    uint64_t edge = 0;  // the furthest that the peer may send to
    uint32_t wanted = 0;

    explicit Flow(Check& check, const TcpConfig& config = tuned(), uint8_t options = kScaling)
        : wire(check, config) {
        wire.peer({.flags = kSyn, .seq = 0, .ack = 0, .options = options, .ts_val = 100});
        wire.pass_ms(10);
        wire.peer({.options = static_cast<uint8_t>(options & kHasTimestamps),
                   .ts_val = 100,
                   .ts_ecr = wire.ts_now() - 10});
        wire.state().quick_acks = 0;
        wire.in(TcpPhase::kEstablished);
    }

    // An acknowledgement goes out, and is timed.
    void begin_timing(Check& check) {
        wire.pass_ms(1);
        wire.peer(wire.right(kAck, 2000));
        EXPECT_EQ(wire.state().tuning.timed_ns, wire.now());
    }
    void look(Check& check) {
        for (const Effect& effect : wire.effects())
            if (effect.kind == EffectKind::kReceiveRoom) wanted = effect.bytes;
        EXPECT(wire.state().rcv_adv >= edge);
        edge = wire.state().rcv_adv;
    }
    // `arrives` bytes come, `read` are read, and a round trip passes.
    void round(Check& check, uint32_t arrives, uint32_t read) {
        wanted = 0;
        for (uint32_t part; arrives > 0; arrives -= part) {
            part = dominoes::min(arrives, 50'000u);
            wire.peer(wire.right(kAck, part));
            look(check);
        }
        wire.reads(read);
        look(check);
        wire.pass_ms(10);
        wire.reads(0);
        look(check);
    }
    uint64_t window() { return wire.state().rcv_adv - wire.state().rcv_nxt; }
};

// --- the window ---

void tuning_due__twice_what_is_read_and_more_while_that_grows(Check& check) {
    Flow flow(check);
    flow.round(check, 10'000, 10'000);
    EXPECT_EQ(flow.wanted, 0);
    flow.round(check, 26'000, 26'000);  // 2 * (26000 + 4 * 10000)
    EXPECT_EQ(flow.wanted, 262144);
    flow.round(check, 20'000, 20'000);
    EXPECT_EQ(flow.wanted, 0);
    flow.round(check, 60'000, 40'000);  // 2 * (40000 + 4 * 20000)
    EXPECT_EQ(flow.wanted, 262144);
}

void tuning_due__asks_again_in_the_next_round_trip(Check& check) {
    Flow flow(check);
    for (uint32_t i = 0; i < 3; ++i) {
        flow.round(check, 40'000, 40'000);
        EXPECT_EQ(flow.wanted, 131072);
    }
}

// What it reads then is not what it can read in every round trip, let alone twice that.
void tuning_due__pauses_are_no_growth(Check& check) {
    Flow flow(check);
    flow.round(check, 30'000, 0);
    flow.round(check, 0, 30'000);
    EXPECT_EQ(flow.wanted, 0);
}

void tuning_due__not_for_a_slow_reader(Check& check) {
    Flow flow(check);
    flow.round(check, 60'000, 5000);
    for (uint32_t i = 0; i < 20; ++i) {
        EXPECT_EQ(flow.wanted, 0);
        flow.round(check, 5000, 5000);
    }
    EXPECT_EQ(flow.wire.count(EffectKind::kReceiveRoom), 0);
}

void tuning_due__never_beyond_the_limit(Check& check) {
    Flow flow(check);
    for (uint32_t i = 0; i < 10; ++i) {
        const auto window = static_cast<uint32_t>(flow.window());
        flow.round(check, window, window);
        EXPECT(flow.wanted <= kMax);
        if (flow.wanted) flow.wire.ring(flow.wanted);
        flow.look(check);
    }
    EXPECT_EQ(flow.wire.info().receive_bytes, kMax);
    EXPECT_EQ(flow.window(), kMax);
    EXPECT_EQ(flow.wanted, 0);
}

void tuning_due__not_where_a_size_was_chosen(Check& check) {
    TcpConfig config = tuned();
    config.receive_max = config.send_max = 0;
    Flow flow(check, config);
    for (uint32_t i = 0; i < 5; ++i) flow.round(check, 60'000, 60'000);
    flow.wire.writes(16384);
    EXPECT_EQ(flow.wire.count(EffectKind::kReceiveRoom), 0);
    EXPECT_EQ(flow.wire.count(EffectKind::kSendRoom), 0);
    EXPECT_EQ(flow.wire.info().receive_max, kRing);
    EXPECT_EQ(flow.wire.info().send_max, 16384);
}

// RFC 7323 section 2.2: 65535 is then all that can be announced.
void tuning_begin__not_without_scaling(Check& check) {
    Flow flow(check, tuned(), kHasMss);
    for (uint32_t i = 0; i < 5; ++i) flow.round(check, 60'000, 60'000);
    EXPECT_EQ(flow.wire.count(EffectKind::kReceiveRoom), 0);
    EXPECT_EQ(flow.wire.info().receive_max, kRing);
}

void tcp_init__scale_is_that_of_the_limit(Check& check) {
    Wire wire(check, tuned());
    wire.peer({.flags = kSyn, .seq = 0, .ack = 0, .options = kScaling, .scale = 2});
    const TransmitEffect& answer = wire.sent(kSyn | kAck, 0, 1, 0);
    EXPECT_EQ(answer.window_scale, 5);
    EXPECT_EQ(answer.window, 65535);
}

// --- the ring ---

// What was promised goes where it would have gone; what is promised from now on goes to the new
// one. A segment may lie in both.
void tuning_ring__from_the_right_edge_on(Check& check) {
    Flow flow(check);
    Wire& wire = flow.wire;
    wire.peer(wire.right(kAck, 20'000));
    wire.reads(20'000);
    const uint64_t edge = wire.state().rcv_adv - wire.state().irs - 1;
    wire.ring(262144);
    EXPECT_EQ(wire.sent(kAck, 1, 20'001, 0).window, 262144 >> 5);
    EXPECT_EQ(wire.info().receive_bytes, 262144);
    EXPECT_EQ(wire.info().rcv_wnd, 262144);
    wire.peer(wire.right(kAck, 1000));
    EXPECT_EQ(wire.delivery(0).ring, 1);
    EXPECT_EQ(wire.delivery(0).ring_from, edge);
    wire.peer(wire.right(kAck, 60'000));
    EXPECT(wire.delivery(0).stream_offset < edge);
    EXPECT(wire.delivery(0).stream_offset + 60'000 > edge);
    EXPECT_EQ(wire.deliveries(), 1);
    EXPECT_EQ(wire.delivery(0).ring_from, edge);
}

// The reader has not come to the end of the ring before.
void tuning_ring__one_exchange_at_a_time(Check& check) {
    Flow flow(check);
    Wire& wire = flow.wire;
    wire.ring(131072);
    flow.round(check, 60'000, 60'000);
    EXPECT_EQ(flow.wanted, 0);
    wire.ring(262144);
    EXPECT_EQ(wire.info().receive_bytes, 131072);
    flow.round(check, 70'000, 70'000);
    EXPECT_EQ(flow.wanted, 262144);
    wire.ring(262144);
    EXPECT_EQ(wire.info().receive_bytes, 262144);
}

void tuning_ring__only_a_larger_one_within_the_limit(Check& check) {
    static constexpr uint32_t kWrong[] = {0, kRing / 2, kRing, kRing + 4096, 2 * kMax};
    Flow flow(check);
    for (uint32_t bytes : kWrong) {
        flow.wire.ring(bytes);
        flow.wire.quiet();
        EXPECT_EQ(flow.wire.info().receive_bytes, kRing);
        EXPECT_EQ(flow.wire.state().tuning.ring, 0);
    }
    Wire closed(check, tuned());
    closed.ring(2 * kRing);
    EXPECT_EQ(closed.info().receive_bytes, kRing);
}

// --- the round trip ---

void tuning_received__by_the_echo_of_a_timestamp(Check& check) {
    Flow flow(check, tuned(), kScaling | kHasTimestamps);
    Wire& wire = flow.wire;
    const auto data = [&](uint32_t ts_ecr) {
        Seg seg = wire.right(kAck, 2000);
        seg.options = kHasTimestamps;
        seg.ts_val = 100;
        seg.ts_ecr = ts_ecr;
        wire.peer(seg);
    };
    EXPECT_EQ(wire.state().tuning.rtt_ns, 10 * Wire::kMs);  // the handshake's
    wire.pass_ms(1);
    const uint32_t first = wire.ts_now();
    data(first - 1);  // acknowledged at once: that is timed
    wire.pass_ms(6);
    data(first - 1);
    EXPECT_EQ(wire.state().tuning.rtt_ns, 10 * Wire::kMs);
    wire.pass_ms(12);
    data(first);  // 18 ms
    EXPECT_EQ(wire.state().tuning.rtt_ns, 11 * Wire::kMs);
    const uint32_t second = wire.ts_now();
    wire.pass_ms(5000);  // the peer has nothing to send
    data(second);
    EXPECT_EQ(wire.state().tuning.rtt_ns, 11 * Wire::kMs * 9 / 8);
}

// Which waited for the later segment, perhaps: for a window that had been shut.
void tuning_received__not_by_the_echo_of_a_later_one(Check& check) {
    Flow flow(check, tuned(), kScaling | kHasTimestamps);
    Wire& wire = flow.wire;
    flow.begin_timing(check);
    wire.pass_ms(15);
    Seg seg = wire.right(kAck, 2000);
    seg.options = kHasTimestamps;
    seg.ts_val = 100;
    seg.ts_ecr = wire.ts_now() - 2;
    wire.peer(seg);
    EXPECT_EQ(wire.state().tuning.rtt_ns, 10 * Wire::kMs);
    EXPECT_EQ(wire.state().tuning.timed_ns, wire.now());  // this acknowledgement's turn
}

// Of several segments with one timestamp the first is meant.
void tuning_sent__times_the_first_of_a_millisecond(Check& check) {
    Flow flow(check, tuned(), kScaling | kHasTimestamps);
    Wire& wire = flow.wire;
    flow.begin_timing(check);
    wire.state().tuning.timed_ns = 0;
    wire.pass(Wire::kMs / 2);
    wire.peer(wire.right(kAck, 2000));
    EXPECT_EQ(wire.state().tuning.timed_ns, 0);
    wire.pass(Wire::kMs / 2);
    wire.peer(wire.right(kAck, 2000));
    EXPECT_EQ(wire.state().tuning.timed_ns, wire.now());
}

// Neither timestamps nor a handshake that could be timed (a cookie answered the SYN).
void tuning_received__by_a_window_that_arrives(Check& check) {
    TcpConfig config = tuned();
    config.answered = true;
    Flow flow(check, config);
    Wire& wire = flow.wire;
    EXPECT_EQ(wire.state().tuning.rtt_ns, 0);
    wire.pass_ms(1);
    wire.peer(wire.right(kAck, 30'000));
    wire.reads(30'000);
    wire.pass_ms(20);
    wire.peer(wire.right(kAck, 35'000));
    EXPECT_EQ(wire.state().tuning.rtt_ns, 0);
    wire.reads(35'000);
    wire.pass_ms(5);
    wire.peer(wire.right(kAck, 30'000));
    EXPECT_EQ(wire.state().tuning.rtt_ns, 25 * Wire::kMs);
}

// --- sending ---

void tuning_due__send_buffer_is_twice_cwnd(Check& check) {
    Flow flow(check);
    Wire& wire = flow.wire;
    EXPECT_EQ(wire.info().cwnd, 10'000);
    EXPECT_EQ(wire.info().send_bytes, 32768);
    EXPECT_EQ(wire.count(EffectKind::kSendRoom), 1);
    wire.writes(32768);
    wire.peer(wire.right());
    EXPECT_EQ(wire.info().cwnd, 20'000);
    EXPECT_EQ(wire.info().send_bytes, 65536);
    EXPECT_EQ(wire.count(EffectKind::kSendRoom), 2);
    wire.reads(0);
    EXPECT_EQ(wire.count(EffectKind::kSendRoom), 2);
}

void tuning_due__send_buffer_within_limit_and_window(Check& check) {
    Flow flow(check);
    Wire& wire = flow.wire;
    wire.state().cwnd = 10'000'000;
    wire.reads(0);
    EXPECT_EQ(wire.info().send_bytes, 131072);  // of 60000 that the peer has offered
    wire.peer({.win = 65535});
    EXPECT_EQ(wire.info().send_bytes, 131072);
    wire.state().max_snd_wnd = 10'000'000;
    wire.reads(0);
    EXPECT_EQ(wire.info().send_bytes, kMax);
    wire.state().cwnd = 1000;
    wire.reads(0);
    EXPECT_EQ(wire.info().send_bytes, kMax);
}

constexpr kunit::Test kTests[] = {
    TEST(tuning_due__twice_what_is_read_and_more_while_that_grows),
    TEST(tuning_due__asks_again_in_the_next_round_trip),
    TEST(tuning_due__pauses_are_no_growth),
    TEST(tuning_due__not_for_a_slow_reader),
    TEST(tuning_due__never_beyond_the_limit),
    TEST(tuning_due__not_where_a_size_was_chosen),
    TEST(tuning_begin__not_without_scaling),
    TEST(tcp_init__scale_is_that_of_the_limit),
    TEST(tuning_ring__from_the_right_edge_on),
    TEST(tuning_ring__one_exchange_at_a_time),
    TEST(tuning_ring__only_a_larger_one_within_the_limit),
    TEST(tuning_received__by_the_echo_of_a_timestamp),
    TEST(tuning_received__not_by_the_echo_of_a_later_one),
    TEST(tuning_sent__times_the_first_of_a_millisecond),
    TEST(tuning_received__by_a_window_that_arrives),
    TEST(tuning_due__send_buffer_is_twice_cwnd),
    TEST(tuning_due__send_buffer_within_limit_and_window),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_tuning_suite = SUITE("tcp_tuning", scout::kTests);

}  // namespace kunit
