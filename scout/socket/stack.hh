// SPDX-License-Identifier: GPL-2.0
//
// Stack: all there is on one machine: the contexts, a thread for each CPU that an attached device
// may use; the attached devices; the endpoints. Its mutex serialises what is serial.
#pragma once

#include "dominoes/context.hh"
#include "scout/socket/endpoint.hh"
#include "scout/socket/nic.hh"

namespace scout {

class Stack : dominoes::Pinned {
public:
    // nullptr when memory is short. Context: process.
    [[nodiscard]] static Stack* create();
    Stack() = default;
    // No device is attached, no endpoint left.
    ~Stack();

    Shared& shared() { return shared_; }
    dominoes_mutex* mutex() { return shared_.mutex(); }

    // --- under the mutex ---

    // The n-th context of `cpu`, from 0, made if there is none; nullptr when memory or threads are
    // short. One is what a CPU needs, but -1 is any CPU, and may stand for many.
    dominoes::Context* context(int cpu, uint32_t n);
    // The endpoints bound to no address in particular gain it.
    void add(Nic& nic);
    // The endpoints bound there lose it.
    void remove(Nic& nic);
    void add(Endpoint& endpoint);
    void remove(Endpoint& endpoint);
    // Whose address is `local` (any: the first attached); nullptr: none.
    Nic* nic_of(IpAddress local);
    // From which `peer` is best reached: by the longest prefix, then through a gateway, then the
    // first attached; nullptr: none.
    Nic* nic_towards(IpAddress peer);
    // Binds at every device, to one port. Errors are those of UdpEndpoint::bind().
    int bind_everywhere(UdpEndpoint& endpoint, uint16_t port);
    // Whether a TCP endpoint may be bound to `port` at every device, as TcpRouter::port_free().
    bool port_free_everywhere(uint16_t port, bool reuse);
    bool port_bound(const Nic& nic, uint16_t port);
    // The connection, listener or UDP endpoint with the smallest id >= `id`. -ENOENT.
    int info_at(uint64_t id, EndpointInfo& info);

private:
    struct ContextNode {
        int cpu;
        uint32_t n;
        dominoes::Context* context;
        ContextNode* next;
    };

    int try_everywhere(UdpEndpoint& endpoint, uint16_t port);

    Shared shared_;
    ContextNode* contexts_ = nullptr;
    Nic* nics_ = nullptr;
    Endpoint* endpoints_ = nullptr;
};

}  // namespace scout
