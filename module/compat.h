/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels this module is built for (6.1, 6.12, 7.2), and nowhere else.
 */
#ifndef DOMINOES_MODULE_COMPAT_H
#define DOMINOES_MODULE_COMPAT_H

#include <linux/fs.h>
#include <linux/splice.h>
#include <linux/uio.h>
#include <linux/version.h>

/* 6.5 moved segmentation into a header of its own. */
#if KERNEL_VERSION(6, 5, 0) <= LINUX_VERSION_CODE
#include <net/gso.h>
#endif

/* 6.2 gave the directions of an iterator names of their own. */
#ifndef ITER_SOURCE
#define ITER_SOURCE WRITE
#define ITER_DEST READ
#endif

/* 6.5: splice from a file that only has read_iter. */
#if KERNEL_VERSION(6, 5, 0) <= LINUX_VERSION_CODE
#define dominoes_splice_read copy_splice_read
#else
#define dominoes_splice_read generic_file_splice_read
#endif

#endif
