// SPDX-License-Identifier: GPL-2.0
//
// Wire: a conversation with one TCP endpoint, for tests. The test plays the peer, the application
// and the clock, and says what the endpoint must answer:
//
//   Wire wire(check);
//   wire.establish();
//   wire.peer({.seq = 1, .len = 1000});
//   wire.sent(kAck, 1, 1001, 0);        // flags, seq, ack, payload bytes
//   wire.quiet();                       // and nothing else
//
// The same again in one line, and in any state, with numbers that are right for it:
//
//   Wire wire(check, TcpPhase::kFinWait2);
//   wire.answers(wire.right(kAck, 1000), kAck, 2, 1001);
//   wire.ignores({.flags = kRst, .seq = 99999});
//   wire.in(TcpPhase::kFinWait2);
//
// Sequence numbers are relative: the endpoint's SYN is 0 and the peer's SYN is 0. On the wire both
// begin just below 2^32, so that every test goes through the wrap. Invariants are checked after
// every step.
#pragma once

#include "kunit/test.hh"
#include "scout/net/errors.hh"
#include "scout/tcp/constants.hh"
#include "scout/tcp/info.hh"
#include "scout/tcp/state.hh"

namespace scout {

using kunit::Check;

// A segment of the peer's. What is not said is that of a plain ACK.
struct Seg {
    uint8_t flags = kAck;
    uint32_t seq = 1;
    uint32_t ack = 1;
    uint32_t len = 0;
    uint16_t win = 60000;
    uint8_t options = 0;
    uint16_t mss = 1000;
    uint8_t scale = 0;
    uint32_t ts_val = 0;
    uint32_t ts_ecr = 0;
    uint8_t ecn = 0;
    SackBlock sack[4] = {};
};

class Wire {
public:
    static constexpr uint32_t kIss = 0xffffff00;
    static constexpr uint32_t kIrs = 0xffffff80;
    static constexpr uint32_t kTsOffset = 5000;
    static constexpr uint64_t kMs = 1'000'000;
    static constexpr uint32_t kLog = 64;

    // Passive unless `active`; MSS 1000, rings of 64 KB, three replicas.
    static TcpConfig config(bool active = false) {
        return {
            .passive = !active,
            .iss = kIss,
            .ts_offset = kTsOffset,
            .receive_bytes = 65536,
            .send_bytes = 65536,
            .mss = 1000,
            .max_piece = 16000,
            .congestion = TcpCongestion::kNewReno,
            .replicas = 7,
            .options = {.keep_idle_s = 7200,
                        .keep_interval_s = 75,
                        .keep_count = 9,
                        .user_timeout_ms = 0,
                        .keep_alive = 0,
                        .no_delay = 0,
                        .cork = 0,
                        .ttl = kIpTtl,
                        .tos = 0,
                        .reserved = {}},
        };
    }

    // Passive, with a receive ring of so many bytes, which stays so large.
    static TcpConfig small_ring(uint32_t bytes = 4096) {
        TcpConfig small = config();
        small.receive_bytes = bytes;
        return small;
    }

    explicit Wire(Check& test, const TcpConfig& with = config()) : check(test) {
        world_ = static_cast<World*>(dominoes_alloc(sizeof(World)));
        if (EXPECT(world_ != nullptr)) tcp_init(world_->state, with);
    }
    // Already in `phase` (not CLOSED): see reach().
    Wire(Check& test, TcpPhase phase, uint8_t options = kHasMss)
        : Wire(test, config(phase == TcpPhase::kSynSent)) {
        reach(phase, options);
    }
    ~Wire() { dominoes_free(world_); }
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    bool ready() const { return world_ != nullptr; }
    TcpState& state() { return world_->state; }
    TcpInfo info() const { return tcp_info(world_->state); }
    TcpPhase phase() const { return world_->state.phase; }
    uint64_t now() const { return now_ns_; }
    // The wire's timestamp clock.
    uint32_t ts_now() const { return static_cast<uint32_t>(now_ns_ / kMs) + kTsOffset; }

    // --- what happens ---------------------------------------------------------------------------

