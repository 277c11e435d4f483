// SPDX-License-Identifier: GPL-2.0
//
// The memory that fibers run on: stacks that are used again, since a run makes dozens of them.
#pragma once

#include <boost/context/stack_context.hpp>
#include <cstddef>

namespace sim {

// A stack allocator, as Boost.Context wants them.
struct StackPool {
    static constexpr size_t kBytes = 128 * 1024;
    boost::context::stack_context allocate();
    void deallocate(boost::context::stack_context& stack) noexcept;
};

}  // namespace sim
