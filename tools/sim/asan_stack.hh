// SPDX-License-Identifier: GPL-2.0
//
// What AddressSanitizer has to be told of stacks, which Boost.Context does not tell it: where each
// is, and when one is left for another. Without it all of this is nothing.
#pragma once

#include <cstddef>

#ifdef __SANITIZE_ADDRESS__  // gcc
#define DOMINOES_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)  // clang
#define DOMINOES_ASAN
#endif
#endif
#ifdef DOMINOES_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace sim {

class AsanStack {
public:
    AsanStack() = default;  // where that is, enter() may find out
    AsanStack(const void* bottom, size_t bytes) : bottom_(bottom), bytes_(bytes) {}

#ifdef DOMINOES_ASAN
    // Before the switch to `next`.
    void leave_for(const AsanStack& next) {
        __sanitizer_start_switch_fiber(&variables_, next.bottom_, next.bytes_);
    }
    // After the first switch to this one, from `previous`.
    void enter(AsanStack& previous) {
        __sanitizer_finish_switch_fiber(nullptr, &previous.bottom_, &previous.bytes_);
    }
    // After any other.
    void come_back() { __sanitizer_finish_switch_fiber(variables_, nullptr, nullptr); }
    // After the last switch from `ended`. The function that made that switch still had variables;
    // so it is only here that they can be given up.
    void come_back_after(AsanStack& ended) {
        ended.come_back();
        __sanitizer_start_switch_fiber(nullptr, bottom_, bytes_);
        come_back();
    }

private:
    void* variables_ = nullptr;  // those that ASan keeps elsewhere, to see them used after a return
#else
    void leave_for(const AsanStack&) {}
    void enter(AsanStack&) {}
    void come_back() {}
    void come_back_after(AsanStack&) {}

private:
#endif
    [[maybe_unused]] const void* bottom_ = nullptr;
    [[maybe_unused]] size_t bytes_ = 0;
};

}  // namespace sim
