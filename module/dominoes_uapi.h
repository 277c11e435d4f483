/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ABI of /dev/dominoes, shared by the module and by programs.
 *
 * open("/dev/dominoes") gives an endpoint, the counterpart of a socket: it starts unbound, and
 * becomes a TCP connection, a TCP listener or a UDP endpoint by the ioctls below. read(), write(),
 * poll(), O_NONBLOCK, O_ASYNC and signals behave as they do for a socket. The same descriptor also carries
 * the administration calls, which need CAP_NET_ADMIN.
 *
 * Every argument is a struct whose first member is its size as the caller knows it. A kernel that
 * knows a longer struct takes the missing tail as zero; a kernel that knows a shorter one refuses
 * a non-zero tail with E2BIG. A size below the first version's is EINVAL. New members are only
 * ever appended.
 *
 * Members named reserved must be zero, also in an address that is given, and so must be what an IPv4
 * address leaves of addr: else EINVAL, as a later version may give them a meaning. What a call gives back
 * has zeros there, and can be given again.
 *
 * Addresses and ports are in network byte order, all else in the machine's.
 */
#ifndef DOMINOES_UAPI_H
#define DOMINOES_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#include "../scout/info.h"
#include "../scout/options.h"

#define DOMINOES_DEVICE "/dev/dominoes"
#define DOMINOES_ABI_VERSION 1

#define DOMINOES_CPU_WORDS 16 /* a CPU list of up to 1024 CPUs */
#define DOMINOES_REASON_BYTES 120

struct dominoes_version {
	__u32 size;
	__u32 abi; /* out: DOMINOES_ABI_VERSION */
};

/* The one-line reason of the last failed ioctl on this descriptor; empty if there was none. */
struct dominoes_reason {
	__u32 size;
	char text[DOMINOES_REASON_BYTES];
};

/* --- administration ------------------------------------------------------------------------- */

/*
 * Attach to an Ethernet device.
 * EPERM without CAP_NET_ADMIN, ENODEV no such device, EBUSY another rx_handler (bridge, bond) or
 * already attached, EINVAL not Ethernet, a VRF, an MTU below 128, or bad address, prefix, gateway, replica
 * count or CPU list, EADDRINUSE the address is one of the host's own, ENOMEM. With DOMINOES_ATTACH_DAD it
 * sleeps for 4 to 7 seconds, and fails with EADDRINUSE if another host has the address, ENETDOWN if the device
 * is or goes down, has no carrier or is detached meanwhile, or EINTR. After a failure nothing is attached.
 */
struct dominoes_attach {
	__u32 size;
	__u32 ifindex;
	struct dominoes_sockaddr address;
	struct dominoes_sockaddr gateway; /* AF_UNSPEC: none */
	__u32 prefix_len;
	__u32 replicas; /* of new connections and UDP ports; 0: what the CPU list can run side by side */
	__u64 cpus[DOMINOES_CPU_WORDS]; /* bit n: CPU n may run replicas; all zero: every CPU online */
	__u32 flags; /* DOMINOES_ATTACH_* */
	__u32 reserved;
};

/* Duplicate address detection: use the address only after nobody has answered for it (RFC 5227 section 2.1). */
#define DOMINOES_ATTACH_DAD 0x1

/* Detach: every connection ends with ENETDOWN. ENODEV when the device is not attached. */
struct dominoes_detach {
	__u32 size;
	__u32 ifindex;
};

/* The attached device with the smallest ifindex >= the one given; ENOENT after the last. */
struct dominoes_interface {
	__u32 size;
	__u32 ifindex; /* in: where to start; out: the one found */
	char name[16];
	struct dominoes_sockaddr address;
	struct dominoes_sockaddr gateway;
	__u32 prefix_len;
	__u32 replicas;
	__u32 mtu;
	__u32 connections;
	__u64 cpus[DOMINOES_CPU_WORDS];
	__u32 flags; /* DOMINOES_INTERFACE_* */
	__u32 reserved;
};

#define DOMINOES_INTERFACE_TENTATIVE 0x1 /* its address is being probed for, and not used yet */

/*
 * The counters of an attached device, in the order of scout/counters.h.
 * values may hold fewer than there are; count is set to the number there are.
 */
struct dominoes_stats {
	__u32 size;
	__u32 ifindex;
	__u32 count; /* in: room in values; out: counters known */
	__u32 reserved;
	__u64 values; /* user pointer to __u64[count] */
};

/* --- endpoints ---------------------------------------------------------------------------------- */

