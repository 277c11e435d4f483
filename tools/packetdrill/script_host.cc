// SPDX-License-Identifier: GPL-2.0
#include "tools/packetdrill/script_host.hh"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <numeric>

namespace packetdrill {
namespace {

constexpr uint32_t kPrefixBits = 16;  // as packetdrill's --netmask_ip, if nothing else is said
constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kTick = 1'000;  // what one look at the clock takes
// More than any timer but those of an idle connection. Nobody waits longer for what does not come.
constexpr uint64_t kPatience = 300 * kSecond;
// In real time; the other thread needs microseconds, and if it is lost, a script fails.
constexpr auto kOtherPatience = std::chrono::seconds(2);

}  // namespace

ScriptHost::ScriptHost(const Config& config) : config_(config) {
    device_.mtu = config.mtu;
    device_.gso = device_.checksum_offload = config.gso;
    std::vector<int> cpus(config.replicas);
    std::iota(cpus.begin(), cpus.end(), 0);
    struct scout_attach wanted {};
    wanted.link = &device_;
    wanted.id = 1;
    wanted.address = config.local;
    wanted.gateway = config.gateway;
    wanted.prefix_len = kPrefixBits;
    wanted.replicas = config.replicas;
    wanted.cpus = cpus.data();
    wanted.cpu_count = config.replicas;
    int error = 0;
    perform([&] {
        stack_ = scout_stack_create();
        error = stack_ ? scout_attach(stack_, &wanted, &nic_) : -ENOMEM;
    });
    if (!error) return;
    std::fprintf(stderr, "dominoes: the device cannot be attached: error %d\n", -error);
    std::exit(1);
}

ScriptHost::~ScriptHost() {
    perform([&] {
        scout_nic* const nic = nic_;
        nic_ = nullptr;
        scout_detach(nic);
        scout_stack_destroy(stack_);
    });
}

void ScriptHost::perform(const std::function<void()>& act) {
    world_.perform(act);
    bool answered = true;
    while (nic_ && answered) {
        world_.perform([&] { answered = device_.answer(nic_); });
    }
}

// --- turns ---

// One that has returned from a call looks at the clock first: time must not pass before.
ScriptHost::Turn::Turn(ScriptHost& machine) : lock_(machine.mutex_) {
    if (!machine.is_main()) return;
    machine.changed_.wait_for(lock_, kOtherPatience,
                              [&] { return machine.other_ != Other::kReturning; });
    if (machine.other_ == Other::kReturning) machine.other_ = Other::kElsewhere;
}

void ScriptHost::let_other_try(Turn& turn) {
    if (!is_main() || other_ != Other::kWaiting) return;
    other_ = Other::kTrying;
    changed_.notify_all();
    const auto over = [&] { return other_ == Other::kWaiting || other_ == Other::kElsewhere; };
    if (changed_.wait_for(turn.lock_, kOtherPatience, over)) return;
    std::fprintf(stderr, "dominoes: a call that blocks is lost\n");
    std::exit(1);
}

void ScriptHost::wait_as_other(Turn& turn, uint64_t until_ns) {
    other_until_ns_ = until_ns;
    other_ = Other::kWaiting;
    changed_.notify_all();
    changed_.wait(turn.lock_, [&] { return other_ == Other::kTrying; });
    other_until_ns_ = kNever;
}

// --- calls ---

int64_t ScriptHost::call(Turn& turn, const std::function<int64_t()>& function) {
    int64_t result = 0;
    perform([&] { result = function(); });
    let_other_try(turn);
    return result;
}

int64_t ScriptHost::call_blocking(Turn& turn, const std::function<int64_t()>& function,
                                  uint64_t until_ns) {
    if (is_main()) until_ns = std::min(until_ns, now_ns() + kPatience);
    bool waited = false;
    for (;;) {
        const int64_t result = call(turn, function);
        if (result != -EAGAIN || now_ns() >= until_ns) {
            if (waited) other_ = Other::kReturning;
            return result;
        }
        if (is_main()) {
            if (!pass_event(turn, until_ns)) world_.advance_to(until_ns);
        } else {
            waited = true;
            wait_as_other(turn, until_ns);
        }
    }
}

// --- packets and time ---

void ScriptHost::arrive(Turn& turn, const void* ip_packet, size_t bytes) {
    perform([&] { device_.arrive(nic_, ip_packet, bytes); });
    let_other_try(turn);
}

// Time passes up to the next event. False: there is none before then, and it does not.
bool ScriptHost::pass_event(Turn& turn, uint64_t until_ns) {
    const uint64_t next = std::min(world_.next_deadline(), other_until_ns_);
    if (next == kNever || next > until_ns) return false;
    perform([&] { sim::Scheduler::current().advance_to(next); });
    let_other_try(turn);
    return true;
}

bool ScriptHost::next_sent(Turn& turn, SentPacket& packet) {
    const uint64_t until_ns = now_ns() + kPatience;
    while (device_.sent().empty() && pass_event(turn, until_ns)) {
    }
    if (device_.sent().empty()) return false;
    packet = std::move(device_.sent().front());
    device_.sent().pop_front();
    return true;
}

void ScriptHost::sleep_until(Turn& turn, uint64_t ns) {
    while (pass_event(turn, ns)) {
    }
    world_.advance_to(ns);
}

uint64_t ScriptHost::read_clock(Turn& turn) {
    if (!is_main() && other_ == Other::kReturning) {
        other_ = Other::kElsewhere;
        changed_.notify_all();
        return now_ns();
    }
    sleep_until(turn, now_ns() + kTick);
    return now_ns();
}

}  // namespace packetdrill
