/* SPDX-License-Identifier: GPL-2.0 */
/* See ../words.h. */
