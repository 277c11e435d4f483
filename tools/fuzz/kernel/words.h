/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The few words of the kernel that module/convert.c uses, for a program.
 */
#ifndef DOMINOES_FUZZ_KERNEL_WORDS_H
#define DOMINOES_FUZZ_KERNEL_WORDS_H

#include <endian.h>
#include <string.h>

#define be16_to_cpu(value) be16toh(value)
#define cpu_to_be16(value) htobe16(value)
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define BUILD_BUG_ON(condition) _Static_assert(!(condition), #condition)

#endif
