// SPDX-License-Identifier: GPL-2.0
//
// How long tcp_step() takes for an event, alone: what every replica pays, whether it owns the event
// or not. One connection of two replicas, at 10 Gbit/s and 1 ms of round trip in virtual time:
//
//     segment 1448 B    receives segments in order; the application reads at once
//     segment 65160 B   the same, merged by GRO
//     ack 2896 B        sends without end; an ACK for two segments opens the window for two more
//     ack 65160 B       the same, ACKs merged or for TSO packets
//
//     step_bench [RUNS] [MILLISECONDS]
//     step_bench --events COUNT NAME
//
// Default 5 and 200; a run measures all four, one after the other. The second form measures
// nothing: it makes COUNT events of one kind, for a profiler to look at.
//
// Prints JSON: every sample and the medians, in ns of CPU time an event, including the few stores
// that make the event.
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "scout/tcp/state.hh"

namespace bench {
namespace {

using namespace scout;

constexpr uint32_t kMss = 1448;
constexpr uint32_t kMaxPiece = 45 * kMss;  // the most whole segments in 64 KB
constexpr uint64_t kRoundTrip_ns = 1'000'000;
constexpr uint32_t kWindowScale = 10;
constexpr uint32_t kWindow = 1220;  // scaled: what is on its way in a round trip at 10 Gbit/s
constexpr uint32_t kIss = 7000;
constexpr uint32_t kIrs = 5000;
constexpr uint64_t kEndless = uint64_t{1} << 60;
constexpr uint32_t kWarmUp = 20'000;
constexpr uint32_t kBatch = 1000;

[[noreturn]] void die(const char* why) {
    std::fprintf(stderr, "step_bench: %s\n", why);
    std::exit(1);
}

// A connection, and what its peer and its application do: the same again and again.
class Connection {
public:
    Connection() {
        tcp_init(state_, config());
        SegmentEvent& syn = segment(kSyn);
        syn.options |= kHasMss | kHasWindowScale | kHasSackPermitted;
        syn.mss = 1460;
        syn.window_scale = kWindowScale;
        tcp_step(state_, request_, effects_);
        segment(kAck);
        advance(kRoundTrip_ns);
        receive(0);
        if (state_.phase != TcpPhase::kEstablished) die("the handshake failed");
    }

    // The next `bytes` in order, all before them read.
    void receive(uint32_t bytes) {
        SegmentEvent& event = request_.as<SegmentEvent>();
        event.app_read = received_;
        event.seq = static_cast<uint32_t>(kIrs + 1 + received_);
        event.payload_bytes = bytes;
        received_ += bytes;
        arrive(bytes);
    }

    // From now on the application has always more to send; the window it fills is what is in
    // flight.
    void write_endlessly() {
        segment(kAck);
        request_.kind = static_cast<uint32_t>(EventKind::kSend);
        request_.as<SendEvent>().written = kEndless;
        tcp_step(state_, request_, effects_);
        segment(kAck);
        for (uint32_t i = 0; flight() + kMss <= kWindow << kWindowScale; ++i) {
            if (i == kWarmUp) die("the window does not fill");
            acknowledge(2 * kMss);
        }
    }

    // An ACK for `bytes` more.
    void acknowledge(uint32_t bytes) {
        acknowledged_ += bytes;
        request_.as<SegmentEvent>().ack = static_cast<uint32_t>(kIss + 1 + acknowledged_);
        arrive(bytes);
    }

    // Whether nothing was lost, ignored or held back.
    bool in_step() const {
        return state_.rcv_nxt - state_.irs == received_ + 1 &&
               state_.snd_una - state_.iss == acknowledged_ + 1 && state_.timeouts == 0 &&
               state_.fast_recoveries == 0;
    }

private:
    static TcpConfig config() {
        return {
            .passive = true,
            .iss = kIss,
            .ts_offset = 0,
            .receive_bytes = 8 << 20,
            .send_bytes = 8 << 20,
            .mss = 1460,
            .max_piece = kMaxPiece,
            .congestion = TcpCongestion::kCubic,
            .replicas = 3,
        };
    }

    // A segment of the peer's without payload, to be filled in.
    SegmentEvent& segment(uint8_t flags) {
        std::memset(static_cast<void*>(&request_), 0, sizeof request_);
        request_.kind = static_cast<uint32_t>(EventKind::kSegment);
        request_.now_ns = now_ns_;
        SegmentEvent& event = request_.as<SegmentEvent>();
        event.seq = flags & kSyn ? kIrs : kIrs + 1;
        event.ack = kIss + 1;
        event.window = kWindow;
        event.payload_offset = 66;
        event.flags = flags;
        event.options = kHasTimestamps;
        event.ts_val = milliseconds(now_ns_);
        return event;
    }

