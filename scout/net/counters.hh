// SPDX-License-Identifier: GPL-2.0
//
// The counters of an attached device (scout/counters.h) as relaxed atomics: they order nothing.
#pragma once

#include "dominoes/atomic.hh"
#include "scout/counters.h"

namespace scout {

enum class Counter : uint32_t {
#define X(name, description) name,
    DOMINOES_COUNTERS(X)
#undef X
        kCount
};

class Counters : dominoes::Pinned {
public:
    static constexpr uint32_t kCount = static_cast<uint32_t>(Counter::kCount);

    void add(Counter counter, uint64_t n = 1) { at(counter).fetch_add_relaxed(n); }
    uint64_t get(Counter counter) const {
        return values_[static_cast<uint32_t>(counter)].load_relaxed();
    }

private:
    dominoes::Atomic<uint64_t>& at(Counter counter) {
        return values_[static_cast<uint32_t>(counter)];
    }
    dominoes::Atomic<uint64_t> values_[kCount];
};

}  // namespace scout
