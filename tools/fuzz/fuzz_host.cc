// SPDX-License-Identifier: GPL-2.0
#include "tools/fuzz/fuzz_host.hh"

#include <cerrno>

#include "scout/counters.h"
#include "scout/ip/ip.hh"
#include "scout/net/checksum.hh"
#include "scout/net/stack_types.hh"
#include "scout/tcp/header.hh"
#include "tools/sim/scheduler.hh"

namespace fuzz {

// --- threads and time ---

void run_as_driver(std::function<void()> world) {
    sim::Scheduler scheduler(1, {.max_switches = 1'000'000});
    // At once, so that it is seen where it happened.
    scheduler.on_failure = [](const std::string& why) { require(false, why.c_str()); };
    require(scheduler.run(std::move(world)), scheduler.failure().c_str());
}

void settle() { sim::Scheduler::current().settle(); }

void pass(uint64_t ns) {
    sim::Scheduler& scheduler = sim::Scheduler::current();
    const uint64_t until = scheduler.now_ns() + ns;
    settle();
    for (uint64_t next; (next = scheduler.next_deadline()) <= until; settle())
        scheduler.advance_to(next);
    scheduler.advance_to(until);
    settle();
}

// --- the link ---

bool FuzzLink::transmit(dominoes_packet* packet) {
    const std::span<const uint8_t> frame = rig::bytes_of(*packet);
    scout::EthHeader eth;
    const auto bytes = static_cast<uint32_t>(frame.size());
    require(scout::parse_eth(frame.data(), bytes, eth) == scout::EthResult::kOk, "a frame");
    require(eth.source == kOurMac, "from us");
    require(bytes <= scout::kEthHeaderBytes + mtu, "no longer than the MTU");
    if (eth.type == scout::kEtherIp)
        check_ip(frame.data() + scout::kEthHeaderBytes, bytes - scout::kEthHeaderBytes);
    last.assign(frame.begin(), frame.end());
    dominoes_packet_free(packet);
    return !refuses;
}

void FuzzLink::check_ip(const uint8_t* ip, uint32_t bytes) {
    scout::IpHeader header;
    require(scout::parse_ip(ip, bytes, bytes, header) == scout::IpResult::kOk, "an IP packet");
    require(header.total_bytes == bytes, "all of it");
    require(!checked || header.source.v4() == kOurIp, "from us");
    if (header.more_fragments || header.fragment_bytes) return;  // its checksum is the whole's
    const uint8_t* transport = ip + header.header_bytes;
    const uint32_t length = bytes - header.header_bytes;
    if (header.protocol == scout::kIcmp) {
        require(scout::checksum(transport, length) == 0, "the checksum of ICMP");
        return;
    }
    scout::ChecksumSum sum(
        scout::pseudo_sum(header.source, header.destination, header.protocol, length));
    sum.add(transport, length);
    require(sum.checksum() == 0, "the checksum");
    if (header.protocol == scout::kTcp) check_tcp(transport, length);
}

void FuzzLink::check_tcp(const uint8_t* tcp, uint32_t bytes) {
    scout::SegmentEvent event;
    require(scout::tcp_parse(tcp, bytes, bytes, event) == scout::TcpParse::kOk, "a TCP segment");
    require(scout::tcp_flags_possible(event.flags), "possible flags");
    const scout::TcpPorts ports = scout::tcp_ports(tcp);
    latest = {ports.source, ports.destination};
    if (event.flags & scout::kRst) return;
    const bool counted = event.flags & (scout::kSyn | scout::kFin);
    flows[latest] = {event.seq + event.payload_bytes + counted, event.ack};
}

// --- the machine ---

FuzzHost::FuzzHost(uint32_t replicas) : blocks_before_(rig::live_allocations()) {
    stack = scout_stack_create();
    require(stack, "a stack");
    const int cpus[] = {0, 1, 2};
    struct scout_attach attach {};
    attach.link = &link;
    attach.id = 1;
    attach.address = address(kOurIp, 0);
    attach.gateway = address(0xc00002fe, 0);
    attach.prefix_len = 24;
    attach.replicas = replicas;
    attach.cpus = cpus;
    attach.cpu_count = 3;
    require(scout_attach(stack, &attach, &nic) == 0, "a nic");
    settle();
}

FuzzHost::~FuzzHost() {
    rig::fail_allocations(0);
    check_digests();
    while (!endpoints.empty()) close(0);
    settle();
    scout_detach(nic);
    settle();
    scout_stack_destroy(stack);
    settle();
    require(rig::live_allocations() == blocks_before_, "everything is given back");
}

void FuzzHost::check_digests() const {
    uint64_t counters[128] = {};
    scout_stats(nic, counters, 128);
    enum {
#define X(name, description) k_##name,
        DOMINOES_COUNTERS(X)
#undef X
    };
    require(counters[k_digest_mismatches] == 0, "replicas agree");
}

scout_endpoint* FuzzHost::create(int protocol) {
    scout_endpoint* endpoint = nullptr;
    if (scout_endpoint_create(stack, protocol, static_cast<rig::User*>(this), &endpoint))
        return nullptr;
    // A byte a page of the smallest buffers there are: it is the numbers that matter.
    scout_set_option(endpoint, 6, 16384);
    scout_set_option(endpoint, 7, 16384);
    endpoints.push_back(endpoint);
    return endpoint;
}

void FuzzHost::close(size_t index) {
    scout_endpoint_close(endpoints[index]);
    endpoints.erase(endpoints.begin() + static_cast<long>(index));
}

void FuzzHost::accept(scout_endpoint* listener) {
    scout_endpoint* accepted = nullptr;
    dominoes_sockaddr peer;
    if (scout_accept(listener, static_cast<rig::User*>(this), &accepted, &peer) == 0)
        endpoints.push_back(accepted);
}

void FuzzHost::receive(std::span<const uint8_t> frame) {
    dominoes_packet* packet = rig::make_packet(frame);
    if (!scout_receive(nic, packet)) dominoes_packet_free(packet);
}

int64_t FuzzHost::write(scout_endpoint* endpoint, size_t bytes) {
    static uint8_t memory[65536];
    rig::Iter iter(memory, sizeof memory);
    return scout_write(endpoint, &iter, bytes);
}

int64_t FuzzHost::read(scout_endpoint* endpoint, size_t bytes) {
    static uint8_t memory[65536];
    rig::Iter iter(memory, sizeof memory);
    return scout_read(endpoint, &iter, bytes);
}

dominoes_sockaddr address(uint32_t ip, uint16_t port) {
    return scout::to_program({scout::IpAddress::v4(ip), port});
}

// --- frames ---

Bytes framed(const Bytes& packet, uint16_t type) {
    Bytes frame(scout::kEthHeaderBytes);
    scout::write_eth(frame.data(), {kOurMac, kPeerMac, type});
    frame.insert(frame.end(), packet.begin(), packet.end());
    return frame;
}

Bytes ip_packet(uint8_t protocol, const Bytes& payload, const Bytes& options) {
    Bytes bytes(scout::kIpHeaderBytes);
    bytes.insert(bytes.end(), options.begin(), options.end());
    const size_t header_bytes = bytes.size();
    scout::IpHeader header{};
    header.total_bytes = static_cast<uint32_t>(header_bytes + payload.size());
    header.ttl = 64;
    header.protocol = protocol;
    header.source = scout::IpAddress::v4(kPeerIp);
    header.destination = scout::IpAddress::v4(kOurIp);
    scout::write_ip(bytes.data(), header);
    bytes[0] = static_cast<uint8_t>(0x40 | header_bytes / 4);
    scout::store_be16(&bytes[10], 0);
    scout::store_be16(&bytes[10], scout::checksum(bytes.data(), header_bytes));
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    return bytes;
}

void finish_transport(Bytes& segment, uint8_t protocol, size_t checksum_at) {
    const auto length = static_cast<uint32_t>(segment.size());
    scout::store_be16(&segment[checksum_at], 0);
    scout::ChecksumSum sum(scout::pseudo_sum(scout::IpAddress::v4(kPeerIp),
                                             scout::IpAddress::v4(kOurIp), protocol, length));
    sum.add(segment.data(), segment.size());
    scout::store_be16(&segment[checksum_at], sum.checksum() ? sum.checksum() : 0xffff);
}

}  // namespace fuzz
