// SPDX-License-Identifier: GPL-2.0
//
// UdpReplicas: the domains that process what arrives at a UDP port (dissertation 3.1: stateless
// protocols). The interrupt publishes each datagram in the port's channel, with its header parsed
// and nothing verified. Every replica takes every request, in that order; the one that owns it
// verifies the checksum, and says what takes the request's place in the order of arrival: the
// datagram, or nothing. Whoever completes the head hands over all that is complete. So checksums
// are computed side by side, and the reader gets datagrams in the order in which they came.
//
// There is no state to keep equal: what becomes of a datagram depends on nothing but itself. So
// there is no step, and there are no digests; a replica is no more than its place in the channel.
// It waits for no other: what it has verified, another may hand over.
//
// The rule for where they are: a port's replicas begin when it is bound at a device, in contexts of
// that device; they are as many as the program has chosen by then, or else as many as the device's
// connections have. An endpoint bound at several devices has a channel and replicas at each, and
// its order is that of each device. One replica would only be a detour: then there are none, and
// the interrupt does it all.
//
// Lifetime: close() publishes an end behind what has arrived. Each replica leaves when it comes to
// that; the last one out tells the device. The memory is retired: an interrupt may still be about
// to publish.
#pragma once

#include "dominoes/context.hh"
#include "dominoes/policy.hh"
#include "dominoes/sequencer.hh"
#include "scout/net/interface.hh"
#include "scout/net/stack_types.hh"
#include "scout/udp/queue.hh"

namespace scout {

class UdpReplicas;

// Who gets what the replicas have verified: an endpoint.
class UdpSink {
public:
    // Takes the datagram with its packet. False: full, and both are still the caller's. One caller
    // at a time, of each group of replicas. Context: any.
    virtual bool deliver(const UdpDatagram& datagram) = 0;
    // A datagram of so many bytes of payload that was published has not been delivered, and its
    // packet is gone. Context: any.
    virtual void forget(uint32_t bytes) = 0;
    // For as long as either may be called. Context: any.
    virtual void hold() = 0;
    virtual void release() = 0;

protected:
    ~UdpSink() = default;
};

// A datagram as the interrupt has seen it.
struct UdpArrival {
    SocketAddress source;
    uint32_t offset;   // of the UDP header in the packet
    uint32_t bytes;    // header and payload
    uint16_t pseudo;   // the folded sum of the pseudo header
    bool checksummed;  // else there is nothing to verify

    // Of the packet it came in: RFC 1122 section 4.1.3.4,
    bool checksum_right(dominoes_packet* packet) const;
    // and what there is to read.
    UdpDatagram datagram(dominoes_packet* packet) const;
};

class UdpReplica : dominoes::Pinned {
public:
    UdpReplica(UdpReplicas& group, uint32_t id, dominoes::Context& context);
    // Before anything is published. Context: process.
    void begin();
    // Context: any.
    void info(dominoes_replica_info& info) const;

private:
    bool process(dominoes::Request& request);

    UdpReplicas& group_;
    dominoes::Domain domain_;
    dominoes::Subscription subscription_;
    // Written by the replica only.
    dominoes::Atomic<uint64_t> owned_;
    dominoes::Atomic<uint64_t> delivered_bytes_;
};

class UdpReplicas final : public dominoes_retired, dominoes::Pinned {
public:
    struct Plan {
        uint32_t count;  // 2..kMaxReplicas
        dominoes::Policy policy;
        uint64_t first_context;  // of the interface; the others follow
    };
    // How many datagrams may be under way.
    static constexpr uint32_t kCapacity = 1024;

    // Begins. They count in `interface`'s counters. nullptr when memory is short. Context: process.
    [[nodiscard]] static UdpReplicas* create(Interface& interface, UdpSink& sink, const Plan& plan);
    UdpReplicas(Interface& interface, UdpSink& sink, const Plan& plan);
    ~UdpReplicas();
    // No more is taken; what has been published is still delivered. They end and free themselves.
    // Once, and nobody who comes later may find them. Context: process.
    void close();

    // Takes the packet. False: full or closed, and it is still the caller's. Context: any, in a
    // read section.
    [[nodiscard]] bool publish(const UdpArrival& arrival, dominoes_packet* packet);

    // Before close(). Context: any.
    void info(EndpointInfo& info) const;

private:
    friend class UdpReplica;

    enum Kind : uint32_t { kDatagram, kEnd };
    struct Event {
        UdpReplicas* group;
        UdpArrival arrival;
    };
    static constexpr uint64_t kNothing = 1;     // the order's item for a datagram that is dropped
    static constexpr uint32_t kRoomForEnd = 1;  // in the channel, whatever arrives

    bool allocate();
    void begin();
    // For replicas.
    bool owns(dominoes::Request& request, uint32_t replica) const;
    bool verify(dominoes::Request& request);
    void left();
    // In order.
    void hand_over(dominoes::Request& request);
    static void let_go(dominoes::Request& request);
    static void free(dominoes_retired* retired);

    Interface& interface_;
    UdpSink& sink_;
    const Plan plan_;
    dominoes::Owned<dominoes::RingChannel> channel_;
    dominoes::Owned<dominoes::Sequencer> order_;
    dominoes::Owned<UdpReplica> replicas_[dominoes::kMaxReplicas];
    dominoes::Atomic<uint32_t> present_;
};

}  // namespace scout
