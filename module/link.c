// SPDX-License-Identifier: GPL-2.0
/*
 * Attaching to devices and detaching from them.
 *
 * Locks: rtnl, then dominoes_links_lock, then whatever the core takes. The list of links changes only
 * under both; either is enough to read it. Replicas, which a detach waits for, take neither.
 *
 *   attach   held device -> core (scout_attach) -> rx_handler: frames come only when all is ready
 *   detach   rx_handler, which waits for those in it -> core (scout_detach), which waits for its
 *            replicas -> device
 *
 * What a program asks for, and waiting until its address has been probed for, is in link_attach.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/inetdevice.h>
#include <linux/netdevice.h>
#include <linux/notifier.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/l3mdev.h>
#include <net/net_namespace.h>

#include "ioctl.h"
#include "link.h"
#include "main.h"
#include "scout/stack.h"

static LIST_HEAD(dominoes_links);
static DEFINE_MUTEX(dominoes_links_lock);

/* rtnl or dominoes_links_lock held. */
static struct dominoes_link *dominoes_link_find(const struct net *net, u32 ifindex)
{
	struct dominoes_link *link;

	list_for_each_entry(link, &dominoes_links, list) {
		if (link->dev->ifindex == ifindex && net_eq(dev_net(link->dev), net))
			return link;
	}
	return NULL;
}

/* --- attach ----------------------------------------------------------------------------------- */

/* A device has one rx_handler. rtnl held. */
static int dominoes_refuse_busy(struct dominoes_call *call, struct net_device *dev)
{
	const struct net_device *master = netdev_master_upper_dev_get(dev);

	if (master && !netif_is_l3_master(master))
		return dominoes_refuse(call, -EBUSY,
				       "%s is part of %s, which takes its packets: attach to that",
				       dev->name, master->name);
	return dominoes_refuse(call, -EBUSY,
			       "%s already has an rx_handler (is there a macvlan or ipvlan on it?)",
			       dev->name);
}

/* rtnl held. */
static int dominoes_device_check(struct dominoes_call *call, struct net_device *dev, __be32 address)
{
	struct dominoes_link *link;

	if (dev->type != ARPHRD_ETHER || (dev->flags & IFF_LOOPBACK))
		return dominoes_refuse(call, -EINVAL, "%s is not an Ethernet device", dev->name);
	if (netif_is_l3_master(dev))
		return dominoes_refuse(call, -EINVAL,
				       "%s is a VRF, to which no packets come: attach to a device in it",
				       dev->name);
	if (dev->mtu < SCOUT_MIN_MTU)
		return dominoes_refuse(call, -EINVAL, "%s has an MTU of %u, and needs %u",
				       dev->name, dev->mtu, SCOUT_MIN_MTU);
	if (dev->reg_state != NETREG_REGISTERED)
		return dominoes_refuse(call, -ENODEV, "%s is going away", dev->name);
	list_for_each_entry(link, &dominoes_links, list) {
		if (link->dev == dev)
			return dominoes_refuse(call, -EBUSY, "%s is attached already", dev->name);
		if (link->address == address && net_eq(dev_net(link->dev), dev_net(dev)))
			return dominoes_refuse(call, -EADDRINUSE, "%pI4 is served on %s already",
					       &address, link->dev->name);
	}
	return netdev_is_rx_handler_busy(dev) ? dominoes_refuse_busy(call, dev) : 0;
}

/* Whether anybody could hear what is sent. rtnl held. */
static bool dominoes_is_heard(const struct net_device *dev)
{
	return netif_running(dev) && netif_carrier_ok(dev);
}

/* What the core calls when it is known whether the address is free. */
static void dominoes_probe_over(void *context)
{
	struct dominoes_probe *probe = context;

	complete(&probe->over);
}

/* The core's part, and the rx_handler. rtnl held. */
static int dominoes_link_start(struct dominoes_call *call, struct dominoes_link *link,
			       const int *cpus, int cpu_count)
{
	struct scout_attach attach = {
		.link = link,
		.id = link->dev->ifindex,
		.address = link->config.address,
		.gateway = link->config.gateway,
		.prefix_len = link->config.prefix_len,
		.replicas = link->config.replicas,
		.cpus = cpus,
		.cpu_count = cpu_count,
		.probed = link->probe ? dominoes_probe_over : NULL,
		.probed_context = link->probe,
	};
	int error;

	error = scout_attach(dominoes_stack, &attach, &link->nic);
	if (error)
		return error;
	error = netdev_rx_handler_register(link->dev, dominoes_link_receive, link);
	if (error) {
		scout_detach(link->nic);
		return dominoes_refuse(call, error, "%s: cannot register an rx_handler",
				       link->dev->name);
	}
	return 0;
}

/* rtnl held. */
static int dominoes_link_add(struct dominoes_call *call, struct net_device *dev,
			     const struct dominoes_attach *config, const int *cpus, int cpu_count,
			     struct dominoes_probe *probe)
{
	struct dominoes_link *link = kzalloc(sizeof(*link), GFP_KERNEL_ACCOUNT);
	int error;

