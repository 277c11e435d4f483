// SPDX-License-Identifier: GPL-2.0
/*
 * The port's threads (dominoes/port.h): a kthread each, and a token that parks and unparks it.
 *
 * Life: the creator holds a reference to the task until it has joined it, so unpark never meets a freed
 * one. The last code of this module that a thread runs is followed by the kernel's, and only
 * kthread_stop() waits for that; but kthread_stop() alone may keep a thread that was never scheduled from
 * running at all, so join first waits for `done`.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "dominoes/port.h"

/* How late a parked thread may be woken for its deadline, to share a timer interrupt. */
#define DOMINOES_PARK_SLACK_NS (20 * NSEC_PER_USEC)

struct dominoes_thread {
	struct task_struct *task;
	void (*run)(void *argument);
	void *argument;
	atomic_t token; /* 1: unparked since the last park returned */
	struct completion done;
};

static int dominoes_thread_main(void *data)
{
	struct dominoes_thread *thread = data;

	thread->run(thread->argument);
	complete(&thread->done);
	return 0;
}

struct dominoes_thread *dominoes_thread_start(void (*run)(void *argument), void *argument, int cpu,
					      const char *name)
{
	bool bound = cpu >= 0 && cpu < nr_cpu_ids && cpu_possible(cpu);
	struct dominoes_thread *thread = kzalloc(sizeof(*thread), GFP_KERNEL);

	if (!thread)
		return NULL;
	thread->run = run;
	thread->argument = argument;
	init_completion(&thread->done);
	if (bound)
		thread->task = kthread_create_on_node(dominoes_thread_main, thread,
						      cpu_to_node(cpu), "%s/%d", name, cpu);
	else
		thread->task = kthread_create(dominoes_thread_main, thread, "%s", name);
	if (IS_ERR(thread->task)) {
		kfree(thread);
		return NULL;
	}
	get_task_struct(thread->task);
	/* Not a per-CPU kthread: when the CPU goes away, the scheduler moves the thread to another. */
	if (bound)
		kthread_bind(thread->task, cpu);
	wake_up_process(thread->task);
	return thread;
}

void dominoes_thread_join(struct dominoes_thread *thread)
{
	wait_for_completion(&thread->done);
	kthread_stop(thread->task);
	put_task_struct(thread->task);
	kfree(thread);
}

/*
 * (1) The state is set before the token is read, with a full barrier between them; unpark writes the
 * token before it reads the state (2). So either the token is seen here, or unpark sees a sleeper.
 */
void dominoes_thread_park(uint64_t deadline_ns)
{
	struct dominoes_thread *thread = kthread_data(current);

	set_current_state(TASK_IDLE); /* (1) */
	if (!atomic_read(&thread->token)) {
		ktime_t deadline = ns_to_ktime(min_t(u64, deadline_ns, KTIME_MAX));

		if (deadline_ns == U64_MAX)
			schedule();
		else
			schedule_hrtimeout_range(&deadline, DOMINOES_PARK_SLACK_NS,
						 HRTIMER_MODE_ABS);
	}
	__set_current_state(TASK_RUNNING);
	/*
	 * Taken last: who unparked before this finds the token set and does not wake, and what it did
	 * before is seen by what follows here.
	 */
	atomic_xchg(&thread->token, 0); /* (3) pairs with (2) */
}

void dominoes_thread_unpark(struct dominoes_thread *thread)
{
	if (!atomic_xchg(&thread->token, 1)) /* (2) */
		wake_up_process(thread->task);
}

bool dominoes_thread_should_yield(void)
{
	return need_resched();
}

void dominoes_thread_yield(void)
{
	cond_resched();
}

void dominoes_relax(void)
{
	cpu_relax();
}

void dominoes_thread_delay(uint64_t ns)
{
	fsleep(min_t(u64, div_u64(ns + NSEC_PER_USEC - 1, NSEC_PER_USEC), ULONG_MAX / 2));
}
