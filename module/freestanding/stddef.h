/* SPDX-License-Identifier: GPL-2.0 */
/* See stdint.h. */
#include <linux/stddef.h>
#include <linux/types.h>
