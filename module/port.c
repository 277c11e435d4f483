// SPDX-License-Identifier: GPL-2.0
/*
 * What the core needs from the kernel (dominoes/port.h) apart from memory, threads, packets and send
 * buffers, which have files of their own: time, chance, words, exclusion, iterators.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bottom_half.h>
#include <linux/bug.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uio.h>

#include "dominoes/port.h"
#include "port_module.h"

/* --- time, chance, words ---------------------------------------------------------------------- */

uint64_t dominoes_now_ns(void)
{
	return ktime_get_ns();
}

void dominoes_random(void *out, size_t bytes)
{
	get_random_bytes(out, bytes);
}

uint64_t dominoes_keyed_hash(const void *data, size_t bytes, const uint8_t key[16])
{
	siphash_key_t siphash_key;

	BUILD_BUG_ON(sizeof(siphash_key) != 16);
	memcpy(&siphash_key, key, sizeof(siphash_key));
	le64_to_cpus(&siphash_key.key[0]);
	le64_to_cpus(&siphash_key.key[1]);
	return siphash(data, bytes, &siphash_key);
}

/* A flood of one level does not silence the others. */
static struct ratelimit_state dominoes_log_limits[] = {
	[DOMINOES_LOG_ERROR] = RATELIMIT_STATE_INIT(dominoes_error, 5 * HZ, 20),
	[DOMINOES_LOG_WARNING] = RATELIMIT_STATE_INIT(dominoes_warning, 5 * HZ, 20),
	[DOMINOES_LOG_INFO] = RATELIMIT_STATE_INIT(dominoes_info, 5 * HZ, 20),
	[DOMINOES_LOG_DEBUG] = RATELIMIT_STATE_INIT(dominoes_debug, 5 * HZ, 100),
};

void dominoes_log(int level, const char *format, ...)
{
	struct va_format line;
	va_list arguments;

	if (level < 0 || level >= (int)ARRAY_SIZE(dominoes_log_limits))
		level = DOMINOES_LOG_ERROR;
	if (!__ratelimit(&dominoes_log_limits[level]))
		return;
	va_start(arguments, format);
	line.fmt = format;
	line.va = &arguments;
	switch (level) {
	case DOMINOES_LOG_ERROR:
		pr_err("%pV\n", &line);
		break;
	case DOMINOES_LOG_WARNING:
		pr_warn("%pV\n", &line);
		break;
	case DOMINOES_LOG_INFO:
		pr_info("%pV\n", &line);
		break;
	default:
		pr_debug("%pV\n", &line);
		break;
	}
	va_end(arguments);
}

void dominoes_bug(const char *file, int line, const char *expression)
{
	WARN_RATELIMIT(1, "dominoes: %s:%d: not true: %s\n", file, line, expression);
}

/* --- exclusion in time ------------------------------------------------------------------------ */

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

/* --- iterators -------------------------------------------------------------------------------- */

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
