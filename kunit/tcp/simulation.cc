// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/simulation.hh"

#include "kunit/tcp/simulation_lines.hh"
#include "kunit/tcp/simulation_parts.hh"

namespace scout::sim {

using dominoes::max;
using dominoes::min;
using dominoes::Request;

namespace {

// What byte `offset` of the stream that endpoint `from` sends is.
uint8_t stream_byte(uint32_t from, uint64_t offset) {
    return static_cast<uint8_t>((offset * 0x9e3779b1 + from * 77) >> 13);
}

constexpr uint32_t kReplicas = 2;
constexpr uint64_t kTickNs = 1'000'000;

struct Endpoint {
    TcpState states[kReplicas];
    Ring rings[2];
    uint32_t reading = 0;  // the number of the ring that is read
    uint32_t ring_wanted = 0;
    bool exchanging = false;  // there is the one after it, too
    uint32_t send_room = 0;
    uint64_t wheel[kTimerKinds] = {};
    uint64_t deliveries = 0;
    uint64_t transmissions = 0;
    uint64_t delivered = 0;
    uint64_t readable = 0;
    uint64_t read = 0;
    uint64_t read_said = 0;
    uint64_t written = 0;
    uint64_t end_of_stream = ~uint64_t{0};
    uint32_t established = 0;
    uint32_t left = 0;
    uint32_t closed = 0;
    uint32_t errors = 0;
    uint32_t error = 0;
    bool shut = false;
};

}  // namespace

class Simulation {
public:
    explicit Simulation(const Scenario& scenario) : scenario_(scenario), chance_(scenario.seed) {}
    ~Simulation() {
        for (Endpoint& endpoint : endpoints_)
            for (Ring& ring : endpoint.rings) ring.free();
    }

    bool prepare() {
        for (uint32_t i = 0; i < 2; ++i) {
            const TcpConfig config = {
                .passive = !scenario_.active[i],
                .iss = initial_sequence(i),
                .ts_offset = static_cast<uint32_t>(chance_.next()),
                .receive_bytes = scenario_.receive_bytes[i],
                .send_bytes = scenario_.send_bytes[i],
                .mss = scenario_.mss[i],
                .max_piece = scenario_.max_piece,
                .congestion = static_cast<TcpCongestion>(chance_.below(2)),
                .replicas = 3,
                .ecn = scenario_.ecn[i],
                .receive_max = scenario_.receive_max[i],
                .send_max = scenario_.send_max[i],
            };
            for (TcpState& state : endpoints_[i].states) tcp_init(state, config);
            endpoints_[i].send_room = scenario_.send_bytes[i];
            if (!endpoints_[i].rings[0].allocate(scenario_.receive_bytes[i], scenario_.weightless))
                return false;
        }
        return true;
    }

    Outcome run() {
        for (uint32_t i = 0; i < 2; ++i) {
            if (scenario_.active[i]) give(i, EventKind::kConnect);
            agenda_.push({.at_ns = now_ns_, .kind = Happening::kAct, .endpoint = i});
        }
        while (!outcome_.failure && !agenda_.empty() && now_ns_ < scenario_.limit_ns) {
            const Happening happening = agenda_.pop();
            now_ns_ = max(now_ns_, happening.at_ns);
            happen(happening);
        }
        judge();
        return outcome_;
    }

private:
    uint32_t initial_sequence(uint32_t i) {
        const auto drawn = static_cast<uint32_t>(chance_.next());
        return scenario_.wraps_after[i] ? 0u - scenario_.wraps_after[i] : drawn;
    }

    void fail(const char* why) {
        if (!outcome_.failure) outcome_.failure = why;
    }
    void expect(bool holds, const char* otherwise) {
        if (!holds) fail(otherwise);
    }

    void judge() {
        for (uint32_t i = 0; i < 2; ++i) {
            const Endpoint& endpoint = endpoints_[i];
            const TcpInfo info = tcp_info(endpoint.states[0]);
            outcome_.timeouts[i] = info.timeouts;
            outcome_.fast_recoveries[i] = info.fast_recoveries;
            outcome_.bytes_retransmitted[i] = info.bytes_retransmitted;
            outcome_.bytes_sent[i] = info.bytes_sent;
            outcome_.bytes_received[i] = info.bytes_received;
            outcome_.bytes_acked[i] = info.bytes_acked;
            outcome_.receive_bytes[i] = info.receive_bytes;
            outcome_.send_bytes[i] = info.send_bytes;
            expect(endpoint.read == scenario_.application[1 - i].sends, "not everything was read");
            expect(endpoint.delivered == endpoint.read, "not every byte was delivered once");
            expect(endpoint.closed == 1, "not closed exactly once");
            expect(endpoint.errors == 0 && endpoint.error == 0, "ended with an error");
            expect(endpoint.established == 1, "not established exactly once");
        }
        expect(endpoints_[0].left + endpoints_[1].left >= 1, "nobody went through TIME-WAIT");
    }

