// SPDX-License-Identifier: GPL-2.0
//
// UDP headers.
#include "scout/udp/udp.hh"

#include "tools/fuzz/input.hh"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    scout::UdpHeader header;
    const auto length = static_cast<uint32_t>(size);
    if (scout::parse_udp(data, length, header) != scout::UdpResult::kOk) return 0;
    fuzz::require(header.length >= scout::kUdpHeaderBytes && header.length <= length,
                  "the datagram is there");
    return 0;
}
