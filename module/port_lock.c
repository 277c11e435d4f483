// SPDX-License-Identifier: GPL-2.0
/*
 * Exclusion in time for the core (dominoes/port.h): read sections, retiring, mutexes.
 */
#include <linux/bottom_half.h>
#include <linux/bug.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "dominoes/port.h"

/* Also tells RCU and lockdep that a reader is here. */
void dominoes_publish_begin(void)
{
	rcu_read_lock_bh();
}

void dominoes_publish_end(void)
{
	rcu_read_unlock_bh();
}

void dominoes_read_lock(void)
{
	rcu_read_lock();
}

void dominoes_read_unlock(void)
{
	rcu_read_unlock();
}

struct dominoes_rcu {
	struct rcu_head head;
	void (*release)(struct dominoes_retired *retired);
};

static void dominoes_release(struct rcu_head *head)
{
	struct dominoes_rcu *rcu = container_of(head, struct dominoes_rcu, head);

	rcu->release((struct dominoes_retired *)rcu);
}

void dominoes_retire(struct dominoes_retired *retired, void (*release)(struct dominoes_retired *))
{
	struct dominoes_rcu *rcu = (struct dominoes_rcu *)retired;

	BUILD_BUG_ON(sizeof(*rcu) > sizeof(*retired));
	rcu->release = release;
	call_rcu(&rcu->head, dominoes_release);
}

void dominoes_retire_barrier(void)
{
	rcu_barrier();
}

/*
 * The core's mutexes nest in orders of its own, so each is a lock class of its own to lockdep.
 */
struct dominoes_mutex {
	struct mutex mutex; /* what the core wants it for */
	struct lock_class_key key;
};

struct dominoes_mutex *dominoes_mutex_create(void)
{
	struct dominoes_mutex *mutex = kzalloc(sizeof(*mutex), GFP_KERNEL_ACCOUNT);

	if (!mutex)
		return NULL;
	lockdep_register_key(&mutex->key);
	mutex_init(&mutex->mutex);
	lockdep_set_class(&mutex->mutex, &mutex->key);
	return mutex;
}

void dominoes_mutex_destroy(struct dominoes_mutex *mutex)
{
	mutex_destroy(&mutex->mutex);
	lockdep_unregister_key(&mutex->key);
	kfree(mutex);
}

void dominoes_mutex_lock(struct dominoes_mutex *mutex)
{
	mutex_lock(&mutex->mutex);
}

void dominoes_mutex_unlock(struct dominoes_mutex *mutex)
{
	mutex_unlock(&mutex->mutex);
}
