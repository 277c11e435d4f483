// SPDX-License-Identifier: GPL-2.0
//
// The way from a connection to the program that uses it: whom to wake. The program may leave at any
// time; after leave() has returned it is not woken again.
#pragma once

#include "dominoes/atomic.hh"

namespace scout {

class User : dominoes::Pinned {
public:
    explicit User(void* user) : user_(user) {}

    void join(void* user) { user_.store_release(user); }  // (1) pairs with (3)

    // Waits for those who are waking it. They are on other CPUs, as they cannot be preempted, not
    // even by a caller of real-time priority; and a softirq on this CPU has woken before we go on.
    // So the wait is as long as a wake-up takes. Context: process.
    void leave() {
        user_.exchange_seq_cst(nullptr);                              // (2)
        while (wakers_.load_seq_cst() != 0) dominoes_thread_yield();  // (5)
    }

    // Context: any.
    void wake() { wake(false); }
    // Nothing is new but room to write. Context: any.
    void wake_for_room() { wake(true); }

private:
    void wake(bool only_room) {
        dominoes_publish_begin();  // leave() waits for us
        // (4) before (3), and (2) before (5), in the one order of seq_cst: a waker that still sees
        // the user is seen by leave().
        wakers_.fetch_add_seq_cst(1);                                                // (4)
        if (void* user = user_.load_seq_cst()) dominoes_user_wake(user, only_room);  // (3)
        wakers_.fetch_add_seq_cst(-1u);
        dominoes_publish_end();
    }

    dominoes::Atomic<void*> user_;
    dominoes::Atomic<uint32_t> wakers_;
};

// Says that somebody waits for something, so that whoever brings it about wakes them: once, and
// only then. Both sides are read-modify-writes, so one of them sees the other: the waiter sets the
// flag and then looks once more at what it waits for; the other side brings it about and then takes
// the flag.
class WaitFlag {
public:
    void set() { flag_.exchange_acq_rel(1); }
    [[nodiscard]] bool take() { return flag_.exchange_acq_rel(0) != 0; }

private:
    dominoes::Atomic<uint32_t> flag_;
};

}  // namespace scout
