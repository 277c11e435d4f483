// SPDX-License-Identifier: GPL-2.0
/*
 * Attaching, as a program asks for it. With DOMINOES_ATTACH_DAD the device is attached, but its address
 * tentative, while the core asks the link for it. The ioctl sleeps for that long without a lock. What is
 * attached then ends with it: whoever detaches the device in the meantime tells it so, and it detaches what
 * it may not have.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/etherdevice.h>
#include <linux/rtnetlink.h>

#include "ioctl.h"
#include "link.h"
#include "scout/stack.h"

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

/*
 * Waits until it is known whether the address is free. 0: it is used; -EADDRINUSE, -ENETDOWN or -ERESTARTSYS: the
 * device is detached again.
 */
static int dominoes_probe_await(struct dominoes_call *call, struct dominoes_probe *probe)
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

int dominoes_link_attach(struct dominoes_call *call, struct net *net,
			 const struct dominoes_attach *config)
{
	struct dominoes_probe probe = {};
	int error;

	if (!(config->flags & DOMINOES_ATTACH_DAD))
		return dominoes_link_begin(call, net, config, NULL);
	init_completion(&probe.over);
	error = dominoes_link_begin(call, net, config, &probe);
	return error ? error : dominoes_probe_await(call, &probe);
}
