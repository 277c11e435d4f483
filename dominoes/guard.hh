// SPDX-License-Identifier: GPL-2.0
//
// Scopes: of a reader of what others may retire, and of serial work under a mutex.
#pragma once

#include "dominoes/base.hh"

namespace dominoes {

// What a lock-free lookup found stays for the length of the scope. No sleeping in it. Context: any.
class ReadSection : Pinned {
public:
    ReadSection() { dominoes_read_lock(); }
    ~ReadSection() { dominoes_read_unlock(); }
};

// Context: process.
class MutexGuard : Pinned {
public:
    explicit MutexGuard(dominoes_mutex* mutex) : mutex_(mutex) { dominoes_mutex_lock(mutex_); }
    ~MutexGuard() { dominoes_mutex_unlock(mutex_); }

private:
    dominoes_mutex* const mutex_;
};

}  // namespace dominoes
