/* SPDX-License-Identifier: GPL-2.0 */
/* The contract headers include the language's freestanding headers; the kernel has its own for these. */
#include <linux/types.h>
