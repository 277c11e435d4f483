/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What packetdrill expects of a library named with --so_filename: it calls
 * packetdrill_interface_init(), which fills in a table of functions, and then uses them instead of
 * the system calls and of a network device.
 *
 * All return -1 and set errno where the system call of the same name does. The order of members is
 * the ABI.
 */
#ifndef DOMINOES_PACKETDRILL_INTERFACE_H
#define DOMINOES_PACKETDRILL_INTERFACE_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct packetdrill_interface {
	void *userdata; /* the first argument of each function */
	void (*free)(void *self);

	int (*socket)(void *self, int domain, int type, int protocol);
	int (*bind)(void *self, int fd, const struct sockaddr *address, socklen_t bytes);
	int (*listen)(void *self, int fd, int backlog);
	int (*accept)(void *self, int fd, struct sockaddr *address, socklen_t *bytes);
	int (*connect)(void *self, int fd, const struct sockaddr *address, socklen_t bytes);

	ssize_t (*read)(void *self, int fd, void *to, size_t bytes);
	ssize_t (*readv)(void *self, int fd, const struct iovec *to, int count);
	ssize_t (*recv)(void *self, int fd, void *to, size_t bytes, int flags);
	ssize_t (*recvfrom)(void *self, int fd, void *to, size_t bytes, int flags,
			    struct sockaddr *address, socklen_t *address_bytes);
	ssize_t (*recvmsg)(void *self, int fd, struct msghdr *message, int flags);

	ssize_t (*write)(void *self, int fd, const void *from, size_t bytes);
	ssize_t (*writev)(void *self, int fd, const struct iovec *from, int count);
	ssize_t (*send)(void *self, int fd, const void *from, size_t bytes, int flags);
	ssize_t (*sendto)(void *self, int fd, const void *from, size_t bytes, int flags,
			  const struct sockaddr *address, socklen_t address_bytes);
	ssize_t (*sendmsg)(void *self, int fd, const struct msghdr *message, int flags);

	int (*fcntl)(void *self, int fd, int command, ...);
	int (*ioctl)(void *self, int fd, unsigned long request, ...);
	int (*close)(void *self, int fd);
	int (*shutdown)(void *self, int fd, int how);
	int (*getsockopt)(void *self, int fd, int level, int option, void *value,
			  socklen_t *bytes);
	int (*setsockopt)(void *self, int fd, int level, int option, const void *value,
			  socklen_t bytes);
	int (*poll)(void *self, struct pollfd *fds, nfds_t count, int timeout_ms);

	/* An IP packet comes to the stack. */
	int (*netdev_send)(void *self, const void *packet, size_t bytes);
	/* The next IP packet that the stack sends, and when it was sent. `bytes` is the room, and
	 * afterwards the packet's length, or 0: none came.
	 */
	int (*netdev_receive)(void *self, void *packet, size_t *bytes, long long *time_us);

	int (*usleep)(void *self, useconds_t us);
	int (*gettimeofday)(void *self, struct timeval *now, struct timezone *zone);

	int (*epoll_create)(void *self, int size);
	int (*epoll_ctl)(void *self, int epoll, int what, int fd, struct epoll_event *event);
	int (*epoll_wait)(void *self, int epoll, struct epoll_event *events, int most,
			  int timeout_ms);
	int (*pipe)(void *self, int fds[2]);
	int (*splice)(void *self, int from, loff_t *from_at, int to, loff_t *to_at, size_t bytes,
		      unsigned int flags);
};

/* `flags` is what follows --so_flags=, or NULL. */
void packetdrill_interface_init(const char *flags, struct packetdrill_interface *table);

#ifdef __cplusplus
}
#endif

#endif
