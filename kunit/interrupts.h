/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What struct dominoes_test_host promises of interrupts (kunit/suites.h), for a thread at a time: a soft
 * hrtimer in the kernel (kunit_interrupts.c), a signal on the host (host_interrupts.cc).
 */
#ifndef DOMINOES_KUNIT_INTERRUPTS_H
#define DOMINOES_KUNIT_INTERRUPTS_H

#ifdef __cplusplus
extern "C" {
#else
#include <stdbool.h>
#endif

bool dominoes_interrupts_begin(void (*handler)(void *argument), void *argument);
void dominoes_interrupts_end(void);

#ifdef __cplusplus
}
#endif

#endif
