// SPDX-License-Identifier: GPL-2.0
/*
 * What an attached device may be given: an address the host does not have, a prefix, a gateway, CPUs.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/in.h>
#include <linux/inetdevice.h>
#include <net/route.h>

#include "ioctl.h"
#include "link.h"

/* More replicas than this are for those who ask for them. */
#define DOMINOES_DEFAULT_REPLICAS_MAX 4

static __be32 dominoes_ipv4(const struct dominoes_sockaddr *address)
{
	__be32 ipv4;

	memcpy(&ipv4, address->addr, sizeof(ipv4));
	return ipv4;
}

static int dominoes_check_gateway(struct dominoes_call *call, __be32 address, __be32 mask,
				  const struct dominoes_sockaddr *gateway)
{
	__be32 router = dominoes_ipv4(gateway);

	if (gateway->family == AF_UNSPEC)
		return 0;
	if (gateway->family != AF_INET)
		return dominoes_refuse(call, -EINVAL, "the gateway is no IPv4 address");
	if ((router ^ address) & mask)
		return dominoes_refuse(call, -EINVAL, "gateway %pI4 is not on the device's network",
				       &router);
	if (router == address || ipv4_is_zeronet(router))
		return dominoes_refuse(call, -EINVAL, "%pI4 cannot be the gateway", &router);
	return 0;
}

int dominoes_attach_check(struct dominoes_call *call, const struct net_device *dev,
			  const struct dominoes_attach *config)
{
	__be32 address = dominoes_ipv4(&config->address);
	__be32 mask, host;

	if (config->flags & ~DOMINOES_ATTACH_DAD)
		return dominoes_refuse(call, -EINVAL, "a flag this module does not know");
	if (config->address.family != AF_INET)
		return dominoes_refuse(call, -EINVAL, "not an IPv4 address");
	if (config->prefix_len < 1 || config->prefix_len > 32)
		return dominoes_refuse(call, -EINVAL, "prefix length %u is not 1 to 32",
				       config->prefix_len);
	if (ipv4_is_zeronet(address) || ipv4_is_loopback(address) || ipv4_is_multicast(address) ||
	    ipv4_is_lbcast(address))
		return dominoes_refuse(call, -EINVAL, "%pI4 is not a unicast address", &address);
	mask = inet_make_mask(config->prefix_len);
	host = address & ~mask;
	if (config->prefix_len < 31 && (!host || host == ~mask))
		return dominoes_refuse(call, -EINVAL, "%pI4/%u is the whole network's address",
				       &address, config->prefix_len);
	/* Of those that packets from this device could be for: a VRF has its own. */
	if (inet_addr_type_dev_table(dev_net(dev), dev, address) == RTN_LOCAL)
		return dominoes_refuse(call, -EADDRINUSE, "%pI4 is one of the host's own addresses",
				       &address);
	return dominoes_check_gateway(call, address, mask, &config->gateway);
}

static bool dominoes_cpu_asked_for(const struct dominoes_attach *config, unsigned int cpu)
{
	return cpu < DOMINOES_CPU_WORDS * 64 && (config->cpus[cpu / 64] >> (cpu % 64) & 1);
}

/*
 * The CPU that takes the device's interrupts should be the last resort. Which it is the kernel does not
 * tell; it mostly is the first.
 */
int dominoes_attach_cpus(struct dominoes_call *call, struct dominoes_attach *config, int *cpus)
{
	bool all = !memchr_inv(config->cpus, 0, sizeof(config->cpus));
	unsigned int cpu, side_by_side;
	int count = 0;

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		if (all || dominoes_cpu_asked_for(config, cpu))
			cpus[count++] = cpu;
	}
	side_by_side = count;
	/* Something must be left for interrupts and programs. */
	if (count > 2 && count == num_online_cpus())
		side_by_side--;
	cpus_read_unlock();

	if (!count)
		return dominoes_refuse(call, -EINVAL, "none of the CPUs listed is online");
	if (cpus[0] == 0 && count > 1) {
		memmove(cpus, cpus + 1, (count - 1) * sizeof(*cpus));
		cpus[count - 1] = 0;
	}
	memset(config->cpus, 0, sizeof(config->cpus));
	for (cpu = 0; cpu < count; cpu++) {
		if (cpus[cpu] < DOMINOES_CPU_WORDS * 64)
			config->cpus[cpus[cpu] / 64] |= 1ULL << (cpus[cpu] % 64);
	}
	if (!config->replicas)
		config->replicas = min_t(u32, side_by_side, DOMINOES_DEFAULT_REPLICAS_MAX);
	if (config->replicas > DOMINOES_MAX_REPLICAS)
		return dominoes_refuse(call, -EINVAL, "%u replicas are more than %d",
				       config->replicas, DOMINOES_MAX_REPLICAS);
	return count;
}
