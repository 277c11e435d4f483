// SPDX-License-Identifier: GPL-2.0
//
// Atomic variables over the compiler's builtins. The memory order is part of each function's name,
// so that none is chosen by default; where one is used, a comment numbers it and names its partner.
#pragma once

#include "dominoes/base.hh"

namespace dominoes {

template <typename T>
class Atomic {
public:
    constexpr Atomic() = default;
    constexpr explicit Atomic(T value) : value_(value) {}
    Atomic(const Atomic&) = delete;
    Atomic& operator=(const Atomic&) = delete;

    T load_relaxed() const { return __atomic_load_n(&value_, __ATOMIC_RELAXED); }
    T load_acquire() const { return __atomic_load_n(&value_, __ATOMIC_ACQUIRE); }
    T load_seq_cst() const { return __atomic_load_n(&value_, __ATOMIC_SEQ_CST); }

    void store_relaxed(T value) { __atomic_store_n(&value_, value, __ATOMIC_RELAXED); }
    void store_release(T value) { __atomic_store_n(&value_, value, __ATOMIC_RELEASE); }
    void store_seq_cst(T value) { __atomic_store_n(&value_, value, __ATOMIC_SEQ_CST); }

    T exchange_acq_rel(T value) { return __atomic_exchange_n(&value_, value, __ATOMIC_ACQ_REL); }
    T exchange_seq_cst(T value) { return __atomic_exchange_n(&value_, value, __ATOMIC_SEQ_CST); }

    // On failure `expected` is what was found.
    bool compare_exchange_relaxed(T& expected, T desired) {
        return __atomic_compare_exchange_n(&value_, &expected, desired, false, __ATOMIC_RELAXED,
                                           __ATOMIC_RELAXED);
    }
    bool compare_exchange_acq_rel(T& expected, T desired) {
        return __atomic_compare_exchange_n(&value_, &expected, desired, false, __ATOMIC_ACQ_REL,
                                           __ATOMIC_ACQUIRE);
    }
    bool compare_exchange_seq_cst(T& expected, T desired) {
        return __atomic_compare_exchange_n(&value_, &expected, desired, false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST);
    }

    T fetch_add_relaxed(T value) { return __atomic_fetch_add(&value_, value, __ATOMIC_RELAXED); }
    T fetch_add_acq_rel(T value) { return __atomic_fetch_add(&value_, value, __ATOMIC_ACQ_REL); }
    T fetch_add_seq_cst(T value) { return __atomic_fetch_add(&value_, value, __ATOMIC_SEQ_CST); }
    T fetch_sub_acq_rel(T value) { return __atomic_fetch_sub(&value_, value, __ATOMIC_ACQ_REL); }
    T fetch_or_acq_rel(T value) { return __atomic_fetch_or(&value_, value, __ATOMIC_ACQ_REL); }
    T fetch_and_acq_rel(T value) { return __atomic_fetch_and(&value_, value, __ATOMIC_ACQ_REL); }
    T fetch_or_seq_cst(T value) { return __atomic_fetch_or(&value_, value, __ATOMIC_SEQ_CST); }
    T fetch_and_seq_cst(T value) { return __atomic_fetch_and(&value_, value, __ATOMIC_SEQ_CST); }

private:
    T value_{};
};

inline void fence_seq_cst() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

}  // namespace dominoes
