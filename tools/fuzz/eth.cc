// SPDX-License-Identifier: GPL-2.0
//
// Ethernet headers: what is read is written back as it was.
#include "scout/link/eth.hh"

#include "tools/fuzz/input.hh"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    scout::EthHeader header;
    const auto length = static_cast<uint32_t>(size);
    if (scout::parse_eth(data, length, header) != scout::EthResult::kOk) return 0;
    uint8_t again[scout::kEthHeaderBytes];
    scout::write_eth(again, header);
    fuzz::require(std::memcmp(again, data, sizeof again) == 0, "written as it was read");
    return 0;
}
