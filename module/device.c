// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/dominoes as a file: open, read, write, poll, close. The ioctls are in ioctl.c.
 */
#include <linux/fs.h>
#include <linux/in.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/uio.h>

#include "compat.h"
#include "endpoint.h"
#include "ioctl.h"
#include "main.h"
#include "port.h"
#include "scout/stack.h"

void dominoes_device_setup(struct file *file)
{
	/* There is no position, so reads and writes need not wait for each other; and they need not wait. */
	stream_open(file_inode(file), file);
	file->f_mode |= FMODE_NOWAIT;
}

static int dominoes_open(struct inode *inode, struct file *file)
{
	struct dominoes_endpoint *endpoint = dominoes_endpoint_create();

	if (!endpoint)
		return -ENOMEM;
	file->private_data = endpoint;
	dominoes_device_setup(file);
	return 0;
}

static int dominoes_close(struct inode *inode, struct file *file)
{
	dominoes_endpoint_destroy(file->private_data);
	return 0;
}

static bool dominoes_must_not_wait(const struct kiocb *iocb)
{
	return (iocb->ki_filp->f_flags & O_NONBLOCK) || (iocb->ki_flags & IOCB_NOWAIT);
}

static ssize_t dominoes_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct dominoes_endpoint *endpoint = iocb->ki_filp->private_data;
	struct scout_endpoint *scout = dominoes_endpoint_scout(endpoint);
	struct dominoes_iter iter = { .iter = to };
	size_t count = iov_iter_count(to);
	bool nowait = dominoes_must_not_wait(iocb);
	s64 got;
	int error;

	if (!scout)
		return -ENOTCONN;
	if (!count)
		return 0;
	error = dominoes_endpoint_lock(&endpoint->read_lock, nowait);
	if (error)
		return error;
	got = dominoes_endpoint_await(endpoint, DOMINOES_READABLE, nowait,
				      scout_read(scout, &iter, count));
	mutex_unlock(&endpoint->read_lock);
	/* A datagram may be longer than what was asked of it. */
	return min_t(s64, got, count);
}

/*
 * All of a stream's bytes, unless something comes in between; a datagram at once. Not by
 * dominoes_endpoint_await(), which would attempt again after an error, and so take it.
 */
static s64 dominoes_write_all(struct dominoes_endpoint *endpoint, struct scout_endpoint *scout,
			      struct iov_iter *from, bool nowait)
{
	struct dominoes_iter iter = { .iter = from };
	s64 done = 0;
	s64 put;

	for (;;) {
		unsigned int epoch = dominoes_endpoint_epoch(endpoint);

		put = scout_write(scout, &iter, iov_iter_count(from));
		if (put > 0)
			done += put;
		if (put >= 0 && (!iov_iter_count(from) || endpoint->protocol != IPPROTO_TCP))
			break;
		if (put == -EAGAIN && nowait)
			dominoes_endpoint_no_room(endpoint);
		else if (put == -EAGAIN)
			put = dominoes_endpoint_wait(endpoint, DOMINOES_WRITABLE, epoch);
		if (put < 0)
			return done ? done : put;
		/* The error belongs to the next call, as this one has something to tell. */
		if (done && (scout_poll(scout) & SCOUT_ERR))
			break;
	}
	return done;
}

static ssize_t dominoes_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct dominoes_endpoint *endpoint = iocb->ki_filp->private_data;
	struct scout_endpoint *scout = dominoes_endpoint_scout(endpoint);
	bool nowait = dominoes_must_not_wait(iocb);
	s64 done;
	int error;

	if (scout) {
		error = dominoes_endpoint_lock(&endpoint->write_lock, nowait);
		if (error)
			return error;
		done = dominoes_write_all(endpoint, scout, from, nowait);
		mutex_unlock(&endpoint->write_lock);
	} else {
		done = READ_ONCE(endpoint->protocol) == IPPROTO_TCP ? -EPIPE : -EDESTADDRREQ;
	}
	if (done == -EPIPE)
		send_sig(SIGPIPE, current, 0);
	return done;
}

static __poll_t dominoes_poll(struct file *file, poll_table *table)
{
	struct dominoes_endpoint *endpoint = file->private_data;
	struct scout_endpoint *scout;
	__poll_t events = 0;
	u32 state;

	poll_wait(file, &endpoint->wait, table);
	/* Pairs with wq_has_sleeper() in dominoes_user_wake(). */
	smp_mb();
	scout = dominoes_endpoint_scout(endpoint);
	if (!scout)
		return EPOLLOUT | EPOLLWRNORM | EPOLLHUP; /* as a socket that is not connected */
	state = scout_poll(scout);
	if (state & SCOUT_IN)
		events |= EPOLLIN | EPOLLRDNORM;
	if (state & SCOUT_OUT)
		events |= EPOLLOUT | EPOLLWRNORM;
	else
		dominoes_endpoint_no_room(endpoint);
	if (state & SCOUT_ERR)
		events |= EPOLLERR;
	if (state & SCOUT_HUP)
		events |= EPOLLHUP;
	if (state & SCOUT_RDHUP)
		events |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	return events;
}

const struct file_operations dominoes_device_operations = {
	.owner = THIS_MODULE,
	.open = dominoes_open,
	.release = dominoes_close,
	.read_iter = dominoes_read_iter,
	.write_iter = dominoes_write_iter,
	.splice_read = dominoes_splice_read,
	.splice_write = iter_file_splice_write,
	.poll = dominoes_poll,
	.fasync = dominoes_endpoint_fasync,
	.unlocked_ioctl = dominoes_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

/* For everybody: what needs a privilege asks for it. */
static struct miscdevice dominoes_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dominoes",
	.fops = &dominoes_device_operations,
	.mode = 0666,
};

int dominoes_device_init(void)
{
	return misc_register(&dominoes_device);
}

void dominoes_device_exit(void)
{
	misc_deregister(&dominoes_device);
}
