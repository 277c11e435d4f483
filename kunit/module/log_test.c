// SPDX-License-Identifier: GPL-2.0
/*
 * That lines within the limit are not lost when several threads have something to say (module/port_misc.c). In the
 * kernel only, for it is about its ratelimit.
 */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/ratelimit.h>

#include "module/port.h"

#define DOMINOES_TEST_TALKERS 2
#define DOMINOES_TEST_LINES 20000

struct dominoes_test_talk {
	struct ratelimit_state limit;
	atomic_t ready;
	atomic_t allowed;
	struct completion done[DOMINOES_TEST_TALKERS];
};

struct dominoes_test_talker {
	struct dominoes_test_talk *talk;
	struct completion *done;
};

static int dominoes_test_says(void *argument)
{
	struct dominoes_test_talker *talker = argument;
	struct dominoes_test_talk *talk = talker->talk;
	struct completion *done = talker->done;
	int i;

	atomic_inc(&talk->ready);
	while (atomic_read(&talk->ready) < DOMINOES_TEST_TALKERS)
		cond_resched();
	for (i = 0; i < DOMINOES_TEST_LINES; i++) {
		if (dominoes_log_allowed(&talk->limit))
			atomic_inc(&talk->allowed);
	}
	kthread_complete_and_exit(done, 0);
}

static void dominoes_log_allowed_to_several(struct kunit *test)
{
	struct dominoes_test_talk *talk = kunit_kzalloc(test, sizeof(*talk), GFP_KERNEL);
	struct dominoes_test_talker talkers[DOMINOES_TEST_TALKERS];
	int started = 0;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, talk);
	ratelimit_state_init(&talk->limit, 3600 * HZ, DOMINOES_TEST_TALKERS * DOMINOES_TEST_LINES);
	for (i = 0; i < DOMINOES_TEST_TALKERS; i++) {
		init_completion(&talk->done[i]);
		talkers[i] = (struct dominoes_test_talker){ talk, &talk->done[i] };
		if (!IS_ERR(kthread_run(dominoes_test_says, &talkers[i], "dominoes_test")))
			started++;
		else
			complete(&talk->done[i]);
	}
	atomic_add(DOMINOES_TEST_TALKERS - started, &talk->ready);
	for (i = 0; i < DOMINOES_TEST_TALKERS; i++)
		wait_for_completion(&talk->done[i]);
	KUNIT_EXPECT_EQ(test, started, DOMINOES_TEST_TALKERS);
	KUNIT_EXPECT_EQ(test, atomic_read(&talk->allowed), started * DOMINOES_TEST_LINES);
	/* And no more than that. */
	KUNIT_EXPECT_FALSE(test, dominoes_log_allowed(&talk->limit));
}

static struct kunit_case dominoes_cases_log[] = {
	KUNIT_CASE(dominoes_log_allowed_to_several),
	{}
};

static struct kunit_suite dominoes_suite_log = {
	.name = "dominoes_log",
	.test_cases = dominoes_cases_log,
};

kunit_test_suites(&dominoes_suite_log);
