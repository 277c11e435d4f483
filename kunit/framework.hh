// SPDX-License-Identifier: GPL-2.0
//
// What the tests of the framework have in common: threads, waiting, and domains that clean up.
#pragma once

#include "dominoes/context.hh"
#include "kunit/test.hh"

namespace kunit {

using namespace dominoes;

// A thread that runs `body()`; joined at the end of the scope.
template <typename Body>
class Thread : Pinned {
public:
    explicit Thread(Body body, int cpu = -1)
        : body_(body),
          thread_(dominoes_thread_start([](void* self) { static_cast<Thread*>(self)->body_(); },
                                        this, cpu, "test")) {}
    ~Thread() { join(); }

    bool started() const { return thread_; }
    void join() {
        if (thread_) dominoes_thread_join(thread_);
        thread_ = nullptr;
    }

private:
    Body body_;
    dominoes_thread* thread_;
};

// Waits for `condition()`, long enough for the slowest machine, and at first without a pause: races
// are won and lost in nanoseconds. False: it never came.
template <typename Condition>
bool eventually(Condition condition) {
    for (uint32_t spins = 0; spins < 2000; ++spins) {
        if (condition()) return true;
        dominoes_relax();
    }
    const uint64_t deadline = dominoes_now_ns() + 60'000'000'000;
    while (!condition()) {
        if (dominoes_now_ns() > deadline) return false;
        dominoes_thread_yield();
        dominoes_thread_delay(100'000);
    }
    return true;
}

// Numbers that look random, the same ones each time.
class Dice {
public:
    explicit Dice(uint64_t seed = 1) : state_(seed) {}
    uint64_t below(uint64_t end) {
        state_ = state_ * 6364136223846793005 + 1442695040888963407;
        return (state_ >> 33) % end;
    }
    // A pause of fewer than `end` turns of a short loop, to meet another thread at any of its
    // steps.
    void pause(uint32_t end) {
        for (uint64_t turns = below(end); turns; --turns) asm volatile("");
    }

private:
    uint64_t state_;
};

// Waits until every read section of now has ended.
inline void wait_for_readers() {
    auto* grace = static_cast<dominoes_retired*>(dominoes_alloc(sizeof(dominoes_retired)));
    if (grace) dominoes_retire(grace, [](dominoes_retired* passed) { dominoes_free(passed); });
    dominoes_retire_barrier();
}

// A context for the scope. Check running() first.
class TestContext : Pinned {
public:
    explicit TestContext(int cpu = -1) : context_(Context::create(cpu, "test")) {}
    ~TestContext() { Context::destroy(context_); }
    bool running() const { return context_; }
    Context& operator*() const { return *context_; }
    Context* operator->() const { return context_; }

private:
    Context* const context_;
};

// Keeps a context from doing anything else, for the scope or until let_go().
class Busy : Pinned {
public:
    explicit Busy(Context& context) {
        accepted_ = context.run_in_context(
            [](void* self) {
                auto* busy = static_cast<Busy*>(self);
                busy->begun_.store_release(1);
                eventually([busy] { return busy->stop_.load_acquire() != 0; });
                busy->ended_.store_release(1);
            },
            this);
        eventually([this] { return !accepted_ || begun_.load_acquire() != 0; });
    }
    ~Busy() {
        let_go();
        eventually([this] { return !accepted_ || ended_.load_acquire() != 0; });
    }
    void let_go() { stop_.store_release(1); }

private:
    bool accepted_;
    Atomic<uint32_t> begun_, stop_, ended_;
};

// A domain with one subscription, whose requests it gives to `process(request)`. At the end of the
// scope it is retired.
template <typename Process>
class TestDomain : Pinned {
public:
    TestDomain(Context& context, Channel& channel, Process process, uint32_t id = 0)
        : process_(process),
          domain_(
              id, this, context,
              Domain::Hooks{
                  .schedule = nullptr,
                  .subscribed = nullptr,
                  .unsubscribed = nullptr,
                  .batch_done = nullptr,
                  .retired =
                      [](Domain& domain) {
                          static_cast<TestDomain*>(domain.state())->retired_.fetch_add_acq_rel(1);
                      },
              }),
          subscription_(
              channel, domain_,
              [](void* self, Request& request) {
                  return static_cast<TestDomain*>(self)->process_(request);
              },
              this) {}
    ~TestDomain() {
        retire();
        wait_for_readers();
    }

    bool subscribe(uint64_t position) {
        if (!domain_.subscribe(subscription_, position)) return false;
        domain_.schedule();
        return true;
    }
    bool subscribe() { return subscribe(subscription_.channel().tail()); }
    bool retire() {
        domain_.retire();
        return eventually([this] { return retired_.load_acquire() > 0; });
    }

    Domain& domain() { return domain_; }
    Subscription& subscription() { return subscription_; }
    uint32_t retired() const { return retired_.load_acquire(); }

private:
    Process process_;
    Domain domain_;
    Subscription subscription_;
    Atomic<uint32_t> retired_;
};

// A subscription that nobody's context serves: the test itself is the consumer.
class Reader : Pinned {
public:
    Reader(Context& context, Channel& channel)
        : idle_(context, channel, refuse), subscription_(channel, idle_.domain(), never, nullptr) {}
    ~Reader() { subscription_.channel().deactivate(subscription_); }

    bool activate(uint64_t position) {
        return subscription_.channel().activate(subscription_, position);
    }
    Subscription& operator*() { return subscription_; }

private:
    static bool refuse(Request&) { return false; }
    static bool never(void*, Request&) { return false; }

    TestDomain<bool (*)(Request&)> idle_;
    Subscription subscription_;
};

// Claims and publishes a request that carries `number`; false: no room.
inline bool publish(Channel& channel, uint64_t number, uint32_t headroom = 0,
                    void (*release)(Request&) = nullptr, void* owned = nullptr) {
    Request* request = channel.claim(headroom);
    if (!request) return false;
    request->as<uint64_t>() = number;
    request->owned = owned;
    request->release = release;
    channel.publish(*request);
    return true;
}

// The same, until there is room.
inline void publish_surely(Channel& channel, uint64_t number, void (*release)(Request&) = nullptr,
                           void* owned = nullptr) {
    while (!publish(channel, number, 0, release, owned)) {
        dominoes_thread_yield();
        dominoes_thread_delay(1'000);
    }
}

// Fails each of the first allocations that `create()` makes, one at a time: it must give nullptr
// and leak nothing. At least `least` allocations are expected.
template <typename Create, typename Destroy>
void survives_failures(Check& check, unsigned least, Create create, Destroy destroy) {
    if (check.skips_failures()) return;
    unsigned failed = 0;
    for (; failed < 64; ++failed) {
        check.fail_allocations(uint64_t{1} << failed);
        auto* object = create();
        check.fail_allocations(0);
        if (!object) continue;
        destroy(object);
        break;
    }
    EXPECT(failed >= least);
}

}  // namespace kunit
