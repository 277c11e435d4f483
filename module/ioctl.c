// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of /dev/dominoes: finding the handler, copying its struct in and out, keeping the reason of
 * a failure.
 *
 * A command's size bits are not looked at: the struct tells its size itself, so that old programs and new
 * ones find the same handler.
 */
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <net/net_namespace.h>

#include "endpoint.h"
#include "ioctl.h"

#define RESERVED(type, member) \
	{ offsetof(struct type, member), sizeof_field(struct type, member), false }
#define ADDRESS(type, member) \
	{ offsetof(struct type, member), sizeof_field(struct type, member), true }

static const struct dominoes_unused dominoes_unused_none[] = { {} };
static const struct dominoes_unused dominoes_unused_attach[] = {
	RESERVED(dominoes_attach, reserved),
	ADDRESS(dominoes_attach, address),
	ADDRESS(dominoes_attach, gateway),
	{}
};
static const struct dominoes_unused dominoes_unused_interface[] = {
	RESERVED(dominoes_interface, reserved),
	{}
};
static const struct dominoes_unused dominoes_unused_stats[] = {
	RESERVED(dominoes_stats, reserved),
	{}
};
static const struct dominoes_unused dominoes_unused_info[] = {
	RESERVED(dominoes_info, reserved),
	{}
};
static const struct dominoes_unused dominoes_unused_address_in[] = {
	RESERVED(dominoes_address, reserved),
	ADDRESS(dominoes_address, address),
	{}
};
static const struct dominoes_unused dominoes_unused_address_out[] = {
	RESERVED(dominoes_address, reserved),
	{}
};
static const struct dominoes_unused dominoes_unused_datagram_in[] = {
	ADDRESS(dominoes_datagram, peer),
	{}
};

