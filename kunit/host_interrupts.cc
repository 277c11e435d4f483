// SPDX-License-Identifier: GPL-2.0
//
// A signal that a timer sends to the thread that starts it: what a softirq is to a kthread.
#include "kunit/interrupts.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

namespace {

constexpr long kPeriodNs = 50'000;
constexpr int kSignal = SIGUSR1;

void (*interrupt_handler)(void*);
void* interrupt_argument;
timer_t interrupt_timer;

}  // namespace

bool dominoes_interrupts_begin(void (*handler)(void*), void* argument) {
    if (interrupt_handler) return false;
    interrupt_handler = handler;
    interrupt_argument = argument;
    struct sigaction action {};
    action.sa_handler = [](int) { interrupt_handler(interrupt_argument); };
    action.sa_flags = SA_RESTART;
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = kSignal;
    event._sigev_un._tid = gettid();
    const itimerspec period{{0, kPeriodNs}, {0, kPeriodNs}};
    if (sigaction(kSignal, &action, nullptr) == 0 &&
        timer_create(CLOCK_MONOTONIC, &event, &interrupt_timer) == 0) {
        if (timer_settime(interrupt_timer, 0, &period, nullptr) == 0) return true;
        timer_delete(interrupt_timer);
    }
    interrupt_handler = nullptr;
    return false;
}

// A signal that is pending is ignored from here on.
void dominoes_interrupts_end() {
    timer_delete(interrupt_timer);
    signal(kSignal, SIG_IGN);
    interrupt_handler = nullptr;
}
