// SPDX-License-Identifier: GPL-2.0
// See wait.hh.
#include "wait.hh"

#include "descriptor.hh"

#include <algorithm>
#include <cerrno>

namespace dominoes {

namespace {

volatile sig_atomic_t g_interrupted = 0;

void on_signal(int) { g_interrupted = 1; }

timespec until(Clock::time_point deadline) {
    using namespace std::chrono;
    // The cap keeps time_point::max() from overflowing; wait() simply goes round again.
    const auto left = std::clamp<nanoseconds>(deadline - Clock::now(), 0ns, 3600s);
    return {duration_cast<seconds>(left).count(), (left % 1s).count()};
}

}  // namespace

Waiter::Waiter() {
    g_interrupted = 0;
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ours, &outside_);
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &old_int_);
    sigaction(SIGTERM, &action, &old_term_);
}

Waiter::~Waiter() {
    sigaction(SIGINT, &old_int_, nullptr);
    sigaction(SIGTERM, &old_term_, nullptr);
    pthread_sigmask(SIG_SETMASK, &outside_, nullptr);
}

int Waiter::wait(std::span<pollfd> descriptors, Clock::time_point deadline) {
    for (;;) {
        const timespec timeout = until(deadline);
        const int ready = ppoll(descriptors.data(), descriptors.size(), &timeout, &outside_);
        const int error = errno;
        if (g_interrupted != 0) {
            g_interrupted = 0;
            throw Interrupted();
        }
        if (ready > 0 || (ready == 0 && Clock::now() >= deadline)) return ready;
        if (ready < 0 && error != EINTR && error != EAGAIN) throw_error(error, "poll");
    }
}

}  // namespace dominoes
