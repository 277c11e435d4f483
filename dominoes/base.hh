// SPDX-License-Identifier: GPL-2.0
//
// The few words of the language the core leans on everywhere: placement new, owning pointers,
// checks, small arithmetic. The core is freestanding: no C++ standard header is used.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dominoes/port.h"

#if __STDC_HOSTED__
#include <new>
#else
inline void* operator new(size_t, void* place) noexcept { return place; }
// Virtual destructors make the compiler refer to it; nothing in the core is freed through it.
#endif

// A broken invariant is reported, and the caller goes on as best it can.
#define DOMINOES_ASSERT(condition) \
    (__builtin_expect(!!(condition), 1) ? (void)0 : dominoes_bug(__FILE__, __LINE__, #condition))

namespace dominoes {

inline constexpr size_t kCacheLine = 64;
inline constexpr unsigned kMaxReplicas = 16;  // == DOMINOES_MAX_REPLICAS of the ABI

template <typename T>
constexpr T min(T a, T b) {
    return b < a ? b : a;
}

template <typename T>
constexpr T max(T a, T b) {
    return a < b ? b : a;
}

template <typename T>
constexpr T clamp(T value, T low, T high) {
    return min(max(value, low), high);
}

constexpr bool is_power_of_two(uint64_t n) { return n != 0 && (n & (n - 1)) == 0; }

constexpr uint64_t round_up_to_power_of_two(uint64_t n) {
    return n <= 1 ? 1 : uint64_t{1} << (64 - __builtin_clzll(n - 1));
}

template <typename T>
constexpr T&& move(T& value) {
    return static_cast<T&&>(value);
}

// An object on the port's heap: nullptr when memory is short. Constructors cannot fail; what can
// fail goes into a static create(). Context: process.
template <typename T, typename... Args>
[[nodiscard]] T* make(Args&&... args) {
    void* place = dominoes_alloc(sizeof(T));
    return place ? new (place) T(static_cast<Args&&>(args)...) : nullptr;
}

template <typename T>
void destroy(T* object) {
    if (!object) return;
    object->~T();
    dominoes_free(object);
}

// The sole owner of an object of make(). Moves, does not copy.
template <typename T>
class Owned {
public:
    Owned() = default;
    explicit Owned(T* object) : object_(object) {}
    Owned(Owned&& other) : object_(other.release()) {}
    Owned& operator=(Owned&& other) {
        reset(other.release());
        return *this;
    }
    ~Owned() { destroy(object_); }

    T* get() const { return object_; }
    T* operator->() const { return object_; }
    T& operator*() const { return *object_; }
    explicit operator bool() const { return object_ != nullptr; }

    [[nodiscard]] T* release() {
        T* object = object_;
        object_ = nullptr;
        return object;
    }
    void reset(T* object = nullptr) {
        destroy(object_);
        object_ = object;
    }

private:
    T* object_ = nullptr;
};

// For classes that have an address others keep.
class Pinned {
protected:
    Pinned() = default;
    ~Pinned() = default;
    Pinned(const Pinned&) = delete;
    Pinned& operator=(const Pinned&) = delete;
};

}  // namespace dominoes