#define ENTRY(name, type, unused, handler, how) \
	[_IOC_NR(DOMINOES_IOC_##name)] = { handler, dominoes_unused_##unused, sizeof(struct type), \
					   sizeof(struct type), how }
/* Of a struct that has grown: `added` is the first member that it did not have at first. */
#define GROWN_ENTRY(name, type, added, unused, handler, how) \
	[_IOC_NR(DOMINOES_IOC_##name)] = { handler, dominoes_unused_##unused, sizeof(struct type), \
					   offsetof(struct type, added), how }

static const struct dominoes_ioctl dominoes_ioctls[] = {
	ENTRY(VERSION, dominoes_version, none, dominoes_ioctl_version, DOMINOES_IOCTL_OUT),
	ENTRY(REASON, dominoes_reason, none, dominoes_ioctl_reason, DOMINOES_IOCTL_OUT),
	GROWN_ENTRY(ATTACH, dominoes_attach, flags, attach, dominoes_ioctl_attach,
		    DOMINOES_IOCTL_ADMIN),
	ENTRY(DETACH, dominoes_detach, none, dominoes_ioctl_detach, DOMINOES_IOCTL_ADMIN),
	GROWN_ENTRY(INTERFACE, dominoes_interface, flags, interface, dominoes_ioctl_interface,
		    DOMINOES_IOCTL_OUT),
	ENTRY(STATS, dominoes_stats, stats, dominoes_ioctl_stats, DOMINOES_IOCTL_OUT),
	GROWN_ENTRY(CONNECTION, dominoes_info, rcvbuf, info, dominoes_ioctl_connection,
		    DOMINOES_IOCTL_OUT),
	ENTRY(CONNECT, dominoes_address, address_in, dominoes_ioctl_connect, 0),
	ENTRY(BIND, dominoes_address, address_in, dominoes_ioctl_bind, 0),
	ENTRY(LISTEN, dominoes_listen, none, dominoes_ioctl_listen, 0),
	ENTRY(ACCEPT, dominoes_accept, none, dominoes_ioctl_accept, DOMINOES_IOCTL_OUT),
	ENTRY(SHUTDOWN, dominoes_shutdown, none, dominoes_ioctl_shutdown, 0),
	ENTRY(SETOPT, dominoes_option_value, none, dominoes_ioctl_setopt, 0),
	ENTRY(GETOPT, dominoes_option_value, none, dominoes_ioctl_getopt, DOMINOES_IOCTL_OUT),
	ENTRY(LOCAL, dominoes_address, address_out, dominoes_ioctl_local, DOMINOES_IOCTL_OUT),
	ENTRY(PEER, dominoes_address, address_out, dominoes_ioctl_peer, DOMINOES_IOCTL_OUT),
	GROWN_ENTRY(INFO, dominoes_info, rcvbuf, info, dominoes_ioctl_info, DOMINOES_IOCTL_OUT),
	ENTRY(SENDTO, dominoes_datagram, datagram_in, dominoes_ioctl_sendto, DOMINOES_IOCTL_OUT),
	ENTRY(RECVFROM, dominoes_datagram, none, dominoes_ioctl_recvfrom, DOMINOES_IOCTL_OUT),
};

static const struct dominoes_ioctl *dominoes_ioctl_find(unsigned int command)
{
	unsigned int number = _IOC_NR(command);

	if (_IOC_TYPE(command) != _IOC_TYPE(DOMINOES_IOC_VERSION) ||
	    number >= ARRAY_SIZE(dominoes_ioctls))
		return NULL;
	number = array_index_nospec(number, ARRAY_SIZE(dominoes_ioctls));
	return dominoes_ioctls[number].handle ? &dominoes_ioctls[number] : NULL;
}

bool dominoes_may_administrate(const struct dominoes_call *call)
{
	return ns_capable(call->net->user_ns, CAP_NET_ADMIN);
}

/* --- reasons ---------------------------------------------------------------------------------- */

int dominoes_refuse(struct dominoes_call *call, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vscnprintf(call->reason, sizeof(call->reason), format, arguments);
	va_end(arguments);
	return error;
}

/* What an error means here, where the handler has nothing better to say. */
static const char *dominoes_error_text(int error)
{
	switch (error) {
	case -E2BIG:
		return "the struct has members this module does not know";
	case -EADDRINUSE:
		return "the port is in use";
	case -EADDRNOTAVAIL:
		return "not the address of an attached device";
	case -EALREADY:
		return "a connect is under way";
	case -ECONNABORTED:
		return "the connection is over";
	case -ECONNREFUSED:
		return "the peer refused";
	case -ECONNRESET:
		return "the peer reset the connection";
	case -EDESTADDRREQ:
		return "no destination given";
	case -EFAULT:
		return "bad pointer";
	case -EHOSTUNREACH:
		return "the peer cannot be reached";
	case -EINVAL:
		return "bad value, or not possible in this state";
	case -EISCONN:
		return "too late: connected, connecting or listening already";
	case -EMFILE:
	case -ENFILE:
		return "too many open files";
	case -EMSGSIZE:
		return "too long for a datagram";
	case -ENETDOWN:
		return "the device was detached";
	case -ENETUNREACH:
		return "no attached device leads there; none leads to its own address";
	case -ENOENT:
		return "there are no more";
	case -ENOMEM:
		return "out of memory";
	case -ENOPROTOOPT:
		return "no such option";
	case -ENOTCONN:
		return "not connected";
	case -EPERM:
		return "needs CAP_NET_ADMIN";
	case -ETIMEDOUT:
		return "the peer does not answer";
	default:
		return NULL;
	}
}

/* Keeps the reason of a failure for DOMINOES_IOC_REASON. What is to be tried again has not failed. */
static void dominoes_keep_reason(struct dominoes_call *call, int error)
{
	struct dominoes_endpoint *endpoint = call->endpoint;

	if (error >= 0 || error == -EAGAIN || error == -EINPROGRESS || error == -ERESTARTSYS)
		return;
	if (!call->reason[0]) {
		const char *text = dominoes_error_text(error);

		if (text)
			dominoes_refuse(call, error, "%s", text);
		else
			dominoes_refuse(call, error, "error %d", -error);
	}
	spin_lock(&endpoint->reason_lock);
	memcpy(endpoint->reason, call->reason, sizeof(endpoint->reason));
	spin_unlock(&endpoint->reason_lock);
}

/* --- the call --------------------------------------------------------------------------------- */

/* The user's struct is of `size` bytes, of which this kernel knows `known`. */
static int dominoes_copy_out(void __user *user, void *argument, u32 size, u32 known)
{
	/* The user may have changed the size in the meantime; it says what was copied. */
	*(u32 *)argument = size;
	if (copy_to_user(user, argument, min(size, known)))
		return -EFAULT;
	return 0;
}

/* What no member has taken for itself may mean something to a later version. */
static int dominoes_check_unused(struct dominoes_call *call, const struct dominoes_unused *unused,
				 const void *argument)
{
	for (; unused->bytes; unused++) {
		const void *part = argument + unused->offset;
		const struct dominoes_sockaddr *address = part;

		if (unused->address ? address->reserved : !!memchr_inv(part, 0, unused->bytes))
			return dominoes_refuse(call, -EINVAL, "reserved is not zero");
		if (unused->address && address->family == AF_INET &&
		    memchr_inv(address->addr + 4, 0, sizeof(address->addr) - 4))
			return dominoes_refuse(call, -EINVAL,
					       "addr is longer than an IPv4 address");
	}
	return 0;
}

static int dominoes_ioctl_run(struct dominoes_call *call, const struct dominoes_ioctl *ioctl,
			      void __user *user)
{
	void *argument;
	int result;
	u32 size;

	if ((ioctl->flags & DOMINOES_IOCTL_ADMIN) && !dominoes_may_administrate(call))
		return -EPERM;
	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size < ioctl->least)
		return dominoes_refuse(call, -EINVAL, "size %u is less than the struct's %u", size,
				       ioctl->least);
	if (size > PAGE_SIZE)
		return -E2BIG;
	argument = kzalloc(ioctl->bytes, GFP_KERNEL_ACCOUNT);
	if (!argument)
		return -ENOMEM;
	result = copy_struct_from_user(argument, ioctl->bytes, user, size);
	if (!result)
		result = dominoes_check_unused(call, ioctl->unused, argument);
	if (!result)
		result = ioctl->handle(call, argument);
	if (result >= 0 && (ioctl->flags & DOMINOES_IOCTL_OUT)) {
		int error = dominoes_copy_out(user, argument, size, ioctl->bytes);

		if (error)
			result = error;
	}
	kfree(argument);
	return result;
}

/* A new file becomes visible when all else has gone well, as that cannot be undone. */
static void dominoes_settle_file(struct dominoes_call *call, int result)
{
	if (!call->new_file)
		return;
	if (result >= 0) {
		fd_install(call->new_fd, call->new_file);
	} else {
		fput(call->new_file);
		put_unused_fd(call->new_fd);
	}
}

long dominoes_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	const struct dominoes_ioctl *ioctl = dominoes_ioctl_find(command);
	struct dominoes_call call = {
		.endpoint = file->private_data,
		.file = file,
		.net = current->nsproxy->net_ns,
	};
	int result;

	if (ioctl)
		result = dominoes_ioctl_run(&call, ioctl, (void __user *)argument);
	else
		result = dominoes_refuse(&call, -ENOTTY, "no ioctl %#x", command);
	dominoes_settle_file(&call, result);
	dominoes_keep_reason(&call, result);
	return result;
}
