/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What main.c puts together.
 */
#ifndef DOMINOES_MODULE_MAIN_H
#define DOMINOES_MODULE_MAIN_H

struct file;
struct file_operations;
struct scout_stack;

/* Set before the first endpoint or device can come, and until the last has gone. */
extern struct scout_stack *dominoes_stack;

/* /dev/dominoes. Context: process. */
int dominoes_device_init(void);
void dominoes_device_exit(void);

/* What an endpoint's file can do, whether it was opened or accepted. */
extern const struct file_operations dominoes_device_operations;
/* What a new file of these needs besides its endpoint. */
void dominoes_device_setup(struct file *file);

/* Files in debugfs; doing without them is no error. Context: process. */
void dominoes_debugfs_init(void);
void dominoes_debugfs_exit(void);

#endif
