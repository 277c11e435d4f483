// SPDX-License-Identifier: GPL-2.0
//
// How many requests a second a channel moves from one producer to one and to two consumers:
//
//     figure_3_4   the ring of the dissertation (figure_3_4_ring.hh)
//     channel      RingChannel, its consumers taking batches with peek() and advance()
//     domains      RingChannel with domains in contexts, as protocols use it
//
//     channel_bench [RUNS] [MILLISECONDS]
//
// Default 5 and 400; a run measures all three, one after the other.
//
// Prints JSON: every sample and the medians, in requests a second, and ratios to figure_3_4.
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "dominoes/context.hh"
#include "tools/bench/figure_3_4_ring.hh"

namespace bench {
namespace {

using namespace dominoes;

constexpr uint32_t kCapacity = 1024;
constexpr uint32_t kMaxConsumers = 2;

struct Load {
    uint32_t consumers;
    uint64_t duration_ns;

    // What to do while there is nothing to do: where threads share CPUs, to let another go on.
    void pause() const {
        if (consumers + 1 > std::thread::hardware_concurrency()) {
            sched_yield();
        } else {
            dominoes_relax();
        }
    }
};

int cpu_of(uint32_t thread) {
    return static_cast<int>(thread % std::thread::hardware_concurrency());
}

void pin(uint32_t thread) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<size_t>(cpu_of(thread)), &set);
    (void)pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

// What a consumer makes of the requests, so that it must read them.
struct alignas(64) Tally {
    uint64_t sum = 0;
    uint64_t count = 0;
};

// Calls `put(number)` for `duration_ns`; returns requests a second once `drained(count)`.
template <typename Put, typename Drained>
double produce(const Load& load, Put put, Drained drained) {
    const uint64_t start = dominoes_now_ns();
    const uint64_t deadline = start + load.duration_ns;
    uint64_t count = 0;
    while (count % 4096 != 0 || dominoes_now_ns() < deadline) {
        if (put(count)) {
            ++count;
        } else {
            load.pause();
        }
    }
    while (!drained(count)) load.pause();
    return static_cast<double>(count) * 1e9 / static_cast<double>(dominoes_now_ns() - start);
}

void fill(Request& request, uint64_t number) {
    request.kind = 1;
    request.now_ns = number;
    request.as<uint64_t>() = number;
}

double run_figure_3_4(const Load& load) {
    Figure34Ring ring(kCapacity, static_cast<int>(load.consumers));
    std::vector<Request> pool(2 * kCapacity);
    std::atomic<uint32_t> registered{0};
    std::atomic<bool> stop{false};
    std::atomic<uint64_t> taken[kMaxConsumers] = {};
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < load.consumers; ++i) {
        threads.emplace_back([&, i] {
            pin(i + 1);
            void* head;
            ring.register_consumer(&head);
            ++registered;
            Tally tally;
            while (!stop.load(std::memory_order_relaxed)) {
                void* item;
                if (ring.remove(&item)) {
                    tally.sum += static_cast<Request*>(item)->as<uint64_t>();
                    ++tally.count;
                } else {
                    taken[i].store(tally.count, std::memory_order_relaxed);
                    load.pause();
                }
            }
            if (tally.sum == 1) std::puts("");
        });
    }
    while (registered != load.consumers) std::this_thread::yield();
    const double rate = produce(
        load,
        [&](uint64_t number) {
            Request& request = pool[number % pool.size()];
            fill(request, number);
            return ring.insert(&request);
        },
        [&](uint64_t count) {
            return std::all_of(taken, taken + load.consumers, [&](auto& t) { return t == count; });
        });
    stop = true;
    for (std::thread& thread : threads) thread.join();
    return rate;
}

bool put(RingChannel& channel, uint64_t number) {
    Request* request = channel.claim(0);
    if (!request) return false;
    fill(*request, number);
    channel.publish(*request);
    return true;
}

bool passed(const RingChannel& channel, uint64_t count) { return channel.reclaimed() == count; }

constexpr Domain::Hooks kNoHooks = {nullptr, nullptr, nullptr, nullptr, nullptr};

// A retired domain is never scheduled again: the producer pays for looking, and nobody gets in the
// way.
struct Retired {
    std::atomic<bool> left{false};
    Domain domain;
    Subscription subscription;

    Retired(Context& context, RingChannel& channel)
        : domain(0, this, context, hooks()),
          subscription(
              channel, domain, [](void*, Request&) { return false; }, nullptr) {
        domain.retire();
        while (!left) std::this_thread::yield();
    }
    static Domain::Hooks hooks() {
        Domain::Hooks hooks = kNoHooks;
        hooks.retired = [](Domain& d) { static_cast<Retired*>(d.state())->left = true; };
        return hooks;
    }
};

