// SPDX-License-Identifier: GPL-2.0
#include "dominoes/guard.hh"
#include "scout/net/errors.hh"
#include "scout/stack.h"
#include "scout/udp/udp.hh"

namespace scout {

using dominoes::MutexGuard;

namespace {

constexpr uint32_t kBounceBytes = 4096;
constexpr uint64_t kConnected = uint64_t{1} << 63;

constexpr uint64_t pack(const SocketAddress& address) {
    return kConnected | uint64_t{address.ip.v4()} << 16 | address.port;
}

constexpr SocketAddress unpack(uint64_t packed) {
    return {IpAddress::v4(static_cast<uint32_t>(packed >> 16)), static_cast<uint16_t>(packed)};
}

bool names_one_host(const SocketAddress& address) {
    return address.port != 0 && !address.ip.is_any() && !address.ip.is_multicast() &&
           !address.ip.is_limited_broadcast();
}

}  // namespace

// --- life ---

UdpEndpoint* UdpEndpoint::create(void* user) {
    dominoes::Owned<UdpEndpoint> endpoint(dominoes::make<UdpEndpoint>(user));
    if (!endpoint) return nullptr;
    endpoint->queue_.reset(UdpQueue::create(kQueueSlots));
    endpoint->bounce_ = static_cast<uint8_t*>(dominoes_alloc(kBounceBytes));
    endpoint->mutex_ = dominoes_mutex_create();
    const bool complete = endpoint->queue_ && endpoint->bounce_ && endpoint->mutex_;
    return complete ? endpoint.release() : nullptr;
}

UdpEndpoint::~UdpEndpoint() {
    if (mutex_) dominoes_mutex_destroy(mutex_);
    dominoes_free(bounce_);
}

void UdpEndpoint::close() {
    unbind();
    user_.leave();
    dominoes_mutex_destroy(mutex_);  // no interrupt uses it, and here one may sleep
    mutex_ = nullptr;
    dominoes_retire(&program_, [](dominoes_retired* retired) {
        static_cast<ProgramsReference*>(retired)->endpoint.release();
    });
}

void UdpEndpoint::release() {
    if (references_.fetch_sub_acq_rel(1) == 1) dominoes::destroy(this);
}

// --- naming ---

int UdpEndpoint::bind(UdpRouter& router, uint16_t port) {
    if (ports_ && (port_at(router) || port != ports_->key())) return -int{kEinval};
    return router.bind(*this, port);
}

int UdpEndpoint::connect(UdpRouter& router, SocketAddress peer) {
    IpAddress next_hop;
    if (!names_one_host(peer)) return -int{kEinval};
    if (!router.interface().route(peer.ip, next_hop)) return -int{kEnetunreach};
    if (!port_at(router)) {
        if (const int error = bind(router, local().port)) return error;
    }
    leave_all_but(&router);
    peer_.store_release(pack(peer));  // relaxed would do: the word stands for itself
    return 0;
}

void UdpEndpoint::gain_port(UdpPort& port) {
    MutexGuard guard(mutex_);
    UdpPort** end = &ports_;
    while (*end) end = &(*end)->next;
    *end = &port;
}

void UdpEndpoint::lose_port(UdpPort& port) {
    MutexGuard guard(mutex_);
    UdpPort** link = &ports_;
    while (*link != &port) link = &(*link)->next;
    *link = port.next;
}

UdpPort* UdpEndpoint::port_at(const UdpRouter& router) const {
    UdpPort* port = ports_;
    while (port && &port->router() != &router) port = port->next;
    return port;
}

void UdpEndpoint::leave_all_but(const UdpRouter* router) {
    for (UdpPort* port = ports_; port;) {
        UdpPort* next = port->next;
        if (&port->router() != router) port->router().unbind(*port);
        port = next;
    }
}

SocketAddress UdpEndpoint::local() const {
    if (!ports_) return {};
    const IpAddress address = ports_->next ? IpAddress() : ports_->router().interface().address;
    return {address, ports_->key()};
}

bool UdpEndpoint::peer(SocketAddress& out) const {
    const uint64_t packed = peer_.load_acquire();
    out = unpack(packed);
    return packed != 0;
}

void UdpEndpoint::replicas_info(EndpointInfo& info) const {
    if (ports_ && ports_->replicas()) ports_->replicas()->info(info);
}

// --- from the interrupt, or replicas ---

bool UdpEndpoint::accepts(const SocketAddress& source) const {
    const uint64_t peer = peer_.load_acquire();
    return peer == 0 || peer == pack(source);
}

bool UdpEndpoint::reserve(uint32_t bytes) {
    const uint32_t before = waiting_bytes_.fetch_add_relaxed(bytes);
    if (before < most_waiting_bytes_.load_relaxed()) return true;
    forget(bytes);
    return false;
}

bool UdpEndpoint::deliver(const UdpDatagram& datagram) {
    if (!queue_->push(datagram)) return false;
    user_.wake();
    return true;
}

bool UdpEndpoint::enqueue(const UdpDatagram& datagram) {
    if (!reserve(datagram.bytes)) return false;
    if (deliver(datagram)) return true;
    forget(datagram.bytes);
    return false;
}

void UdpEndpoint::fail(int error) {
    error_.store_release(static_cast<uint32_t>(error));
    user_.wake();
}

// --- sending ---

int64_t UdpEndpoint::send_to(const SocketAddress* given, dominoes_iter* from, size_t bytes) {
    SocketAddress to;
    if (const int error = take_error()) return -error;
    if (const int error = find_peer(given, to)) return error;
    if (bytes > kMaxPayload) return -int{kEmsgsize};

    void* payload = bytes ? dominoes_alloc(bytes) : nullptr;
    if (bytes && !payload) return -int{kEnomem};
    int error = 0;
    if (bytes && dominoes_iter_take(from, payload, bytes) != static_cast<int64_t>(bytes)) {
        error = -int{kEfault};
    }
    if (!error) error = send(to, payload, static_cast<uint32_t>(bytes));
    dominoes_free(payload);
    return error ? error : static_cast<int64_t>(bytes);
}

int UdpEndpoint::find_peer(const SocketAddress* given, SocketAddress& out) const {
    if (!given) return peer(out) ? 0 : -int{kEdestaddrreq};
    out = *given;
    return names_one_host(out) ? 0 : -int{kEinval};
}

// nullptr: not bound. Under mutex_.
UdpPort* UdpEndpoint::port_towards(IpAddress destination) const {
    UdpPort* nearest = ports_;
    const auto nearness = [destination](UdpPort* port) {
        return port->router().interface().nearness(destination);
    };
    for (UdpPort* port = ports_; port; port = port->next) {
        if (nearness(port) > nearness(nearest)) nearest = port;
    }
    return nearest;
}

int UdpEndpoint::send(const SocketAddress& to, const void* payload, uint32_t bytes) {
    MutexGuard guard(mutex_);
    UdpPort* port = port_towards(to.ip);
    if (!port) return -int{kEinval};  // or the device went away meanwhile
    UdpRouter& router = port->router();
    DatagramStage below(router.interface_, router.arp_, to.ip, kUdp, service());
    UdpStage udp(below, port->key(), to.port);
    Msg msg;
    msg.set_payload(payload, bytes);
    if (udp.push(msg)) router.interface_.counters.add(Counter::udp_out);
    return below.error();
}

// --- receiving ---

int64_t UdpEndpoint::receive_from(SocketAddress* peer, dominoes_iter* to, size_t bytes, bool peek) {
    UdpDatagram datagram;
    if (const int error = take_error()) return -error;
    if (!queue_->peek(datagram)) return -int{kEagain};
    if (peer) *peer = datagram.source;
    const auto wanted = static_cast<uint32_t>(dominoes::min<size_t>(bytes, datagram.bytes));
    const int64_t given = give(datagram, to, wanted);
    if (!peek) pop(datagram);
    return given;
}

void UdpEndpoint::pop(const UdpDatagram& datagram) {
    queue_->pop();
    waiting_bytes_.fetch_sub_acq_rel(datagram.bytes);
    dominoes_packet_free(datagram.packet);
}

// Through the bounce buffer, for a packet may lie in pieces.
int64_t UdpEndpoint::give(const UdpDatagram& datagram, dominoes_iter* to, uint32_t bytes) {
    for (uint32_t done = 0; done < bytes;) {
        const uint32_t piece = dominoes::min(bytes - done, kBounceBytes);
        dominoes_packet_copy(datagram.packet, datagram.offset + done, bounce_, piece);
        if (dominoes_iter_put(to, bounce_, piece) != piece) return -int{kEfault};
        done += piece;
    }
    return datagram.bytes;
}

uint32_t UdpEndpoint::poll() const {
    const bool failed = error_.load_acquire() != 0;
    const bool readable = failed || !queue_->empty();
    return SCOUT_OUT | (readable ? SCOUT_IN : 0u) | (failed ? SCOUT_ERR : 0u);
}

}  // namespace scout
