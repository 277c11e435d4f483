// SPDX-License-Identifier: GPL-2.0
#include "scout/udp/udp.hh"

#include "dominoes/guard.hh"
#include "scout/net/checksum.hh"
#include "scout/net/errors.hh"

namespace scout {

using dominoes::ReadSection;

namespace {

constexpr uint32_t kPortBuckets = 256;
constexpr uint32_t kChecksumOffset = 6;

}  // namespace

// --- bytes (RFC 768) ---

UdpResult parse_udp(const uint8_t* bytes, uint32_t length, UdpHeader& out) {
    if (length < kUdpHeaderBytes) return UdpResult::kShort;
    out.source_port = load_be16(bytes);
    out.destination_port = load_be16(bytes + 2);
    out.length = load_be16(bytes + 4);
    out.checksum = load_be16(bytes + 6);
    return out.length >= kUdpHeaderBytes && out.length <= length ? UdpResult::kOk
                                                                 : UdpResult::kShort;
}

bool UdpStage::push(Msg& msg) {
    uint8_t* header = msg.prepend(kUdpHeaderBytes);
    store_be16(header, source_port_);
    store_be16(header + 2, destination_port_);
    store_be16(header + 4, static_cast<uint16_t>(msg.bytes()));
    msg.want_checksum(kChecksumOffset);
    return below_->push(msg);
}

// --- what arrives ---

UdpRouter* UdpRouter::create(Interface& interface, ArpRouter& arp, IcmpRouter& icmp) {
    dominoes::Owned<UdpRouter> router(dominoes::make<UdpRouter>(interface, arp, icmp));
    if (!router) return nullptr;
    router->ports_.reset(Ports::create(kPortBuckets));
    return router->ports_ ? router.release() : nullptr;
}

Verdict UdpRouter::demux(Frame& frame) {
    UdpHeader header;
    // The IP router has left the whole header in the head, or the datagram is too short for one.
    if (parse_udp(frame.transport(), frame.transport_bytes, header) != UdpResult::kOk) {
        return interface_.drop(Counter::drop_udp_short);
    }
    const UdpArrival arrival{
        .source = {frame.source, header.source_port},
        .offset = frame.transport_offset,
        .bytes = header.length,
        .pseudo = pseudo_sum(frame.source, frame.destination, kUdp, header.length),
        .checksummed = header.checksum != 0,
    };
    ReadSection section;
    const UdpPort* port = ports_->find(header.destination_port);
    if (port && !port->endpoint().accepts(arrival.source)) port = nullptr;
    if (port && port->replicas()) return publish(*port, frame.packet, arrival);
    if (!arrival.checksum_right(frame.packet)) return interface_.drop(Counter::drop_udp_checksum);
    return port ? enqueue(port->endpoint(), arrival.datagram(frame.packet)) : no_port(frame);
}

// RFC 1122 section 4.1.3.1.
Verdict UdpRouter::no_port(Frame& frame) {
    interface_.counters.add(Counter::drop_udp_no_port);
    return icmp_.port_unreachable(frame);
}

// The owner of the request does the rest.
Verdict UdpRouter::publish(const UdpPort& port, dominoes_packet* packet,
                           const UdpArrival& arrival) {
    const uint32_t payload = arrival.datagram(packet).bytes;
    if (!port.endpoint().reserve(payload)) return interface_.drop(Counter::drop_udp_full);
    if (port.replicas()->publish(arrival, packet)) return Verdict::kTake;
    port.endpoint().forget(payload);
    return interface_.drop(Counter::drop_udp_full);
}

Verdict UdpRouter::enqueue(UdpEndpoint& endpoint, const UdpDatagram& datagram) {
    if (!endpoint.enqueue(datagram)) return interface_.drop(Counter::drop_udp_full);
    interface_.counters.add(Counter::udp_in);
    return Verdict::kTake;
}

// RFC 1122 section 4.1.3.3. Only that nobody is there concerns a program; the rest may pass.
bool UdpRouter::icmp_error(const IcmpError& error) {
    ReadSection section;
    const UdpPort* port = ports_->find(error.local.port);
    SocketAddress peer;
    if (!port || !port->endpoint().peer(peer) || peer != error.peer) return false;
    const bool refused = error.type == kIcmpUnreachable &&
                         (error.code == kPortUnreachable || error.code == kProtocolUnreachable);
    if (refused) port->endpoint().fail(kEconnrefused);
    return true;
}

// --- ports ---

bool UdpPort::begin() {
    const uint32_t chosen = endpoint_.replicas_.load_relaxed();
    const uint32_t count = chosen ? chosen : router_.interface().replicas();
    if (count < 2) return true;
    const auto policy = static_cast<dominoes::Policy>(endpoint_.policy_.load_relaxed());
    replicas_ = UdpReplicas::create(router_.interface(), endpoint_, {count, policy, key()});
    return replicas_ != nullptr;
}

int UdpRouter::bind(UdpEndpoint& endpoint, uint16_t port) {
    if (port == 0) return bind_ephemeral(endpoint);
    if (ports_->find(port)) return -int{kEaddrinuse};
    dominoes::Owned<UdpPort> node(dominoes::make<UdpPort>(port, *this, endpoint));
    if (!node || !node->begin()) return -int{kEnomem};
    endpoint.gain_port(*node);
    const bool inserted = ports_->insert(*node.release());
    DOMINOES_ASSERT(inserted);
    return 0;
}

// RFC 6056 section 3.3.1: from a random one on.
int UdpRouter::bind_ephemeral(UdpEndpoint& endpoint) {
    constexpr uint32_t kPorts = 65536 - kFirstEphemeral;
    uint32_t start;
    dominoes_random(&start, sizeof(start));
    for (uint32_t i = 0; i < kPorts; ++i) {
        const auto port = static_cast<uint16_t>(kFirstEphemeral + (start + i) % kPorts);
        const int error = bind(endpoint, port);
        if (error != -int{kEaddrinuse}) return error;
    }
    return -int{kEaddrinuse};
}

void UdpRouter::unbind(UdpPort& port) {
    ports_->remove(port);
    port.endpoint().lose_port(port);
    port.end();
    dominoes_retire(&port, &UdpPort::free);
}

void UdpRouter::detach(int error) {
    ports_->for_each([this, error](UdpPort& port) {
        UdpEndpoint& endpoint = port.endpoint();
        unbind(port);
        if (!endpoint.bound()) endpoint.fail(error);
    });
}

}  // namespace scout
