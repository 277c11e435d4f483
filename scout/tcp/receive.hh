// SPDX-License-Identifier: GPL-2.0
//
// Receiving: where each byte of a segment goes, in or out of order, and the peer's FIN (RFC 9293
// section 3.10.7.4, seventh and eighth). Every byte of the stream is delivered once.
#pragma once

#include "scout/tcp/step_context.hh"

namespace scout::tcp {

// Seventh: the segment text.
void segment_text(StepContext& step, const Segment& segment);
// Eighth: the FIN bit, this segment's or one that waited for what was missing.
void check_fin(StepContext& step, const Segment& segment);

}  // namespace scout::tcp
