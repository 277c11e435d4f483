// SPDX-License-Identifier: GPL-2.0
//
// The options of a SYN in the order and with the padding that Linux gives them. They mean the same
// in any (RFC 9293 section 3.1), but packetdrill compares a script's byte by byte.
#pragma once

#include <cstdint>
#include <vector>

namespace packetdrill {

// `packet` is from the IP header on, as the core sends it. One that is no SYN, or has options not
// known here, is left as it is.
void order_syn_options(std::vector<uint8_t>& packet);

}  // namespace packetdrill
