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

struct fasync_struct;
struct file;
struct net;
struct scout_endpoint;

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

/* One ioctl on its way. */
struct dominoes_call {
	struct dominoes_endpoint *endpoint;
	struct file *file;
	struct net *net; /* the caller's namespace */
	/* A file that becomes the descriptor `new_fd` once nothing can fail any more. */
	struct file *new_file;
	int new_fd;
	char reason[DOMINOES_REASON_BYTES];
};

/* Notes why a call fails; returns `error`. Context: any. */
__printf(3, 4)
int dominoes_refuse(struct dominoes_call *call, int error, const char *format, ...);

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

/* fcntl(O_ASYNC): file_operations.fasync. Context: process. */
int dominoes_endpoint_fasync(int fd, struct file *file, int on);
/* The program hears that it cannot write yet, or is connecting, and with O_ASYNC expects a signal when it can.
 * Context: process.
 */
void dominoes_endpoint_no_room(struct dominoes_endpoint *endpoint);

/* A part of an ioctl's struct: a reserved member, or an address that is given, of which a part is unused. */
struct dominoes_unused {
	u16 offset;
	u16 bytes;
	bool address;
};

/*
 * The ioctls, by number. The argument is a copy of the caller's struct, as long as this kernel knows it; it
 * is copied back if the call succeeds and its entry says DOMINOES_IOCTL_OUT. Context: process.
 */
struct dominoes_ioctl {
	int (*handle)(struct dominoes_call *call, void *argument);
	const struct dominoes_unused *unused; /* what a program must leave zero, up to an empty one */
	u16 bytes;
	u16 least; /* the first version's size */
	u16 flags;
};

#define DOMINOES_IOCTL_OUT 0x1	 /* gives something back */
#define DOMINOES_IOCTL_ADMIN 0x2 /* needs CAP_NET_ADMIN */

/* ioctl_admin.c */
int dominoes_ioctl_version(struct dominoes_call *call, void *argument);
int dominoes_ioctl_reason(struct dominoes_call *call, void *argument);
int dominoes_ioctl_attach(struct dominoes_call *call, void *argument);
int dominoes_ioctl_detach(struct dominoes_call *call, void *argument);
int dominoes_ioctl_interface(struct dominoes_call *call, void *argument);
int dominoes_ioctl_stats(struct dominoes_call *call, void *argument);
int dominoes_ioctl_connection(struct dominoes_call *call, void *argument);

/* ioctl_endpoint.c */
int dominoes_ioctl_connect(struct dominoes_call *call, void *argument);
int dominoes_ioctl_bind(struct dominoes_call *call, void *argument);
int dominoes_ioctl_listen(struct dominoes_call *call, void *argument);
int dominoes_ioctl_accept(struct dominoes_call *call, void *argument);
int dominoes_ioctl_shutdown(struct dominoes_call *call, void *argument);
int dominoes_ioctl_local(struct dominoes_call *call, void *argument);
int dominoes_ioctl_peer(struct dominoes_call *call, void *argument);
int dominoes_ioctl_info(struct dominoes_call *call, void *argument);

/* ioctl_option.c */
int dominoes_ioctl_setopt(struct dominoes_call *call, void *argument);
int dominoes_ioctl_getopt(struct dominoes_call *call, void *argument);

/* ioctl_datagram.c */
int dominoes_ioctl_sendto(struct dominoes_call *call, void *argument);
int dominoes_ioctl_recvfrom(struct dominoes_call *call, void *argument);

/* ioctl.c */
long dominoes_ioctl(struct file *file, unsigned int command, unsigned long argument);
/* Whether the caller may administrate. Context: process. */
bool dominoes_may_administrate(const struct dominoes_call *call);

#endif
