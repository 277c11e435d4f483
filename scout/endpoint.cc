// SPDX-License-Identifier: GPL-2.0
#include "scout/endpoint.hh"

#include "dominoes/guard.hh"
#include "scout/errors.hh"
#include "scout/stack.hh"

namespace scout {

using dominoes::MutexGuard;

namespace {

constexpr uint16_t kFamilyInet = 2;  // AF_INET

bool take_address(const scout_sockaddr& from, SocketAddress& to) {
    if (from.family != kFamilyInet) return false;
    to = {IpAddress::v4(from.addr), from.port};
    return true;
}

void give_address(const SocketAddress& from, scout_sockaddr& to) {
    to = {};
    to.family = kFamilyInet;
    to.port = from.port;
    from.ip.store(to.addr);
}

}  // namespace

// --- life ---

Endpoint::Endpoint(Stack& stack, uint8_t protocol, void* user)
    : stack_(stack), id_(stack.next_id()), user_(user) {
    attributes_.set(static_cast<uint32_t>(Attribute::kProtocol), protocol);
}

Endpoint* Endpoint::create(Stack& stack, uint8_t protocol, void* user) {
    dominoes::Owned<Endpoint> endpoint(dominoes::make<Endpoint>(stack, protocol, user));
    if (!endpoint) return nullptr;
    if (protocol == kUdp) {
        endpoint->udp_ = UdpEndpoint::create(user);
        if (!endpoint->udp_) return nullptr;
    }
    MutexGuard guard(stack.mutex());
    stack.add(*endpoint);
    return endpoint.release();
}

void Endpoint::close() {
    {
        MutexGuard guard(stack_.mutex());
        stack_.remove(*this);
        if (udp_) udp_->close();
        while (Listener* l = listener()) close_listener(*l);
    }
    if (Connection* c = connection()) {
        c->close(reset_on_close());
        c->release();
    }
    dominoes::destroy(this);
}

// Under the mutex. poll() may be looking at it: it keeps its link.
void Endpoint::close_listener(Listener& closed) {
    dominoes::Atomic<Listener*>* link = &listener_;
    while (link->load_relaxed() != &closed) link = &link->load_relaxed()->next;
    link->store_release(closed.next.load_relaxed());
    closed.host->tcp().unlisten(closed);
    closed.close([](Connection& refused) {
        refused.close(true);
        refused.release();
    });
    closed.release();
}

// Where its port is taken, or memory is short, it just does not hear anything.
void Endpoint::gain_host(Host& host) {
    if (!any_address_) return;
    if (udp_) {
        if (!host_) host_ = &host;
        (void)udp_->bind(host.udp(), bound_.port);
    } else if (Listener* l = listener()) {
        (void)listen_at(host, l->backlog());
    }
}

void Endpoint::lose_host(Host& host) {
    Listener* l = listener_at(host);
    const bool was_first = host_ == &host;
    if (was_first) host_ = any_address_ ? stack_.host_of({}) : nullptr;
    if (was_first && !host_ && !udp_) {  // UDP is told by its router
        error_.store_release(kEnetdown);
        if (l) l->user().wake();
    }
    if (l) close_listener(*l);
}

// --- naming ---

int Endpoint::bind(const scout_sockaddr& address) {
    SocketAddress wanted;
    if (!take_address(address, wanted)) return -int{kEinval};
    MutexGuard guard(stack_.mutex());
    if (host_ || !fresh()) return -int{kEinval};
    Host* host = stack_.host_of(wanted.ip);
    if (!host) return -int{kEaddrnotavail};
    if (udp_)
        return wanted.ip.is_any() ? bind_udp_everywhere(wanted.port) : bind_udp(*host, wanted.port);
    return wanted.ip.is_any() ? bind_tcp_everywhere(wanted.port) : bind_tcp(*host, wanted.port);
}

int Endpoint::bind_udp(Host& host, uint16_t port) {
    const int error = udp_->bind(host.udp(), port);
    if (error) return error;
    host_ = &host;
    bound_ = udp_->local();
    return 0;
}

int Endpoint::bind_tcp(Host& host, uint16_t port) {
    const bool reuse = attributes_.get(Attribute::kReuseAddress) != 0;
    if (port == 0) {
        port = host.tcp().pick_port();
        if (port == 0) return -int{kEaddrinuse};
    } else if (!host.tcp().port_free(port, reuse) || stack_.port_bound(host, port)) {
        return -int{kEaddrinuse};
    }
    host_ = &host;
    bound_ = {host.address, port};
    return 0;
}

int Endpoint::bind_udp_everywhere(uint16_t port) {
    if (const int error = stack_.bind_everywhere(*udp_, port)) return error;
    any_address_ = true;
    host_ = stack_.host_of({});
    bound_ = {{}, udp_->local().port};
    return 0;
}

int Endpoint::bind_tcp_everywhere(uint16_t port) {
    const bool reuse = attributes_.get(Attribute::kReuseAddress) != 0;
    Host* first = stack_.host_of({});
    if (port == 0) {
        port = pick_port_everywhere();
        if (port == 0) return -int{kEaddrinuse};
    } else if (!stack_.port_free_everywhere(port, reuse)) {
        return -int{kEaddrinuse};
    }
    any_address_ = true;
    host_ = first;
    bound_ = {first->next ? IpAddress() : first->address, port};
    return 0;
}

// A free port of the first device may be taken at another: then there is most likely a next one.
uint16_t Endpoint::pick_port_everywhere() {
    constexpr int kMostTries = 64;
    for (int i = 0; i < kMostTries; ++i) {
        const uint16_t port = stack_.host_of({})->tcp().pick_port();
        if (port == 0 || stack_.port_free_everywhere(port, false)) return port;
    }
    return 0;
}

// Under the mutex: a TCP endpoint has a port, and a host from which `peer` can be reached. A port
// that is its own everywhere need not be taken there.
int Endpoint::ensure_bound(IpAddress peer) {
    if (host_ && !any_address_) return 0;
    Host* host = stack_.host_towards(peer);
    if (!host) return -int{kEnetunreach};
    if (!host_) return bind_tcp(*host, 0);
    any_address_ = false;
    host_ = host;
    bound_.ip = host->address;
    return 0;
}

// Under the mutex. From now on it is at one device.
int Endpoint::connect_udp(const SocketAddress& to) {
    Host* host = host_ && !any_address_ ? host_ : stack_.host_towards(to.ip);
    if (!host) return -int{kEnetunreach};
    if (const int error = udp_->connect(host->udp(), to)) return error;
    host_ = host;
    any_address_ = false;
    bound_ = udp_->local();
    return 0;
}

int Endpoint::connect(const scout_sockaddr& address) {
    SocketAddress to;
    if (!take_address(address, to) || to.port == 0 || to.ip.is_any() || to.ip.is_multicast() ||
        to.ip.is_limited_broadcast()) {
        return -int{kEinval};
    }
    MutexGuard guard(stack_.mutex());
    if (listener()) return -int{kEinval};
    if (Connection* c = connection()) {
        return c->appwrap().is_connected() || c->appwrap().is_over() ? -int{kEisconn}
                                                                     : -int{kEalready};
    }
    if (udp_) return connect_udp(to);
    if (const int error = ensure_bound(to.ip)) return error;
    if (!own_replicas_)
        attributes_.set(static_cast<uint32_t>(Attribute::kReplicas), host_->replicas());
    Connection* made = nullptr;
    const int error = host_->tcp().connect({bound_, to, kTcp}, attributes_, user_, &made);
    if (error) return error;
    connection_.store_release(made);
    return -int{kEinprogress};
}

int Endpoint::listen(uint32_t backlog) {
    MutexGuard guard(stack_.mutex());
    if (udp_ || connection()) return -int{kEinval};
    if (listener()) return 0;
    if (!host_) {
        if (!stack_.host_of({})) return -int{kEaddrnotavail};
        if (const int error = bind_tcp_everywhere(0)) return error;
    }
    backlog =
        backlog == 0 ? Listener::kDefaultBacklog : dominoes::min(backlog, Listener::kMostBacklog);
    for (Host* host = any_address_ ? stack_.host_of({}) : host_; host; host = host->next) {
        if (const int error = listen_at(*host, backlog)) {
            while (Listener* l = listener()) close_listener(*l);
            return error;
        }
        if (!any_address_) break;
    }
    return 0;
}

// Under the mutex.
int Endpoint::listen_at(Host& host, uint32_t backlog) {
    if (!own_replicas_)
        attributes_.set(static_cast<uint32_t>(Attribute::kReplicas), host.replicas());
    auto* made = dominoes::make<Listener>(bound_.port, attributes_, backlog, user_);
    if (!made) return -int{kEnomem};
    if (const int error = host.tcp().listen(*made)) {
        made->release();
        return error;
    }
    made->host = &host;
    dominoes::Atomic<Listener*>* end = &listener_;
    while (Listener* l = end->load_relaxed()) end = &l->next;
    end->store_release(made);
    return 0;
}

// Under the mutex.
Listener* Endpoint::listener_at(const Host& host) const {
    Listener* l = listener();
    while (l && l->host != &host) l = l->next.load_relaxed();
    return l;
}

int Endpoint::accept(void* user, Endpoint** out, scout_sockaddr* peer) {
    dominoes::Owned<Endpoint> made(dominoes::make<Endpoint>(stack_, kTcp, user));
    if (!made) return -int{kEnomem};
    MutexGuard guard(stack_.mutex());
    if (!listener()) return error_.load_acquire() ? -int{kEnetdown} : -int{kEinval};
    Connection* arrived = nullptr;
    for (Listener* l = listener(); l && !arrived; l = l->next.load_relaxed()) arrived = l->pop();
    if (!arrived) return -int{kEagain};
    made->attributes_ = arrived->attributes();
    made->bound_ = arrived->participants().local;
    made->connection_.store_release(arrived);
    arrived->appwrap().user().join(user);
    give_address(arrived->participants().peer, *peer);
    stack_.add(*made);
    *out = made.release();
    return 0;
}

int Endpoint::local(scout_sockaddr* address) {
    MutexGuard guard(stack_.mutex());
    give_address(udp_ ? udp_->local() : bound_, *address);
    return 0;
}

int Endpoint::peer(scout_sockaddr* address) {
    if (Connection* c = connection()) {
        give_address(c->participants().peer, *address);
        return 0;
    }
    SocketAddress to;
    if (!udp_ || !udp_->peer(to)) return -int{kEnotconn};
    give_address(to, *address);
    return 0;
}

// --- data ---

uint32_t Endpoint::poll() {
    if (udp_) return udp_->poll();
    if (Connection* c = connection()) return c->appwrap().poll();
    if (error_.load_acquire()) return SCOUT_ERR | SCOUT_IN | SCOUT_HUP;
    dominoes::ReadSection section;  // lose_host() may be retiring it
    Listener* l = listener();
    if (!l) return SCOUT_OUT | SCOUT_HUP;  // as a socket that is not connected
    for (; l; l = l->next.load_acquire()) {
        if (l->ready()) return SCOUT_IN;
    }
    return 0;
}

int64_t Endpoint::read(dominoes_iter* to, size_t bytes) {
    if (udp_) return udp_->receive_from(nullptr, to, bytes, false);
    return read_stream(to, bytes, false);
}

int64_t Endpoint::read_stream(dominoes_iter* to, size_t bytes, bool peek) {
    Connection* c = connection();
    return c ? c->appwrap().read(to, bytes, peek) : -int64_t{kEnotconn};
}

int64_t Endpoint::write(dominoes_iter* from, size_t bytes) {
    if (udp_) return udp_->send_to(nullptr, from, bytes);
    Connection* c = connection();
    return c ? c->appwrap().write(from, bytes) : -int64_t{kEnotconn};
}

int64_t Endpoint::send_to(const scout_sockaddr* peer, dominoes_iter* from, size_t bytes) {
    if (!udp_) return write(from, bytes);
    if (!peer || peer->family == 0) return udp_->send_to(nullptr, from, bytes);
    SocketAddress to;
    if (!take_address(*peer, to)) return -int64_t{kEinval};
    {
        MutexGuard guard(stack_.mutex());
        if (!host_ && !stack_.host_towards(to.ip)) return -int64_t{kEnetunreach};
        if (!host_) {
            if (const int error = bind_udp_everywhere(0)) return error;
        }
    }
    return udp_->send_to(&to, from, bytes);
}

int64_t Endpoint::receive_from(scout_sockaddr* peer, dominoes_iter* to, size_t bytes, bool peek) {
    if (!udp_) return read_stream(to, bytes, peek);
    SocketAddress from;
    const int64_t got = udp_->receive_from(&from, to, bytes, peek);
    if (got >= 0) give_address(from, *peer);
    return got;
}

int Endpoint::shutdown(int how) {
    Connection* c = connection();
    if (!c || !c->appwrap().is_connected()) return -int{kEnotconn};
    if (how != 1) c->appwrap().shut_reads();
    if (how != 0) c->appwrap().shut_writes();
    return 0;
}

int Endpoint::take_error() {
    if (udp_) return udp_->take_error();
    Connection* c = connection();
    return static_cast<int>(c ? c->appwrap().take_error() : error_.exchange_acq_rel(0));
}

bool Endpoint::drained() {
    Connection* c = connection();
    return !c || c->drained();
}

// --- what there is ---

int Endpoint::info(EndpointInfo* info) {
    MutexGuard guard(stack_.mutex());
    fill_info(*info);
    return 0;
}

void Endpoint::fill_info(EndpointInfo& info) {
    info = {};
    if (Connection* c = connection()) {
        c->info(info);
        return;
    }
    info.id = id_;
    info.protocol = udp_ ? kUdp : kTcp;
    info.host_id = host_ ? host_->id() : 0;
    info.state = static_cast<uint32_t>(TcpPhase::kClosed);
    give_address(udp_ ? udp_->local() : bound_, info.local);
    SocketAddress to;
    if (udp_ && udp_->peer(to)) give_address(to, info.peer);
    if (udp_) {
        info.recv_queue = udp_->queued_bytes();
        udp_->replicas_info(info);
    }
    if (Listener* l = listener()) {
        info.state = static_cast<uint32_t>(TcpPhase::kListen);
        for (Listener* at = l; at; at = at->next.load_relaxed()) info.recv_queue += at->pending();
        info.send_queue = l->backlog();
        info.replicas = static_cast<uint32_t>(l->attributes().get(Attribute::kReplicas));
        info.policy = static_cast<uint32_t>(l->attributes().get(Attribute::kPolicy));
    }
}

}  // namespace scout
