// SPDX-License-Identifier: GPL-2.0
//
// What the ports for programs offer beyond dominoes/port.h about memory: for tests, benches and
// simulations only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

namespace rig {

// Blocks of dominoes_alloc() and its like, rings, send buffers, mutexes, completions and threads
// that are not freed. What has been retired counts until dominoes_retire_barrier().
size_t live_allocations();

// Bit n makes the n-th of these allocations from now on fail, of whatever thread; 0: none.
void fail_allocations(uint64_t mask);

// Zeroed memory that counts as above, or nullptr; the same with whatever is in it; and their end.
void* allocate(size_t bytes, size_t alignment);
void* allocate_unset(size_t bytes, size_t alignment);
void release(void* memory);

// Objects in such memory.
template <typename T>
T* create() {
    void* memory = allocate(sizeof(T), 64);
    return memory ? new (memory) T : nullptr;
}

template <typename T>
void destroy(T* object) {
    if (!object) return;
    object->~T();
    release(object);
}

}  // namespace rig
