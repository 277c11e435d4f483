// SPDX-License-Identifier: GPL-2.0
/*
 * The port's memory (dominoes/port.h).
 *
 * What a program causes to be allocated is charged to its memory cgroup: /dev/dominoes is for everybody.
 */
#include <linux/cache.h>
#include <linux/llist.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "dominoes/port.h"
#include "port.h"

#define DOMINOES_ALIGNMENT 64

/*
 * kmalloc() aligns to the size where that is a power of two, and only small sizes get a slab that is
 * not one (96, 192). Larger sizes stay as they are, so that KASAN sees their true end.
 */
static size_t dominoes_aligned_size(size_t bytes)
{
	if (bytes <= DOMINOES_ALIGNMENT)
		return DOMINOES_ALIGNMENT;
	if (bytes <= 192)
		return roundup_pow_of_two(bytes);
	return bytes;
}

void *dominoes_alloc(size_t bytes)
{
	return kvzalloc(dominoes_aligned_size(bytes), GFP_KERNEL_ACCOUNT);
}

void *dominoes_alloc_atomic(size_t bytes)
{
	return kzalloc(dominoes_aligned_size(bytes), GFP_ATOMIC | __GFP_NOWARN);
}

/* Not vmalloc_user(): it does not charge, and pages can be mapped one by one. */
void *dominoes_ring_alloc(size_t bytes)
{
	return __vmalloc(bytes, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
}

/*
 * vfree() may sleep except in interrupts, and a caller of dominoes_free() may also be in an RCU reader's
 * section or hold bottom halves off. A list of blocks, linked through themselves, is freed by a worker.
 */
static LLIST_HEAD(dominoes_deferred);

static void dominoes_free_deferred(struct work_struct *work)
{
	struct llist_node *node = llist_del_all(&dominoes_deferred);

	while (node) {
		struct llist_node *next = node->next;

		vfree(node);
		cond_resched();
		node = next;
	}
}

static DECLARE_WORK(dominoes_deferred_work, dominoes_free_deferred);

void dominoes_free(void *memory)
{
	if (!is_vmalloc_addr(memory))
		kfree(memory);
	else if (llist_add(memory, &dominoes_deferred))
		schedule_work(&dominoes_deferred_work);
}

void dominoes_ring_free(void *ring)
{
	dominoes_free(ring);
}

/* Waits until all that was given to dominoes_free() is free. */
void dominoes_memory_exit(void)
{
	flush_work(&dominoes_deferred_work);
}
