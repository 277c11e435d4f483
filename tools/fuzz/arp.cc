// SPDX-License-Identifier: GPL-2.0
//
// ARP messages: what is accepted is written back as it was.
#include "scout/link/arp.hh"

#include "tools/fuzz/input.hh"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    scout::ArpMessage message;
    const auto length = static_cast<uint32_t>(size);
    if (scout::parse_arp(data, length, message) != scout::ArpResult::kOk) return 0;
    uint8_t again[scout::kArpBytes];
    scout::write_arp(again, message);
    fuzz::require(std::memcmp(again, data, sizeof again) == 0, "written as it was read");
    return 0;
}
