/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the core offers to its platform: a stack, devices attached to it, and endpoints. The other half of the
 * contract is dominoes/port.h. Functions return 0 or a count, or a negative errno (Linux's numbers).
 *
 * Nothing here blocks for the network: what would have to wait returns -EAGAIN (or -EINPROGRESS), and
 * dominoes_user_wake() is called when it is worth trying again. Context, unless said otherwise:
 * process. The caller serialises, per endpoint, reads among themselves, writes among themselves, and all
 * else among itself; a read, a write and one other call may run at the same time.
 */
#ifndef SCOUT_STACK_H
#define SCOUT_STACK_H

#include "dominoes/port.h"
#include "scout/info.h"

#ifdef __cplusplus
extern "C" {
#endif

struct scout_stack;	/* one a machine: the contexts (threads), and all that follows */
struct scout_nic;	/* an attached device */
struct scout_endpoint;	/* a TCP connection or listener, or a UDP endpoint */

struct scout_stack *scout_stack_create(void);
/* No device attached, no endpoint left. */
void scout_stack_destroy(struct scout_stack *stack);

/* --- devices ------------------------------------------------------------------------------------ */

/* A device of less carries no TCP: headers, and the least MSS that is used. */
#define SCOUT_MIN_MTU 128

struct scout_attach {
	struct dominoes_link *link;
	uint64_t id; /* the platform's name for it (ifindex) */
	struct dominoes_sockaddr address;
	struct dominoes_sockaddr gateway;
	uint32_t prefix_len;
	uint32_t replicas;	     /* of new connections and UDP ports, 1..16 */
	const int *cpus;	     /* the CPUs replicas may run on, in order of preference: a thread for
				      * each entry, -1 is one on any CPU; copied */
	uint32_t cpu_count;	     /* at least 1 */
	/* Not NULL: the address is tentative until others on the link have been asked whether they have it
	 * (RFC 5227 section 2.1), which takes 4 to 7 seconds. No endpoint uses it yet. When it is known
	 * probed(probed_context) is called, once. Context of the callback: any. */
	void (*probed)(void *context);
	void *probed_context;
};

/* EINVAL (bad address, prefix, gateway or count, or an MTU below the least), ENOMEM. Then feed it with scout_receive(). */
int scout_attach(struct scout_stack *stack, const struct scout_attach *config,
		 struct scout_nic **nic);
/* After scout_attach() with `probed`. Context: any. */
bool scout_tentative(struct scout_nic *nic);
/* Once it has been called. 0: nobody has the address, and it is used from now on. -EADDRINUSE: the host with
 * this MAC address has it, or wants it too; what is left is to detach. -EAGAIN: not known yet. */
int scout_probed(struct scout_nic *nic, uint8_t owner[6]);
/* Ends every connection with ENETDOWN, waits for all replicas to leave, and frees the nic. No
 * scout_receive() may be running or come after. Endpoints stay, with their error, until closed. */
void scout_detach(struct scout_nic *nic);

/* The device's MTU has changed: its connections are told so, soon after this returns. Until then they may send
 * what no longer fits. Not below SCOUT_MIN_MTU: then detach. */
void scout_mtu_changed(struct scout_nic *nic);
/* Tells the link whose the address is, unless it is tentative: the device has got another MAC address, or is at
 * another place of the network. Context: any. */
void scout_announce(struct scout_nic *nic);

/* A frame has arrived. True: taken, the packet is the core's. False: not for Dominoes.
 * Context: softirq or process. */
bool scout_receive(struct scout_nic *nic, struct dominoes_packet *packet);

/* Values of scout/counters.h: writes up to `count`, returns how many there are. */
uint32_t scout_stats(struct scout_nic *nic, uint64_t *values, uint32_t count);
uint32_t scout_connections(struct scout_nic *nic);

/* --- endpoints ----------------------------------------------------------------------------------- */

/* `protocol` is 6 (TCP) or 17 (UDP). `user` is passed to dominoes_user_wake(). */
int scout_endpoint_create(struct scout_stack *stack, int protocol, void *user,
			  struct scout_endpoint **endpoint);
/* The user is gone: it will not be woken again once this returns. A connection goes on closing in the
 * background (FIN after what was written); with unread data, or linger 0, it is reset. */
void scout_endpoint_close(struct scout_endpoint *endpoint);

/* EINVAL already bound or bad address, EADDRNOTAVAIL not an attached device's, EADDRINUSE. Port 0: any.
 * Address 0.0.0.0: every device; connect settles on one. */
int scout_bind(struct scout_endpoint *endpoint, const struct dominoes_sockaddr *address);
/* As connect() of a socket that does not block. -EINPROGRESS once begun; then -EALREADY until SCOUT_OUT or
 * SCOUT_ERR is set; then, once, the outcome: 0, or the errno, which is -ECONNABORTED where scout_take_error()
 * has taken it. After 0: -EISCONN. After an errno the endpoint is as before the attempt: the next call begins
 * another, from another port unless the program has bound one. -EISCONN also of a listener; and -ENETUNREACH,
 * -EADDRNOTAVAIL, -EADDRINUSE, -EINVAL, -ENOMEM. UDP: 0. */
int scout_connect(struct scout_endpoint *endpoint, const struct dominoes_sockaddr *peer);
/* For whoever waits in connect(): the outcome as above, but never a new attempt, and 0 also where another has
 * heard of the success. -EALREADY: there is none yet. */
int scout_connect_result(struct scout_endpoint *endpoint);
/* -EINVAL with a peer, or while connecting, -EADDRNOTAVAIL, -EADDRINUSE, -ENOMEM. */
int scout_listen(struct scout_endpoint *endpoint, uint32_t backlog);
/* The next connection that is established, as an endpoint of `user`; -EAGAIN, -EINVAL not listening. */
int scout_accept(struct scout_endpoint *listener, void *user, struct scout_endpoint **endpoint,
		 struct dominoes_sockaddr *peer);

#define SCOUT_IN 0x1	/* a read or an accept will not wait */
#define SCOUT_OUT 0x2	/* a write will not wait; a connect is over */
#define SCOUT_ERR 0x4	/* an error is pending */
#define SCOUT_HUP 0x8	/* both directions are closed */
#define SCOUT_RDHUP 0x10 /* the peer has sent FIN, or reading was shut down */
#define SCOUT_UNCONNECTED 0x20 /* neither connection nor listener: no read and no accept will wait */
/* What holds now; what does not will be announced by dominoes_user_wake(). Context: any. */
uint32_t scout_poll(struct scout_endpoint *endpoint);

/* Up to `bytes`; 0 at the end of the stream. -EAGAIN, -ENOTCONN, -EFAULT, or the pending error, once. */
int64_t scout_read(struct scout_endpoint *endpoint, struct dominoes_iter *to, size_t bytes);
/* What fits; -EAGAIN when nothing does. -EPIPE, -EFAULT, -ENOMEM, or the pending error, once. */
int64_t scout_write(struct scout_endpoint *endpoint, struct dominoes_iter *from, size_t bytes);
/* `how`: 0 reading, 1 writing, 2 both. A listener, unless `how` is 1, stops listening: who waits in accept is
 * woken, and hears -EINVAL. An attempt to connect is given up, with ECONNRESET pending. Both leave the endpoint
 * as scout_connect() does after a failure. -ENOTCONN. */
int scout_shutdown(struct scout_endpoint *endpoint, int how);
/* The pending error, a positive errno, and clears it; 0: none. */
int scout_take_error(struct scout_endpoint *endpoint);
/* For SO_LINGER, after scout_shutdown() of writing: all that was written is acknowledged, and the FIN after
 * it. Also true where closing has nothing to wait for: no connection, one that is over, or one that will be
 * reset because of unread data. The user is woken when it comes true. */
bool scout_drained(struct scout_endpoint *endpoint);

/* `option` is enum dominoes_option (scout/options.h). -ENOPROTOOPT, -EINVAL, -EISCONN where too late.
 * The right to use the debug options has been checked. */
int scout_set_option(struct scout_endpoint *endpoint, uint32_t option, int64_t value);
/* What `option` may be, for people. Context: any. */
const char *scout_option_rule(uint32_t option);
int scout_get_option(struct scout_endpoint *endpoint, uint32_t option, int64_t *value);

int scout_local(struct scout_endpoint *endpoint, struct dominoes_sockaddr *address);
/* -ENOTCONN: also while connecting, and when the connection is over. */
int scout_peer(struct scout_endpoint *endpoint, struct dominoes_sockaddr *address);

/* UDP. -EAGAIN, -EMSGSIZE, -EDESTADDRREQ, -ENETUNREACH, -EFAULT, -ECONNREFUSED (connected, after ICMP). */
int64_t scout_send_to(struct scout_endpoint *endpoint, const struct dominoes_sockaddr *peer,
		      struct dominoes_iter *from, size_t bytes);
/* Returns the datagram's length, of which at most `bytes` were given; TCP: as scout_read(), and no address. `peek`:
 * it stays there. */
int64_t scout_receive_from(struct scout_endpoint *endpoint, struct dominoes_sockaddr *peer,
			   struct dominoes_iter *to, size_t bytes, bool peek);

/* --- what there is ---------------------------------------------------------------------------------- */

/* All of *info is written; its size is the ABI's, and 0 here. */
int scout_info(struct scout_endpoint *endpoint, struct dominoes_info *info);
/* The one with the smallest id >= `id`, of whoever; -ENOENT. */
int scout_info_at(struct scout_stack *stack, uint64_t id, struct dominoes_info *info);

#ifdef __cplusplus
}
#endif

#endif
