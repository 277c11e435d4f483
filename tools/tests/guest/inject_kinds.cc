// SPDX-License-Identifier: GPL-2.0
#include "inject_kinds.hh"

#include <algorithm>

namespace dominoes::guest {

namespace {

constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kUnassigned = 200;
const Bytes kText{'d', 'o', 'm', 'i', 'n', 'o', 'e', 's'};

// --- ways to spoil a valid frame ---

Bytes cut(Bytes frame, std::size_t bytes) {
    frame.resize(bytes);
    return frame;
}

// With the IP header's checksum made right again.
Bytes with8(Bytes frame, std::size_t at, std::uint8_t value) {
    frame.at(at) = value;
    fix_ip_checksum(frame);
    return frame;
}

Bytes with16(Bytes frame, std::size_t at, std::uint16_t value) {
    put16(frame, at, value);
    fix_ip_checksum(frame);
    return frame;
}

// A byte of the transport header, with that one's checksum made right.
Bytes with_transport8(Bytes frame, std::size_t offset, std::uint8_t value) {
    frame.at(kTransportAt + offset) = value;
    fix_transport_checksum(frame);
    return frame;
}

Bytes flipped(Bytes frame, std::size_t at) {
    frame.at(at) ^= 0x10;
    return frame;
}

Bytes from_address(Ends ends, std::uint32_t source) {
    ends.source = source;
    return tcp_frame(ends, {});
}

Bytes with_options(const Ends& ends, Bytes options) {
    return tcp_frame(ends, {.options = std::move(options)});
}

Bytes with_flags(const Ends& ends, int flags) {
    return tcp_frame(ends, {.flags = static_cast<std::uint8_t>(flags)});
}

// An ICMP error that quotes `quoted`, a frame of which at most `bytes` follow the Ethernet header.
Bytes icmp_about(const Ends& ends, const Bytes& quoted, std::size_t bytes) {
    Bytes rest(4 + bytes);
    std::copy_n(quoted.begin() + kIpAt, bytes, rest.begin() + 4);
    return icmp_frame(ends, 3, 3, rest);
}

Ends reversed(const Ends& ends) {
    return {ends.destination_mac, ends.source_mac,       ends.destination,
            ends.source,          ends.destination_port, ends.source_port};
}

Ends to_everyone(Ends ends) {
    ends.destination_mac.fill(0xff);
    return ends;
}

Ends to_port(Ends ends, std::uint16_t port) {
    ends.destination_port = port;
    return ends;
}

constexpr std::uint16_t kClosedPort = 4;

}  // namespace

const std::vector<Kind>& kinds() {
    static const std::vector<Kind> all{
        {"arp_cut", "drop_arp_malformed",
         [](const Ends& e) { return cut(arp_frame(e, 1), 14 + 20); }},
        {"arp_hardware", "drop_arp_malformed",
         [](const Ends& e) { return with16(arp_frame(e, 1), 14, 6); }},
        {"arp_protocol", "drop_arp_malformed",
         [](const Ends& e) { return with16(arp_frame(e, 1), 16, 0x86dd); }},
        {"arp_address_length", "drop_arp_malformed",
         [](const Ends& e) { return with8(arp_frame(e, 1), 19, 16); }},

        {"ip_empty", "drop_ip_short", [](const Ends& e) { return ethernet_frame(e, 0x0800, {}); }},
        {"ip_header_cut", "drop_ip_short",
         [](const Ends& e) { return cut(tcp_frame(e, {}), 14 + 19); }},
        {"ip_packet_cut", "drop_ip_short",
         [](const Ends& e) { return cut(tcp_frame(e, {.payload = kText}), 14 + 40); }},
        {"ip_options_cut", "drop_ip_short",
         [](const Ends& e) { return with8(cut(tcp_frame(e, {}), 14 + 24), 14, 0x4f); }},
        {"ip_version_6", "drop_ip_version",
         [](const Ends& e) { return with8(tcp_frame(e, {}), 14, 0x65); }},
        {"ip_version_0", "drop_ip_version",
         [](const Ends& e) { return with8(tcp_frame(e, {}), 14, 0x05); }},
        {"ip_header_of_16", "drop_ip_header",
         [](const Ends& e) { return with8(tcp_frame(e, {}), 14, 0x44); }},
        {"ip_header_of_0", "drop_ip_header",
         [](const Ends& e) { return with8(tcp_frame(e, {}), 14, 0x40); }},
        {"ip_checksum", "drop_ip_checksum",
         [](const Ends& e) { return flipped(tcp_frame(e, {}), 14 + 10); }},
        {"ip_total_below_header", "drop_ip_length",
         [](const Ends& e) { return with16(tcp_frame(e, {}), 16, 19); }},
        {"ip_total_0", "drop_ip_length",
         [](const Ends& e) { return with16(tcp_frame(e, {}), 16, 0); }},
        {"ip_total_beyond", "drop_ip_short",
         [](const Ends& e) { return with16(tcp_frame(e, {}), 16, 2000); }},
        {"ip_source_any", "drop_ip_source", [](const Ends& e) { return from_address(e, 0); }},
        {"ip_source_multicast", "drop_ip_source",
         [](const Ends& e) { return from_address(e, 0xe0000001); }},
        {"ip_source_broadcast", "drop_ip_source",
         [](const Ends& e) { return from_address(e, 0xffffffff); }},
        {"ip_source_directed", "drop_ip_source",
         [](const Ends& e) { return from_address(e, e.source | 0xff); }},
        {"ip_source_loopback", "drop_ip_source",
         [](const Ends& e) { return from_address(e, 0x7f000001); }},
        {"ip_source_ours", "drop_ip_source",
         [](const Ends& e) { return from_address(e, e.destination); }},
        {"ip_fragment_of_20", "drop_ip_fragment",
         [](const Ends& e) { return with16(tcp_frame(e, {}), 20, 0x2000); }},
        {"ip_fragment_of_nothing", "drop_ip_fragment",
         [](const Ends& e) { return with16(ip_frame(e, kUdp, {}), 20, 0x2000); }},
        {"ip_fragment_in_tcp_header", "drop_ip_fragment",
         [](const Ends& e) { return with16(tcp_frame(e, {}), 20, 0x0001); }},
        {"ip_fragment_beyond_64k", "drop_ip_fragment",
         [](const Ends& e) { return with16(udp_frame(e, kText), 20, 0x1fff); }},
        {"ip_source_route", "drop_ip_source_route",
         [](const Ends& e) {
             return with8(with16(tcp_frame(e, {}), kTransportAt, 0x8303), 14, 0x46);
         }},
        {"ip_option_of_1", "drop_ip_options",
         [](const Ends& e) {
             return with8(with16(tcp_frame(e, {}), kTransportAt, 0x0701), 14, 0x46);
         }},
        {"ip_protocol", "drop_ip_protocol",
         [](const Ends& e) { return ip_frame(e, kUnassigned, kText); }},

        {"icmp_cut", "drop_icmp_short",
         [](const Ends& e) {
             return ip_frame(e, kIcmp, {8, 0, 0, 0});
         }},
        {"icmp_empty", "drop_icmp_short", [](const Ends& e) { return ip_frame(e, kIcmp, {}); }},
        {"icmp_checksum", "drop_icmp_checksum",
         [](const Ends& e) {
             return flipped(icmp_frame(e, 8, 0, {0, 1, 0, 1, 9, 9}), kTransportAt + 8);
         }},
        {"icmp_timestamp", "drop_icmp_type",
         [](const Ends& e) { return icmp_frame(e, 13, 0, Bytes(16)); }},
        {"icmp_stray_reply", "drop_icmp_type",
         [](const Ends& e) {
             return icmp_frame(e, 0, 0, {0, 1, 0, 1});
         }},
        {"icmp_quote_cut", "drop_icmp_short",
         [](const Ends& e) { return icmp_about(e, tcp_frame(reversed(e), {}), 20 + 4); }},
        {"icmp_of_others", "drop_icmp_unmatched",
         [](const Ends& e) { return icmp_about(e, tcp_frame(e, {}), 20 + 8); }},
        {"icmp_of_nothing", "drop_icmp_unmatched",
         [](const Ends& e) {
             return icmp_about(e, tcp_frame(reversed(to_port(e, kClosedPort)), {}), 20 + 8);
         }},

        {"udp_cut", "drop_udp_short",
         [](const Ends& e) {
             return ip_frame(e, kUdp, {0, 9, 0, 9});
         }},
        {"udp_length_beyond", "drop_udp_short",
         [](const Ends& e) { return with16(udp_frame(e, kText), kTransportAt + 4, 100); }},
        {"udp_length_below_header", "drop_udp_short",
         [](const Ends& e) { return with16(udp_frame(e, kText), kTransportAt + 4, 7); }},
        {"udp_checksum", "drop_udp_checksum",
         [](const Ends& e) { return flipped(udp_frame(e, kText), kTransportAt + 8); }},
        {"udp_no_port", "drop_udp_no_port",
         [](const Ends& e) { return udp_frame(to_port(e, kClosedPort), kText); }},

        {"tcp_empty", "drop_tcp_short", [](const Ends& e) { return ip_frame(e, kTcp, {}); }},
        {"tcp_cut", "drop_tcp_short", [](const Ends& e) { return ip_frame(e, kTcp, Bytes(19)); }},
        {"tcp_header_of_16", "drop_tcp_header",
         [](const Ends& e) { return with_transport8(tcp_frame(e, {}), 12, 0x40); }},
        {"tcp_header_of_0", "drop_tcp_header",
         [](const Ends& e) { return with_transport8(tcp_frame(e, {}), 12, 0x00); }},
        {"tcp_header_beyond", "drop_tcp_header",
         [](const Ends& e) { return with_transport8(tcp_frame(e, {.payload = kText}), 12, 0xf0); }},
        {"tcp_option_of_0", "drop_tcp_options",
         [](const Ends& e) {
             return with_options(e, {3, 0, 0, 0});
         }},
        {"tcp_option_of_1", "drop_tcp_options",
         [](const Ends& e) {
             return with_options(e, {2, 1, 5, 0xb4});
         }},
        {"tcp_option_beyond", "drop_tcp_options",
         [](const Ends& e) {
             return with_options(e, {1, 1, 8, 10});
         }},
        {"tcp_option_no_length", "drop_tcp_options",
         [](const Ends& e) {
             return with_options(e, {1, 1, 1, 5});
         }},
        {"tcp_checksum", "drop_tcp_checksum",
         [](const Ends& e) {
             return flipped(tcp_frame(e, {.payload = kText}), kTransportAt + 22);
         }},
        {"tcp_syn_fin", "drop_tcp_flags", [](const Ends& e) { return with_flags(e, kSyn | kFin); }},
        {"tcp_syn_rst", "drop_tcp_flags", [](const Ends& e) { return with_flags(e, kSyn | kRst); }},
        {"tcp_fin_rst", "drop_tcp_flags",
         [](const Ends& e) { return with_flags(e, kFin | kRst | kAck); }},
        {"tcp_all_flags", "drop_tcp_flags", [](const Ends& e) { return with_flags(e, 0x3f); }},
        {"tcp_no_flags", "drop_tcp_flags", [](const Ends& e) { return with_flags(e, 0); }},
        {"tcp_only_fin", "drop_tcp_flags", [](const Ends& e) { return with_flags(e, kFin); }},
        {"tcp_unmatched", "drop_tcp_unmatched",
         [](const Ends& e) { return tcp_frame(to_port(e, kClosedPort), {.flags = kAck}); }},
        {"tcp_syn_to_closed_port", "drop_tcp_unmatched",
         [](const Ends& e) { return tcp_frame(to_port(e, kClosedPort), {.flags = kSyn}); }},
        {"tcp_stray_reset", "drop_tcp_unmatched",
         [](const Ends& e) { return tcp_frame(to_port(e, kClosedPort), {.flags = kRst}); }},
        {"tcp_broadcast_syn", "drop_tcp_broadcast",
         [](const Ends& e) { return tcp_frame(to_everyone(e), {.flags = kSyn}); }},
        {"tcp_broadcast_data", "drop_tcp_broadcast",
         [](const Ends& e) { return tcp_frame(to_everyone(e), {.payload = kText}); }},
    };
    return all;
}

}  // namespace dominoes::guest
