// SPDX-License-Identifier: GPL-2.0
/*
 * Attaching with DOMINOES_ATTACH_DAD: the device is attached, but its address tentative, while the core asks
 * the link for it. The ioctl sleeps for that long without a lock. What is attached then ends with it: whoever
 * detaches the device in the meantime tells it so, and it detaches what it may not have.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/etherdevice.h>
#include <linux/rtnetlink.h>

#include "endpoint.h"
#include "link.h"
#include "scout/stack.h"

bool dominoes_is_heard(const struct net_device *dev)
{
	return netif_running(dev) && netif_carrier_ok(dev);
}

void dominoes_probe_over(void *context)
{
	struct dominoes_probe *probe = context;

	complete(&probe->over);
}

/* Uses the address, if nobody else does. rtnl held. */
static int dominoes_probe_settle(struct dominoes_call *call, struct dominoes_link *link)
{
	u8 owner[ETH_ALEN];
	int error;

	/* The host may have been given it as well. */
	error = dominoes_attach_check(call, link->dev, &link->config);
	if (error)
		return error;
	error = scout_probed(link->nic, owner);
	if (error == -EADDRINUSE)
		return dominoes_refuse(call, error, "%pI4 is in use by %pM", &link->address, owner);
	if (error)
		return error;
	pr_info("%s: nobody else has %pI4\n", link->dev->name, &link->address);
	return 0;
}

int dominoes_probe_await(struct dominoes_call *call, struct dominoes_probe *probe)
{
	int error = wait_for_completion_interruptible(&probe->over);

	rtnl_lock();
	if (!probe->link) {
		error = dominoes_refuse(call, -ENETDOWN,
					"the device went down, or was detached, while its address was probed for");
		goto unlock;
	}
	if (!error)
		error = dominoes_probe_settle(call, probe->link);
	if (error)
		dominoes_link_remove(probe->link);
	else
		probe->link->probe = NULL;
unlock:
	rtnl_unlock();
	return error;
}
