// SPDX-License-Identifier: GPL-2.0
/*
 * The life of an endpoint, waiting on it, and signals instead of waiting.
 */
#include <linux/bitops.h>
#include <linux/fs.h>
#include <linux/in.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "dominoes/port.h"
#include "endpoint.h"
#include "main.h"
#include "scout/stack.h"

struct dominoes_endpoint *dominoes_endpoint_create(void)
{
	struct dominoes_endpoint *endpoint = kzalloc(sizeof(*endpoint), GFP_KERNEL_ACCOUNT);

	if (!endpoint)
		return NULL;
	endpoint->protocol = IPPROTO_TCP;
	init_waitqueue_head(&endpoint->wait);
	mutex_init(&endpoint->read_lock);
	mutex_init(&endpoint->write_lock);
	mutex_init(&endpoint->control_lock);
	spin_lock_init(&endpoint->reason_lock);
	return endpoint;
}

/* As close() of a socket with SO_LINGER: a program that is being killed does not wait. */
static void dominoes_endpoint_linger(struct dominoes_endpoint *endpoint)
{
	struct scout_endpoint *scout = endpoint->scout;
	int64_t seconds;

	if (scout_get_option(scout, DOMINOES_OPT_LINGER, &seconds) || seconds <= 0)
		return;
	if (current->flags & PF_EXITING || scout_drained(scout) || scout_shutdown(scout, 1))
		return;
	wait_event_interruptible_timeout(endpoint->wait, scout_drained(scout), seconds * HZ);
}

void dominoes_endpoint_destroy(struct dominoes_endpoint *endpoint)
{
	if (endpoint->scout) {
		dominoes_endpoint_linger(endpoint);
		scout_endpoint_close(endpoint->scout);
	}
	/* From here on nobody wakes it. */
	mutex_destroy(&endpoint->read_lock);
	mutex_destroy(&endpoint->write_lock);
	mutex_destroy(&endpoint->control_lock);
	kfree(endpoint);
}

void dominoes_endpoint_adopt(struct dominoes_endpoint *endpoint, struct scout_endpoint *scout)
{
	/* Pairs with dominoes_endpoint_scout(). */
	smp_store_release(&endpoint->scout, scout);
}

int dominoes_endpoint_need(struct dominoes_endpoint *endpoint)
{
	struct scout_endpoint *scout;
	int error;

	if (endpoint->scout)
		return 0;
	error = scout_endpoint_create(dominoes_stack, endpoint->protocol, endpoint, &scout);
	if (error)
		return error;
	dominoes_endpoint_adopt(endpoint, scout);
	return 0;
}

void dominoes_endpoint_replaced(struct dominoes_endpoint *endpoint)
{
	/* Pairs with dominoes_endpoint_epoch(): who sees it, sees what the core has done before. */
	smp_store_release(&endpoint->epoch, endpoint->epoch + 1);
	wake_up_interruptible(&endpoint->wait);
}

int dominoes_endpoint_wait(struct dominoes_endpoint *endpoint, u32 events, unsigned int epoch)
{
	/* Also when there is nothing to wait for, lest a caller's loop could not be ended. */
	if (signal_pending(current))
		return -ERESTARTSYS;
	cond_resched();
	return wait_event_interruptible(endpoint->wait,
					(scout_poll(endpoint->scout) & events) ||
						dominoes_endpoint_epoch(endpoint) != epoch);
}

/* --- SIGIO -------------------------------------------------------------------------------------- */

/*
 * That there is room is told once, after there was none, as by Linux's SOCKWQ_ASYNC_NOSPACE. `none`: the
 * program has just heard that. Context: any.
 */
static void dominoes_signal_room(struct dominoes_endpoint *endpoint, struct scout_endpoint *scout,
				 bool none)
{
	if (none || !(scout_poll(scout) & SCOUT_OUT)) {
		set_bit(DOMINOES_NO_ROOM, &endpoint->flags);
		/* Whoever makes room either sees the bit, after a barrier of its own, or is seen here. */
		smp_mb__after_atomic();
	}
	if ((scout_poll(scout) & SCOUT_OUT) &&
	    test_and_clear_bit(DOMINOES_NO_ROOM, &endpoint->flags))
		kill_fasync(&endpoint->fasync, SIGIO, POLL_OUT);
}

/* What waits to be read, heard or known. Not when there is room, which each ACK makes. Context: any. */
static void dominoes_signal_news(struct dominoes_endpoint *endpoint, struct scout_endpoint *scout)
{
	u32 state = scout_poll(scout);

	if (state & SCOUT_ERR)
		kill_fasync(&endpoint->fasync, SIGIO, POLL_ERR);
	if (state & SCOUT_HUP)
		kill_fasync(&endpoint->fasync, SIGIO, POLL_HUP);
	if (state & (SCOUT_IN | SCOUT_RDHUP))
		kill_fasync(&endpoint->fasync, SIGIO, POLL_IN);
}

/* scout_poll() also has the core wake us for what comes next, though nobody reads or waits. Context: any. */
static void dominoes_signal(struct dominoes_endpoint *endpoint, bool only_room)
{
	struct scout_endpoint *scout = dominoes_endpoint_scout(endpoint);

	if (!scout)
		return;
	if (!only_room)
		dominoes_signal_news(endpoint, scout);
	dominoes_signal_room(endpoint, scout, false);
}

int dominoes_endpoint_fasync(int fd, struct file *file, int on)
{
	struct dominoes_endpoint *endpoint = file->private_data;
	int changed = fasync_helper(fd, file, on, &endpoint->fasync);
	struct scout_endpoint *scout;

	if (changed < 0 || !on)
		return changed;
	/* Pairs with wq_has_sleeper() in dominoes_user_wake(): what comes from here on is told. */
	smp_mb();
	scout = dominoes_endpoint_scout(endpoint);
	if (scout)
		dominoes_signal_room(endpoint, scout, false);
	return changed;
}

void dominoes_endpoint_no_room(struct dominoes_endpoint *endpoint)
{
	if (READ_ONCE(endpoint->fasync))
		dominoes_signal_room(endpoint, dominoes_endpoint_scout(endpoint), true);
}

/* Of dominoes/port.h. */
void dominoes_user_wake(void *user, bool only_room)
{
	struct dominoes_endpoint *endpoint = user;

	/* Whoever closes the endpoint waits for this, perhaps with a higher priority. */
	lockdep_assert_preemption_disabled();
	/* Its barrier pairs with that of the waiter, between entering the queue and scout_poll(). */
	if (wq_has_sleeper(&endpoint->wait))
		wake_up_interruptible_poll(&endpoint->wait, EPOLLIN | EPOLLRDNORM | EPOLLOUT |
					   EPOLLWRNORM | EPOLLERR | EPOLLHUP | EPOLLRDHUP);
	if (READ_ONCE(endpoint->fasync))
		dominoes_signal(endpoint, only_room);
}
