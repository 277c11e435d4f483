/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * An address, and what there is to tell of an endpoint: the structs that the core, the ABI of /dev/dominoes and
 * the tools share. New members are only ever appended.
 */
#ifndef SCOUT_INFO_H
#define SCOUT_INFO_H

#include <stdint.h>

#define DOMINOES_MAX_REPLICAS 16

/* An address of any family; only AF_INET is served today (in the first four bytes of addr, then zeros). */
struct dominoes_sockaddr {
	uint16_t family; /* AF_INET; AF_UNSPEC where none is given */
	uint16_t port;	 /* network byte order */
	uint32_t reserved;
	uint8_t addr[16];
};

/* States as in RFC 9293 section 3.3.2; the numbers are those of Linux's tcp_states.h. */
enum dominoes_tcp_state {
	DOMINOES_TCP_ESTABLISHED = 1,
	DOMINOES_TCP_SYN_SENT,
	DOMINOES_TCP_SYN_RECEIVED,
	DOMINOES_TCP_FIN_WAIT_1,
	DOMINOES_TCP_FIN_WAIT_2,
	DOMINOES_TCP_TIME_WAIT,
	DOMINOES_TCP_CLOSED,
	DOMINOES_TCP_CLOSE_WAIT,
	DOMINOES_TCP_LAST_ACK,
	DOMINOES_TCP_LISTEN,
	DOMINOES_TCP_CLOSING,
};

/* How one replica of a connection does. */
struct dominoes_replica_info {
	uint32_t cpu;
	uint32_t lag;	     /* requests published that this replica has not yet processed */
	uint64_t requests;	     /* processed */
	uint64_t owned;	     /* effects performed as their owner */
	uint64_t delivered_bytes;
	uint64_t sent_segments; /* built as their owner */
};

/* A connection, listener or UDP endpoint, as `ss -ti` shows it. Times in microseconds. */
struct dominoes_info {
	uint32_t size;
	uint32_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	uint64_t id;	/* in (DOMINOES_IOC_CONNECTION): the smallest wanted; out: the one found */
	struct dominoes_sockaddr local;
	struct dominoes_sockaddr peer;
	uint32_t ifindex;
	uint32_t state; /* enum dominoes_tcp_state */
	uint32_t replicas; /* UDP: 0 where the interrupt does it all */
	uint32_t policy; /* enum dominoes_policy */
	uint64_t bytes_received; /* placed in order */
	uint64_t bytes_sent;     /* first transmissions and retransmissions */
	uint64_t bytes_acked;
	uint64_t bytes_retransmitted;
	uint64_t segments_in;
	uint64_t segments_out;
	uint64_t recv_queue; /* bytes the application has not read; for a listener: connections waiting */
	uint64_t send_queue; /* bytes not acknowledged;          for a listener: its backlog */
	uint64_t digest_checks;
	uint64_t digest_mismatches;
	uint32_t srtt_us;
	uint32_t rttvar_us;
	uint32_t rto_us;
	uint32_t mss;
	uint32_t cwnd; /* bytes */
	uint32_t ssthresh; /* bytes; ~0: none yet */
	uint32_t snd_wnd;	/* bytes */
	uint32_t rcv_wnd;	/* bytes */
	uint8_t snd_wscale;
	uint8_t rcv_wscale;
	uint8_t options; /* DOMINOES_INFO_* */
	uint8_t reserved;
	uint32_t retransmits; /* RTO expiries */
	struct dominoes_replica_info replica[DOMINOES_MAX_REPLICAS];
	uint32_t rcvbuf; /* bytes: the receive buffer now, and how far it may grow; the send buffer likewise */
	uint32_t rcvbuf_limit;
	uint32_t sndbuf;
	uint32_t sndbuf_limit;
};

#define DOMINOES_INFO_TIMESTAMPS 0x01
#define DOMINOES_INFO_WSCALE 0x02
#define DOMINOES_INFO_SACK 0x04
#define DOMINOES_INFO_ECN 0x08

#endif