    void happen(const Happening& happening) {
        Endpoint& endpoint = endpoints_[happening.endpoint];
        switch (happening.kind) {
            case Happening::kArrival: {
                if (endpoint.closed) return refuse(happening.endpoint, happening.segment);
                Request& request = prepare_request(EventKind::kSegment);
                request.as<SegmentEvent>() = happening.segment;
                payload_offset_ = happening.stream_offset;
                return step(happening.endpoint);
            }
            case Happening::kTimer: {
                uint64_t& armed = endpoint.wheel[static_cast<uint32_t>(happening.timer)];
                if (armed == 0 || armed > now_ns_) return;  // moved or cancelled meanwhile
                armed = 0;
                Request& request = prepare_request(EventKind::kTimeout);
                request.as<TimeoutEvent>() = {{0}, happening.timer, 0};
                return step(happening.endpoint);
            }
            case Happening::kAct:
                return act(happening.endpoint);
        }
    }

    // There is no such connection any longer.
    void refuse(uint32_t i, const SegmentEvent& event) {
        TransmitEffect reset;
        if (!tcp_reset_reply(event, reset)) return;
        lines_.answer(i, reset, now_ns_);
        if (lines_.failure()) fail(lines_.failure());
    }

    // --- the application -------------------------------------------------------------------------

    void act(uint32_t i) {
        Endpoint& endpoint = endpoints_[i];
        const Application& application = scenario_.application[i];
        if (endpoint.closed && endpoint.read == endpoint.readable) return;
        if (endpoint.established && now_ns_ >= application.reads_late_ns) read_some(i);
        if (endpoint.established && !endpoint.closed) {
            write_some(i);
            if (application.toggles && chance_.permille(50)) toggle(i);
            close_when_done(i);
        }
        if (outcome_.failure) return;
        const bool over = endpoint.shut && endpoint.read == endpoint.end_of_stream;
        const uint64_t pause = over                   ? 1'000'000'000
                               : application.pause_ns ? chance_.below(application.pause_ns)
                                                      : 200'000;
        agenda_.push({.at_ns = now_ns_ + pause + 1000, .kind = Happening::kAct, .endpoint = i});
    }

    void read_some(uint32_t i) {
        Endpoint& endpoint = endpoints_[i];
        uint64_t bytes = min(endpoint.readable - endpoint.read,
                             chance_.between(1, scenario_.application[i].read_max));
        const bool some = bytes > 0;
        if (scenario_.weightless) {
            endpoint.read += bytes;
            if (some) ring_read(endpoint);
        } else {
            for (; bytes > 0 && !outcome_.failure; --bytes) read_byte(i);
        }
        if (outcome_.failure) return;
        bring_ring(i);
        if (some && endpoint.read == scenario_.application[1 - i].sends)
            outcome_.finished_ns = now_ns_;
        const uint32_t size = endpoint.rings[endpoint.reading & 1].bytes;
        if (endpoint.closed || endpoint.read - endpoint.read_said < size / 4) return;
        endpoint.read_said = endpoint.read;
        give(i, EventKind::kRead);
    }

    void read_byte(uint32_t i) {
        Endpoint& endpoint = endpoints_[i];
        Ring& ring = ring_read(endpoint);
        const uint64_t at = endpoint.read & (ring.bytes - 1);
        expect(ring.placed[at] == 1, "read of a byte that was not placed");
        expect(ring.memory[at] == stream_byte(1 - i, endpoint.read), "wrong byte");
        ring.placed[at] = 0;
        --ring.held;
        ++endpoint.read;
    }

    // The ring that holds the next byte to be read, which is there.
    Ring& ring_read(Endpoint& endpoint) {
        Ring& ring = endpoint.rings[endpoint.reading & 1];
        Ring& next = endpoint.rings[(endpoint.reading + 1) & 1];
        if (!endpoint.exchanging || endpoint.read < next.from) return ring;
        expect(ring.held == 0, "the ring before is not empty");
        ring.free();
        ++endpoint.reading;
        endpoint.exchanging = false;
        return next;
    }

