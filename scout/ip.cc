// SPDX-License-Identifier: GPL-2.0
#include "scout/ip.hh"

#include "scout/checksum.hh"
#include "scout/icmp.hh"

namespace scout {

namespace {

constexpr uint16_t kDontFragment = 0x4000;
constexpr uint16_t kMoreFragments = 0x2000;
constexpr uint16_t kFragmentOffset = 0x1fff;  // in units of 8 bytes
constexpr uint32_t kMostTotal = 65535;

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
    return field == 0 && packet_bytes > kMostTotal ? packet_bytes : field;
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

bool is_fragment(const IpHeader& header) {
    return header.more_fragments || header.fragment_bytes != 0;
}

Counter cause_of(IpResult result) {
    switch (result) {
        case IpResult::kVersion:
            return Counter::drop_ip_version;
        case IpResult::kHeader:
            return Counter::drop_ip_header;
        case IpResult::kLength:
            return Counter::drop_ip_length;
        case IpResult::kChecksum:
            return Counter::drop_ip_checksum;
        case IpResult::kShort:
        case IpResult::kOk:
            break;
    }
    return Counter::drop_ip_short;
}

}  // namespace

// --- bytes (RFC 791 section 3.1) ---

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
    const uint32_t total = header.total_bytes > kMostTotal ? 0 : header.total_bytes;
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

// --- router ---

void IpRouter::connect(uint8_t protocol, Router& upper) {
    DOMINOES_ASSERT(upper_count_ < kMostUppers);
    if (upper_count_ < kMostUppers) uppers_[upper_count_++] = {protocol, &upper};
}

// What is the host's passes before anything else is checked: its errors are its own.
Verdict IpRouter::demux(Frame& frame) {
    const uint8_t* bytes = frame.network();
    const uint32_t available = frame.head_bytes - frame.network_offset;
    if (!fixed_part_present(available)) return interface_.drop(Counter::drop_ip_short);
    if (IpAddress::v4(bytes + 16) != interface_.address) return Verdict::kPass;

    IpHeader header;
    const IpResult result = parse_ip(bytes, available, frame.bytes - frame.network_offset, header);
    if (result != IpResult::kOk) return interface_.drop(cause_of(result));
    if (!source_possible(header.source)) return interface_.drop(Counter::drop_ip_source);
    if (is_fragment(header)) return interface_.drop(Counter::drop_ip_fragment);

    frame.source = header.source;
    frame.destination = header.destination;
    frame.transport_offset = frame.network_offset + header.header_bytes;  // options are skipped
    frame.transport_bytes = header.total_bytes - header.header_bytes;
    frame.protocol = header.protocol;
    frame.ecn = header.ecn;
    return deliver(frame);
}

// RFC 1122 section 3.2.1.3: what must not be a source; nor may anyone else use our own address.
bool IpRouter::source_possible(IpAddress source) const {
    return !source.is_any() && !source.is_multicast() && !source.is_limited_broadcast() &&
           !source.is_loopback() && !interface_.prefix.is_broadcast(source) &&
           source != interface_.address;
}

Verdict IpRouter::deliver(Frame& frame) {
    for (uint32_t i = 0; i < upper_count_; ++i) {
        if (uppers_[i].protocol == frame.protocol) return uppers_[i].router->demux(frame);
    }
    interface_.counters.add(Counter::drop_ip_protocol);
    return icmp_ ? icmp_->protocol_unreachable(frame) : Verdict::kDrop;  // RFC 1122 section 3.2.2.1
}

// --- stage ---

bool IpStage::push(Msg& msg) {
    if (msg.wants_checksum()) {
        store_be16(msg.checksum_field(), pseudo_sum(source_, destination_, protocol_, msg.bytes()));
    }
    IpHeader header{};
    header.total_bytes = kIpHeaderBytes + msg.bytes();
    header.dont_fragment = dont_fragment_;
    if (!dont_fragment_) dominoes_random(&header.id, sizeof(header.id));
    header.ecn = ecn_;
    header.ttl = kIpTtl;
    header.protocol = protocol_;
    header.source = source_;
    header.destination = destination_;
    write_ip(msg.prepend(kIpHeaderBytes), header);
    return below_->push(msg);
}

}  // namespace scout
