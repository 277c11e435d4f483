// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/host.hh"

#include <arpa/inet.h>

#include <cerrno>
#include <cstring>
#include <numeric>

#include "scout/counters.h"

namespace sim {

int SimHost::attach(dominoes_link& link) {
    stack_ = scout_stack_create();
    if (!stack_) return -ENOMEM;
    std::vector<int> cpus(config_.contexts);
    std::iota(cpus.begin(), cpus.end(), 0);
    struct scout_attach wanted {};
    wanted.link = &link;
    wanted.id = number_ + 1;
    wanted.address = address_of(number_, 0);
    wanted.prefix_len = 24;
    wanted.replicas = config_.replicas;
    wanted.cpus = cpus.data();
    wanted.cpu_count = config_.contexts;
    const int error = scout_attach(stack_, &wanted, &nic_);
    if (!error) return 0;
    nic_ = nullptr;
    destroy();
    return error;
}

int SimHost::listen() {
    int error = scout_endpoint_create(stack_, 6, static_cast<rig::User*>(this), &listener_);
    if (error) return error;
    const dominoes_sockaddr address = address_of(number_, kPort);
    error = set_options(listener_, config_);
    if (!error) error = scout_bind(listener_, &address);
    if (!error) error = scout_listen(listener_, 16);
    return error;
}

void SimHost::unlisten() {
    if (!listener_) return;
    scout_endpoint* const listener = listener_;
    listener_ = nullptr;
    due_ns_ = kNever;
    scout_endpoint_close(listener);
}

void SimHost::detach() {
    scout_nic* const nic = nic_;
    nic_ = nullptr;
    if (nic) scout_detach(nic);
}

void SimHost::destroy() {
    if (stack_) scout_stack_destroy(stack_);
    stack_ = nullptr;
}

void SimHost::receive(dominoes_packet* packet) {
    if (!nic_ || !scout_receive(nic_, packet)) dominoes_packet_free(packet);
}

void SimHost::wake() {
    if (listener_) due_ns_ = scheduler_.now_ns();
}

void SimHost::accept(const std::function<Application*(uint16_t port)>& whose) {
    due_ns_ = kNever;
    for (;;) {
        auto made = std::make_unique<Accepted>();
        dominoes_sockaddr peer;
        scout_endpoint* endpoint = nullptr;
        const int error =
            scout_accept(listener_, static_cast<rig::User*>(made.get()), &endpoint, &peer);
        if (error == -ENOMEM) due_ns_ = scheduler_.now_ns() + kMillisecond;
        if (error) return;
        made->application = whose(ntohs(peer.port));
        if (!made->application) return scout_endpoint_close(endpoint);
        made->application->adopt(endpoint);
        accepted_.push_back(std::move(made));
    }
}

uint64_t SimHost::counter(const char* name) const {
    static const char* const kNames[] = {
#define X(name, description) #name,
        DOMINOES_COUNTERS(X)
#undef X
    };
    constexpr size_t kCount = sizeof kNames / sizeof kNames[0];
    uint64_t values[kCount] = {};
    if (nic_) scout_stats(nic_, values, kCount);
    for (size_t i = 0; i < kCount; ++i) {
        if (std::strcmp(kNames[i], name) == 0) return values[i];
    }
    return 0;
}

}  // namespace sim