    void peer(const Seg& seg) {
        SegmentEvent& event = begin(EventKind::kSegment).as<SegmentEvent>();
        event.seq = seg.seq + kIrs;
        event.ack = seg.ack + kIss;
        event.payload_bytes = seg.len;
        event.payload_offset = 66;
        event.window = seg.win;
        event.flags = seg.flags;
        event.options = seg.options;
        event.mss = seg.mss;
        event.window_scale = seg.scale;
        event.ts_val = seg.ts_val;
        event.ts_ecr = seg.ts_ecr;
        event.ecn = seg.ecn;
        while (event.sack_blocks < 4 && seg.sack[event.sack_blocks].end != 0) {
            const SackBlock& block = seg.sack[event.sack_blocks];
            event.sack[event.sack_blocks++] = {block.start + kIss, block.end + kIss};
        }
        step();
    }
    void connect() { say(EventKind::kConnect); }
    void writes(uint64_t bytes) {
        written_ += bytes;
        begin(EventKind::kSend).as<SendEvent>() = {{read_}, written_};
        step();
    }
    void reads(uint64_t bytes) {
        read_ += bytes;
        say(EventKind::kRead);
    }
    void shutdown() { say(EventKind::kShutdown); }
    void close_reads() { say(EventKind::kCloseReads); }
    void abort(uint32_t error, bool silent = false) {
        begin(EventKind::kAbort).as<AbortEvent>() = {{read_}, error, silent};
        step();
    }
    template <typename T>
    void option(T TcpOptions::*option, uint32_t value) {
        TcpOptions options = state().options;
        options.*option = static_cast<T>(value);
        set_options(options);
    }
    void set_options(const TcpOptions& options) {
        begin(EventKind::kOption).as<OptionEvent>() = {{read_}, options, 1, 0};
        step();
    }
    // There is a larger receive ring.
    void ring(uint32_t bytes) {
        begin(EventKind::kRing).as<RingEvent>() = {{read_}, bytes, 0};
        step();
    }
    void icmp(uint8_t type, uint8_t code, uint32_t seq, uint16_t mtu = 0) {
        begin(EventKind::kIcmp).as<IcmpEvent>() = {{read_}, seq + kIss, type, code, mtu};
        step();
    }
    // The device did not take what was sent of [seq, +bytes).
    void refused(uint32_t seq, uint32_t bytes) {
        begin(EventKind::kRefused).as<RefusedEvent>() = {{read_}, seq + kIss, seq + kIss + bytes};
        step();
    }
    // The device's MTU has changed.
    void link(uint32_t mtu, uint32_t max_piece = 16000) {
        begin(EventKind::kLink).as<LinkEvent>() = {{read_}, mtu, max_piece};
        step();
    }
    // A timeout that the wheel brings although it need not.
    void stray_timeout(TimerKind timer) {
        begin(EventKind::kTimeout).as<TimeoutEvent>() = {{read_}, timer, 0};
        step();
    }
    // Time passes; the wheel fires what is due, when it is due.
    void pass(uint64_t ns) {
        forget();
        const uint64_t until = now_ns_ + ns;
        while (const uint32_t next = next_timer(until)) {
            uint64_t& armed = world_->wheel[next - 1];
            now_ns_ = dominoes::max(now_ns_, armed);
            armed = 0;
            request(EventKind::kTimeout).as<TimeoutEvent>() = {
                {read_}, static_cast<TimerKind>(next - 1), 0};
            step();
        }
        now_ns_ = until;
    }
    void pass_ms(uint64_t ms) { pass(ms * kMs); }

    // --- the way to where a test begins ---------------------------------------------------------

    // ESTABLISHED by a passive open. `options` are those of the peer's SYN.
    void establish(uint8_t options = kHasMss, uint16_t win = 60000, uint8_t scale = 0) {
        peer({.flags = kSyn,
              .seq = 0,
              .ack = 0,
              .win = win,
              .options = options,
              .scale = scale,
              .ts_val = 100});
        peer({.win = win,
              .options = static_cast<uint8_t>(options & kHasTimestamps),
              .ts_val = 100,
              .ts_ecr = ts_now()});
        EXPECT(phase() == TcpPhase::kEstablished);
        // Tests are about delayed ACKs unless they are about quick ones.
        if (ready()) state().quick_acks = 0;
        forget();
    }
    // From the beginning to `phase`, by the shortest way. Both ends have sent nothing but SYN (0)
    // and, where the state says so, FIN (1); `options` are those of the peer's SYN.
    void reach(TcpPhase phase, uint8_t options = kHasMss) {
        reaching_options_ = options;
        reach_step(phase);
        EXPECT(this->phase() == phase);
        forget();
    }
    // A segment with numbers that are just right: what comes next, acknowledging all that was sent.
    Seg right(uint8_t flags = kAck, uint32_t len = 0) const {
        const TcpState& s = world_->state;
        Seg seg{.flags = flags, .len = len};
        seg.seq = static_cast<uint32_t>(s.rcv_nxt) - kIrs;
        seg.ack = static_cast<uint32_t>(s.snd_nxt) - kIss;
        return seg;
    }
    uint32_t snd_nxt() const { return static_cast<uint32_t>(world_->state.snd_nxt) - kIss; }
    uint32_t snd_una() const { return static_cast<uint32_t>(world_->state.snd_una) - kIss; }
    uint32_t rcv_nxt() const { return static_cast<uint32_t>(world_->state.rcv_nxt) - kIrs; }

