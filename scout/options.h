/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The options of an endpoint: the numbers that the core, the ABI of /dev/dominoes and the tools share. What each
 * may be, and when it may change, is a row of the table in scout/net/attributes.cc.
 */
#ifndef SCOUT_OPTIONS_H
#define SCOUT_OPTIONS_H

enum dominoes_policy {
	DOMINOES_POLICY_GREEDY = 0, /* the first replica to dequeue a request owns it (default) */
	DOMINOES_POLICY_ROUND_ROBIN,
	DOMINOES_POLICY_PINNED,	     /* replica 0 owns all */
	DOMINOES_POLICY_SPECIALISED, /* the last replica sends, the others deliver */
};

enum dominoes_congestion {
	DOMINOES_CONGESTION_CUBIC = 0, /* RFC 9438 (default) */
	DOMINOES_CONGESTION_RENO,      /* NewReno: RFC 5681, RFC 6582 */
};

/* A listener's options are those of the connections that arrive from then on. */
enum dominoes_option {
	DOMINOES_OPT_PROTOCOL = 1,  /* IPPROTO_TCP (default) or IPPROTO_UDP; before bind and connect */
	DOMINOES_OPT_ERROR,	    /* get: the pending error as a positive errno, and clear it */
	DOMINOES_OPT_NODELAY,	    /* 0 or 1 */
	DOMINOES_OPT_REPLICAS,	    /* 1..16; before connect, or bind of UDP */
	DOMINOES_OPT_POLICY,	    /* enum dominoes_policy; as REPLICAS */
	DOMINOES_OPT_RCVBUF,	    /* bytes, rounded up to a power of two; TCP: before connect */
	DOMINOES_OPT_SNDBUF,	    /* bytes, rounded up to a power of two; before connect */
	DOMINOES_OPT_LINGER,	    /* seconds; -1 off (default); 0: close sends RST */
	DOMINOES_OPT_REUSEADDR,	    /* 0 or 1 */
	DOMINOES_OPT_DIGEST_INTERVAL, /* compare replicas every n requests, a power of two; 0 off */
	DOMINOES_OPT_MSS,	    /* get; set before connect: an upper limit, 88..65495 */
	DOMINOES_OPT_KEEPALIVE,	    /* 0 or 1 */
	DOMINOES_OPT_KEEPIDLE,	    /* seconds of silence before the first probe, 1..32767 */
	DOMINOES_OPT_KEEPINTVL,	    /* seconds from probe to probe, 1..32767 */
	DOMINOES_OPT_KEEPCNT,	    /* unanswered probes that end the connection, 1..127 */
	DOMINOES_OPT_USER_TIMEOUT,  /* milliseconds that the peer may owe an answer; 0 (default): off */
	DOMINOES_OPT_ECN,	    /* 0 or 1: ask for ECN; before connect */
	DOMINOES_OPT_TTL,	    /* 1..255, of what is sent (default 64) */
	DOMINOES_OPT_TOS,	    /* 0..255, DSCP and (UDP) ECN of what is sent */
	DOMINOES_OPT_CONGESTION,    /* enum dominoes_congestion; before connect */
	DOMINOES_OPT_BUFLIMIT,	    /* bytes, rounded up to a power of two; before connect: how far
				     * TCP's buffers grow by themselves where RCVBUF or SNDBUF was not set
				     */
	DOMINOES_OPT_CORK,	    /* 0 or 1: hold back, for 200 ms at most, what does not fill a segment */

	/* For tests of the replication itself; need CAP_NET_ADMIN. */
	DOMINOES_OPT_DEBUG_DELAY = 1000, /* (replica << 32) | microseconds: random delays up to that */
	DOMINOES_OPT_DEBUG_CORRUPT,	 /* replica: flip one bit of its state, which must be noticed */
	DOMINOES_OPT_DEBUG_STALL,	 /* (replica << 32) | milliseconds: stop once for that long */
};

#endif