    void arrive(uint32_t bytes) {
        advance(bytes * 8 / 10);
        SegmentEvent& event = request_.as<SegmentEvent>();
        request_.now_ns = now_ns_;
        event.ts_val = milliseconds(now_ns_);
        event.ts_ecr = milliseconds(now_ns_ - kRoundTrip_ns);
        tcp_step(state_, request_, effects_);
    }

    uint64_t flight() const { return state_.snd_nxt - state_.snd_una; }
    void advance(uint64_t ns) { now_ns_ += ns; }
    static uint32_t milliseconds(uint64_t ns) { return static_cast<uint32_t>(ns / 1'000'000); }

    TcpState state_;
    dominoes::Request request_;
    Effects effects_;
    uint64_t now_ns_ = 1'000'000'000;
    uint64_t received_ = 0;
    uint64_t acknowledged_ = 0;
};

struct Variant {
    const char* name;
    void (Connection::*event)(uint32_t bytes);
    uint32_t bytes;
    bool sends;
    std::vector<double> samples;
};

std::unique_ptr<Connection> open(const Variant& variant) {
    auto connection = std::make_unique<Connection>();
    if (variant.sends) connection->write_endlessly();
    return connection;
}

void play(Connection& connection, const Variant& variant, uint64_t events) {
    for (uint64_t i = 0; i < events; ++i) (connection.*variant.event)(variant.bytes);
}

void expect_in_step(const Connection& connection) {
    if (!connection.in_step()) die("the connection did not go as planned");
}

// Of this thread alone: what else runs on the CPU does not count.
uint64_t cpu_time_ns() {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

double measure(const Variant& variant, uint64_t duration_ns) {
    const std::unique_ptr<Connection> connection = open(variant);
    play(*connection, variant, kWarmUp);
    const uint64_t start = cpu_time_ns();
    uint64_t events = 0;
    uint64_t passed = 0;
    do {
        play(*connection, variant, kBatch);
        events += kBatch;
        passed = cpu_time_ns() - start;
    } while (passed < duration_ns);
    expect_in_step(*connection);
    return static_cast<double>(passed) / static_cast<double>(events);
}

double median(std::vector<double> samples) {
    std::sort(samples.begin(), samples.end());
    return samples[samples.size() / 2];
}

void print(const Variant& variant) {
    std::printf(",\n  \"%s\": {\"median\": %.1f, \"samples\": [", variant.name,
                median(variant.samples));
    for (size_t i = 0; i < variant.samples.size(); ++i)
        std::printf("%s%.1f", i ? ", " : "", variant.samples[i]);
    std::printf("]}");
}

int usage(bool asked) {
    std::fprintf(asked ? stdout : stderr,
                 "usage: step_bench [RUNS] [MILLISECONDS]\n"
                 "       step_bench --events COUNT NAME\n");
    return asked ? 0 : 2;
}

// The thread stays on the CPU it is on: another's caches would be cold.
void pin() {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<size_t>(sched_getcpu()), &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
    using namespace bench;
    Variant variants[] = {{"segment 1448 B", &Connection::receive, kMss, false, {}},
                          {"segment 65160 B", &Connection::receive, kMaxPiece, false, {}},
                          {"ack 2896 B", &Connection::acknowledge, 2 * kMss, true, {}},
                          {"ack 65160 B", &Connection::acknowledge, kMaxPiece, true, {}}};
    if (argc > 1 && !std::strcmp(argv[1], "--help")) return usage(true);
    if (argc == 4 && !std::strcmp(argv[1], "--events")) {
        for (const Variant& variant : variants) {
            if (std::strcmp(variant.name, argv[3])) continue;
            const std::unique_ptr<Connection> connection = open(variant);
            play(*connection, variant, std::strtoull(argv[2], nullptr, 10));
            expect_in_step(*connection);
            return 0;
        }
        return usage(false);
    }
    const int runs = argc > 1 ? std::atoi(argv[1]) : 5;
    const int ms = argc > 2 ? std::atoi(argv[2]) : 200;
    if (runs <= 0 || ms <= 0) return usage(false);
    pin();
    for (int i = 0; i < runs; ++i) {
        for (Variant& variant : variants)
            variant.samples.push_back(measure(variant, static_cast<uint64_t>(ms) * 1'000'000));
    }
    std::printf("{\n  \"unit\": \"ns/event\", \"state_bytes\": %zu", sizeof(TcpState));
    for (const Variant& variant : variants) print(variant);
    std::printf("\n}\n");
}
