// SPDX-License-Identifier: GPL-2.0
//
// The TCP machine: any order of events, from a peer without manners, an application, a clock and
// the timing wheel. Two replicas take each step; the second joins somewhere on the way. After each
// step both must be equal, byte by byte; the invariants must hold; and the effects must be such as
// can be performed: every stream byte placed once, within ring and packet, and nothing sent that
// was not written or is already released.
#include <vector>

#include "scout/ip/header.hh"
#include "scout/tcp/constants.hh"
#include "scout/tcp/header.hh"
#include "scout/tcp/state.hh"
#include "tools/fuzz/input.hh"

namespace {

using dominoes::Request;
using fuzz::Input;
using fuzz::require;
using namespace scout;

TcpConfig config_of(Input& input) {
    const uint8_t shape = input.byte();
    const uint16_t mss[] = {1460, 536, 88, 1, 8960, 65495, 1000, 1220};
    TcpConfig config{};
    config.passive = shape & 1;
    config.options.no_delay = shape >> 1 & 1;
    config.iss = input.dword();
    config.ts_offset = input.byte() * 0x01010101u;
    config.receive_bytes = 4096u << (shape >> 2 & 3) << (shape >> 4 & 1);
    config.send_bytes = 4096u << (input.byte() & 7);
    config.mss = mss[shape >> 5];
    config.max_piece = dominoes::max<uint32_t>(config.mss, input.word());
    config.replicas = static_cast<dominoes::ReplicaSet>(input.byte());
    if (config.replicas & 1) config.receive_max = config.send_max = 4096u << 7;
    return config;
}

// One replica, and what its memory held before.
struct Replica {
    TcpState state;
    Effects effects;

    explicit Replica(uint8_t garbage) {
        std::memset(static_cast<void*>(&state), garbage, sizeof state);
        std::memset(static_cast<void*>(&effects), garbage, sizeof effects);
    }
    void step(const Request& request) { tcp_step(state, request, effects); }
};

bool resets(const Effect& effect) {
    return effect.kind == EffectKind::kTransmit && effect.transmit.flags & kRst;
}

bool same(const Effect& a, const Effect& b) {
    if (a.kind != b.kind || a.error != b.error || a.stream_offset != b.stream_offset) return false;
    switch (a.kind) {
        case EffectKind::kDeliver:
            return std::memcmp(&a.deliver, &b.deliver, sizeof a.deliver) == 0;
        case EffectKind::kTransmit:
            return std::memcmp(&a.transmit, &b.transmit, sizeof a.transmit) == 0;
        case EffectKind::kTimer:
            return std::memcmp(&a.timer, &b.timer, sizeof a.timer) == 0;
        case EffectKind::kReceiveRoom:
        case EffectKind::kSendRoom:
            return a.bytes == b.bytes;
        default:
            return true;
    }
}

class World {
public:
    explicit World(Input& input)
        : input_(input), config_(config_of(input)), first_(0xa5), second_(0x5a) {
        joins_after_ = input.byte() & 63;
        rings_[0].placed.resize(config_.receive_bytes);
        tcp_init(first_.state, config_);
        tcp_init(second_.state, config_);
        std::memset(static_cast<void*>(&request_), 0, sizeof request_);
    }

    void run() {
        while (input_.more() && steps_ < 4096) event();
    }

private:
    // --- events ---------------------------------------------------------------------------------

    void event() {
        const uint8_t what = input_.byte();
        switch (what % 16) {
            case 0:
            case 1:
            case 2:
            case 3:
                return segment(what >> 4);
            case 4:
                return say(EventKind::kConnect);
            case 5:
            case 6:
                return write();
            case 7:
                return read();
            case 8:
                return say(what & 0x10 ? EventKind::kShutdown : EventKind::kRead);
            case 9:
                return fire_next_timer();
            case 10:
                return stray_timeout();
            case 11:
                return what >= 0x80 ? refused() : icmp();
            case 12:
                return what >= 0x80 ? link() : option();
            case 13:
                return pass(what >> 4);
            case 14:
                return what >= 0xc0 ? say(EventKind::kCloseReads) : handshake();
            default:
                return what >= 0xf0 ? abort() : anything();
        }
    }

