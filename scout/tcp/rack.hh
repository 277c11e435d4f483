// SPDX-License-Identifier: GPL-2.0
//
// RACK: loss found by time (RFC 8985 section 6). What was sent well before something that has
// arrived, and has not arrived itself, is lost: new data and retransmissions alike. How long "well
// before" is, the reordering window, follows from the round trip and from what reordering was seen.
// Needs SACK.
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

// Step 2 and 3: `run`, which ends at `end`, has arrived, as `event` says; `fack` was the highest
// acknowledged before that.
void rack_delivered(TcpState& state, const SegmentEvent& event, const SentRun& run, uint64_t end,
                    uint64_t fack);
// Step 4: the peer got something twice (RFC 2883), so the window was too small.
void rack_duplicate(TcpState& state);
// A recovery is over.
void rack_recovered(TcpState& state);
// Step 5: marks what is lost, and starts the timer for what soon may be. Whether anything new is.
bool rack_detect(TcpState& state);

}  // namespace scout::tcp
