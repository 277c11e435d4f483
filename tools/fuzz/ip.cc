// SPDX-License-Identifier: GPL-2.0
//
// IPv4 headers, as received and as quoted by ICMP errors. The first two bytes say how much of the
// packet is there beyond what is seen; the header's checksum is made right, half of the time.
#include "scout/ip/ip.hh"

#include "scout/net/checksum.hh"
#include "tools/fuzz/input.hh"

namespace {

void check_packet(const uint8_t* bytes, uint32_t length, uint32_t packet_bytes) {
    scout::IpHeader header;
    if (scout::parse_ip(bytes, length, packet_bytes, header) != scout::IpResult::kOk) return;
    fuzz::require(header.header_bytes >= scout::kIpHeaderBytes && header.header_bytes <= length,
                  "the header is there");
    fuzz::require(header.total_bytes >= header.header_bytes && header.total_bytes <= packet_bytes,
                  "the packet is there");
    if (header.header_bytes != scout::kIpHeaderBytes || bytes[6] & 0x80) return;
    uint8_t again[scout::kIpHeaderBytes];
    scout::write_ip(again, header);
    fuzz::require(std::memcmp(again, bytes, 10) == 0, "written as it was read");
    fuzz::require(std::memcmp(again + 12, bytes + 12, 8) == 0, "addresses as they were read");
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    fuzz::Input input(data, size);
    const uint32_t beyond = input.word();
    const bool right = input.byte() & 1;
    const std::span<const uint8_t> front = input.bytes(64);
    const auto length = static_cast<uint32_t>(front.size());
    // On the heap, so that a byte too many is seen.
    auto* header = static_cast<uint8_t*>(std::malloc(length ? length : 1));
    if (length) std::memcpy(header, front.data(), length);
    const uint32_t header_bytes = length ? (header[0] & 15) * 4u : 0;
    if (right && length >= scout::kIpHeaderBytes && header_bytes <= length && header_bytes >= 12) {
        scout::store_be16(header + 10, 0);
        scout::store_be16(header + 10, scout::checksum(header, header_bytes));
    }
    check_packet(header, length, length + beyond);
    scout::IpHeader quoted;
    if (scout::parse_quoted_ip(header, length, quoted) == scout::IpResult::kOk)
        fuzz::require(quoted.header_bytes <= length, "the quoted header is there");
    std::free(header);
    return 0;
}