    // Numbers that would be right, and not too far from that.
    void segment(uint8_t kind) {
        static constexpr uint8_t kFlags[] = {kAck, kAck,        kAck,        kAck | kPsh,
                                             kSyn, kSyn | kAck, kAck | kFin, kRst};
        const TcpState& state = first_.state;
        SegmentEvent& event = begin(EventKind::kSegment).as<SegmentEvent>();
        event.flags = kind & 8 ? input_.byte() : kFlags[kind];
        event.seq = static_cast<uint32_t>(state.rcv_nxt) + static_cast<uint32_t>(input_.nearly());
        event.ack = static_cast<uint32_t>(state.snd_nxt) - static_cast<uint32_t>(input_.nearly());
        event.payload_bytes = kind & 1 ? input_.word() : 0;
        event.payload_offset = 54;
        event.window = input_.byte() & 0x80 ? input_.word() : 0xffff;
        event.options = state.agreed & kAgreedTimestamps ? uint8_t{kHasTimestamps} : uint8_t{0};
        event.ts_val = state.ts_recent + static_cast<uint32_t>(input_.nearly());
        event.ts_ecr = static_cast<uint32_t>(now_ns_ / 1'000'000) + state.ts_offset -
                       static_cast<uint32_t>(input_.nearly());
        if (event.flags & kSyn) syn_options(event);
        event.sack_blocks = static_cast<uint8_t>(input_.below(5));
        for (uint32_t i = 0; i < event.sack_blocks; ++i) {
            const uint32_t start = static_cast<uint32_t>(state.snd_una) + input_.word();
            event.sack[i] = {start, start + input_.word()};
        }
        step();
    }
    void syn_options(SegmentEvent& event) {
        event.options = input_.byte() & 0x0f;
        event.mss = input_.word();
        event.window_scale = input_.byte();
    }
    // A short way into ESTABLISHED.
    void handshake() {
        const TcpState& state = first_.state;
        SegmentEvent& event = begin(EventKind::kSegment).as<SegmentEvent>();
        event.seq = static_cast<uint32_t>(state.irs ? state.rcv_nxt : input_.dword());
        event.ack = static_cast<uint32_t>(state.snd_nxt);
        event.flags = state.phase == TcpPhase::kListen    ? kSyn
                      : state.phase == TcpPhase::kSynSent ? kSyn | kAck
                                                          : kAck;
        event.window = 0xffff;
        event.ts_val = state.ts_recent;
        syn_options(event);
        step();
    }
    // What no publisher would say, but for what its contract guards (below).
    void anything() {
        Request& request = begin(EventKind::kSegment);
        for (uint8_t& byte : request.as<Bytes>().bytes) byte = input_.byte();
        request.kind = input_.below(16);
        auto& segment = request.as<SegmentEvent>();
        if (kind_of(request) == EventKind::kSegment) segment.payload_bytes &= 0xfffff;
        if (kind_of(request) == EventKind::kSend || kind_of(request) == EventKind::kRing) return;
        step();
    }
    void write() {
        const uint64_t most = tcp_released(first_.state) + first_.state.send_bytes;
        written_ = dominoes::min(written_ + input_.word(), most);
        begin(EventKind::kSend).as<SendEvent>() = {{read_}, written_};
        step();
    }
    void read() {
        const uint64_t there = readable_ - read_;
        read_ += dominoes::min<uint64_t>(there, input_.word());
        say(input_.byte() & 1 ? EventKind::kRead : EventKind::kOption);
        if (ring_wanted_) bring_ring();
    }
    // As a reader does that has enough memory: once it has read what is in the ring before.
    void bring_ring() {
        const uint32_t bytes = ring_wanted_;
        ring_wanted_ = 0;
        if (read_ < rings_[ring_ & 1].from || first_.state.finished) return;
        rings_[++ring_ & 1] = {.from = ~uint64_t{0}, .placed = std::vector<uint64_t>(bytes)};
        begin(EventKind::kRing).as<RingEvent>() = {{read_}, bytes, 0};
        step();
    }
    void fire_next_timer() {
        uint32_t next = kTimerKinds;
        for (uint32_t i = 0; i < kTimerKinds; ++i)
            if (wheel_[i] && (next == kTimerKinds || wheel_[i] < wheel_[next])) next = i;
        if (next == kTimerKinds) return;
        now_ns_ = dominoes::max(now_ns_, wheel_[next]);
        wheel_[next] = 0;
        begin(EventKind::kTimeout).as<TimeoutEvent>() = {{read_}, static_cast<TimerKind>(next), 0};
        step();
    }
    void stray_timeout() {
        const auto timer = static_cast<TimerKind>(input_.byte());
        begin(EventKind::kTimeout).as<TimeoutEvent>() = {{read_}, timer, 0};
        // The wheel knows that it has fired.
        if (static_cast<uint32_t>(timer) < kTimerKinds) wheel_[static_cast<uint32_t>(timer)] = 0;
        step();
    }
    void icmp() {
        const uint32_t una = static_cast<uint32_t>(first_.state.snd_una);
        begin(EventKind::kIcmp).as<IcmpEvent>() = {{read_},
                                                   una + static_cast<uint32_t>(input_.nearly()),
                                                   input_.byte(),
                                                   input_.byte(),
                                                   input_.word()};
        step();
    }
    void refused() {
        const uint32_t una = static_cast<uint32_t>(first_.state.snd_una);
        const uint32_t start = una + static_cast<uint32_t>(input_.nearly());
        begin(EventKind::kRefused).as<RefusedEvent>() = {{read_}, start, start + input_.word()};
        step();
    }
    void link() {
        begin(EventKind::kLink).as<LinkEvent>() = {{read_}, input_.word(), input_.word()};
        step();
    }
    void option() {
        TcpOptions options = first_.state.options;
        const uint8_t which = input_.byte() & 3, value = input_.byte();
        if (which == 0) options.no_delay = value != 0;
        if (which == 1) options.cork = value != 0;
        if (which == 2) options.keep_alive = value != 0;
        if (which == 3) options.keep_idle_s = value;
        begin(EventKind::kOption).as<OptionEvent>() = {{read_}, options, which == 0, 0};
        step();
    }
    void abort() {
        begin(EventKind::kAbort).as<AbortEvent>() = {{read_}, input_.byte(), input_.below(2)};
        step();
    }
    void pass(uint8_t exponent) {
        now_ns_ += uint64_t{input_.byte()} << (2 * exponent + 8);
        // Requests of several publishers may be stamped a little out of order.
        if (exponent == 0) now_ns_ -= dominoes::min<uint64_t>(now_ns_ - 1, input_.word());
    }

