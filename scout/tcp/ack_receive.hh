// SPDX-License-Identifier: GPL-2.0
//
// What an acceptable acknowledgement does: frees sent bytes, moves the send window, tells
// congestion control and recovery, and moves a closing connection on (RFC 9293 section 3.10.7.4,
// fifth).
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

// `segment.ack` is in [snd_una - max_snd_wnd, snd_nxt].
void take_acknowledgement(StepContext& step, const Segment& segment);

// Our FIN may now be acknowledged: the phase that follows.
void check_fin_acknowledged(StepContext& step);
void enter_fin_wait_2(StepContext& step);
void enter_time_wait(StepContext& step);

}  // namespace scout::tcp
