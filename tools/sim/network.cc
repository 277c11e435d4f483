// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/network.hh"

#include <algorithm>
#include <cstring>

#include "tools/sim/frame.hh"
#include "tools/sim/segment_view.hh"

namespace sim {
namespace {

constexpr uint32_t kFullFrame = 1514;
constexpr uint32_t kTcpFlagsAt = 13;

bool is_arp(const dominoes_packet& packet) { return scout::load_be16(packet.data + 12) == 0x0806; }

uint64_t digest_of(std::span<const uint8_t> bytes, uint64_t digest) {
    while (bytes.size() >= 8) {
        uint64_t word;
        std::memcpy(&word, bytes.data(), 8);
        digest = Random::mixed(digest ^ word);
        bytes = bytes.subspan(8);
    }
    for (uint8_t byte : bytes) digest = Random::mixed(digest ^ byte);
    return digest;
}

// Equal for packets that say the same. Less the number that IP gives to what may be fragmented: it
// is random, and several threads of several hosts draw at one time. Less PSH, with which each
// packet of several segments ends before it is cut up: where that is depends on how many replicas
// share a run.
uint64_t traced(const dominoes_packet& packet, uint64_t now) {
    constexpr uint32_t kNumberAt = kEthBytes + 4, kSumAt = kEthBytes + 10;
    std::vector<uint8_t> bytes(packet.data, packet.data + packet.bytes);
    if (bytes.size() >= kSumAt + 2 && !is_arp(packet)) {
        scout::store_be16(&bytes[kNumberAt], 0);
        scout::store_be16(&bytes[kSumAt], 0);
    }
    SegmentView view;
    if (view_segment(bytes, view)) {
        bytes[view.tcp_offset + kTcpFlagsAt] &= static_cast<uint8_t>(~scout::kPsh);
        scout::store_be16(&bytes[view.tcp_offset + scout::kTcpChecksumOffset], 0);
    }
    return digest_of(bytes, now);
}

}  // namespace

Network::Network(const Scenario& scenario, Scheduler& scheduler, Report& report)
    : scenario_(scenario),
      scheduler_(scheduler),
      report_(report),
      random_(scenario.seed, 4),
      losses_{Random(scenario.seed, 12), Random(scenario.seed, 13)},
      check_(report) {
    for (uint32_t host : {0, 1}) {
        Link& link = links_[host];
        link.wire = this;
        link.host = host;
        link.mac[5] = static_cast<uint8_t>(host + 1);
        link.mtu = scenario.hosts[host].mtu;
        link.gso = link.checksum_offload = scenario.gso;
    }
}

Network::~Network() {
    for (const Transmitted& waiting : transmitted_) dominoes_packet_free(waiting.packet);
    for (; !flights_.empty(); flights_.pop()) dominoes_packet_free(flights_.top().packet);
}

// --- sending ---

bool Network::Link::transmit(dominoes_packet* packet) { return wire->transmit(host, packet); }

bool Network::transmit(uint32_t host, dominoes_packet* packet) {
    if (scenario_.paths[host].refuses && suffers(*packet) && !has_room(host, uncollected_[host])) {
        ++refused_;
        note("refused", host, *packet);
        dominoes_packet_free(packet);
        return false;
    }
    uncollected_[host] += packet->bytes;
    SegmentView view;
    uint64_t flow = host;
    if (view_segment(rig::bytes_of(*packet), view))
        flow |= uint64_t{view.ports.source} << 32 | uint64_t{view.ports.destination} << 16;
    transmitted_.push_back({flow, host, packet});
    return true;
}

// Those of one connection's end stay in order.
void Network::collect() {
    if (transmitted_.empty()) return;
    std::stable_sort(transmitted_.begin(), transmitted_.end(),
                     [](const auto& a, const auto& b) { return a.flow < b.flow; });
    for (size_t i = 0; i < transmitted_.size(); ++i) {  // there may come more
        const Transmitted next = transmitted_[i];
        put(next.host, next.packet);
    }
    transmitted_.clear();
    uncollected_[0] = uncollected_[1] = 0;
}

void Network::put(uint32_t host, dominoes_packet* packet) {
    const uint64_t now = scheduler_.now_ns();
    if (on_sent) on_sent(host, *packet);
    check_.sent(host, rig::bytes_of(*packet));
    if (datagrams) datagrams->sent(host, rig::bytes_of(*packet));
    if (pcap) pcap->write(now, rig::bytes_of(*packet));
    if (trace) trace->push_back(traced(*packet, now));
    note("sends", host, *packet);

    const PathConfig& path = scenario_.paths[host];
    Random& losses = scenario_.same_losses ? losses_[host] : random_;
    const bool lost = losses.chance(path.loss) && suffers(*packet);
    const bool doubled = random_.chance(path.duplicate);
    uint64_t leaves_ns = now;
    if (lost || partitioned(host) || !fits(host, *packet) ||
        !queue_for(host, packet->bytes, leaves_ns)) {
        note("lost", host, *packet);
        return dominoes_packet_free(packet);
    }
    if (doubled) fly(host, rig::clone_packet(*packet), leaves_ns);
    fly(host, packet, leaves_ns);
}

bool Network::suffers(const dominoes_packet& packet) const {
    return !is_arp(packet) || scenario_.arp_suffers;
}

// What has been built before the MTU became less may not: devices drop it without a word. A peer
// that breaks the rules has a device that takes anything.
bool Network::fits(uint32_t host, const dominoes_packet& packet) const {
    if (scenario_.hostile && host == 1) return true;
    SegmentView view;
    uint64_t bytes = packet.bytes;
    if (packet.segment_bytes && view_segment(rig::bytes_of(packet), view))
        bytes -=
            view.payload.size() - std::min<uint64_t>(view.payload.size(), packet.segment_bytes);
    return bytes <= kEthBytes + links_[host].mtu;
}

bool Network::partitioned(uint32_t host) const {
    const uint64_t now = scheduler_.now_ns() - scenario_.schedule.start_ns;
    return std::any_of(
        scenario_.partitions.begin(), scenario_.partitions.end(), [=](const Partition& partition) {
            return partition.ways[host] && partition.from_ns <= now && now < partition.to_ns;
        });
}

uint64_t Network::wire_time(uint32_t host, uint64_t bytes) const {
    return bytes * 8 * kSecond / scenario_.paths[host].bits_per_s;
}

// In the queue before the wire, when `ahead` bytes more are in it.
bool Network::has_room(uint32_t host, uint64_t ahead) const {
    const uint64_t now = scheduler_.now_ns();
    const uint64_t queued_ns = std::max(now, free_ns_[host]) - now + wire_time(host, ahead);
    const uint64_t most = uint64_t{scenario_.paths[host].queue_packets} * kFullFrame;
    return queued_ns <= wire_time(host, most);
}

// False: the queue is full. One that refuses has said so already.
bool Network::queue_for(uint32_t host, uint32_t bytes, uint64_t& leaves_ns) {
    const PathConfig& path = scenario_.paths[host];
    if (path.bits_per_s == 0) return true;
    if (!path.refuses && !has_room(host, 0)) return false;
    leaves_ns = free_ns_[host] =
        std::max(scheduler_.now_ns(), free_ns_[host]) + wire_time(host, bytes);
    return true;
}

void Network::fly(uint32_t host, dominoes_packet* packet, uint64_t leaves_ns) {
    const PathConfig& path = scenario_.paths[host];
    uint64_t at_ns = leaves_ns + path.delay_ns + random_.below(path.jitter_ns + 1);
    if (random_.chance(path.reorder)) at_ns += random_.below(4 * path.delay_ns + kMillisecond);
    const bool damaged = random_.chance(path.corrupt) && damage(host, *packet);
    flights_.push({at_ns, order_++, 1 - host, !damaged, packet});
}

// A byte of the IP packet, so that a checksum notices. ARP has none. Of a datagram in pieces only
// the first can be hit: two wrong bytes may make up for each other.
bool Network::damage(uint32_t host, dominoes_packet& packet) {
    constexpr uint32_t kPlaceAt = kEthBytes + 6, kPlace = 0x1fff;
    if (is_arp(packet) || scout::load_be16(packet.data + kPlaceAt) & kPlace) return false;
    const uint64_t at = random_.between(kEthBytes, packet.bytes - 1);
    packet.data[at] ^= static_cast<uint8_t>(random_.between(1, 255));
    note("damaged", host, packet);
    return true;
}

// --- receiving ---

void Network::deliver_next() {
    const Flight flight = flights_.top();
    flights_.pop();
    ++delivered_;
    if (flight.intact) check_.arrives(flight.to, rig::bytes_of(*flight.packet));
    if (datagrams) datagrams->arrives(flight.to, rig::bytes_of(*flight.packet));
    note("gets", flight.to, *flight.packet);
    on_arrival(flight.to, flight.packet);
}

void Network::note(const char* what, uint32_t host, const dominoes_packet& packet) {
    if (!report_.wants_timeline()) return;
    SegmentView view;
    const uint64_t now = scheduler_.now_ns();
    if (!view_segment(rig::bytes_of(packet), view)) {
        report_.note(now, "host %u %-7s %s of %u bytes", host, what,
                     is_arp(packet) ? "ARP" : "a packet", packet.bytes);
        return;
    }
    const auto flag = [&](uint8_t bit, char letter) { return view.has(bit) ? letter : '-'; };
    report_.note(now, "host %u %-7s %u > %u %c%c%c%c%c seq %u +%u ack %u win %u sack %u", host,
                 what, view.ports.source, view.ports.destination, flag(scout::kSyn, 'S'),
                 flag(scout::kFin, 'F'), flag(scout::kRst, 'R'), flag(scout::kPsh, 'P'),
                 flag(scout::kAck, 'A'), view.event.seq, view.event.payload_bytes, view.event.ack,
                 view.event.window, view.event.sack_blocks);
}

}  // namespace sim