    // --- a step ---------------------------------------------------------------------------------

    struct Bytes : Event {
        uint8_t bytes[72];
    };
    static_assert(sizeof(Bytes) <= Request::kPayloadBytes);

    Request& begin(EventKind kind) {
        std::memset(static_cast<void*>(&request_), 0, sizeof request_);
        request_.kind = static_cast<uint32_t>(kind);
        return request_;
    }
    void say(EventKind kind) {
        begin(kind);
        step();
    }

    void step() {
        const bool over = first_.state.finished;
        request_.now_ns = now_ns_;
        request_.as<Event>().app_read = read_;
        first_.step(request_);
        if (++steps_ == joins_after_) second_.state = first_.state;
        if (steps_ > joins_after_) second_.step(request_);
        if (const char* wrong = tcp_check_invariants(first_.state)) require(false, wrong);
        if (steps_ > joins_after_) check_replicas();
        check_effects();
        for (const Effect& effect : first_.effects)
            require(!over || resets(effect), "nothing but resets after the end");
    }

    void check_replicas() const {
        require(std::memcmp(&first_.state, &second_.state, sizeof(TcpState)) == 0, "equal states");
        require(first_.effects.count() == second_.effects.count(), "as many effects");
        const Effect* other = second_.effects.begin();
        for (const Effect& effect : first_.effects)
            require(same(effect, *other++), "equal effects");
    }

    void check_effects() {
        uint32_t pieces = 0, deliveries = 0;
        for (const Effect& effect : first_.effects) {
            switch (effect.kind) {
                case EffectKind::kDeliver:
                    ++deliveries;
                    check_delivery(effect.deliver);
                    break;
                case EffectKind::kTransmit:
                    pieces += effect.transmit.pieces();
                    check_transmission(effect.transmit);
                    break;
                case EffectKind::kTimer:
                    require(static_cast<uint32_t>(effect.timer.timer) < kTimerKinds, "timer");
                    wheel_[static_cast<uint32_t>(effect.timer.timer)] = effect.timer.deadline_ns;
                    break;
                case EffectKind::kEndOfStream:
                    check_readable();
                    require(effect.stream_offset == readable_, "the stream ends where it is whole");
                    break;
                case EffectKind::kReceiveRoom:
                    require(effect.bytes > first_.state.receive_bytes &&
                                effect.bytes <= config_.receive_max,
                            "a ring that is larger, within the limit");
                    ring_wanted_ = effect.bytes;
                    break;
                default:
                    break;
            }
        }
        check_readable();
        require(pieces <= Effects::kMaxTransmissions, "pieces of a step");
        require(deliveries <= Effects::kMaxDeliveries, "deliveries of a step");
    }

