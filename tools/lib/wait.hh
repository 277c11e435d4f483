// SPDX-License-Identifier: GPL-2.0
// Waiting for descriptors with a deadline, such that SIGINT and SIGTERM are never missed.
#pragma once

#include <poll.h>
#include <signal.h>
#include <chrono>
#include <exception>
#include <span>

namespace dominoes {

using Clock = std::chrono::steady_clock;

// Thrown by Waiter::wait() when SIGINT or SIGTERM has arrived.
struct Interrupted : std::exception {
    [[nodiscard]] const char* what() const noexcept override { return "interrupted"; }
};

// While one lives, SIGINT and SIGTERM take effect inside wait() only. The first of them throws;
// a second one kills the process in the ordinary way.
class Waiter {
public:
    Waiter();
    ~Waiter();
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    // poll(): how many are ready; 0 when the deadline has passed.
    int wait(std::span<pollfd> descriptors, Clock::time_point deadline);

private:
    sigset_t outside_{};
    struct sigaction old_int_ {};
    struct sigaction old_term_ {};
};

}  // namespace dominoes
