// SPDX-License-Identifier: GPL-2.0
/*
 * Registers the suites of kunit/list.h with KUnit: a suite for each, with one case that takes the names
 * of its tests as parameters. All of it is constant, so there is nothing to build or to free.
 */
#include <kunit/test.h>
#include <linux/string.h>

#include "kunit/interrupts.h"
#include "kunit/list.h"
#include "kunit/suites.h"

/* Most machines this runs on are emulated, with KASAN and lockdep on. In percent. */
#define DOMINOES_KUNIT_SCALE 5

enum {
#define DOMINOES_INDEX(name) DOMINOES_SUITE_##name,
	DOMINOES_SUITES(DOMINOES_INDEX)
#undef DOMINOES_INDEX
};

/* A parameter is a pointer that is none: the suite's number, and the test's counted from one. */
#define DOMINOES_TEST_BITS 16

static const void *dominoes_next_test(size_t suite, const void *previous, char *description)
{
	size_t test = (uintptr_t)previous & ((1 << DOMINOES_TEST_BITS) - 1);

	if (test >= dominoes_suite_tests(suite))
		return NULL;
	strscpy(description, dominoes_test_name(suite, test), KUNIT_PARAM_DESC_SIZE);
	return (const void *)(uintptr_t)(suite << DOMINOES_TEST_BITS | (test + 1));
}

static void dominoes_test_failed(void *context, const char *file, int line, const char *message)
{
	struct kunit *test = context;

	KUNIT_FAIL(test, "%s:%d: %s", file, line, message);
}

static void dominoes_test_skipped(void *context, const char *why)
{
	struct kunit *test = context;

	kunit_mark_skipped(test, "%s", why);
	kunit_info(test, "skipped: %s", why); /* for scripts/tally */
}

static void dominoes_run_test(struct kunit *test)
{
	uintptr_t value = (uintptr_t)test->param_value;
	const struct dominoes_test_host host = {
		.scale = DOMINOES_KUNIT_SCALE,
		.interrupts_begin = dominoes_interrupts_begin,
		.interrupts_end = dominoes_interrupts_end,
		.failed = dominoes_test_failed,
		.skipped = dominoes_test_skipped,
		.context = test,
	};

	dominoes_test_run(value >> DOMINOES_TEST_BITS,
			  (value & ((1 << DOMINOES_TEST_BITS) - 1)) - 1, &host);
}

#define DOMINOES_DEFINE(suite_name)                                                          \
	static const void *dominoes_next_##suite_name(const void *previous, char *description)  \
	{                                                                                    \
		return dominoes_next_test(DOMINOES_SUITE_##suite_name, previous, description); \
	}                                                                                    \
	static struct kunit_case dominoes_cases_##suite_name[] = {                           \
		KUNIT_CASE_PARAM(dominoes_run_test, dominoes_next_##suite_name),             \
		{}                                                                           \
	};                                                                                   \
	static struct kunit_suite dominoes_suite_##suite_name = {                            \
		.name = "dominoes_" #suite_name,                                             \
		.test_cases = dominoes_cases_##suite_name,                                   \
	};
DOMINOES_SUITES(DOMINOES_DEFINE)

#define DOMINOES_POINT(suite_name) &dominoes_suite_##suite_name,
kunit_test_suites(DOMINOES_SUITES(DOMINOES_POINT));
