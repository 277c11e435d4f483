// SPDX-License-Identifier: GPL-2.0
//
// The errno values that protocols report, with Linux's numbers: the core includes no header of a
// host.
#pragma once

#include <stdint.h>

namespace scout {

enum Errno : uint32_t {
    kNoError = 0,
    kEnoent = 2,
    kEio = 5,
    kEagain = 11,
    kEnomem = 12,
    kEfault = 14,
    kEinval = 22,
    kEpipe = 32,
    kEproto = 71,
    kEdestaddrreq = 89,
    kEmsgsize = 90,
    kEnoprotoopt = 92,
    kEaddrinuse = 98,
    kEaddrnotavail = 99,
    kEnetdown = 100,
    kEnetunreach = 101,
    kEconnaborted = 103,
    kEconnreset = 104,
    kEisconn = 106,
    kEnotconn = 107,
    kEtimedout = 110,
    kEconnrefused = 111,
    kEhostunreach = 113,
    kEalready = 114,
    kEinprogress = 115,
};

}  // namespace scout