double run_channel(const Load& load) {
    Context* context = Context::create(-1, "bench");
    Owned<RingChannel> channel(RingChannel::create(kCapacity));
    if (!context || !channel) std::exit(1);
    std::unique_ptr<Retired> consumers[kMaxConsumers];
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < load.consumers; ++i) {
        consumers[i] = std::make_unique<Retired>(*context, *channel);
        if (!channel->activate(consumers[i]->subscription, 0)) std::exit(1);
    }
    for (uint32_t i = 0; i < load.consumers; ++i) {
        threads.emplace_back([&, i] {
            pin(i + 1);
            Subscription& subscription = consumers[i]->subscription;
            Tally tally;
            while (!stop.load(std::memory_order_relaxed)) {
                uint32_t batch = 0;
                while (batch < Domain::kBatch) {
                    Request* request = channel->peek(subscription, batch);
                    if (!request) break;
                    tally.sum += request->as<uint64_t>();
                    ++batch;
                }
                if (batch) {
                    channel->advance(subscription, batch);
                } else {
                    load.pause();
                }
            }
            if (tally.sum == 1) std::puts("");
        });
    }
    const double rate = produce(
        load, [&](uint64_t number) { return put(*channel, number); },
        [&](uint64_t count) { return passed(*channel, count); });
    stop = true;
    for (std::thread& thread : threads) thread.join();
    for (uint32_t i = 0; i < load.consumers; ++i) channel->deactivate(consumers[i]->subscription);
    Context::destroy(context);
    return rate;
}

struct Consumer {
    Tally tally;
    Context* context;
    Domain domain;
    Subscription subscription;
    std::atomic<bool> left{false};

    Consumer(uint32_t i, RingChannel& channel)
        : context(Context::create(cpu_of(i + 1), "bench")),
          domain(i, this, *context, hooks()),
          subscription(channel, domain, &take, this) {
        if (!domain.subscribe(subscription, 0)) std::exit(1);
    }
    ~Consumer() {
        domain.retire();
        while (!left) std::this_thread::yield();
        Context::destroy(context);
    }
    static Domain::Hooks hooks() {
        Domain::Hooks hooks = kNoHooks;
        hooks.retired = [](Domain& d) { static_cast<Consumer*>(d.state())->left = true; };
        return hooks;
    }
    static bool take(void* self, Request& request) {
        auto* consumer = static_cast<Consumer*>(self);
        consumer->tally.sum += request.as<uint64_t>();
        ++consumer->tally.count;
        return true;
    }
};

double run_domains(const Load& load) {
    Owned<RingChannel> channel(RingChannel::create(kCapacity));
    if (!channel) std::exit(1);
    std::unique_ptr<Consumer> consumers[kMaxConsumers];
    for (uint32_t i = 0; i < load.consumers; ++i)
        consumers[i] = std::make_unique<Consumer>(i, *channel);
    return produce(
        load, [&](uint64_t number) { return put(*channel, number); },
        [&](uint64_t count) { return passed(*channel, count); });
}

struct Variant {
    const char* name;
    double (*run)(const Load&);
    std::vector<double> samples;
};

double median(std::vector<double> samples) {
    std::sort(samples.begin(), samples.end());
    return samples[samples.size() / 2];
}

void print(const Variant& variant, double baseline) {
    std::printf("    \"%s\": {\"median\": %.0f, \"ratio\": %.2f, \"samples\": [", variant.name,
                median(variant.samples), median(variant.samples) / baseline);
    for (size_t i = 0; i < variant.samples.size(); ++i)
        std::printf("%s%.0f", i ? ", " : "", variant.samples[i]);
    std::printf("]}");
}

void measure(uint32_t consumers, unsigned runs, uint64_t duration_ns) {
    const Load load = {consumers, duration_ns};
    Variant variants[] = {{"figure_3_4", run_figure_3_4, {}},
                          {"channel", run_channel, {}},
                          {"domains", run_domains, {}}};
    for (unsigned i = 0; i < runs; ++i) {
        for (Variant& variant : variants) variant.samples.push_back(variant.run(load));
    }
    std::printf("  \"1 to %u\": {\n", consumers);
    for (const Variant& variant : variants) {
        print(variant, median(variants[0].samples));
        std::printf("%s\n", &variant == &variants[2] ? "" : ",");
    }
    std::printf("  }");
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
    const unsigned runs = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 5;
    const uint64_t ms = argc > 2 ? static_cast<uint64_t>(std::atoi(argv[2])) : 400;
    if (!runs || !ms) {
        std::fprintf(stderr, "usage: channel_bench [RUNS] [MILLISECONDS]\n");
        return 2;
    }
    bench::pin(0);
    std::printf(
        "{\n  \"unit\": \"requests/s\", \"request_bytes\": %zu, \"capacity\": %u, \"cpus\": %u,\n",
        sizeof(dominoes::Request), bench::kCapacity, std::thread::hardware_concurrency());
    bench::measure(1, runs, ms * 1'000'000);
    std::printf(",\n");
    bench::measure(2, runs, ms * 1'000'000);
    std::printf("\n}\n");
}
