// SPDX-License-Identifier: GPL-2.0
//
// dominoes/port.h on one thread, for fuzzing: the core's threads are fibers that run when they are
// let, the clock is set, chance is a sequence. So the same input always does the same.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fuzz {

// Begins anew: clock and chance.
void port_reset(uint64_t seed);
// Lets every fiber run until none has anything to do, then releases what was retired.
void run_fibers();
// Sets the clock forward by `ns`, stopping on the way wherever a fiber wanted to be woken.
void pass(uint64_t ns);
// Bit n fails the n-th allocation from now on.
void fail_allocations(uint64_t mask);
// Blocks of memory that are not freed.
size_t live_blocks();

}  // namespace fuzz