    void bring_ring(uint32_t i) {
        Endpoint& endpoint = endpoints_[i];
        const uint32_t bytes = endpoint.ring_wanted;
        endpoint.ring_wanted = 0;
        if (endpoint.closed || endpoint.exchanging || chance_.permille(100)) return;
        if (bytes <= endpoint.rings[endpoint.reading & 1].bytes) return;
        Ring& next = endpoint.rings[(endpoint.reading + 1) & 1];
        if (!next.allocate(bytes, scenario_.weightless)) return fail("no memory");
        next.from = ~uint64_t{0};
        endpoint.exchanging = true;
        Request& request = prepare_request(EventKind::kRing);
        request.as<RingEvent>() = {{0}, bytes, 0};
        step(i);
    }

    void write_some(uint32_t i) {
        Endpoint& endpoint = endpoints_[i];
        const Application& application = scenario_.application[i];
        const uint64_t queued = endpoint.written - tcp_released(endpoint.states[0]);
        const uint64_t room = minus(endpoint.send_room, queued);
        const uint64_t bytes = min(min(room, application.sends - endpoint.written),
                                   chance_.between(1, application.write_max));
        if (bytes == 0 || endpoint.shut) return;
        endpoint.written += bytes;
        Request& request = prepare_request(EventKind::kSend);
        request.as<SendEvent>() = {{endpoint.read}, endpoint.written};
        step(i);
    }

    void toggle(uint32_t i) {
        Request& request = prepare_request(EventKind::kOption);
        TcpOptions options = endpoints_[i].states[0].options;
        uint8_t& option = chance_.permille(500) ? options.cork : options.no_delay;
        option = static_cast<uint8_t>(chance_.below(2));
        request.as<OptionEvent>() = {{0}, options, &option == &options.no_delay, 0};
        step(i);
    }

    void close_when_done(uint32_t i) {
        Endpoint& endpoint = endpoints_[i];
        const bool peer_done = endpoint.read == endpoint.end_of_stream;
        if (!endpoint.shut && endpoint.written == scenario_.application[i].sends &&
            (scenario_.application[i].close_at_once || peer_done)) {
            endpoint.shut = true;
            give(i, EventKind::kShutdown);
        }
        if (endpoint.shut && peer_done && chance_.permille(200)) give(i, EventKind::kCloseReads);
    }

    // --- steps -----------------------------------------------------------------------------------

    Request& prepare_request(EventKind kind) {
        __builtin_memset(static_cast<void*>(&request_), 0, sizeof request_);
        request_.kind = static_cast<uint32_t>(kind);
        request_.now_ns = now_ns_;
        return request_;
    }

    void give(uint32_t i, EventKind kind) {
        prepare_request(kind);
        step(i);
    }

    void step(uint32_t i) {
        Endpoint& endpoint = endpoints_[i];
        ++outcome_.steps;
        request_.as<Event>().app_read = endpoint.read;
        // What the packet held must not change what the second replica sees, nor the first's
        // effects.
        tcp_step(endpoint.states[1], request_, effects_);
        const uint32_t count = effects_.count();
        __builtin_memcpy(static_cast<void*>(others_), effects_.begin(), count * sizeof(Effect));
        tcp_step(endpoint.states[0], request_, effects_);
        expect(__builtin_memcmp(&endpoint.states[0], &endpoint.states[1], sizeof(TcpState)) == 0,
               "replicas' states differ");
        expect(count == effects_.count() &&
                   __builtin_memcmp(others_, effects_.begin(), count * sizeof(Effect)) == 0,
               "replicas' effects differ");
        if (const char* wrong = tcp_check_invariants(endpoint.states[0])) fail(wrong);
        for (const Effect& effect : effects_) perform(i, effect);
    }

    void perform(uint32_t i, const Effect& effect) {
        Endpoint& endpoint = endpoints_[i];
        const bool resets = effect.kind == EffectKind::kTransmit && effect.transmit.flags & kRst;
        expect(endpoint.closed == 0 || resets, "an effect after kClosed");
        switch (effect.kind) {
            case EffectKind::kDeliver:
                return deliver(i, effect.deliver);
            case EffectKind::kTransmit:
                return transmit(i, effect.transmit);
            case EffectKind::kTimer:
                return set_timer(i, effect.timer);
            case EffectKind::kEstablished:
                ++endpoint.established;
                return;
            case EffectKind::kEndOfStream:
                expect(endpoint.end_of_stream == ~uint64_t{0}, "end of stream twice");
                expect(effect.stream_offset == endpoint.readable,
                       "end of stream at the wrong place");
                endpoint.end_of_stream = effect.stream_offset;
                return;
            case EffectKind::kError:
                ++endpoint.errors;
                return;
            case EffectKind::kReceiveRoom:
                endpoint.ring_wanted = effect.bytes;
                return;
            case EffectKind::kSendRoom:
                expect(effect.bytes > endpoint.send_room, "a send buffer that shrinks");
                endpoint.send_room = effect.bytes;
                return;
            case EffectKind::kLeave:
                ++endpoint.left;
                return;
            case EffectKind::kClosed:
                ++endpoint.closed;
                endpoint.error = effect.error;
                for (uint64_t armed : endpoint.wheel)
                    expect(armed == 0, "closed with a timer armed");
                return;
        }
    }

