// SPDX-License-Identifier: GPL-2.0
/*
 * Dominoes: TCP that runs one connection on several CPUs by replicating its state.
 *
 * Loading and unloading. The order: what others call comes last, and goes first. An open file holds the
 * module, so endpoints are gone by the time it is unloaded; devices may still be attached.
 */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "link.h"
#include "main.h"
#include "port.h"
#include "scout/stack.h"

#ifdef CONFIG_PREEMPT_RT
/* Spinlocks sleep there, and whoever publishes to the replicas and wakes users must not be preempted. */
#error "Dominoes does not run on PREEMPT_RT kernels"
#endif

struct scout_stack *dominoes_stack;

/* What was retired or freed, and has not come to it. */
static void dominoes_port_exit(void)
{
	rcu_barrier();
	dominoes_memory_exit();
}

static int __init dominoes_init(void)
{
	int error;

	dominoes_stack = scout_stack_create();
	if (!dominoes_stack)
		return -ENOMEM;
	error = dominoes_links_init();
	if (error)
		goto fail_links;
	error = dominoes_device_init();
	if (error)
		goto fail_device;
	dominoes_debugfs_init();
	return 0;

fail_device:
	dominoes_links_exit();
fail_links:
	scout_stack_destroy(dominoes_stack);
	dominoes_port_exit();
	return error;
}

static void __exit dominoes_exit(void)
{
	dominoes_debugfs_exit();
	dominoes_device_exit();
	dominoes_links_exit();
	scout_stack_destroy(dominoes_stack);
	dominoes_port_exit();
}

module_init(dominoes_init);
module_exit(dominoes_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("TCP that runs one connection on several CPUs by replication");
MODULE_VERSION("0.1.0");
