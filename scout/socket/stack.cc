// SPDX-License-Identifier: GPL-2.0
#include "scout/socket/stack.hh"

#include "dominoes/guard.hh"
#include "scout/net/errors.hh"

namespace scout {

namespace {

// Singly linked lists of a handful: `next` is the member that links them.
template <typename T>
void unlink(T*& first, T& node) {
    T** link = &first;
    while (*link && *link != &node) link = &(*link)->next;
    if (*link) *link = node.next;
}

}  // namespace

Stack* Stack::create() {
    dominoes::Owned<Stack> stack(dominoes::make<Stack>());
    return stack && stack->shared_.valid() ? stack.release() : nullptr;
}

Stack::~Stack() {
    DOMINOES_ASSERT(!nics_ && !endpoints_);
    dominoes_retire_barrier();
    while (ContextNode* node = contexts_) {
        contexts_ = node->next;
        dominoes::Context::destroy(node->context);
        dominoes::destroy(node);
    }
}

dominoes::Context* Stack::context(int cpu, uint32_t n) {
    for (ContextNode* node = contexts_; node; node = node->next) {
        if (node->cpu == cpu && node->n == n) return node->context;
    }
    auto* node = dominoes::make<ContextNode>();
    if (!node) return nullptr;
    *node = {cpu, n, dominoes::Context::create(cpu, "dominoes"), contexts_};
    if (!node->context) {
        dominoes::destroy(node);
        return nullptr;
    }
    contexts_ = node;
    return node->context;
}

void Stack::add(Nic& nic) {
    Nic** end = &nics_;
    while (*end) end = &(*end)->next;
    *end = &nic;
    for (Endpoint* endpoint = endpoints_; endpoint; endpoint = endpoint->next) {
        endpoint->gain_nic(nic);
    }
}

void Stack::remove(Nic& nic) {
    unlink(nics_, nic);
    for (Endpoint* endpoint = endpoints_; endpoint; endpoint = endpoint->next) {
        endpoint->lose_nic(nic);
    }
}

void Stack::add(Endpoint& endpoint) {
    endpoint.next = endpoints_;
    endpoints_ = &endpoint;
}

void Stack::remove(Endpoint& endpoint) { unlink(endpoints_, endpoint); }

Nic* Stack::nic_of(IpAddress local) {
    for (Nic* nic = nics_; nic; nic = nic->next) {
        if (nic->address == local || local.is_any()) return nic;
    }
    return nullptr;
}

Nic* Stack::nic_towards(IpAddress peer) {
    Nic* nearest = nullptr;
    for (Nic* nic = nics_; nic; nic = nic->next) {
        const uint32_t nearness = nic->nearness(peer);
        if (nearness > (nearest ? nearest->nearness(peer) : 0)) nearest = nic;
    }
    IpAddress next_hop;
    return nearest && nearest->route(peer, next_hop) ? nearest : nullptr;
}

// A free port at one device may be taken at another: then there is most likely a next one.
int Stack::bind_everywhere(UdpEndpoint& endpoint, uint16_t port) {
    constexpr int kMaxTries = 64;
    int error = try_everywhere(endpoint, port);
    for (int i = 1; port == 0 && error == -int{kEaddrinuse} && i < kMaxTries; ++i) {
        error = try_everywhere(endpoint, port);
    }
    return error;
}

int Stack::try_everywhere(UdpEndpoint& endpoint, uint16_t port) {
    for (Nic* nic = nics_; nic; nic = nic->next) {
        if (const int error = endpoint.bind(nic->udp(), port)) {
            endpoint.unbind();
            return error;
        }
        port = endpoint.local().port;
    }
    return 0;
}

bool Stack::port_free_everywhere(uint16_t port, bool reuse) {
    for (Nic* nic = nics_; nic; nic = nic->next) {
        if (!nic->tcp().port_free(port, reuse) || port_bound(*nic, port)) return false;
    }
    return true;
}

bool Stack::port_bound(const Nic& nic, uint16_t port) {
    for (Endpoint* endpoint = endpoints_; endpoint; endpoint = endpoint->next) {
        if (endpoint->is_tcp() && endpoint->bound_port() == port && endpoint->is_at(nic))
            return true;
    }
    return false;
}

int Stack::info_at(uint64_t id, EndpointInfo& info) {
    uint64_t least = ~uint64_t{0};
    Endpoint* found_endpoint = nullptr;
    Connection* found_connection = nullptr;
    for (Endpoint* endpoint = endpoints_; endpoint; endpoint = endpoint->next) {
        if (endpoint->id() < id || endpoint->id() >= least || endpoint->stands_for_connection())
            continue;
        least = endpoint->id();
        found_endpoint = endpoint;
    }
    for (Nic* nic = nics_; nic; nic = nic->next) {
        nic->tcp().for_each([&](Connection& connection) {
            if (connection.id() < id || connection.id() >= least) return;
            least = connection.id();
            found_connection = &connection;
        });
    }
    if (found_connection) {
        found_connection->info(info);
        return 0;
    }
    if (!found_endpoint) return -int{kEnoent};
    found_endpoint->fill_info(info);
    return 0;
}

}  // namespace scout
