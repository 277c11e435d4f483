// SPDX-License-Identifier: GPL-2.0
//
// What the POSIX port offers beyond dominoes/port.h: for tests and benches only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rig {

// Blocks of dominoes_alloc() and its like, rings, mutexes, completions and threads that are not
// freed. What has been retired counts until dominoes_retire_barrier().
size_t live_allocations();

// Bit n makes the n-th of these allocations from now on fail, of whatever thread; 0: none.
void fail_allocations(uint64_t mask);

}  // namespace rig