    // --- what must follow -----------------------------------------------------------------------

    // The segment is answered by exactly this one, without data.
    void answers(const Seg& seg, uint32_t flags, uint32_t seq, uint32_t ack,
                 int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
        peer(seg);
        sent(flags, seq, ack, 0, line, file);
        quiet(line, file);
    }
    // It changes nothing that can be seen, and is answered by an ACK of what is so,
    void challenges(const Seg& seg, int line = __builtin_LINE(),
                    const char* file = __builtin_FILE()) {
        const TcpPhase before = phase();
        answers(seg, kAck, snd_nxt(), rcv_nxt(), line, file);
        in(before, line, file);
        check.expect_equal(deliveries_, 0, file, line, "deliveries");
    }
    // or not at all.
    void ignores(const Seg& seg, int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
        const TcpPhase before = phase();
        peer(seg);
        quiet(line, file);
        in(before, line, file);
        check.expect_equal(deliveries_, 0, file, line, "deliveries");
    }
    void in(TcpPhase wanted, int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
        check.expect_equal(static_cast<uint32_t>(phase()), static_cast<uint32_t>(wanted), file,
                           line, "state");
    }
    // The connection is over, with this error (kNoError: an orderly end).
    void ended(uint32_t error, int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
        check.expect(over_, file, line, "the connection is over");
        check.expect_equal(close_error_, error, file, line, "error at the end");
    }
    // Whether all of [seq, +bytes) was sent since the last event, in whatever pieces.
    bool has_sent(uint32_t seq, uint32_t bytes) const {
        uint32_t covered = 0;
        for (uint32_t i = 0; i < logged_; ++i) {
            const TransmitEffect& run = world_->log[i];
            const uint32_t from = dominoes::max(run.seq - kIss, seq);
            const uint32_t to = dominoes::min(run.seq - kIss + run.bytes, seq + bytes);
            if (from < to) covered += to - from;
        }
        return covered >= bytes;
    }
    // How many bytes of data were sent since the last event.
    uint64_t bytes_sent() const {
        uint64_t bytes = 0;
        for (uint32_t i = 0; i < logged_; ++i) bytes += world_->log[i].bytes;
        return bytes;
    }

    // The next segment sent since the last event was this one. Returns it, for a closer look.
    const TransmitEffect& sent(uint32_t flags, uint32_t seq, uint32_t ack, uint32_t bytes,
                               int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
        static constexpr TransmitEffect kNothing{};
        if (!check.expect(looked_at_ < logged_, file, line, "a segment is sent")) return kNothing;
        const TransmitEffect& found = world_->log[looked_at_++];
        check.expect_equal(found.flags & ~uint32_t{kPsh}, flags, file, line, "flags sent");
        check.expect_equal(found.seq - kIss, seq, file, line, "seq sent");
        if (flags & kAck) check.expect_equal(found.ack - kIrs, ack, file, line, "ack sent");
        check.expect_equal(found.bytes, bytes, file, line, "bytes sent");
        return found;
    }
    // Nothing more was sent.
    void quiet(int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
        check.expect_equal(logged_, looked_at_, file, line, "segments sent");
    }
    // Since the last event [offset, +bytes) was delivered, as the next delivery.
    void delivered(uint64_t offset, uint32_t bytes, uint64_t readable, int line = __builtin_LINE(),
                   const char* file = __builtin_FILE()) {
        if (!check.expect(deliveries_seen_ < deliveries_, file, line, "something is delivered"))
            return;
        const DeliverEffect& found = world_->deliveries[deliveries_seen_++];
        check.expect_equal(found.stream_offset, offset, file, line, "offset delivered");
        check.expect_equal(found.bytes, bytes, file, line, "bytes delivered");
        check.expect_equal(found.readable, readable, file, line, "readable");
    }
    const DeliverEffect& delivery(uint32_t i) const { return world_->deliveries[i]; }
    uint32_t deliveries() const { return deliveries_; }

    // How many effects of a kind there were in all.
    uint32_t count(EffectKind kind) const { return counts_[static_cast<uint32_t>(kind)]; }
    uint32_t error() const { return error_; }
    uint32_t close_error() const { return close_error_; }
    uint64_t end_of_stream() const { return end_of_stream_; }
    // When the wheel would fire; 0: never.
    uint64_t armed(TimerKind timer) const { return world_->wheel[static_cast<uint32_t>(timer)]; }
    const Effects& effects() const { return world_->effects; }

private:
    struct World {
        TcpState state;
        dominoes::Request request;
        Effects effects;
        TransmitEffect log[kLog];
        DeliverEffect deliveries[kLog];
        uint64_t wheel[kTimerKinds];
    };

