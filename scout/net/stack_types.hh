// SPDX-License-Identifier: GPL-2.0
//
// The structs of scout/stack.h under names of C++: there, some share theirs with a function.
#pragma once

#include "scout/stack.h"

namespace scout {

using AttachConfig = struct ::scout_attach;
using EndpointInfo = struct ::scout_info;

}  // namespace scout
