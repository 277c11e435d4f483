// SPDX-License-Identifier: GPL-2.0
//
// An upper bound of goodput: a network that loses packets does not become faster because it also
// duplicates and reorders them. A bulk transfer is run twice, with and without the latter two; in
// both the n-th packet of a host is lost or is not, so that luck has little part in it.
#pragma once

#include "tools/sim/scenario.hh"

namespace sim {

// How much faster the transfer may be. Losses come at other times of the congestion window.
inline constexpr double kGoodputMargin = 1.1;

// A transfer from host 0 to host 1 that losses limit, over a network that duplicates, and perhaps
// reorders: all drawn from its seed.
Scenario draw_bulk(uint64_t seed);
// The same without duplicates and reordering.
Scenario without_copies(const Scenario& bulk);

}  // namespace sim
