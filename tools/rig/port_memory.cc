// SPDX-License-Identifier: GPL-2.0
//
// The memory of dominoes/port.h for programs: counted, and made to fail where a test wants it.
#include "tools/rig/port_memory.hh"

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "dominoes/port.h"

namespace rig {
namespace {

std::atomic<size_t> live{0};
std::atomic<uint64_t> failures{0};

// Whether the next allocation is to fail.
bool refuses() {
    uint64_t mask = failures.load(std::memory_order_relaxed);
    while (mask && !failures.compare_exchange_weak(mask, mask >> 1, std::memory_order_relaxed)) {
    }
    return mask & 1;
}

}  // namespace

size_t live_allocations() { return live.load(); }
void fail_allocations(uint64_t mask) { failures.store(mask); }

void* allocate_unset(size_t bytes, size_t alignment) {
    if (refuses()) return nullptr;
    void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) & ~(alignment - 1));
    if (memory) live.fetch_add(1, std::memory_order_relaxed);
    return memory;
}

void* allocate(size_t bytes, size_t alignment) {
    void* memory = allocate_unset(bytes, alignment);
    return memory ? std::memset(memory, 0, bytes) : nullptr;
}

void release(void* memory) {
    if (!memory) return;
    live.fetch_sub(1, std::memory_order_relaxed);
    std::free(memory);
}

}  // namespace rig

void* dominoes_alloc(size_t bytes) { return rig::allocate(bytes, 64); }
void* dominoes_alloc_atomic(size_t bytes) { return rig::allocate(bytes, 64); }
void dominoes_free(void* memory) { rig::release(memory); }
void* dominoes_ring_alloc(size_t bytes) { return rig::allocate(bytes, 4096); }
void dominoes_ring_free(void* ring) { rig::release(ring); }
