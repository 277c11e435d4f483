// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls that are about devices and the module, not about the endpoint they are called on.
 */
#include <linux/errno.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "endpoint.h"
#include "ioctl.h"
#include "link.h"
#include "main.h"
#include "scout/stack.h"

/* No more counters than this are ever asked for at once. */
#define DOMINOES_STATS_MAX 4096

int dominoes_ioctl_version(struct dominoes_call *call, void *argument)
{
	struct dominoes_version *version = argument;

	version->abi = DOMINOES_ABI_VERSION;
	return 0;
}

int dominoes_ioctl_reason(struct dominoes_call *call, void *argument)
{
	struct dominoes_reason *reason = argument;

	BUILD_BUG_ON(sizeof(reason->text) != sizeof(call->endpoint->reason));
	spin_lock(&call->endpoint->reason_lock);
	memcpy(reason->text, call->endpoint->reason, sizeof(reason->text));
	spin_unlock(&call->endpoint->reason_lock);
	return 0;
}

int dominoes_ioctl_attach(struct dominoes_call *call, void *argument)
{
	return dominoes_link_attach(call, call->net, argument);
}

int dominoes_ioctl_detach(struct dominoes_call *call, void *argument)
{
	const struct dominoes_detach *detach = argument;

	return dominoes_link_detach(call, call->net, detach->ifindex);
}

int dominoes_ioctl_interface(struct dominoes_call *call, void *argument)
{
	return dominoes_link_describe(call->net, argument);
}

int dominoes_ioctl_stats(struct dominoes_call *call, void *argument)
{
	struct dominoes_stats *stats = argument;
	u32 room = min_t(u32, stats->count, DOMINOES_STATS_MAX);
	u64 *values = NULL;
	int known;

	if (room) {
		values = kcalloc(room, sizeof(*values), GFP_KERNEL_ACCOUNT);
		if (!values)
			return -ENOMEM;
	}
	known = dominoes_link_stats(call->net, stats->ifindex, values, room);
	if (known < 0) {
		kfree(values);
		return dominoes_refuse(call, known, "the device with index %u is not attached",
				       stats->ifindex);
	}
	stats->count = known;
	room = min_t(u32, room, known);
	if (room && copy_to_user(u64_to_user_ptr(stats->values), values, room * sizeof(*values)))
		known = -EFAULT;
	kfree(values);
	return known < 0 ? known : 0;
}

int dominoes_ioctl_connection(struct dominoes_call *call, void *argument)
{
	struct dominoes_info *info = argument;

	return scout_info_at(dominoes_stack, info->id, info);
}
