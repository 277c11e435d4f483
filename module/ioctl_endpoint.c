// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls that make a connection or a listener of an endpoint and ask about it: the counterparts of
 * connect(), bind(), listen(), accept(), shutdown(), getsockname() and getpeername().
 */
#include <linux/anon_inodes.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/in.h>
#include <linux/net.h>
#include <linux/slab.h>

#include "endpoint.h"
#include "ioctl.h"
#include "main.h"
#include "scout/stack.h"

#define DOMINOES_BACKLOG_MAX 4096

static bool dominoes_nonblocking(const struct dominoes_call *call)
{
	return call->file->f_flags & O_NONBLOCK;
}

/* Takes control_lock and makes sure that there is an endpoint of the core's. */
static int dominoes_begin(struct dominoes_call *call)
{
	struct dominoes_endpoint *endpoint = call->endpoint;
	int error;

	if (mutex_lock_interruptible(&endpoint->control_lock))
		return -ERESTARTSYS;
	error = dominoes_endpoint_need(endpoint);
	if (error)
		mutex_unlock(&endpoint->control_lock);
	return error;
}

static void dominoes_end(struct dominoes_call *call)
{
	mutex_unlock(&call->endpoint->control_lock);
}

static int dominoes_check_family(struct dominoes_call *call, const struct dominoes_address *address)
{
	if (address->address.family != AF_INET)
		return dominoes_refuse(call, -EINVAL, "not an IPv4 address");
	return 0;
}

/* --- connect ---------------------------------------------------------------------------------- */

/* A failure that has been said leaves the endpoint unconnected. control_lock held. */
static void dominoes_connect_said(struct dominoes_call *call, int error)
{
	if (error && error != -EINPROGRESS && error != -EALREADY)
		dominoes_endpoint_replaced(call->endpoint);
}

/* The outcome of a connect that was begun, by this call or an earlier one, which a signal has interrupted. */
static int dominoes_connect_wait(struct dominoes_call *call, unsigned int epoch)
{
	struct dominoes_endpoint *endpoint = call->endpoint;
	int error;

	do {
		error = dominoes_endpoint_wait(endpoint, SCOUT_OUT | SCOUT_ERR | SCOUT_HUP, epoch);
		if (!error)
			error = dominoes_begin(call);
		if (error)
			return error;
		epoch = dominoes_endpoint_epoch(endpoint);
		error = scout_connect_result(endpoint->scout);
		dominoes_connect_said(call, error);
		dominoes_end(call);
	} while (error == -EALREADY);
	return error;
}

int dominoes_ioctl_connect(struct dominoes_call *call, void *argument)
{
	const struct dominoes_address *peer = argument;
	unsigned int epoch;
	int error;

	error = dominoes_check_family(call, peer);
	if (error)
		return error;
	error = dominoes_begin(call);
	if (error)
		return error;
	epoch = dominoes_endpoint_epoch(call->endpoint);
	error = scout_connect(call->endpoint->scout, &peer->address);
	if (error == -EINPROGRESS)
		dominoes_endpoint_no_room(call->endpoint);
	dominoes_connect_said(call, error);
	dominoes_end(call);
	if ((error == -EINPROGRESS || error == -EALREADY) && !dominoes_nonblocking(call))
		error = dominoes_connect_wait(call, epoch);
	return error;
}

/* --- bind, listen, accept --------------------------------------------------------------------- */

int dominoes_ioctl_bind(struct dominoes_call *call, void *argument)
{
	const struct dominoes_address *local = argument;
	int error;

	error = dominoes_check_family(call, local);
	if (error)
		return error;
	error = dominoes_begin(call);
	if (error)
		return error;
	error = scout_bind(call->endpoint->scout, &local->address);
	dominoes_end(call);
	if (error == -EINVAL)
		return dominoes_refuse(call, error, "bound or connected already");
	return error;
}

int dominoes_ioctl_listen(struct dominoes_call *call, void *argument)
{
	const struct dominoes_listen *listen = argument;
	int error;

	if (listen->backlog > DOMINOES_BACKLOG_MAX)
		return dominoes_refuse(call, -EINVAL, "a backlog of %u is more than %d",
				       listen->backlog, DOMINOES_BACKLOG_MAX);
	error = dominoes_begin(call);
	if (error)
		return error;
	error = scout_listen(call->endpoint->scout, listen->backlog);
	dominoes_end(call);
	if (error == -EINVAL)
		return dominoes_refuse(call, error, "not bound, or no TCP endpoint without a peer");
	return error;
}

