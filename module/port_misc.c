// SPDX-License-Identifier: GPL-2.0
/*
 * Time, chance, hashes and words for the core (dominoes/port.h).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bug.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/ratelimit.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>

#include "dominoes/port.h"
#include "port.h"

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

/*
 * __ratelimit() refuses also whoever finds its lock taken. Of two replicas that say something at once, which they
 * do of a state that differs, one would not be heard.
 */
static DEFINE_RAW_SPINLOCK(dominoes_log_lock);

bool dominoes_log_allowed(struct ratelimit_state *limit)
{
	unsigned long flags;
	bool allowed;

	raw_spin_lock_irqsave(&dominoes_log_lock, flags);
	allowed = __ratelimit(limit);
	raw_spin_unlock_irqrestore(&dominoes_log_lock, flags);
	return allowed;
}

void dominoes_log(int level, const char *format, ...)
{
	struct va_format line;
	va_list arguments;

	if (level < 0 || level >= (int)ARRAY_SIZE(dominoes_log_limits))
		level = DOMINOES_LOG_ERROR;
	if (!dominoes_log_allowed(&dominoes_log_limits[level]))
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
