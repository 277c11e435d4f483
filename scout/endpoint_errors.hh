// SPDX-License-Identifier: GPL-2.0
//
// What the calls of scout/stack.h return, negated: Linux's error numbers. Signed, unlike the errors that a
// connection carries (scout/errors.hh), so that their negation is what it looks like at any width.
#pragma once

namespace scout::err {

enum : int {
    kAgain = 11,
    kNoMemory = 12,
    kFault = 14,
    kInvalid = 22,
    kDestinationRequired = 89,
    kMessageSize = 90,
    kNoProtocolOption = 92,
    kAddressInUse = 98,
    kAddressNotAvailable = 99,
    kNetDown = 100,
    kNetUnreachable = 101,
    kNoBuffers = 105,
    kConnectionRefused = 111,
    kHostUnreachable = 113,
};

}  // namespace scout::err
