// SPDX-License-Identifier: GPL-2.0
#include "scout/ip/header.hh"

#include "scout/net/checksum.hh"

namespace scout {

namespace {

constexpr uint16_t kDontFragment = 0x4000;
constexpr uint16_t kMoreFragments = 0x2000;
constexpr uint16_t kFragmentOffset = 0x1fff;  // in units of 8 bytes

// The checks of RFC 1122 section 3.2.1 and RFC 1812 section 5.2.2, one each.

bool fixed_part_present(uint32_t length) { return length >= kIpHeaderBytes; }

bool version_right(const uint8_t* bytes) { return bytes[0] >> 4 == 4; }

bool header_length_right(const IpHeader& header) { return header.header_bytes >= kIpHeaderBytes; }

bool options_present(const IpHeader& header, uint32_t length) {
    return header.header_bytes <= length;
}

bool total_length_right(const IpHeader& header) {
    return header.total_bytes >= header.header_bytes;
}

bool payload_present(const IpHeader& header, uint32_t packet_bytes) {
    return header.total_bytes <= packet_bytes;
}

bool checksum_right(const uint8_t* bytes, const IpHeader& header) {
    return checksum(bytes, header.header_bytes) == 0;
}

// Only in a packet that was merged after it arrived can there be more than the field can say; it is
// 0 then.
uint32_t total_bytes(const uint8_t* bytes, uint32_t packet_bytes) {
    const uint32_t field = load_be16(bytes + 2);
    return field == 0 && packet_bytes > kIpMaxBytes ? packet_bytes : field;
}

void read_fields(const uint8_t* bytes, IpHeader& out) {
    const uint16_t fragment = load_be16(bytes + 6);
    out.header_bytes = (bytes[0] & 15) * 4u;
    out.dscp = bytes[1] >> 2;
    out.ecn = bytes[1] & 3;
    out.total_bytes = load_be16(bytes + 2);
    out.id = load_be16(bytes + 4);
    out.dont_fragment = fragment & kDontFragment;
    out.more_fragments = fragment & kMoreFragments;
    out.fragment_bytes = (fragment & kFragmentOffset) * 8u;
    out.ttl = bytes[8];
    out.protocol = bytes[9];
    out.source = IpAddress::v4(bytes + 12);
    out.destination = IpAddress::v4(bytes + 16);
}

// Kinds of options (RFC 791 section 3.1).
constexpr uint8_t kOptionEnd = 0;
constexpr uint8_t kOptionNone = 1;
constexpr uint8_t kLooseSourceRoute = 131;
constexpr uint8_t kStrictSourceRoute = 137;

}  // namespace

IpResult parse_ip(const uint8_t* bytes, uint32_t length, uint32_t packet_bytes, IpHeader& out) {
    if (!fixed_part_present(length)) return IpResult::kShort;
    if (!version_right(bytes)) return IpResult::kVersion;
    read_fields(bytes, out);
    out.total_bytes = total_bytes(bytes, packet_bytes);
    if (!header_length_right(out)) return IpResult::kHeader;
    if (!options_present(out, length)) return IpResult::kShort;
    if (!total_length_right(out)) return IpResult::kLength;
    if (!payload_present(out, packet_bytes)) return IpResult::kShort;
    if (!checksum_right(bytes, out)) return IpResult::kChecksum;
    return IpResult::kOk;
}

IpResult parse_quoted_ip(const uint8_t* bytes, uint32_t length, IpHeader& out) {
    if (!fixed_part_present(length)) return IpResult::kShort;
    if (!version_right(bytes)) return IpResult::kVersion;
    read_fields(bytes, out);
    if (!header_length_right(out)) return IpResult::kHeader;
    if (!options_present(out, length)) return IpResult::kShort;
    return IpResult::kOk;
}

void write_ip(uint8_t* bytes, const IpHeader& header) {
    const uint32_t total = header.total_bytes > kIpMaxBytes ? 0 : header.total_bytes;
    const uint32_t fragment = (header.dont_fragment ? kDontFragment : 0u) |
                              (header.more_fragments ? kMoreFragments : 0u) |
                              header.fragment_bytes / 8;
    bytes[0] = 4 << 4 | kIpHeaderBytes / 4;
    bytes[1] = static_cast<uint8_t>(header.dscp << 2 | header.ecn);
    store_be16(bytes + 2, static_cast<uint16_t>(total));
    store_be16(bytes + 4, header.id);
    store_be16(bytes + 6, static_cast<uint16_t>(fragment));
    bytes[8] = header.ttl;
    bytes[9] = header.protocol;
    store_be16(bytes + 10, 0);
    header.source.store(bytes + 12);
    header.destination.store(bytes + 16);
    store_be16(bytes + 10, checksum(bytes, kIpHeaderBytes));
}

IpOptions check_ip_options(const uint8_t* options, uint32_t bytes) {
    for (uint32_t at = 0; at < bytes && options[at] != kOptionEnd;) {
        const uint8_t kind = options[at];
        if (kind == kLooseSourceRoute || kind == kStrictSourceRoute) return IpOptions::kSourceRoute;
        if (kind == kOptionNone) {
            ++at;
            continue;
        }
        const uint32_t left = bytes - at;
        if (left < 2 || options[at + 1] < 2 || options[at + 1] > left) return IpOptions::kMalformed;
        at += options[at + 1];
    }
    return IpOptions::kIgnored;
}

}  // namespace scout
