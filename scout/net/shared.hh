// SPDX-License-Identifier: GPL-2.0
//
// What all interfaces of a stack share: the mutex that serialises what is serial, the ids, and how
// many connections are orphans.
#pragma once

#include "dominoes/atomic.hh"
#include "dominoes/base.hh"

namespace scout {

class Shared : dominoes::Pinned {
public:
    static constexpr uint32_t kMaxOrphans = 4096;

    Shared() : mutex_(dominoes_mutex_create()) {}
    ~Shared() {
        if (mutex_) dominoes_mutex_destroy(mutex_);
    }
    // False: memory was short, and nothing else may be called.
    bool valid() const { return mutex_ != nullptr; }

    dominoes_mutex* mutex() { return mutex_; }
    // The id of an endpoint or a connection. Context: any.
    uint64_t next_id() { return ids_.fetch_add_relaxed(1) + 1; }

    // A connection becomes an orphan: its program has closed it, and it has yet to end. False:
    // there are `max_orphans` already. Context: any.
    [[nodiscard]] bool orphan_begins() {
        if (orphans_.fetch_add_relaxed(1) < max_orphans) return true;
        orphan_ended();
        return false;
    }
    void orphan_ended() { orphans_.fetch_sub_acq_rel(1); }
    uint32_t orphans() const { return orphans_.load_relaxed(); }
    uint32_t max_orphans = kMaxOrphans;

private:
    dominoes_mutex* const mutex_;
    dominoes::Atomic<uint64_t> ids_;
    dominoes::Atomic<uint32_t> orphans_;
};

}  // namespace scout
