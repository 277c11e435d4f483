// SPDX-License-Identifier: GPL-2.0
/*
 * A soft hrtimer on the CPU of the thread that starts it: its handler runs in softirq, as packets do.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/version.h>

#include "kunit/interrupts.h"

/* From the end of one handler to the next, so that the thread gets on between them. */
#define DOMINOES_INTERRUPT_NS (50 * NSEC_PER_USEC)

static struct hrtimer dominoes_interrupt_timer;
static void (*dominoes_interrupt_handler)(void *argument);
static void *dominoes_interrupt_argument;

static enum hrtimer_restart dominoes_interrupt(struct hrtimer *timer)
{
	dominoes_interrupt_handler(dominoes_interrupt_argument);
	hrtimer_set_expires(timer, ktime_add_ns(ktime_get(), DOMINOES_INTERRUPT_NS));
	return HRTIMER_RESTART;
}

bool dominoes_interrupts_begin(void (*handler)(void *argument), void *argument)
{
	if (dominoes_interrupt_handler)
		return false;
	dominoes_interrupt_handler = handler;
	dominoes_interrupt_argument = argument;
#if KERNEL_VERSION(6, 13, 0) <= LINUX_VERSION_CODE
	hrtimer_setup(&dominoes_interrupt_timer, dominoes_interrupt, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_SOFT);
#else
	hrtimer_init(&dominoes_interrupt_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_SOFT);
	dominoes_interrupt_timer.function = dominoes_interrupt;
#endif
	hrtimer_start(&dominoes_interrupt_timer, ns_to_ktime(DOMINOES_INTERRUPT_NS),
		      HRTIMER_MODE_REL_PINNED_SOFT);
	return true;
}

void dominoes_interrupts_end(void)
{
	hrtimer_cancel(&dominoes_interrupt_timer);
	dominoes_interrupt_handler = NULL;
}
