// SPDX-License-Identifier: GPL-2.0
//
// Nic: an attached device, with its graph of routers and its control domain, where what is serial
// runs.
#pragma once

#include "dominoes/context.hh"
#include "scout/connection/tcp_router.hh"
#include "scout/ip/icmp.hh"
#include "scout/ip/ip.hh"
#include "scout/link/arp.hh"
#include "scout/link/eth.hh"
#include "scout/udp/udp.hh"

namespace scout {

class Stack;

class Nic final : public Interface, public dominoes_retired {
public:
    // Negative errno, or 0 and the nic. Under the stack's mutex. Context: process.
    [[nodiscard]] static int create(Stack& stack, const AttachConfig& config, Nic** nic);
    explicit Nic(Stack& stack);
    ~Nic();
    // Begins to probe for its address, and calls `over(context)` once (context: any) when it is
    // known whether it is free. The stack does not know the nic yet. Without the mutex. Context:
    // process.
    void begin_probing(void (*over)(void* context), void* context);
    // What the probing has found: 0, and the address is used from now on, and announced; -EAGAIN,
    // not known yet; -EADDRINUSE, and `owner` has it. Without the mutex. Context: process.
    int end_probing(MacAddress& owner);
    // Ends all connections with ENETDOWN, waits for all replicas, and frees the nic. Without the
    // mutex. Context: process.
    void detach();

    // The device's MTU has changed. Connections are told in the control domain, after this returns.
    // Without the mutex. Context: process.
    void mtu_changed();
    // Tells the link whose our address is, unless it is tentative. Context: any.
    void announce();

    // A frame from the device. True: taken. Context: softirq or process.
    bool receive(dominoes_packet* packet);

    // --- shape ---
    Stack& stack() { return stack_; }
    ArpRouter& arp() { return *arp_; }
    TcpRouter& tcp() { return *tcp_; }
    UdpRouter& udp() { return *udp_; }
    uint32_t replicas() const override { return replicas_; }
    // A free port for a TCP endpoint; 0: none is left. Under the stack's mutex.
    uint16_t pick_port();
    dominoes::Context& context(uint64_t n) override { return *contexts_[n % context_count_]; }
    // What has been counted here, or in its contexts. Context: any.
    uint64_t count(Counter counter) const;

    // What detach() waits for.
    void replicas_begin() override { live_.fetch_add_relaxed(1); }
    void replicas_ended() override;

    Verdict defer(Router& router, Handler handle, Frame& frame) override;

    Nic* next = nullptr;  // maintained by Stack

private:
    int check(const AttachConfig& config);
    int allocate(const AttachConfig& config);
    void connect_routers();
    bool start_control();
    bool handle_deferred(dominoes::Request& request);
    void call_in_control(void (*call)(void* nic));
    void start_tick();
    void stop_timers();
    bool tick();
    bool probe();

    static constexpr uint32_t kControlCapacity = 256;
    static constexpr uint64_t kTickNs = 1'000'000'000;

    Stack& stack_;
    uint32_t replicas_ = 1;

    dominoes::Context** contexts_ = nullptr;
    uint32_t context_count_ = 0;

    EthRouter eth_{*this};
    IpRouter ip_{*this};
    dominoes::Owned<ArpRouter> arp_;
    dominoes::Owned<IcmpRouter> icmp_;
    dominoes::Owned<UdpRouter> udp_;
    dominoes::Owned<TcpRouter> tcp_;

    dominoes::Owned<dominoes::RingChannel> control_channel_;
    dominoes::Owned<dominoes::Domain> control_;
    dominoes::Owned<dominoes::Subscription> control_subscription_;
    dominoes::Atomic<uint32_t> mtu_told_;  // to the control domain, which has not looked yet
    dominoes::Timer tick_timer_;
    dominoes::Timer probe_timer_;
    dominoes_completion* control_left_ = nullptr;

    dominoes::Atomic<uint32_t> live_{1};  // what has replicas, and one for the nic itself
    dominoes_completion* all_ended_ = nullptr;
};

}  // namespace scout
