// SPDX-License-Identifier: GPL-2.0
/*
 * What the C++ compiler refers to on its own, by the names of the Itanium C++ ABI. None is ever called:
 * the core frees nothing through `delete`, and leaves no function pure virtual.
 */
#include <linux/bug.h>
#include <linux/types.h>

#include "dominoes/port.h"

void _ZdlPv(void *memory);
void _ZdlPvm(void *memory, size_t bytes);
void __cxa_pure_virtual(void);

/* operator delete(void *) */
void _ZdlPv(void *memory)
{
	WARN_ONCE(memory, "dominoes: operator delete was called\n");
	dominoes_free(memory);
}

/* operator delete(void *, std::size_t) */
void _ZdlPvm(void *memory, size_t bytes)
{
	_ZdlPv(memory);
}

void __cxa_pure_virtual(void)
{
	WARN_ONCE(1, "dominoes: a pure virtual function was called\n");
}
