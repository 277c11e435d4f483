// SPDX-License-Identifier: GPL-2.0
//
// ICMP messages, and what errors quote.
#include "scout/ip/icmp.hh"

#include "tools/fuzz/input.hh"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto length = static_cast<uint32_t>(size);
    scout::IcmpHeader header;
    const scout::IcmpResult kind = scout::parse_icmp(data, length, header);
    scout::IcmpError error;
    if (scout::parse_icmp_error(data, length, error) != scout::IcmpResult::kOk) return 0;
    fuzz::require(kind == scout::IcmpResult::kOk, "an error is a message");
    fuzz::require(error.type != scout::kIcmpSourceQuench, "source quench is none (RFC 6633)");
    const bool tells_mtu =
        error.type == scout::kIcmpUnreachable && error.code == scout::kFragmentationNeeded;
    fuzz::require(tells_mtu || error.mtu == 0, "only one code tells an MTU");
    // Header, quoted IP header, ports and sequence number.
    fuzz::require(length >= scout::kIcmpHeaderBytes + 20 + 8, "long enough for what it says");
    return 0;
}
