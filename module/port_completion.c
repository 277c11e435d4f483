// SPDX-License-Identifier: GPL-2.0
/*
 * Completions of dominoes/port.h: the kernel's own.
 */
#include <linux/completion.h>
#include <linux/slab.h>

#include "dominoes/port.h"

struct dominoes_completion {
	struct completion completion;
};

struct dominoes_completion *dominoes_completion_create(void)
{
	struct dominoes_completion *completion = kzalloc(sizeof(*completion), GFP_KERNEL);

	if (completion)
		init_completion(&completion->completion);
	return completion;
}

void dominoes_completion_destroy(struct dominoes_completion *completion)
{
	kfree(completion);
}

void dominoes_completion_wait(struct dominoes_completion *completion)
{
	wait_for_completion(&completion->completion);
}

void dominoes_completion_complete(struct dominoes_completion *completion)
{
	complete(&completion->completion);
}