	if (!link)
		return -ENOMEM;
	link->dev = dev;
	link->mac = ether_addr_to_u64(dev->dev_addr);
	link->heard = dominoes_is_heard(dev);
	link->config = *config;
	link->probe = probe;
	memcpy(&link->address, config->address.addr, sizeof(link->address));
	netdev_hold(dev, &link->tracker, GFP_KERNEL);
	error = dominoes_link_start(call, link, cpus, cpu_count);
	if (error) {
		netdev_put(dev, &link->tracker);
		kfree(link);
		return error;
	}
	/* A merged packet that hardware does not tell the parts of cannot be answered for. */
	dev_disable_lro(dev);
	mutex_lock(&dominoes_links_lock);
	list_add_tail(&link->list, &dominoes_links);
	mutex_unlock(&dominoes_links_lock);
	if (probe)
		probe->link = link;
	pr_info("%s: attached with %pI4/%u%s, %u replicas\n", dev->name, &link->address,
		link->config.prefix_len, probe ? " (tentative)" : "", link->config.replicas);
	return 0;
}

int dominoes_link_begin(struct dominoes_call *call, struct net *net,
			const struct dominoes_attach *config, struct dominoes_probe *probe)
{
	struct dominoes_attach settled = *config;
	struct net_device *dev;
	__be32 address;
	int cpu_count;
	int error;
	int *cpus;

	cpus = kcalloc(nr_cpu_ids, sizeof(*cpus), GFP_KERNEL_ACCOUNT);
	if (!cpus)
		return -ENOMEM;
	cpu_count = dominoes_attach_cpus(call, &settled, cpus);
	if (cpu_count < 0) {
		kfree(cpus);
		return cpu_count;
	}
	memcpy(&address, config->address.addr, sizeof(address));

	rtnl_lock();
	dev = __dev_get_by_index(net, config->ifindex);
	if (!dev) {
		error = dominoes_refuse(call, -ENODEV, "no device has index %u", config->ifindex);
		goto unlock;
	}
	error = dominoes_attach_check(call, dev, config);
	if (error)
		goto unlock;
	error = dominoes_device_check(call, dev, address);
	if (error)
		goto unlock;
	if (probe && !dominoes_is_heard(dev)) {
		error = dominoes_refuse(call, -ENETDOWN,
					"%s is down or has no carrier, so nobody can be asked for %pI4",
					dev->name, &address);
		goto unlock;
	}
	error = dominoes_link_add(call, dev, &settled, cpus, cpu_count, probe);
unlock:
	rtnl_unlock();
	kfree(cpus);
	return error;
}

/* --- detach ----------------------------------------------------------------------------------- */

void dominoes_link_remove(struct dominoes_link *link)
{
	mutex_lock(&dominoes_links_lock);
	list_del(&link->list);
	mutex_unlock(&dominoes_links_lock);
	netdev_rx_handler_unregister(link->dev);
	scout_detach(link->nic);
	if (link->probe) {
		link->probe->link = NULL;
		complete(&link->probe->over);
	}
	pr_info("%s: detached\n", link->dev->name);
	netdev_put(link->dev, &link->tracker);
	kfree(link);
}

int dominoes_link_detach(struct dominoes_call *call, struct net *net, u32 ifindex)
{
	struct dominoes_link *link;
	int error = 0;

	rtnl_lock();
	link = dominoes_link_find(net, ifindex);
	if (link)
		dominoes_link_remove(link);
	else
		error = dominoes_refuse(call, -ENODEV, "the device with index %u is not attached",
					ifindex);
	rtnl_unlock();
	return error;
}

/* --- what there is ---------------------------------------------------------------------------- */

int dominoes_link_describe(struct net *net, struct dominoes_interface *interface)
{
	struct dominoes_link *link, *found = NULL;
	int error = -ENOENT;

	mutex_lock(&dominoes_links_lock);
	list_for_each_entry(link, &dominoes_links, list) {
		if (net_eq(dev_net(link->dev), net) && link->dev->ifindex >= interface->ifindex &&
		    (!found || link->dev->ifindex < found->dev->ifindex))
			found = link;
	}
	if (found) {
		interface->ifindex = found->dev->ifindex;
		strscpy(interface->name, found->dev->name, sizeof(interface->name));
		interface->address = found->config.address;
		interface->gateway = found->config.gateway;
		interface->prefix_len = found->config.prefix_len;
		interface->replicas = found->config.replicas;
		interface->mtu = READ_ONCE(found->dev->mtu);
		interface->connections = scout_connections(found->nic);
		memcpy(interface->cpus, found->config.cpus, sizeof(interface->cpus));
		interface->flags = scout_tentative(found->nic) ? DOMINOES_INTERFACE_TENTATIVE : 0;
		error = 0;
	}
	mutex_unlock(&dominoes_links_lock);
	return error;
}

