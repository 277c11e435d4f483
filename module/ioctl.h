/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ioctls of /dev/dominoes: what each gets, and where it is.
 */
#ifndef DOMINOES_MODULE_IOCTL_H
#define DOMINOES_MODULE_IOCTL_H

#include <linux/types.h>

#include "dominoes_uapi.h"

struct dominoes_endpoint;
struct file;
struct net;

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
