// SPDX-License-Identifier: GPL-2.0
//
// ICMP errors about a connection's segments (RFC 9293 section 3.9.2.2, RFC 5461, RFC 5927).
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

void icmp_error(StepContext& step, const IcmpEvent& event);

}  // namespace scout::tcp
