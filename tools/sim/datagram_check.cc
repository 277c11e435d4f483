// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/datagram_check.hh"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "tools/sim/frame.hh"

namespace sim {
namespace {

constexpr uint32_t kUdpBytes = 8;
constexpr uint8_t kUdp = 17;

uint64_t digest_of(std::span<const uint8_t> bytes) {
    uint64_t digest = Random::mixed(bytes.size() + 1);
    for (uint8_t byte : bytes) digest = Random::mixed(digest ^ byte);
    return digest;
}

}  // namespace

// A packet of UDP's, or a piece of one.
struct DatagramCheck::Fragment {
    uint32_t id;
    uint32_t offset;
    bool more;
    std::span<const uint8_t> bytes;
};

DatagramCheck::DatagramCheck(const Scenario& scenario, Report& report)
    : plans_(scenario.datagrams), report_(report), was_closed_(scenario.datagrams.size()) {}

bool DatagramCheck::view(std::span<const uint8_t> frame, Fragment& fragment) {
    if (frame.size() < kTransportAt || scout::load_be16(frame.data() + 12) != 0x0800) return false;
    const uint8_t* ip = frame.data() + kIpAt;
    const uint32_t header = (ip[0] & 15) * 4u;
    const uint32_t total = scout::load_be16(ip + 2);
    if (ip[9] != kUdp || total < header || total > frame.size() - kIpAt) return false;
    const uint32_t place = scout::load_be16(ip + 6);
    fragment = {.id = scout::load_be16(ip + 4),
                .offset = (place & 0x1fff) * 8,
                .more = (place & 0x2000) != 0,
                .bytes = {ip + header, total - header}};
    return true;
}

void DatagramCheck::wrong(const char* what, const Key& key, size_t bytes) {
    char line[160];
    std::snprintf(line, sizeof line, "udp: %s (%zu bytes, from endpoint %u to %u)", what, bytes,
                  key.from, key.to);
    report_.fail(line);
}

// --- the endpoints ---

void DatagramCheck::writes(uint32_t from, uint32_t to, std::span<const uint8_t> payload) {
    ++accounts_[{from, to, digest_of(payload)}].written;
}

void DatagramCheck::reads(uint32_t at, const dominoes_sockaddr& source,
                          std::span<const uint8_t> payload) {
    const Key key{ntohs(source.port) - uint32_t{kFirstPort}, at, digest_of(payload)};
    ++read_[host_of(at)];
    if (key.from >= plans_.size() || host_of(key.from) == host_of(at) ||
        source.addr[3] != host_of(key.from) + 1)
        return wrong("read from somebody that there is not", key, payload.size());
    if (plans_[at].connected && plans_[at].peer != key.from)
        return wrong("read from another than the peer", key, payload.size());
    const auto found = accounts_.find(key);
    if (found == accounts_.end() || found->second.written == 0)
        return wrong("read what nobody wrote", key, payload.size());
    uint64_t came = 0;
    for (const Datagram* datagram : found->second.sent) {
        uint32_t whole = UINT32_MAX;
        for (const Piece& piece : datagram->pieces) whole = std::min(whole, piece.arrivals);
        came += whole;
    }
    if (++found->second.read > came) wrong("read more often than it came", key, payload.size());
}

// Whoever is connected refuses all but its peer.
void DatagramCheck::refused(uint32_t endpoint) {
    const uint32_t peer = plans_[endpoint].peer;
    const DatagramPlan& there = plans_[peer];
    const bool connected = plans_[endpoint].connected;
    if (connected && (was_closed_[peer] || (there.connected && there.peer != endpoint))) return;
    wrong("refused by a port that was open", {peer, endpoint, 0}, 0);
}

// --- the wire ---

void DatagramCheck::sent(uint32_t host, std::span<const uint8_t> frame) {
    Fragment fragment;
    if (!view(frame, fragment)) return;
    const uint32_t number = host << 16 | fragment.id;
    auto last = datagrams_.upper_bound(number);
    const bool known = last != datagrams_.begin() && std::prev(last)->first == number;
    Datagram& datagram = fragment.offset == 0 || !known
                             ? datagrams_.insert({number, Datagram{}})->second
                             : std::prev(last)->second;
    const auto bytes = static_cast<uint32_t>(fragment.bytes.size());
    datagram.pieces.push_back({fragment.offset, bytes, 0});
    if (datagram.bytes.size() == fragment.offset)
        datagram.bytes.insert(datagram.bytes.end(), fragment.bytes.begin(), fragment.bytes.end());
    if (!fragment.more) datagram.total = fragment.offset + bytes;
    if (datagram.bytes.size() == datagram.total) complete(host, datagram);
}

void DatagramCheck::complete(uint32_t host, Datagram& datagram) {
    if (datagram.complete || datagram.total < kUdpBytes) return;
    datagram.complete = true;
    ++complete_[host];
    const uint8_t* udp = datagram.bytes.data();
    const Key key{scout::load_be16(udp) - uint32_t{kFirstPort},
                  scout::load_be16(udp + 2) - uint32_t{kFirstPort},
                  digest_of(std::span(datagram.bytes).subspan(kUdpBytes))};
    const auto found = accounts_.find(key);
    if (found == accounts_.end()) return wrong("sent what nobody wrote", key, datagram.total);
    found->second.sent.push_back(&datagram);
    datagram.bytes.clear();
}

void DatagramCheck::arrives(uint32_t host, std::span<const uint8_t> frame) {
    Fragment fragment;
    if (!view(frame, fragment)) return;
    if (fragment.offset == 0 && !fragment.more) ++unfragmented_[host];
    const auto [begin, end] = datagrams_.equal_range((1 - host) << 16 | fragment.id);
    for (auto at = begin; at != end; ++at) {
        for (Piece& piece : at->second.pieces) {
            if (piece.offset == fragment.offset && piece.bytes == fragment.bytes.size())
                ++piece.arrivals;
        }
    }
}

}  // namespace sim
