// SPDX-License-Identifier: GPL-2.0
//
// For tests of a whole stack, on the host: how its devices are attached.
#pragma once

#include "scout/stack.h"
#include "tools/rig/socket.hh"

namespace kunit {

// `link` as device 1 with the address `ip`, of a network of `bits`; `replicas` (at most 2) run on
// any CPU.
inline struct scout_attach attachment(rig::Link& link, const char* ip, uint32_t bits,
                                      uint32_t replicas) {
    static constexpr int kAnyCpu[] = {-1, -1};
    struct scout_attach attach {};
    attach.link = &link;
    attach.id = 1;
    attach.address = rig::address(ip, 0);
    attach.prefix_len = bits;
    attach.replicas = replicas;
    attach.cpus = kAnyCpu;
    attach.cpu_count = replicas;
    return attach;
}

}  // namespace kunit