/*
 * connect, bind, getsockname (DOMINOES_IOC_LOCAL), getpeername (DOMINOES_IOC_PEER).
 *
 * Of several attached devices an endpoint uses that whose address it is bound to. Bound to no address
 * (INADDR_ANY, or not at all), connect chooses the device with the longest prefix that contains the peer,
 * then one with a gateway, then the one attached first; UDP receives at every device and chooses for each
 * datagram; a TCP listener is at every device.
 *
 * connect of TCP, as on Linux: where it does not block EINPROGRESS, then EALREADY, then once the outcome, 0
 * or the error (ECONNABORTED where DOMINOES_OPT_ERROR has taken it), then EISCONN. After an error the endpoint
 * is unconnected again: connect and listen begin anew, and a port that was not bound by bind is another. A
 * connect that a signal interrupts goes on, and the next call waits for it.
 */
struct dominoes_address {
	__u32 size;
	__u32 reserved;
	struct dominoes_sockaddr address;
};

struct dominoes_listen {
	__u32 size;
	__u32 backlog; /* 1..4096; 0: the default, 128 */
};

/* Returns the new descriptor. flags: O_NONBLOCK, O_CLOEXEC. */
struct dominoes_accept {
	__u32 size;
	__u32 flags;
	struct dominoes_sockaddr peer; /* out */
};

/*
 * ENOTCONN. Of a listener, as on Linux: SHUT_RD and SHUT_RDWR end it, so that accept says EINVAL, and what
 * waits is reset; it may listen again. Of a connect that is under way: it ends with ECONNRESET.
 */
struct dominoes_shutdown {
	__u32 size;
	__u32 how; /* SHUT_RD, SHUT_WR, SHUT_RDWR */
};

struct dominoes_option_value {
	__u32 size;
	__u32 option; /* enum dominoes_option */
	__s64 value;
};

/*
 * One datagram (UDP). length: in: room or size; out: the datagram's length (which may be more).
 * TCP: as read() and write(), with flags but no addresses.
 */
struct dominoes_datagram {
	__u32 size;
	__u32 flags; /* MSG_DONTWAIT, MSG_PEEK */
	struct dominoes_sockaddr peer;
	__u64 data; /* user pointer */
	__u64 length;
};

#define DOMINOES_IOC(nr, type) _IOWR(0xD0, nr, type)

#define DOMINOES_IOC_VERSION DOMINOES_IOC(0x00, struct dominoes_version)
#define DOMINOES_IOC_REASON DOMINOES_IOC(0x01, struct dominoes_reason)
#define DOMINOES_IOC_ATTACH DOMINOES_IOC(0x02, struct dominoes_attach)
#define DOMINOES_IOC_DETACH DOMINOES_IOC(0x03, struct dominoes_detach)
#define DOMINOES_IOC_INTERFACE DOMINOES_IOC(0x04, struct dominoes_interface)
#define DOMINOES_IOC_STATS DOMINOES_IOC(0x05, struct dominoes_stats)
/* The connection, listener or UDP endpoint of any process with the smallest id >= the one given. */
#define DOMINOES_IOC_CONNECTION DOMINOES_IOC(0x06, struct dominoes_info)

#define DOMINOES_IOC_CONNECT DOMINOES_IOC(0x10, struct dominoes_address)
#define DOMINOES_IOC_BIND DOMINOES_IOC(0x11, struct dominoes_address)
#define DOMINOES_IOC_LISTEN DOMINOES_IOC(0x12, struct dominoes_listen)
#define DOMINOES_IOC_ACCEPT DOMINOES_IOC(0x13, struct dominoes_accept)
#define DOMINOES_IOC_SHUTDOWN DOMINOES_IOC(0x14, struct dominoes_shutdown)
#define DOMINOES_IOC_SETOPT DOMINOES_IOC(0x15, struct dominoes_option_value)
#define DOMINOES_IOC_GETOPT DOMINOES_IOC(0x16, struct dominoes_option_value)
#define DOMINOES_IOC_LOCAL DOMINOES_IOC(0x17, struct dominoes_address)
#define DOMINOES_IOC_PEER DOMINOES_IOC(0x18, struct dominoes_address)
/* This endpoint's own. */
#define DOMINOES_IOC_INFO DOMINOES_IOC(0x19, struct dominoes_info)
#define DOMINOES_IOC_SENDTO DOMINOES_IOC(0x1a, struct dominoes_datagram)
#define DOMINOES_IOC_RECVFROM DOMINOES_IOC(0x1b, struct dominoes_datagram)

#endif
