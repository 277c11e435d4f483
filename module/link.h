/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Attached devices: what the module keeps beside a net_device.
 */
#ifndef DOMINOES_MODULE_LINK_H
#define DOMINOES_MODULE_LINK_H

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/netdevice.h>

#include "dominoes_uapi.h"
#include "port.h"

struct dominoes_call;
struct net;
struct scout_nic;

/* Who waits until it is known whether the address of a link is free; it lives on that task's stack. */
struct dominoes_probe {
	struct completion over; /* it is known, or will not be */
	struct dominoes_link *link; /* NULL: detached meanwhile; rtnl */
};

struct dominoes_link {
	struct list_head list;
	struct net_device *dev; /* held, through tracker */
	netdevice_tracker tracker;
	struct scout_nic *nic;
	struct dominoes_probe *probe; /* NULL: its address is used; rtnl */
	__be32 address;
	/*
	 * The device's, as of the latest of its events: dev_addr is changed byte by byte, and this is read
	 * without a lock. What was built with the one before, and waits, may go as it is.
	 */
	u64 mac;
	bool heard; /* dominoes_is_heard() as of the latest event; rtnl */
	/* As asked for, but with the replicas and CPUs that were settled on. */
	struct dominoes_attach config;
};

/* Notifiers. Context: process. */
int dominoes_links_init(void);
/* Detaches what is still attached. No ioctl can come any more. Context: process. */
void dominoes_links_exit(void);

/*
 * The ioctls of these names; `net` is the caller's network namespace, to which ifindex belongs. Errors
 * are as in dominoes_uapi.h, with their reason in `call`. Context: process, without rtnl.
 */
int dominoes_link_attach(struct dominoes_call *call, struct net *net,
			 const struct dominoes_attach *config);
int dominoes_link_detach(struct dominoes_call *call, struct net *net, u32 ifindex);
int dominoes_link_describe(struct net *net, struct dominoes_interface *interface);
/* Up to `count` counters to `values`; returns how many there are, or -ENODEV. */
int dominoes_link_stats(struct net *net, u32 ifindex, u64 *values, u32 count);

/* Calls `visit` for every attached device of every namespace. Context: process; may sleep. */
void dominoes_links_visit(void (*visit)(const struct dominoes_link *link, void *argument),
			  void *argument);

/*
 * Whether the address, prefix and gateway of `config` can be served on `dev`: 0, or a negative errno
 * with its reason in `call`. Context: process, rtnl held.
 */
int dominoes_attach_check(struct dominoes_call *call, const struct net_device *dev,
			  const struct dominoes_attach *config);
/*
 * Settles the CPUs and the number of replicas in `config`; `cpus` has room for nr_cpu_ids and is filled
 * in order of preference. Returns how many CPUs, or -EINVAL with its reason in `call`.
 */
int dominoes_attach_cpus(struct dominoes_call *call, struct dominoes_attach *config, int *cpus);

/*
 * Attaches. `probe` is NULL where the address is used at once; else it is tentative, and the probe completed when
 * it is known whether it is free, or the device detached. Context: process, without rtnl.
 */
int dominoes_link_begin(struct dominoes_call *call, struct net *net,
			const struct dominoes_attach *config, struct dominoes_probe *probe);
/* Detaches, and tells who waits for the probing. Context: process, rtnl held. */
void dominoes_link_remove(struct dominoes_link *link);

/* The rx_handler; dev->rx_handler_data is the struct dominoes_link. Context: softirq. */
rx_handler_result_t dominoes_link_receive(struct sk_buff **pskb);

#endif