int dominoes_link_stats(struct net *net, u32 ifindex, u64 *values, u32 count)
{
	struct dominoes_link *link;
	int known = -ENODEV;

	mutex_lock(&dominoes_links_lock);
	link = dominoes_link_find(net, ifindex);
	if (link)
		known = scout_stats(link->nic, values, count);
	mutex_unlock(&dominoes_links_lock);
	return known;
}

void dominoes_links_visit(void (*visit)(const struct dominoes_link *link, void *argument),
			  void *argument)
{
	struct dominoes_link *link;

	mutex_lock(&dominoes_links_lock);
	list_for_each_entry(link, &dominoes_links, list)
		visit(link, argument);
	mutex_unlock(&dominoes_links_lock);
}

/* --- what happens to devices ------------------------------------------------------------------ */

/* As Linux, which takes its addresses off a device whose MTU is too small for IP. */
static void dominoes_mtu_changed(struct dominoes_link *link)
{
	if (link->dev->mtu >= SCOUT_MIN_MTU) {
		scout_mtu_changed(link->nic);
		return;
	}
	pr_warn("%s: its MTU is %u now, and has to be %u\n", link->dev->name, link->dev->mtu,
		SCOUT_MIN_MTU);
	dominoes_link_remove(link);
}

/*
 * Whether neighbours and switches may look for the address at the wrong place: it has another MAC address,
 * is behind another port (a bond's other device, a virtual machine that has moved), or is back.
 */
static bool dominoes_has_moved(struct dominoes_link *link, unsigned long event)
{
	u64 mac = ether_addr_to_u64(link->dev->dev_addr);
	bool moved = event == NETDEV_NOTIFY_PEERS || mac != link->mac || !link->heard;

	WRITE_ONCE(link->mac, mac);
	/* When any other comes, the device may have a carrier whose queue still drops what is sent. */
	if (event != NETDEV_UP && event != NETDEV_DOWN && event != NETDEV_CHANGE &&
	    event != NETDEV_CHANGEADDR && event != NETDEV_NOTIFY_PEERS)
		return false;
	link->heard = dominoes_is_heard(link->dev);
	return link->heard && moved;
}

/*
 * A device that is down or without a carrier stays attached, as its addresses do in Linux, unless its
 * address is still being probed for. Moving it to another network namespace unregisters it here.
 */
static int dominoes_device_event(struct notifier_block *block, unsigned long event, void *info)
{
	struct net_device *dev = netdev_notifier_info_to_dev(info);
	struct dominoes_link *link = dominoes_link_find(dev_net(dev), dev->ifindex);

	if (!link)
		return NOTIFY_DONE;
	if (event == NETDEV_UNREGISTER || (link->probe && !dominoes_is_heard(dev))) {
		dominoes_link_remove(link);
		return NOTIFY_DONE;
	}
	/* A bond that gets its first device may become what that is. */
	if (event == NETDEV_PRE_TYPE_CHANGE)
		return NOTIFY_BAD;
	if (dominoes_has_moved(link, event))
		scout_announce(link->nic);
	if (event == NETDEV_CHANGEMTU)
		dominoes_mtu_changed(link);
	return NOTIFY_DONE;
}

/* Whether what is local to one device is so to the other: a VRF has a routing table of its own. */
static bool dominoes_share_table(const struct net_device *one, const struct net_device *other)
{
	return net_eq(dev_net(one), dev_net(other)) &&
	       l3mdev_fib_table(one) == l3mdev_fib_table(other);
}

/* The host got an address: from now on two answer for it, if it is one of ours. rtnl held. */
static int dominoes_address_event(struct notifier_block *block, unsigned long event, void *info)
{
	const struct in_ifaddr *added = info;
	struct dominoes_link *link;

	if (event != NETDEV_UP)
		return NOTIFY_DONE;
	list_for_each_entry(link, &dominoes_links, list) {
		if (link->address == added->ifa_local &&
		    dominoes_share_table(link->dev, added->ifa_dev->dev))
			pr_warn("%s: %pI4, which is served here, was given to %s as well\n",
				link->dev->name, &link->address, added->ifa_dev->dev->name);
	}
	return NOTIFY_DONE;
}

static struct notifier_block dominoes_device_notifier = {
	.notifier_call = dominoes_device_event,
};

static struct notifier_block dominoes_address_notifier = {
	.notifier_call = dominoes_address_event,
};

int dominoes_links_init(void)
{
	int error = register_netdevice_notifier(&dominoes_device_notifier);

	if (error)
		return error;
	error = register_inetaddr_notifier(&dominoes_address_notifier);
	if (error)
		unregister_netdevice_notifier(&dominoes_device_notifier);
	return error;
}

void dominoes_links_exit(void)
{
	struct dominoes_link *link, *next;

	rtnl_lock();
	list_for_each_entry_safe(link, next, &dominoes_links, list)
		dominoes_link_remove(link);
	rtnl_unlock();
	unregister_inetaddr_notifier(&dominoes_address_notifier);
	unregister_netdevice_notifier(&dominoes_device_notifier);
}