    void check_delivery(const DeliverEffect& deliver) {
        const auto& event = request_.as<SegmentEvent>();
        require(kind_of(request_) == EventKind::kSegment, "only segments deliver");
        require(deliver.serial == deliveries_++, "serial numbers of deliveries");
        require(
            deliver.bytes > 0 && deliver.packet_offset >= event.payload_offset &&
                deliver.packet_offset + deliver.bytes <= event.payload_offset + event.payload_bytes,
            "from within the packet");
        const uint64_t end = deliver.stream_offset + deliver.bytes;
        require(end <= read_ + first_.state.receive_bytes, "within the ring");
        require(deliver.ring == ring_, "the latest ring");
        Ring& latest = rings_[ring_ & 1];
        require(latest.from == deliver.ring_from || latest.from == ~uint64_t{0}, "from one place");
        latest.from = deliver.ring_from;
        for (uint64_t at = deliver.stream_offset; at < end; ++at) {
            uint64_t& cell = place_of(at);
            require(cell < at + 1, "each byte once");
            cell = at + 1;
        }
        require(deliver.readable >= readable_said_, "what is readable stays so");
        readable_said_ = deliver.readable;
    }
    // All of what is said to be readable has been placed: with the last delivery of a step.
    void check_readable() {
        for (; readable_ < readable_said_; ++readable_)
            require(place_of(readable_) == readable_ + 1, "readable means placed");
    }
    uint64_t& place_of(uint64_t offset) {
        Ring& ring = rings_[(ring_ - (offset < rings_[ring_ & 1].from)) & 1];
        return ring.placed[offset % ring.placed.size()];
    }

    void check_transmission(const TransmitEffect& run) {
        require(run.serial == transmissions_, "serial numbers of transmissions");
        transmissions_ += run.pieces();
        if (run.flags & kAck && !(run.flags & kRst)) check_acknowledgement(run);
        if (run.bytes == 0) return;
        require(run.mss > 0 && run.piece_bytes >= run.mss, "pieces hold a segment");
        const TcpState& state = first_.state;
        require(run.piece_bytes <= dominoes::max<uint32_t>(state.max_piece, run.mss),
                "a piece that can be built");
        const uint32_t mtu = dominoes::max(state.link_mtu, tcp::kHeaderBytes + tcp::kMinMss);
        require(run.mss + tcp_header_bytes(run) + kIpHeaderBytes <= mtu,
                "a segment that the device carries");
        require(run.stream_offset + run.bytes <= written_, "only what was written");
        require(run.stream_offset >= tcp_released(first_.state), "nothing that is released");
        require(run.flags & kAck && !(run.flags & (kSyn | kRst)), "data has an ACK");
    }

    // What was acknowledged stays so, and no window is taken back (but for rounding: RFC 7323
    // section 2.4).
    void check_acknowledgement(const TransmitEffect& run) {
        const uint32_t scale = run.flags & kSyn ? 0 : first_.state.rcv_scale;
        const uint32_t edge = run.ack + (uint32_t{run.window} << scale);
        if (acknowledged_before_) {
            require(ahead(run.ack, last_ack_) >= 0, "acknowledgements do not go back");
            require(ahead(edge, last_edge_) > -(1 << scale), "nor do windows");
        }
        if (!acknowledged_before_ || ahead(edge, last_edge_) > 0) last_edge_ = edge;
        acknowledged_before_ = true;
        last_ack_ = run.ack;
        for (uint32_t i = 0; i < run.sack_blocks; ++i) {
            const SackBlock& block = run.sack[i];
            // The first may be about what came twice, and lie before (RFC 2883 section 4).
            require(ahead(block.end, block.start) > 0 &&
                        (i == 0 || ahead(block.start, run.ack) > 0) &&
                        ahead(edge, block.end) >= -(1 << scale),
                    "SACK blocks lie in the window");
        }
    }
    static int32_t ahead(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b); }

    Input& input_;
    const TcpConfig config_;
    Replica first_;
    Replica second_;
    Request request_;
    uint64_t now_ns_ = 1'000'000'000;
    uint64_t steps_ = 0;
    uint64_t joins_after_;
    uint64_t written_ = 0;
    uint64_t read_ = 0;
    uint64_t readable_ = 0;
    uint64_t readable_said_ = 0;
    uint64_t deliveries_ = 0;
    uint64_t transmissions_ = 0;
    uint64_t wheel_[kTimerKinds] = {};
    bool acknowledged_before_ = false;
    uint32_t last_ack_ = 0;
    uint32_t last_edge_ = 0;  // the furthest

    // By place: 1 + which stream byte was put there.
    struct Ring {
        uint64_t from = 0;
        std::vector<uint64_t> placed;
    };
    Ring rings_[2];
    uint32_t ring_ = 0;  // the latest one's number
    uint32_t ring_wanted_ = 0;
};

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Input input(data, size);
    World* world = new World(input);
    world->run();
    delete world;
    return 0;
}
