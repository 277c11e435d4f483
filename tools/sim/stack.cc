// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/stack.hh"

#include <sys/mman.h>

#include <new>
#include <vector>

namespace sim {
namespace {

constexpr size_t kGuardBytes = 4096;  // below the stack: who runs over its end is stopped

std::vector<void*>& free_stacks() {
    static auto* stacks = new std::vector<void*>;  // fibers may outlive main()
    return *stacks;
}

void* map_stack() {
    const size_t bytes = kGuardBytes + StackPool::kBytes;
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    mprotect(memory, kGuardBytes, PROT_NONE);
    return static_cast<char*>(memory) + kGuardBytes;
}

}  // namespace

boost::context::stack_context StackPool::allocate() {
    void* bottom;
    if (free_stacks().empty()) {
        bottom = map_stack();
    } else {
        bottom = free_stacks().back();
        free_stacks().pop_back();
    }
    boost::context::stack_context stack;
    stack.size = kBytes;
    stack.sp = static_cast<char*>(bottom) + kBytes;  // stacks grow downwards
    return stack;
}

void StackPool::deallocate(boost::context::stack_context& stack) noexcept {
    free_stacks().push_back(static_cast<char*>(stack.sp) - stack.size);
}

}  // namespace sim
