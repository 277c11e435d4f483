// SPDX-License-Identifier: GPL-2.0
/*
 * Between the structs of the ABI and those of the core.
 */
#include <linux/build_bug.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/byteorder.h>

#include "convert.h"
#include "scout/stack.h"

void dominoes_sockaddr_to_scout(struct scout_sockaddr *to, const struct dominoes_sockaddr *from)
{
	to->family = from->family;
	to->port = be16_to_cpu(from->port);
	to->reserved = from->reserved;
	memcpy(to->addr, from->addr, sizeof(to->addr));
}

void dominoes_sockaddr_from_scout(struct dominoes_sockaddr *to, const struct scout_sockaddr *from)
{
	to->family = from->family;
	to->port = cpu_to_be16(from->port);
	to->reserved = 0;
	memcpy(to->addr, from->addr, sizeof(to->addr));
}

void dominoes_info_from_scout(struct dominoes_info *to, const struct scout_info *from)
{
	unsigned int i;

	BUILD_BUG_ON(ARRAY_SIZE(to->replica) != ARRAY_SIZE(from->replica));
	to->protocol = from->protocol;
	to->id = from->id;
	dominoes_sockaddr_from_scout(&to->local, &from->local);
	dominoes_sockaddr_from_scout(&to->peer, &from->peer);
	to->ifindex = from->nic_id;
	to->state = from->state;
	to->replicas = from->replicas;
	to->policy = from->policy;
	to->bytes_received = from->bytes_received;
	to->bytes_sent = from->bytes_sent;
	to->bytes_acked = from->bytes_acked;
	to->bytes_retransmitted = from->bytes_retransmitted;
	to->segments_in = from->segments_in;
	to->segments_out = from->segments_out;
	to->recv_queue = from->recv_queue;
	to->send_queue = from->send_queue;
	to->digest_checks = from->digest_checks;
	to->digest_mismatches = from->digest_mismatches;
	to->srtt_us = from->srtt_us;
	to->rttvar_us = from->rttvar_us;
	to->rto_us = from->rto_us;
	to->mss = from->mss;
	to->cwnd = from->cwnd;
	to->ssthresh = from->ssthresh;
	to->snd_wnd = from->snd_wnd;
	to->rcv_wnd = from->rcv_wnd;
	to->snd_wscale = from->snd_wscale;
	to->rcv_wscale = from->rcv_wscale;
	to->options = from->options;
	to->reserved = 0;
	to->retransmits = from->retransmits;
	to->rcvbuf = from->rcvbuf;
	to->rcvbuf_limit = from->rcvbuf_limit;
	to->sndbuf = from->sndbuf;
	to->sndbuf_limit = from->sndbuf_limit;
	for (i = 0; i < ARRAY_SIZE(to->replica); i++) {
		to->replica[i].cpu = from->replica[i].cpu;
		to->replica[i].lag = from->replica[i].lag;
		to->replica[i].requests = from->replica[i].requests;
		to->replica[i].owned = from->replica[i].owned;
		to->replica[i].delivered_bytes = from->replica[i].delivered_bytes;
		to->replica[i].sent_segments = from->replica[i].sent_segments;
	}
}
