// SPDX-License-Identifier: GPL-2.0
//
// A blocking socket over scout/stack.h, for programs and tests of the userspace rig. What the
// kernel module does with wait queues is done here with a condition variable.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "scout/stack.h"
#include "tools/rig/rig.hh"

namespace rig {

// "10.0.0.1", 80. Throws std::invalid_argument.
dominoes_sockaddr address(const std::string& ip, uint16_t port);

class Socket : User {
public:
    static constexpr int kTcp = 6;
    static constexpr int kUdp = 17;

    // Throws std::bad_alloc.
    explicit Socket(scout_stack* stack, int protocol = kTcp);
    ~Socket();
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    // 0 or a negative errno, as in scout/stack.h, but waiting; -ETIMEDOUT after the time limit.
    int bind(const dominoes_sockaddr& local) { return scout_bind(endpoint_, &local); }
    int connect(const dominoes_sockaddr& peer);
    int listen(uint32_t backlog = 0) { return scout_listen(endpoint_, backlog); }
    // nullptr: `error` says why.
    std::unique_ptr<Socket> accept(int& error);
    int64_t read(void* to, size_t bytes);
    // All of it, or a negative errno.
    int64_t write(const void* from, size_t bytes);
    // What close() with SO_LINGER waits for. False: the time limit.
    bool linger();
    int shutdown(int how) { return scout_shutdown(endpoint_, how); }
    int set(uint32_t option, int64_t value) { return scout_set_option(endpoint_, option, value); }
    struct dominoes_info info();
    scout_endpoint* get() { return endpoint_; }

    void set_time_limit(std::chrono::seconds limit) { limit_ = limit; }

private:
    Socket() = default;
    void wake() override;
    // Until `done`, which is looked at after each wake. False: the time limit.
    bool wait_until(const std::function<bool()>& done);
    // Until scout_poll() shows one of `events`.
    bool wait_for(uint32_t events);

    scout_endpoint* endpoint_ = nullptr;
    std::chrono::seconds limit_{60};
    std::mutex mutex_;
    std::condition_variable woken_;
    uint64_t wakes_ = 0;
};

}  // namespace rig
