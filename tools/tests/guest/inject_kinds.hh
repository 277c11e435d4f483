// SPDX-License-Identifier: GPL-2.0
// Every way in which a frame for Dominoes can be wrong, with the counter it must be found in.
#pragma once

#include "inject_frame.hh"

#include <functional>

namespace dominoes::guest {

struct Kind {
    const char* name;
    const char* counter;
    std::function<Bytes(const Ends&)> build;
};

// What does not come from a driver at all (frames shorter than an Ethernet header) is not among
// them.
const std::vector<Kind>& kinds();

}  // namespace dominoes::guest
