// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams with their addresses (UDP): the counterparts of sendto() and recvfrom().
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/socket.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "compat.h"
#include "endpoint.h"
#include "ioctl.h"
#include "port.h"
#include "scout/stack.h"

/* Makes sure that there is an endpoint of the core's; then locks against others that do the same. */
static int dominoes_datagram_begin(struct dominoes_call *call, struct mutex *lock, bool nowait)
{
	struct dominoes_endpoint *endpoint = call->endpoint;
	int error;

	if (mutex_lock_interruptible(&endpoint->control_lock))
		return -ERESTARTSYS;
	error = dominoes_endpoint_need(endpoint);
	mutex_unlock(&endpoint->control_lock);
	if (error)
		return error;
	return dominoes_endpoint_lock(lock, nowait);
}

static int dominoes_datagram_iter(struct dominoes_call *call,
				  const struct dominoes_datagram *datagram, unsigned int direction,
				  struct iov_iter *iter)
{
	void __user *data = u64_to_user_ptr(datagram->data);
	size_t length = min_t(u64, datagram->length, MAX_RW_COUNT);

	if (!access_ok(data, length))
		return dominoes_refuse(call, -EFAULT, "data is no pointer of the program's");
	iov_iter_ubuf(iter, direction, data, length);
	return 0;
}

static bool dominoes_datagram_nowait(const struct dominoes_call *call,
				     const struct dominoes_datagram *datagram)
{
	return (datagram->flags & MSG_DONTWAIT) || (call->file->f_flags & O_NONBLOCK);
}

int dominoes_ioctl_sendto(struct dominoes_call *call, void *argument)
{
	struct dominoes_endpoint *endpoint = call->endpoint;
	struct dominoes_datagram *datagram = argument;
	bool nowait = dominoes_datagram_nowait(call, datagram);
	struct dominoes_iter from;
	struct iov_iter iter;
	s64 sent;
	int error;

	if (datagram->flags & ~MSG_DONTWAIT)
		return dominoes_refuse(call, -EINVAL, "flags other than MSG_DONTWAIT");
	error = dominoes_datagram_iter(call, datagram, ITER_SOURCE, &iter);
	if (error)
		return error;
	error = dominoes_datagram_begin(call, &endpoint->write_lock, nowait);
	if (error)
		return error;
	from.iter = &iter;
	sent = dominoes_endpoint_await(endpoint, DOMINOES_WRITABLE, nowait,
				       scout_send_to(endpoint->scout, &datagram->peer, &from,
						     iov_iter_count(&iter)));
	if (sent == -EAGAIN)
		dominoes_endpoint_no_room(endpoint);
	mutex_unlock(&endpoint->write_lock);
	if (sent < 0)
		return sent;
	datagram->length = sent;
	return 0;
}

int dominoes_ioctl_recvfrom(struct dominoes_call *call, void *argument)
{
	struct dominoes_endpoint *endpoint = call->endpoint;
	struct dominoes_datagram *datagram = argument;
	bool nowait = dominoes_datagram_nowait(call, datagram);
	bool peek = datagram->flags & MSG_PEEK;
	struct dominoes_sockaddr peer = {};
	struct dominoes_iter to;
	struct iov_iter iter;
	s64 got;
	int error;

	if (datagram->flags & ~(MSG_DONTWAIT | MSG_PEEK))
		return dominoes_refuse(call, -EINVAL, "flags other than MSG_DONTWAIT and MSG_PEEK");
	error = dominoes_datagram_iter(call, datagram, ITER_DEST, &iter);
	if (error)
		return error;
	error = dominoes_datagram_begin(call, &endpoint->read_lock, nowait);
	if (error)
		return error;
	to.iter = &iter;
	got = dominoes_endpoint_await(endpoint, DOMINOES_READABLE, nowait,
				      scout_receive_from(endpoint->scout, &peer, &to,
							 iov_iter_count(&iter), peek));
	mutex_unlock(&endpoint->read_lock);
	if (got < 0)
		return got;
	datagram->peer = peer;
	datagram->length = got;
	return 0;
}
