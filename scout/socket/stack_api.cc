// SPDX-License-Identifier: GPL-2.0
//
// The C face of the core: scout/stack.h, each call handed to the object it is about.
#include "dominoes/guard.hh"
#include "scout/net/errors.hh"
#include "scout/socket/stack.hh"

using dominoes::MutexGuard;
using scout::Endpoint;
using scout::Nic;
using scout::Stack;

namespace {

Stack& of(scout_stack* stack) { return *reinterpret_cast<Stack*>(stack); }
Nic& of(scout_nic* nic) { return *reinterpret_cast<Nic*>(nic); }
Endpoint& of(scout_endpoint* endpoint) { return *reinterpret_cast<Endpoint*>(endpoint); }

}  // namespace

extern "C" {

scout_stack* scout_stack_create() { return reinterpret_cast<scout_stack*>(Stack::create()); }

void scout_stack_destroy(scout_stack* stack) { dominoes::destroy(&of(stack)); }

int scout_attach(scout_stack* stack, const struct scout_attach* config, scout_nic** out) {
    Nic* nic = nullptr;
    {
        MutexGuard guard(of(stack).mutex());
        if (const int error = Nic::create(of(stack), *config, &nic)) return error;
        if (!config->probed) of(stack).add(*nic);
    }
    if (config->probed) nic->begin_probing(config->probed, config->probed_context);
    *out = reinterpret_cast<scout_nic*>(nic);
    return 0;
}

bool scout_tentative(scout_nic* nic) { return of(nic).tentative.load_relaxed() != 0; }

int scout_probed(scout_nic* nic, uint8_t owner[6]) {
    scout::MacAddress mac{};
    const int error = of(nic).end_probing(mac);
    __builtin_memcpy(owner, mac.bytes, sizeof mac.bytes);
    return error;
}

void scout_detach(scout_nic* nic) { of(nic).detach(); }

void scout_mtu_changed(scout_nic* nic) { of(nic).mtu_changed(); }

void scout_announce(scout_nic* nic) { of(nic).announce(); }

bool scout_receive(scout_nic* nic, dominoes_packet* packet) { return of(nic).receive(packet); }

uint32_t scout_stats(scout_nic* nic, uint64_t* values, uint32_t count) {
    constexpr uint32_t kKnown = scout::Counters::kCount;
    for (uint32_t i = 0; i < dominoes::min(count, kKnown); ++i)
        values[i] = of(nic).count(static_cast<scout::Counter>(i));
    return kKnown;
}

uint32_t scout_connections(scout_nic* nic) { return of(nic).tcp().count(); }

int scout_endpoint_create(scout_stack* stack, int protocol, void* user, scout_endpoint** out) {
    if (protocol != scout::kTcp && protocol != scout::kUdp) return -int{scout::kEinval};
    Endpoint* endpoint = Endpoint::create(of(stack), static_cast<uint8_t>(protocol), user);
    *out = reinterpret_cast<scout_endpoint*>(endpoint);
    return endpoint ? 0 : -int{scout::kEnomem};
}

void scout_endpoint_close(scout_endpoint* endpoint) { of(endpoint).close(); }

int scout_bind(scout_endpoint* endpoint, const dominoes_sockaddr* address) {
    return of(endpoint).bind(*address);
}

int scout_connect(scout_endpoint* endpoint, const dominoes_sockaddr* peer) {
    return of(endpoint).connect(*peer);
}

int scout_connect_result(scout_endpoint* endpoint) { return of(endpoint).connect_result(); }

int scout_listen(scout_endpoint* endpoint, uint32_t backlog) {
    return of(endpoint).listen(backlog);
}

int scout_accept(scout_endpoint* listener, void* user, scout_endpoint** out,
                 dominoes_sockaddr* peer) {
    Endpoint* endpoint = nullptr;
    const int error = of(listener).accept(user, &endpoint, peer);
    if (!error) *out = reinterpret_cast<scout_endpoint*>(endpoint);
    return error;
}

uint32_t scout_poll(scout_endpoint* endpoint) { return of(endpoint).poll(); }

int64_t scout_read(scout_endpoint* endpoint, dominoes_iter* to, size_t bytes) {
    return of(endpoint).read(to, bytes);
}

int64_t scout_write(scout_endpoint* endpoint, dominoes_iter* from, size_t bytes) {
    return of(endpoint).write(from, bytes);
}

int scout_shutdown(scout_endpoint* endpoint, int how) { return of(endpoint).shutdown(how); }

int scout_take_error(scout_endpoint* endpoint) { return of(endpoint).take_error(); }

bool scout_drained(scout_endpoint* endpoint) { return of(endpoint).drained(); }

int scout_set_option(scout_endpoint* endpoint, uint32_t option, int64_t value) {
    return of(endpoint).set_option(option, value);
}

const char* scout_option_rule(uint32_t option) { return scout::Attributes::rule(option); }

int scout_get_option(scout_endpoint* endpoint, uint32_t option, int64_t* value) {
    return of(endpoint).get_option(option, value);
}

int scout_local(scout_endpoint* endpoint, dominoes_sockaddr* address) {
    return of(endpoint).local(address);
}

int scout_peer(scout_endpoint* endpoint, dominoes_sockaddr* address) {
    return of(endpoint).peer(address);
}

int64_t scout_send_to(scout_endpoint* endpoint, const dominoes_sockaddr* peer, dominoes_iter* from,
                      size_t bytes) {
    return of(endpoint).send_to(peer, from, bytes);
}

int64_t scout_receive_from(scout_endpoint* endpoint, dominoes_sockaddr* peer, dominoes_iter* to,
                           size_t bytes, bool peek) {
    return of(endpoint).receive_from(peer, to, bytes, peek);
}

int scout_info(scout_endpoint* endpoint, struct dominoes_info* info) {
    return of(endpoint).info(info);
}

int scout_info_at(scout_stack* stack, uint64_t id, struct dominoes_info* info) {
    MutexGuard guard(of(stack).mutex());
    return of(stack).info_at(id, *info);
}

}  // extern "C"
