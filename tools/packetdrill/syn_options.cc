// SPDX-License-Identifier: GPL-2.0
#include "tools/packetdrill/syn_options.hh"

#include <algorithm>
#include <map>
#include <span>

#include "scout/net/checksum.hh"

namespace packetdrill {
namespace {

constexpr size_t kIpBytes = 20;
constexpr size_t kTcpBytes = 20;
constexpr uint8_t kTcp = 6;
constexpr uint8_t kSyn = 0x02;
constexpr uint8_t kEnd = 0, kNop = 1, kMss = 2, kScale = 3, kSackPermitted = 4, kTimestamps = 8;

using Options = std::map<uint8_t, std::span<const uint8_t>>;  // by kind, whole

// False: something is wrong with them, or one is not known.
bool parse(std::span<const uint8_t> from, Options& options) {
    while (!from.empty() && from[0] != kEnd) {
        size_t bytes = 1;
        if (from[0] != kNop) {
            if (from.size() < 2 || from[1] < 2 || from[1] > from.size()) return false;
            bytes = from[1];
            const bool known = from[0] == kMss || from[0] == kScale || from[0] == kSackPermitted ||
                               from[0] == kTimestamps;
            if (!known) return false;
            options[from[0]] = from.first(bytes);
        }
        from = from.subspan(bytes);
    }
    return true;
}

// Each group fills whole words.
std::vector<uint8_t> ordered(Options& options) {
    std::vector<uint8_t> all;
    const auto add = [&](uint8_t kind, size_t nops) {
        if (options[kind].empty()) return;
        all.insert(all.end(), nops, kNop);
        all.insert(all.end(), options[kind].begin(), options[kind].end());
    };
    const bool both = !options[kSackPermitted].empty() && !options[kTimestamps].empty();
    add(kMss, 0);
    add(kSackPermitted, both ? 0 : 2);
    add(kTimestamps, both ? 0 : 2);
    add(kScale, 1);
    return all;
}

void complete(std::vector<uint8_t>& packet) {
    uint8_t* const ip = packet.data();
    uint8_t* const tcp = ip + kIpBytes;
    const auto tcp_bytes = static_cast<uint32_t>(packet.size() - kIpBytes);
    scout::store_be16(ip + 2, static_cast<uint16_t>(packet.size()));
    scout::store_be16(ip + 10, 0);
    scout::store_be16(ip + 10, scout::checksum(ip, kIpBytes));
    const auto pseudo = scout::pseudo_sum(scout::IpAddress::v4(ip + 12),
                                          scout::IpAddress::v4(ip + 16), kTcp, tcp_bytes);
    scout::store_be16(tcp + 16, pseudo);
    scout::store_be16(tcp + 16, scout::checksum(tcp, tcp_bytes));
}

}  // namespace

void order_syn_options(std::vector<uint8_t>& packet) {
    if (packet.size() < kIpBytes + kTcpBytes || packet[0] != 0x45 || packet[9] != kTcp) return;
    uint8_t* const tcp = packet.data() + kIpBytes;
    const size_t header_bytes = (tcp[12] >> 4) * size_t{4};
    if (!(tcp[13] & kSyn) || header_bytes < kTcpBytes || kIpBytes + header_bytes > packet.size())
        return;
    Options options;
    if (!parse({tcp + kTcpBytes, header_bytes - kTcpBytes}, options)) return;
    const std::vector<uint8_t> all = ordered(options);
    tcp[12] = static_cast<uint8_t>((kTcpBytes + all.size()) / 4 << 4 | (tcp[12] & 15));
    const auto begin = packet.begin() + kIpBytes + kTcpBytes;
    packet.erase(begin, packet.begin() + static_cast<std::ptrdiff_t>(kIpBytes + header_bytes));
    packet.insert(packet.begin() + kIpBytes + kTcpBytes, all.begin(), all.end());
    complete(packet);
}

}  // namespace packetdrill