    void reach_step(TcpPhase phase) {
        switch (phase) {
            case TcpPhase::kSynSent:
                return connect();
            case TcpPhase::kSynReceived:
                return peer({.flags = kSyn, .seq = 0, .ack = 0, .options = reaching_options_});
            case TcpPhase::kEstablished:
                return establish(reaching_options_);
            case TcpPhase::kFinWait1:
                reach_step(TcpPhase::kEstablished);
                return shutdown();
            case TcpPhase::kFinWait2:
                reach_step(TcpPhase::kFinWait1);
                return peer({.ack = 2});
            case TcpPhase::kTimeWait:
                reach_step(TcpPhase::kFinWait2);
                return peer({.flags = kAck | kFin, .ack = 2});
            case TcpPhase::kClosing:
                reach_step(TcpPhase::kFinWait1);
                return peer({.flags = kAck | kFin});
            case TcpPhase::kCloseWait:
                reach_step(TcpPhase::kEstablished);
                return peer({.flags = kAck | kFin});
            case TcpPhase::kLastAck:
                reach_step(TcpPhase::kCloseWait);
                return shutdown();
            case TcpPhase::kListen:
            case TcpPhase::kClosed:
                return;
        }
    }

    dominoes::Request& request(EventKind kind) {
        dominoes::Request& request = world_->request;
        __builtin_memset(static_cast<void*>(&request), 0, sizeof request);
        request.kind = static_cast<uint32_t>(kind);
        return request;
    }
    dominoes::Request& begin(EventKind kind) {
        forget();
        return request(kind);
    }
    void say(EventKind kind) {
        begin(kind);
        step();
    }
    void forget() { logged_ = looked_at_ = deliveries_ = deliveries_seen_ = 0; }

    void step() {
        world_->request.now_ns = now_ns_;
        world_->request.as<Event>().app_read = read_;
        tcp_step(world_->state, world_->request, world_->effects);
        if (const char* wrong = tcp_check_invariants(world_->state))
            check.expect(false, __FILE__, __LINE__, wrong);
        for (const Effect& effect : world_->effects) note(effect);
    }

    void note(const Effect& effect) {
        if (over_) EXPECT(effect.kind == EffectKind::kTransmit && effect.transmit.flags & kRst);
        ++counts_[static_cast<uint32_t>(effect.kind)];
        switch (effect.kind) {
            case EffectKind::kTransmit:
                EXPECT_EQ(effect.transmit.serial, transmissions_);
                transmissions_ += effect.transmit.pieces();
                if (logged_ < kLog) world_->log[logged_++] = effect.transmit;
                return;
            case EffectKind::kDeliver:
                if (deliveries_ < kLog) world_->deliveries[deliveries_++] = effect.deliver;
                return;
            case EffectKind::kTimer:
                world_->wheel[static_cast<uint32_t>(effect.timer.timer)] = effect.timer.deadline_ns;
                return;
            case EffectKind::kEndOfStream:
                end_of_stream_ = effect.stream_offset;
                return;
            case EffectKind::kError:
                error_ = effect.error;
                return;
            case EffectKind::kClosed:
                close_error_ = effect.error;
                over_ = true;
                return;
            default:
                return;
        }
    }

    // 1 + which timer the wheel fires next, not after `until`; 0: none.
    uint32_t next_timer(uint64_t until) const {
        uint32_t next = 0;
        for (uint32_t i = 0; i < kTimerKinds; ++i)
            if (world_->wheel[i] != 0 && world_->wheel[i] <= until &&
                (next == 0 || world_->wheel[i] < world_->wheel[next - 1]))
                next = i + 1;
        return next;
    }

    Check& check;
    World* world_;
    uint64_t now_ns_ = 1'000'000'000;
    uint64_t written_ = 0;
    uint64_t read_ = 0;
    uint64_t transmissions_ = 0;
    uint64_t end_of_stream_ = ~uint64_t{0};
    uint32_t logged_ = 0;
    uint32_t looked_at_ = 0;
    uint32_t deliveries_ = 0;
    uint32_t deliveries_seen_ = 0;
    uint32_t counts_[16] = {};
    uint32_t error_ = 0;
    uint32_t close_error_ = 0;
    uint8_t reaching_options_ = 0;
    bool over_ = false;
};

}  // namespace scout
