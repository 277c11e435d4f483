// SPDX-License-Identifier: GPL-2.0
//
// ScriptHost: the stack under test with its device, its clock, and the threads that use it.
//
// packetdrill has two threads: the main one sends, receives and lets time pass; the other makes the
// calls that block. They take turns here. A call that blocks is tried again whenever the main
// thread has changed something, and the main thread goes on only when that attempt is over; so what
// happens when does not depend on how the system schedules the two.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "tools/packetdrill/config.hh"
#include "tools/packetdrill/device.hh"

namespace packetdrill {

constexpr uint64_t kNever = UINT64_MAX;

class ScriptHost {
public:
    // Of the calling thread, which is the main one from now on.
    explicit ScriptHost(const Config& config);
    // No endpoint is left.
    ~ScriptHost();
    ScriptHost(const ScriptHost&) = delete;

    // While one lives, its thread has the machine for itself.
    class Turn {
    public:
        explicit Turn(ScriptHost& machine);

    private:
        friend class ScriptHost;
        std::unique_lock<std::mutex> lock_;
    };

    scout_stack* stack() { return stack_; }
    const Config& config() const { return config_; }
    uint64_t now_ns() const { return world_.now_ns(); }

    // --- with a turn ---

    // Calls into the core.
    int64_t call(Turn& turn, const std::function<int64_t()>& function);
    // The same, again and again until it does not give -EAGAIN, or until then.
    int64_t call_blocking(Turn& turn, const std::function<int64_t()>& function, uint64_t until_ns);
    void arrive(Turn& turn, const void* ip_packet, size_t bytes);
    // The next packet sent, for which time passes up to a limit. False: there is none.
    bool next_sent(Turn& turn, SentPacket& packet);
    void sleep_until(Turn& turn, uint64_t ns);
    // What the time is. It is later whenever somebody asks, for packetdrill waits by asking.
    uint64_t read_clock(Turn& turn);

private:
    // Of the thread that makes calls that block.
    enum class Other { kElsewhere, kWaiting, kTrying, kReturning };

    bool is_main() const { return std::this_thread::get_id() == main_; }
    void perform(const std::function<void()>& act);
    bool pass_event(Turn& turn, uint64_t until_ns);
    void let_other_try(Turn& turn);
    void wait_as_other(Turn& turn, uint64_t until_ns);

    const Config config_;
    const std::thread::id main_ = std::this_thread::get_id();
    std::mutex mutex_;
    std::condition_variable changed_;
    Other other_ = Other::kElsewhere;
    uint64_t other_until_ns_ = kNever;

    VirtualWorld world_;
    Device device_{world_};
    scout_stack* stack_ = nullptr;
    scout_nic* nic_ = nullptr;
};

}  // namespace packetdrill
