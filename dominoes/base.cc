// SPDX-License-Identifier: GPL-2.0
//
// What the compiler expects of a runtime library. In userspace there is one.
#include "dominoes/base.hh"

// What a class's table holds in place of a pure virtual function.
extern "C" [[gnu::weak]] void __cxa_pure_virtual() {
    dominoes_bug(__FILE__, __LINE__, "a pure virtual function was called");
}
