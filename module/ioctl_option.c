// SPDX-License-Identifier: GPL-2.0
/*
 * Options of an endpoint. Most are the core's; the protocol decides which endpoint of the core is made, and
 * so is settled here until there is one.
 */
#include <linux/errno.h>
#include <linux/in.h>

#include "endpoint.h"
#include "ioctl.h"
#include "scout/stack.h"

/* control_lock held. */
static int dominoes_set_protocol(struct dominoes_call *call, s64 value)
{
	struct dominoes_endpoint *endpoint = call->endpoint;

	if (value != IPPROTO_TCP && value != IPPROTO_UDP)
		return dominoes_refuse(call, -EINVAL, "%lld is neither TCP nor UDP", value);
	if (value == endpoint->protocol)
		return 0;
	if (endpoint->scout)
		return dominoes_refuse(call, -EISCONN, "too late: the protocol comes first");
	WRITE_ONCE(endpoint->protocol, value);
	return 0;
}

/* control_lock held. */
static int dominoes_set_option(struct dominoes_call *call, u32 option, s64 value)
{
	struct dominoes_endpoint *endpoint = call->endpoint;
	int error;

	if (option == DOMINOES_OPT_PROTOCOL)
		return dominoes_set_protocol(call, value);
	error = dominoes_endpoint_need(endpoint);
	if (error)
		return error;
	error = scout_set_option(endpoint->scout, option, value);
	if (error == -EINVAL)
		return dominoes_refuse(call, error, "%lld: %s", value, scout_option_rule(option));
	return error;
}

int dominoes_ioctl_setopt(struct dominoes_call *call, void *argument)
{
	const struct dominoes_option_value *option = argument;
	int error;

	if (option->option >= DOMINOES_OPT_DEBUG_DELAY && !dominoes_may_administrate(call))
		return dominoes_refuse(call, -EPERM, "debug options need CAP_NET_ADMIN");
	if (mutex_lock_interruptible(&call->endpoint->control_lock))
		return -ERESTARTSYS;
	error = dominoes_set_option(call, option->option, option->value);
	mutex_unlock(&call->endpoint->control_lock);
	return error;
}

/* control_lock held. */
static int dominoes_get_option(struct dominoes_endpoint *endpoint, u32 option, s64 *value)
{
	int64_t got;
	int error;

	if (option == DOMINOES_OPT_PROTOCOL) {
		*value = endpoint->protocol;
		return 0;
	}
	error = dominoes_endpoint_need(endpoint);
	if (error)
		return error;
	if (option == DOMINOES_OPT_ERROR) {
		*value = scout_take_error(endpoint->scout);
		return 0;
	}
	error = scout_get_option(endpoint->scout, option, &got);
	if (!error)
		*value = got;
	return error;
}

int dominoes_ioctl_getopt(struct dominoes_call *call, void *argument)
{
	struct dominoes_option_value *option = argument;
	int error;

	if (mutex_lock_interruptible(&call->endpoint->control_lock))
		return -ERESTARTSYS;
	error = dominoes_get_option(call->endpoint, option->option, &option->value);
	mutex_unlock(&call->endpoint->control_lock);
	return error;
}