/* Gives the new file's endpoint a connection that waits to be accepted. -EAGAIN: none waits. */
static int dominoes_accept_one(struct dominoes_call *call, struct dominoes_endpoint *new_endpoint,
			       struct dominoes_sockaddr *peer)
{
	struct scout_endpoint *scout;
	int error;

	error = dominoes_begin(call);
	if (error)
		return error;
	error = scout_accept(call->endpoint->scout, new_endpoint, &scout, peer);
	dominoes_end(call);
	if (!error)
		dominoes_endpoint_adopt(new_endpoint, scout);
	return error;
}

/* A file for an endpoint to come; the dispatcher installs or drops it, with its endpoint. */
static int dominoes_accept_file(struct dominoes_call *call, u32 flags)
{
	struct dominoes_endpoint *endpoint = dominoes_endpoint_create();
	struct file *file;
	int fd;

	if (!endpoint)
		return -ENOMEM;
	fd = get_unused_fd_flags(flags & O_CLOEXEC);
	if (fd < 0) {
		dominoes_endpoint_destroy(endpoint);
		return fd;
	}
	file = anon_inode_getfile("[dominoes]", &dominoes_device_operations, endpoint,
				  O_RDWR | (flags & O_NONBLOCK));
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		dominoes_endpoint_destroy(endpoint);
		return PTR_ERR(file);
	}
	dominoes_device_setup(file);
	call->new_file = file;
	call->new_fd = fd;
	return 0;
}

int dominoes_ioctl_accept(struct dominoes_call *call, void *argument)
{
	struct dominoes_accept *accept = argument;
	struct dominoes_endpoint *new_endpoint;
	struct dominoes_sockaddr peer = {};
	int error;

	if (accept->flags & ~(O_NONBLOCK | O_CLOEXEC))
		return dominoes_refuse(call, -EINVAL, "flags other than O_NONBLOCK and O_CLOEXEC");
	error = dominoes_accept_file(call, accept->flags);
	if (error)
		return error;
	new_endpoint = call->new_file->private_data;
	error = dominoes_endpoint_await(call->endpoint, DOMINOES_READABLE,
					dominoes_nonblocking(call),
					dominoes_accept_one(call, new_endpoint, &peer));
	if (error == -EINVAL)
		return dominoes_refuse(call, error, "not listening");
	if (error)
		return error;
	accept->peer = peer;
	return call->new_fd;
}

/* --- the rest --------------------------------------------------------------------------------- */

int dominoes_ioctl_shutdown(struct dominoes_call *call, void *argument)
{
	const struct dominoes_shutdown *shutdown = argument;
	int error;

	BUILD_BUG_ON(SHUT_RD != 0 || SHUT_WR != 1 || SHUT_RDWR != 2);
	if (shutdown->how > SHUT_RDWR)
		return dominoes_refuse(call, -EINVAL, "how is none of SHUT_RD, SHUT_WR, SHUT_RDWR");
	error = dominoes_begin(call);
	if (error)
		return error;
	error = scout_shutdown(call->endpoint->scout, shutdown->how);
	if (!error)
		dominoes_endpoint_replaced(call->endpoint);
	dominoes_end(call);
	return error;
}

int dominoes_ioctl_local(struct dominoes_call *call, void *argument)
{
	struct dominoes_address *address = argument;
	int error;

	error = dominoes_begin(call);
	if (error)
		return error;
	error = scout_local(call->endpoint->scout, &address->address);
	dominoes_end(call);
	return error;
}

int dominoes_ioctl_peer(struct dominoes_call *call, void *argument)
{
	struct dominoes_address *address = argument;
	int error;

	error = dominoes_begin(call);
	if (error)
		return error;
	error = scout_peer(call->endpoint->scout, &address->address);
	dominoes_end(call);
	return error;
}

int dominoes_ioctl_info(struct dominoes_call *call, void *argument)
{
	int error;

	error = dominoes_begin(call);
	if (error)
		return error;
	error = scout_info(call->endpoint->scout, argument);
	dominoes_end(call);
	return error;
}
