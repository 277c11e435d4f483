/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of all tests, as C sees it: what kunit_main.c registers with KUnit and host_main.cc with
 * GoogleTest.
 */
#ifndef DOMINOES_KUNIT_SUITES_H
#define DOMINOES_KUNIT_SUITES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#else
#include <stdbool.h>
#endif

/* What the machine that runs the tests offers them. */
struct dominoes_test_host {
	/* Iterations in percent of what a test would like to have: 100 at native speed. */
	uint32_t scale;
	/* Bit n fails the n-th allocation from now on; NULL where that cannot be done. */
	void (*fail_allocations)(uint64_t mask);
	/*
	 * From now on the calling thread, which is bound to a CPU, is interrupted there again and again, as
	 * by packets: each time `handler(argument)` is called. In the kernel from a soft hrtimer, on the host
	 * from a signal, so it may do only what is right in both. False: that cannot be done, or is done
	 * already. interrupts_end() ends it, in the same thread; no handler runs once it has returned.
	 */
	bool (*interrupts_begin)(void (*handler)(void *argument), void *argument);
	void (*interrupts_end)(void);
	/* Receives each failure, after the test has returned. */
	void (*failed)(void *context, const char *file, int line, const char *message);
	/* Receives why the test did not run, after it has returned. */
	void (*skipped)(void *context, const char *why);
	void *context;
};

size_t dominoes_suite_count(void);
const char *dominoes_suite_name(size_t suite);
size_t dominoes_suite_tests(size_t suite);
const char *dominoes_test_name(size_t suite, size_t test);
/* Runs one test to its end. One at a time. Context: process. */
void dominoes_test_run(size_t suite, size_t test, const struct dominoes_test_host *host);

#ifdef __cplusplus
}
#endif

#endif
