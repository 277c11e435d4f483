// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/pcap.hh"

#include <cerrno>
#include <system_error>

namespace sim {
namespace {

constexpr uint32_t kMagicNanoseconds = 0xa1b23c4d;
constexpr uint32_t kSnapBytes = 262144;
constexpr uint32_t kEthernet = 1;  // LINKTYPE_ETHERNET

struct FileHeader {
    uint32_t magic = kMagicNanoseconds;
    uint16_t major = 2;
    uint16_t minor = 4;
    int32_t zone = 0;
    uint32_t accuracy = 0;
    uint32_t snap_bytes = kSnapBytes;
    uint32_t link_type = kEthernet;
};
static_assert(sizeof(FileHeader) == 24);

struct PacketHeader {
    uint32_t seconds;
    uint32_t nanoseconds;
    uint32_t captured;
    uint32_t bytes;
};
static_assert(sizeof(PacketHeader) == 16);

}  // namespace

PcapFile::PcapFile(const std::string& path) : file_(std::fopen(path.c_str(), "wb")) {
    if (!file_) throw std::system_error(errno, std::generic_category(), path);
    const FileHeader header;
    std::fwrite(&header, sizeof header, 1, file_);
}

PcapFile::~PcapFile() { std::fclose(file_); }

void PcapFile::write(uint64_t now_ns, std::span<const uint8_t> packet) {
    const auto bytes = static_cast<uint32_t>(packet.size());
    const PacketHeader header{static_cast<uint32_t>(now_ns / 1'000'000'000),
                              static_cast<uint32_t>(now_ns % 1'000'000'000), bytes, bytes};
    std::fwrite(&header, sizeof header, 1, file_);
    std::fwrite(packet.data(), 1, packet.size(), file_);
}

}  // namespace sim
