/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The opaque types of dominoes/port.h as the module has them, shared by the files that implement it.
 */
#ifndef DOMINOES_MODULE_PORT_H
#define DOMINOES_MODULE_PORT_H

#include <linux/skbuff.h>
#include <linux/types.h>

#include "dominoes/port.h"

struct iov_iter;
struct ratelimit_state;

struct dominoes_iter {
	struct iov_iter *iter;
};

/* A struct dominoes_packet is a struct sk_buff, no more. */
static inline struct sk_buff *dominoes_skb(struct dominoes_packet *packet)
{
	return (struct sk_buff *)packet;
}

static inline const struct sk_buff *dominoes_skb_const(const struct dominoes_packet *packet)
{
	return (const struct sk_buff *)packet;
}

static inline struct dominoes_packet *dominoes_packet_of(struct sk_buff *skb)
{
	return (struct dominoes_packet *)skb;
}

/*
 * Appends bytes of a send buffer to an skb as fragments that share its pages. False: too many fragments.
 * Context: any; the bytes are written and not released.
 */
bool dominoes_sendbuf_attach(const struct dominoes_sendbuf *buffer, u64 offset, u32 bytes,
			     struct sk_buff *skb);

/* Whether one more line is within `limit`, whoever else asks at the same time. Context: any. */
bool dominoes_log_allowed(struct ratelimit_state *limit);

/* Waits until nothing of the port is left to run. Context: process; the last call before unloading. */
void dominoes_memory_exit(void);

#endif
