// SPDX-License-Identifier: GPL-2.0
/*
 * A program's memory as the core copies to and from it (dominoes/port.h).
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/uio.h>

#include "dominoes/port.h"
#include "port.h"

int64_t dominoes_iter_put(struct dominoes_iter *to, const void *from, size_t bytes)
{
	size_t copied;

	bytes = min(bytes, iov_iter_count(to->iter));
	copied = copy_to_iter(from, bytes, to->iter);
	return copied || !bytes ? (int64_t)copied : -EFAULT;
}

int64_t dominoes_iter_take(struct dominoes_iter *from, void *to, size_t bytes)
{
	size_t copied;

	bytes = min(bytes, iov_iter_count(from->iter));
	copied = copy_from_iter(to, bytes, from->iter);
	return copied || !bytes ? (int64_t)copied : -EFAULT;
}
