// SPDX-License-Identifier: GPL-2.0
//
// PcapFile: packets in the format of libpcap, with nanoseconds: a header of 24 bytes, and one of 16
// before each packet.
#pragma once

#include <cstdint>
#include <cstdio>
#include <span>
#include <string>

namespace sim {

class PcapFile {
public:
    // Throws std::system_error.
    explicit PcapFile(const std::string& path);
    ~PcapFile();
    PcapFile(const PcapFile&) = delete;

    void write(uint64_t now_ns, std::span<const uint8_t> packet);

private:
    std::FILE* file_;
};

}  // namespace sim
