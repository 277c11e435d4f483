// SPDX-License-Identifier: GPL-2.0
//
// The user timeout (RFC 9293 section 3.9.1.1, RFC 5482), as Linux's TCP_USER_TIMEOUT: how long what
// was sent may stay unacknowledged, or what was written wait for the peer's window, before the
// connection ends with ETIMEDOUT. It takes the place of the count of retransmissions (R2) and of
// keep-alive probes.
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

inline uint64_t user_timeout_ns(const TcpState& state) {
    return state.options.user_timeout_ms * kMillisecond;
}

// The application has set it, or taken it back (0).
void user_timeout_changed(TcpState& state);
// At the end of a step: the timer runs while the peer owes something, and begins anew whenever the
// peer has done something about it.
void keep_user_timeout(TcpState& state);

// Whether an established connection has sent the same again so often that it ends (RFC 9293
// section 3.8.3, R2).
bool retransmissions_exhausted(const TcpState& state);

}  // namespace scout::tcp