    void set_timer(uint32_t i, const TimerEffect& effect) {
        endpoints_[i].wheel[static_cast<uint32_t>(effect.timer)] = effect.deadline_ns;
        if (effect.deadline_ns == 0) return;
        const uint64_t tick = (effect.deadline_ns + kTickNs - 1) / kTickNs * kTickNs;
        agenda_.push({.at_ns = max(tick, now_ns_ + 1),
                      .kind = Happening::kTimer,
                      .endpoint = i,
                      .timer = effect.timer});
    }

    void deliver(uint32_t i, const DeliverEffect& effect) {
        Endpoint& endpoint = endpoints_[i];
        const uint32_t size = endpoint.states[0].receive_bytes;
        expect(endpoint.established == 1, "delivery before kEstablished");
        expect(effect.serial == endpoint.deliveries++, "serial of a delivery");
        expect(effect.bytes > 0 && effect.stream_offset + effect.bytes <= endpoint.read + size,
               "delivery beyond the ring");
        expect(effect.readable >= endpoint.readable, "readable goes back");
        const SegmentEvent& event = request_.as<SegmentEvent>();
        const uint64_t into = effect.packet_offset - event.payload_offset;
        expect(into + effect.bytes <= event.payload_bytes, "delivery beyond the payload");
        expect(effect.stream_offset == payload_offset_ + into, "delivery at another offset");
        if (effect.stream_offset + effect.bytes > effect.ring_from)
            endpoint.rings[effect.ring & 1].from = effect.ring_from;
        for (uint64_t n = 0; n < effect.bytes && !scenario_.weightless && !outcome_.failure; ++n)
            place_byte(i, effect, n);
        endpoint.delivered += effect.bytes;
        endpoint.readable = effect.readable;
    }

    void place_byte(uint32_t i, const DeliverEffect& effect, uint64_t n) {
        const uint64_t offset = effect.stream_offset + n;
        Ring& ring = endpoints_[i].rings[(effect.ring - (offset < effect.ring_from)) & 1];
        const uint64_t at = offset & (ring.bytes - 1);
        expect(ring.placed[at] == 0, "a byte placed twice");
        ring.placed[at] = 1;
        ++ring.held;
        ring.memory[at] = stream_byte(1 - i, offset);
    }

    void transmit(uint32_t i, const TransmitEffect& run) {
        Endpoint& endpoint = endpoints_[i];
        expect(run.serial == endpoint.transmissions, "serial of a transmission");
        endpoint.transmissions += run.pieces();
        expect(run.stream_offset + run.bytes <= endpoint.written, "sends what was not written");
        expect(!run.bytes || run.stream_offset >= tcp_released(endpoint.states[0]),
               "sends what is released");
        expect(run.bytes <= run.piece_bytes || run.piece_bytes % run.mss == 0,
               "pieces of whole segments");
        if (outcome_.failure) return;
        lines_.transmit(i, run, now_ns_);
        if (lines_.failure()) fail(lines_.failure());
    }

    const Scenario scenario_;
    Chance chance_;
    Outcome outcome_;
    uint64_t now_ns_ = 1'000'000'000;
    uint64_t payload_offset_ = 0;  // stream offset of the payload of the segment being stepped
    Endpoint endpoints_[2];
    Request request_;
    Effects effects_;
    Effect others_[Effects::kMax];
    Agenda agenda_;
    Lines lines_{scenario_, chance_, agenda_};

    friend Simulation* create_simulation(const Scenario&);
};

Simulation* create_simulation(const Scenario& scenario) {
    Simulation* simulation = dominoes::make<Simulation>(scenario);
    if (simulation && !simulation->prepare()) {
        dominoes::destroy(simulation);
        return nullptr;
    }
    return simulation;
}

Outcome run_simulation(Simulation* simulation) { return simulation->run(); }

void destroy_simulation(Simulation* simulation) { dominoes::destroy(simulation); }

}  // namespace scout::sim
