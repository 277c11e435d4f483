// SPDX-License-Identifier: GPL-2.0
#include "scout/socket/endpoint.hh"

#include "dominoes/guard.hh"
#include "scout/socket/stack.hh"

namespace scout {

using dominoes::MutexGuard;

namespace {

// As a socket that is not connected.
constexpr uint32_t kPollUnconnected = SCOUT_OUT | SCOUT_HUP | SCOUT_UNCONNECTED;

}  // namespace

// --- life ---

Endpoint::Endpoint(Stack& stack, uint8_t protocol, void* user)
    : stack_(stack), id_(stack.shared().next_id()), user_(user) {
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
    closed.router->unlisten(closed);
    closed.close([](Connection& refused) {
        refused.close(true);
        refused.release();
    });
    closed.release();
}

// Where its port is taken, or memory is short, it just does not hear anything.
void Endpoint::gain_nic(Nic& nic) {
    if (!any_address_) return;
    if (udp_) {
        if (!nic_) nic_ = &nic;
        (void)udp_->bind(nic.udp(), bound_.port);
    } else if (Listener* l = listener()) {
        (void)listen_at(nic, l->backlog());
    }
}

void Endpoint::lose_nic(Nic& nic) {
    const bool was_first = nic_ == &nic;
    if (was_first) nic_ = any_address_ ? stack_.nic_of({}) : nullptr;
    // UDP is told by its router, a connection by its replicas.
    const bool lost = was_first && !nic_ && !udp_ && !connection();
    if (lost) error_.store_release(kEnetdown);
    if (Listener* l = listener_at(nic)) close_listener(*l);
    if (lost) wake();
}

// --- naming ---

int Endpoint::bind(const dominoes_sockaddr& address) {
    SocketAddress wanted;
    if (!from_program(address, wanted)) return -int{kEinval};
    MutexGuard guard(stack_.mutex());
    if ((nic_ && bound_.port != 0) || !fresh()) return -int{kEinval};
    Nic* nic = stack_.nic_of(wanted.ip);
    if (!nic) return -int{kEaddrnotavail};
    const bool any = wanted.ip.is_any();
    if (udp_) return any ? bind_udp_everywhere(wanted.port) : bind_udp(*nic, wanted.port);
    const int error = any ? bind_tcp_everywhere(wanted.port) : bind_tcp(*nic, wanted.port);
    if (error) return error;
    address_chosen_ = !any;
    port_chosen_ = wanted.port != 0;
    return 0;
}

int Endpoint::bind_udp(Nic& nic, uint16_t port) {
    const int error = udp_->bind(nic.udp(), port);
    if (error) return error;
    nic_ = &nic;
    bound_ = udp_->local();
    return 0;
}

int Endpoint::bind_tcp(Nic& nic, uint16_t port) {
    const bool reuse = attributes_.get(Attribute::kReuseAddress) != 0;
    if (port == 0) {
        port = nic.pick_port();
        if (port == 0) return -int{kEaddrinuse};
    } else if (!nic.tcp().port_free(port, reuse) || stack_.port_bound(nic, port)) {
        return -int{kEaddrinuse};
    }
    any_address_ = false;
    nic_ = &nic;
    bound_ = {nic.address, port};
    return 0;
}

int Endpoint::bind_udp_everywhere(uint16_t port) {
    if (const int error = stack_.bind_everywhere(*udp_, port)) return error;
    any_address_ = true;
    nic_ = stack_.nic_of({});
    bound_ = {{}, udp_->local().port};
    return 0;
}

int Endpoint::bind_tcp_everywhere(uint16_t port) {
    const bool reuse = attributes_.get(Attribute::kReuseAddress) != 0;
    if (port == 0) {
        port = pick_port_everywhere();
        if (port == 0) return -int{kEaddrinuse};
    } else if (!stack_.port_free_everywhere(port, reuse)) {
        return -int{kEaddrinuse};
    }
    bound_everywhere(port);
    return 0;
}

void Endpoint::bound_everywhere(uint16_t port) {
    Nic* only = stack_.nic_of({});
    any_address_ = true;
    nic_ = only;
    if (only && only->next) only = nullptr;
    bound_ = {only ? only->address : IpAddress(), port};
}

// Under the mutex. There is neither connection nor listener any more: what the program has not
// chosen is given back, as by Linux's tcp_disconnect().
void Endpoint::unbind() {
    if (!port_chosen_) bound_.port = 0;
    if (address_chosen_) return;
    if (port_chosen_) return bound_everywhere(bound_.port);
    any_address_ = false;
    nic_ = nullptr;
    bound_ = {};
}

// A free port of the first device may be taken at another: then there is most likely a next one.
uint16_t Endpoint::pick_port_everywhere() {
    constexpr int kMaxTries = 64;
    for (int i = 0; i < kMaxTries; ++i) {
        const uint16_t port = stack_.nic_of({})->pick_port();
        if (port == 0 || stack_.port_free_everywhere(port, false)) return port;
    }
    return 0;
}

// Under the mutex: a TCP endpoint has a port, and a nic from which `peer` can be reached. A port
// that is its own everywhere need not be taken there.
int Endpoint::ensure_bound(IpAddress peer) {
    if (nic_ && !any_address_ && bound_.port != 0) return 0;
    if (address_chosen_) return nic_ ? bind_tcp(*nic_, 0) : -int{kEaddrnotavail};
    Nic* nic = stack_.nic_towards(peer);
    if (!nic) return -int{kEnetunreach};
    if (!nic_) return bind_tcp(*nic, bound_.port);
    any_address_ = false;
    nic_ = nic;
    bound_.ip = nic->address;
    return 0;
}

// Under the mutex: likewise of a TCP endpoint that is to listen.
int Endpoint::ensure_port() {
    if (nic_ && bound_.port != 0) return 0;
    if (address_chosen_) return nic_ ? bind_tcp(*nic_, 0) : -int{kEaddrnotavail};
    return stack_.nic_of({}) ? bind_tcp_everywhere(bound_.port) : -int{kEaddrnotavail};
}

// Under the mutex. From now on it is at one device.
int Endpoint::connect_udp(const SocketAddress& to) {
    Nic* nic = nic_ && !any_address_ ? nic_ : stack_.nic_towards(to.ip);
    if (!nic) return -int{kEnetunreach};
    if (const int error = udp_->connect(nic->udp(), to)) return error;
    nic_ = nic;
    any_address_ = false;
    bound_ = udp_->local();
    return 0;
}

int Endpoint::connect(const dominoes_sockaddr& address) {
    SocketAddress to;
    if (!from_program(address, to) || to.port == 0 || to.ip.is_any() || to.ip.is_multicast() ||
        to.ip.is_limited_broadcast()) {
        return -int{kEinval};
    }
    MutexGuard guard(stack_.mutex());
    if (udp_) return connect_udp(to);
    if (listener() || settled_) return -int{kEisconn};
    return connection() ? outcome() : begin_connect(to);
}

int Endpoint::connect_result() {
    MutexGuard guard(stack_.mutex());
    if (udp_ || settled_) return 0;
    return connection() ? outcome() : static_cast<int>(unconnected(kEconnaborted));
}

// Under the mutex.
int Endpoint::begin_connect(const SocketAddress& to) {
    if (const int error = ensure_bound(to.ip)) return error;
    if (!own_replicas_)
        attributes_.set(static_cast<uint32_t>(Attribute::kReplicas), nic_->replicas());
    Connection* made = nullptr;
    if (const int error = nic_->tcp().connect({bound_, to, kTcp}, attributes_, user_, &made)) {
        unbind();
        return error;
    }
    error_.store_release(kNoError);
    connection_.store_release(made);
    return -int{kEinprogress};
}

// Under the mutex. Of the attempt to connect, as Linux's __inet_stream_connect() has it: success is
// said once, and so is failure, after which the endpoint may try anew.
int Endpoint::outcome() {
    Appwrap& appwrap = connection()->appwrap();
    if (appwrap.is_over()) {
        const uint32_t error = appwrap.take_error();
        disconnect();
        return -static_cast<int>(error ? error : kEconnaborted);
    }
    if (!appwrap.is_connected()) return -int{kEalready};
    settled_ = true;
    return 0;
}

// Under the mutex. The connection goes, and with it what had been bound for it. Nothing of it is
// kept, so that no number of attempts holds more than one; but a read or a write may be at it
// still.
void Endpoint::disconnect() {
    Connection* c = connection_.exchange_seq_cst(nullptr);
    reading_.replaced(*c);
    writing_.replaced(*c);
    c->close(true);
    if (nic_) nic_->tcp().remove(*c);
    c->release();
    unbind();
}

int Endpoint::listen(uint32_t backlog) {
    MutexGuard guard(stack_.mutex());
    if (udp_ || connection()) return -int{kEinval};
    if (listener()) return 0;
    if (const int error = ensure_port()) return error;
    backlog =
        backlog == 0 ? Listener::kDefaultBacklog : dominoes::min(backlog, Listener::kMaxBacklog);
    for (Nic* nic = any_address_ ? stack_.nic_of({}) : nic_; nic; nic = nic->next) {
        if (const int error = listen_at(*nic, backlog)) {
            while (Listener* l = listener()) close_listener(*l);
            return error;
        }
        if (!any_address_) break;
    }
    return 0;
}

// Under the mutex.
int Endpoint::listen_at(Nic& nic, uint32_t backlog) {
    if (!own_replicas_)
        attributes_.set(static_cast<uint32_t>(Attribute::kReplicas), nic.replicas());
    auto* made = dominoes::make<Listener>(bound_.port, attributes_, backlog, user_);
    if (!made) return -int{kEnomem};
    if (const int error = nic.tcp().listen(*made)) {
        made->release();
        return error;
    }
    made->router = &nic.tcp();
    dominoes::Atomic<Listener*>* end = &listener_;
    while (Listener* l = end->load_relaxed()) end = &l->next;
    end->store_release(made);
    return 0;
}

// Under the mutex.
Listener* Endpoint::listener_at(Nic& nic) const {
    Listener* l = listener();
    while (l && l->router != &nic.tcp()) l = l->next.load_relaxed();
    return l;
}

int Endpoint::accept(void* user, Endpoint** out, dominoes_sockaddr* peer) {
    dominoes::Owned<Endpoint> made(dominoes::make<Endpoint>(stack_, kTcp, user));
    if (!made) return -int{kEnomem};
    MutexGuard guard(stack_.mutex());
    if (!listener()) return error_.load_acquire() == kEnetdown ? -int{kEnetdown} : -int{kEinval};
    Connection* arrived = nullptr;
    for (Listener* l = listener(); l && !arrived; l = l->next.load_relaxed()) arrived = l->pop();
    if (!arrived) return -int{kEagain};
    made->attributes_ = arrived->attributes();
    made->bound_ = arrived->participants().local;
    made->connection_.store_release(arrived);
    made->settled_ = true;
    arrived->appwrap().user().join(user);
    *peer = to_program(arrived->participants().peer);
    stack_.add(*made);
    *out = made.release();
    return 0;
}

int Endpoint::local(dominoes_sockaddr* address) {
    MutexGuard guard(stack_.mutex());
    *address = to_program(udp_ ? udp_->local() : bound_);
    return 0;
}

int Endpoint::peer(dominoes_sockaddr* address) {
    SocketAddress to;
    if (Connection* c = connection()) {
        if (!c->appwrap().is_connected() || c->appwrap().is_over()) return -int{kEnotconn};
        to = c->participants().peer;
    } else if (!udp_ || !udp_->peer(to)) {
        return -int{kEnotconn};
    }
    *address = to_program(to);
    return 0;
}

// --- data ---

uint32_t Endpoint::poll() {
    if (udp_) return udp_->poll();
    dominoes::ReadSection section;  // what it looks at may be retired meanwhile
    if (Connection* c = connection()) return c->appwrap().poll();
    Listener* l = listener();
    if (!l) return kPollUnconnected | (error_.load_acquire() ? SCOUT_ERR | SCOUT_IN : 0);
    for (; l; l = l->next.load_acquire()) {
        if (l->ready()) return SCOUT_IN;
    }
    return 0;
}

// What a read or a write says without a connection. One that had to be given up has left an error.
int64_t Endpoint::unconnected(Errno otherwise) {
    const uint32_t error = error_.exchange_acq_rel(kNoError);
    return -int64_t{error ? error : otherwise};
}

int64_t Endpoint::read(dominoes_iter* to, size_t bytes) {
    if (udp_) return udp_->receive_from(nullptr, to, bytes, false);
    return read_stream(to, bytes, false);
}

int64_t Endpoint::read_stream(dominoes_iter* to, size_t bytes, bool peek) {
    const dominoes::Use<Connection> c(reading_, connection_);
    return c ? c->appwrap().read(to, bytes, peek) : unconnected(kEnotconn);
}

int64_t Endpoint::write(dominoes_iter* from, size_t bytes) {
    if (udp_) return udp_->send_to(nullptr, from, bytes);
    const dominoes::Use<Connection> c(writing_, connection_);
    return c ? c->appwrap().write(from, bytes) : unconnected(kEpipe);
}

int64_t Endpoint::send_to(const dominoes_sockaddr* peer, dominoes_iter* from, size_t bytes) {
    if (!udp_) return write(from, bytes);
    if (!peer || peer->family == 0) return udp_->send_to(nullptr, from, bytes);
    SocketAddress to;
    if (!from_program(*peer, to)) return -int64_t{kEinval};
    {
        MutexGuard guard(stack_.mutex());
        if (!nic_ && !stack_.nic_towards(to.ip)) return -int64_t{kEnetunreach};
        if (!nic_) {
            if (const int error = bind_udp_everywhere(0)) return error;
        }
    }
    return udp_->send_to(&to, from, bytes);
}

int64_t Endpoint::receive_from(dominoes_sockaddr* peer, dominoes_iter* to, size_t bytes,
                               bool peek) {
    if (!udp_) return read_stream(to, bytes, peek);
    SocketAddress from;
    const int64_t got = udp_->receive_from(&from, to, bytes, peek);
    if (got >= 0) *peer = to_program(from);
    return got;
}

// As Linux's inet_shutdown(): a listener stops listening unless only writing is meant, and an
// attempt to connect is given up, whatever is meant.
int Endpoint::shutdown(int how) {
    MutexGuard guard(stack_.mutex());
    if (listener()) {
        if (how != 1) stop_listening();
        return 0;
    }
    Connection* c = connection();
    if (!c || c->appwrap().is_over()) return -int{kEnotconn};
    if (c->appwrap().is_connected()) {
        settled_ = true;
        c->appwrap().shut(how != 1, how != 0);
        return 0;
    }
    error_.store_release(kEconnreset);
    disconnect();
    wake();
    return 0;
}

// Under the mutex. Whoever waits in accept() hears of it.
void Endpoint::stop_listening() {
    while (Listener* l = listener()) close_listener(*l);
    unbind();
    wake();
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
    if (Connection* c = connection()) return c->info(info);
    info = {};
    info.id = id_;
    info.protocol = udp_ ? kUdp : kTcp;
    info.ifindex = nic_ ? static_cast<uint32_t>(nic_->id) : 0;
    info.state = static_cast<uint32_t>(TcpPhase::kClosed);
    info.local = to_program(udp_ ? udp_->local() : bound_);
    SocketAddress to;
    if (udp_ && udp_->peer(to)) info.peer = to_program(to);
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
