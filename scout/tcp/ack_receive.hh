// SPDX-License-Identifier: GPL-2.0
//
// What an acceptable acknowledgement does: frees sent bytes, moves the send window, tells
// congestion control and recovery, and moves a closing connection on (RFC 9293 section 3.10.7.4,
// fifth).
#pragma once

#include "scout/tcp/turn.hh"

namespace scout::tcp {

// `segment.ack` is in [snd_una - max_snd_wnd, snd_nxt].
void take_acknowledgement(Turn& turn, const Segment& segment);

// Our FIN may now be acknowledged: the phase that follows.
void check_fin_acknowledged(Turn& turn);
void enter_fin_wait_2(Turn& turn);
void enter_time_wait(Turn& turn);

}  // namespace scout::tcp
