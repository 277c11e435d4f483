/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the structs of the ABI (dominoes_uapi.h) and those of the core (scout/stack.h).
 */
#ifndef DOMINOES_MODULE_CONVERT_H
#define DOMINOES_MODULE_CONVERT_H

#include "dominoes_uapi.h"

struct scout_info;
struct scout_sockaddr;

void dominoes_sockaddr_to_scout(struct scout_sockaddr *to, const struct dominoes_sockaddr *from);
void dominoes_sockaddr_from_scout(struct dominoes_sockaddr *to, const struct scout_sockaddr *from);
/* All of `to` but its size. */
void dominoes_info_from_scout(struct dominoes_info *to, const struct scout_info *from);

#endif
