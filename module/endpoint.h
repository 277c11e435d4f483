/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An endpoint is what an open file of /dev/dominoes stands for.
 *
 * The core wants reads serialised among themselves, writes likewise, and all other calls likewise: hence
 * three mutexes, never two of them held at once. None is held while waiting for the network, but those of
 * a reader and a writer, whom others of their kind could not overtake anyhow.
 */
#ifndef DOMINOES_MODULE_ENDPOINT_H
#define DOMINOES_MODULE_ENDPOINT_H

#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "dominoes_uapi.h"
#include "scout/stack.h"

struct fasync_struct;
struct file;

struct dominoes_endpoint {
	/* The core's, from the first call that needs it on: read it by dominoes_endpoint_scout(). */
	struct scout_endpoint *scout;
	int protocol; /* written with control_lock, and constant once there is `scout` */
	wait_queue_head_t wait;
	struct fasync_struct *fasync; /* who is sent SIGIO */
	unsigned long flags;	      /* bits: DOMINOES_NO_ROOM */
	unsigned int epoch;	      /* see dominoes_endpoint_epoch() */
	struct mutex read_lock;	      /* scout_read(), scout_receive_from() */
	struct mutex write_lock;      /* scout_write(), scout_send_to() */
	struct mutex control_lock;    /* every other call but scout_poll() */
	spinlock_t reason_lock;	      /* reason */
	char reason[DOMINOES_REASON_BYTES];
};

/* A program has been told that it cannot write, or is connecting: SIGIO says when it can. */
#define DOMINOES_NO_ROOM 0

/* NULL when memory is short. Context: process. */
struct dominoes_endpoint *dominoes_endpoint_create(void);
/* Waits as long as it should linger, and frees it. Nobody else knows it any more. Context: process. */
void dominoes_endpoint_destroy(struct dominoes_endpoint *endpoint);

/* NULL if no call has needed it yet. Context: any. */
static inline struct scout_endpoint *dominoes_endpoint_scout(struct dominoes_endpoint *endpoint)
{
	/* Pairs with the release of dominoes_endpoint_adopt(). */
	return smp_load_acquire(&endpoint->scout);
}

/* Makes the core's endpoint, if there is none yet. 0 or -ENOMEM. control_lock held. */
int dominoes_endpoint_need(struct dominoes_endpoint *endpoint);
/* Makes `scout` the core's endpoint of a new one. */
void dominoes_endpoint_adopt(struct dominoes_endpoint *endpoint, struct scout_endpoint *scout);

/*
 * Changes whenever a call may have put another connection, a listener or nothing in the place of
 * what the endpoint stood for. Whoever waits asks for it before it asks the core whether to wait,
 * lest it sleep on for what no longer is. Context: any.
 */
static inline unsigned int dominoes_endpoint_epoch(struct dominoes_endpoint *endpoint)
{
	/* Pairs with the release of dominoes_endpoint_replaced(). */
	return smp_load_acquire(&endpoint->epoch);
}

/* After such a call: changes it, and wakes whoever waits. control_lock held. */
void dominoes_endpoint_replaced(struct dominoes_endpoint *endpoint);

/*
 * Waits for one of `events` (SCOUT_*), or for the epoch to be another than `epoch`. 0 or
 * -ERESTARTSYS. Spurious returns are possible. Context: process.
 */
int dominoes_endpoint_wait(struct dominoes_endpoint *endpoint, u32 events, unsigned int epoch);

#define DOMINOES_READABLE (SCOUT_IN | SCOUT_ERR | SCOUT_UNCONNECTED)
#define DOMINOES_WRITABLE (SCOUT_OUT | SCOUT_ERR)

/*
 * The value of `attempt`, a call of the core, once that is not -EAGAIN: until then waits for `events` and
 * attempts again, unless `nowait`. -ERESTARTSYS. Context: process.
 */
#define dominoes_endpoint_await(endpoint, events, nowait, attempt)				\
({												\
	s64 __got;										\
												\
	for (;;) {										\
		unsigned int __epoch = dominoes_endpoint_epoch(endpoint);			\
												\
		__got = (attempt);								\
		if (__got != -EAGAIN || (nowait))						\
			break;									\
		__got = dominoes_endpoint_wait(endpoint, events, __epoch);			\
		if (__got)									\
			break;									\
	}											\
	__got;											\
})

/* One of the endpoint's mutexes: another reader (or writer) may wait for the network while it holds it. */
static inline int dominoes_endpoint_lock(struct mutex *lock, bool nowait)
{
	if (!nowait)
		return mutex_lock_interruptible(lock) ? -ERESTARTSYS : 0;
	return mutex_trylock(lock) ? 0 : -EAGAIN;
}

/* fcntl(O_ASYNC): file_operations.fasync. Context: process. */
int dominoes_endpoint_fasync(int fd, struct file *file, int on);
/* The program hears that it cannot write yet, or is connecting, and with O_ASYNC expects a signal when it can.
 * Context: process.
 */
void dominoes_endpoint_no_room(struct dominoes_endpoint *endpoint);

#endif
