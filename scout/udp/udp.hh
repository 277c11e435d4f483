// SPDX-License-Identifier: GPL-2.0
//
// UDP (RFC 768, RFC 1122 section 4.1): a datagram goes from the interrupt into its endpoint's
// queue, by way of the port's replicas if it has any (scout/udp/replicas.hh), and from there to
// whoever reads.
#pragma once

#include "scout/ip/icmp.hh"
#include "scout/net/user.hh"
#include "scout/udp/queue.hh"
#include "scout/udp/replicas.hh"

namespace scout {

class UdpEndpoint;
class UdpRouter;

inline constexpr uint32_t kUdpHeaderBytes = 8;

struct UdpHeader {
    uint16_t source_port;
    uint16_t destination_port;
    uint16_t length;    // header and payload
    uint16_t checksum;  // 0: none
};

enum class UdpResult { kOk, kShort };
// `length` is that of the IP payload; at least 8 bytes of it are at `bytes` if there are as many.
UdpResult parse_udp(const uint8_t* bytes, uint32_t length, UdpHeader& out);

class UdpStage final : public Stage {
public:
    UdpStage(Stage& below, uint16_t source_port, uint16_t destination_port)
        : Stage(&below), source_port_(source_port), destination_port_(destination_port) {}
    bool push(Msg& msg) override;

private:
    const uint16_t source_port_;
    const uint16_t destination_port_;
};

// A port of one interface that is bound, for as long as an interrupt may look at it.
class UdpPort final : public MapNode<uint16_t>, public dominoes_retired, dominoes::Pinned {
public:
    UdpPort(uint16_t port, UdpRouter& router, UdpEndpoint& endpoint)
        : MapNode(port), router_(router), endpoint_(endpoint) {}
    UdpRouter& router() const { return router_; }
    UdpEndpoint& endpoint() const { return endpoint_; }
    // nullptr: it has none.
    UdpReplicas* replicas() const { return replicas_; }
    // Before an interrupt may look at it: begins its replicas, if there are to be several. False:
    // memory is short. end() tells them to go. Context: process.
    [[nodiscard]] bool begin();
    void end() {
        if (replicas_) replicas_->close();
    }
    static void free(dominoes_retired* retired) {
        dominoes::destroy(static_cast<UdpPort*>(retired));
    }

    UdpPort* next = nullptr;  // maintained by UdpEndpoint

private:
    UdpRouter& router_;
    UdpEndpoint& endpoint_;
    UdpReplicas* replicas_ = nullptr;  // free themselves after end()
};

// The UDP of one interface: its ports. What changes the ports (bind, unbind, detach) is serialised
// by the caller, over all interfaces, together with UdpEndpoint's bind, connect and close.
class UdpRouter final : public Router, public IcmpListener {
public:
    static constexpr uint16_t kFirstEphemeral = 49152;  // RFC 6335 section 6

    // nullptr when memory is short. Context: process.
    [[nodiscard]] static UdpRouter* create(Interface& interface, ArpRouter& arp, IcmpRouter& icmp);
    UdpRouter(Interface& interface, ArpRouter& arp, IcmpRouter& icmp)
        : interface_(interface), arp_(arp), icmp_(icmp) {}
    // After detach().
    ~UdpRouter() = default;

    Verdict demux(Frame& frame) override;
    bool icmp_error(const IcmpError& error) override;

    // The device goes away: every endpoint bound here loses its port, with `error` (ENETDOWN)
    // pending if it was the last, and none uses this router afterwards. Context: process.
    void detach(int error);

    // visit(UdpEndpoint&) for each bound endpoint; it unbinds none. Serialised as above.
    template <typename Visit>
    void for_each(Visit visit) {
        ports_->for_each([&](UdpPort& port) { visit(port.endpoint()); });
    }

    Interface& interface() { return interface_; }

private:
    friend class UdpEndpoint;
    using Ports = Map<uint16_t, UdpPort>;

    int bind(UdpEndpoint& endpoint, uint16_t port);
    int bind_ephemeral(UdpEndpoint& endpoint);
    void unbind(UdpPort& port);
    Verdict no_port(Frame& frame);
    Verdict publish(const UdpPort& port, dominoes_packet* packet, const UdpArrival& arrival);
    Verdict enqueue(UdpEndpoint& endpoint, const UdpDatagram& datagram);

    Interface& interface_;
    ArpRouter& arp_;
    IcmpRouter& icmp_;
    dominoes::Owned<Ports> ports_;
};

// An application's UDP endpoint.
//
// bind, connect, close and UdpRouter::detach are serialised by the caller over the whole stack.
// Receives are serialised among themselves, and so are sends; a receive, a send and any of the
// others may run at the same time. Errors are negative errnos.
//
// Counted references: the program's, and one of each group of replicas that may still deliver. The
// first is given back once no interrupt looks at the endpoint any longer.
class UdpEndpoint final : public UdpSink, dominoes::Pinned {
public:
    static constexpr uint32_t kQueueSlots = 512;
    static constexpr uint32_t kMaxPayload = 65507;
    static constexpr uint32_t kDefaultReceiveBytes = 1 << 20;

    // `user` is for dominoes_user_wake(). nullptr when memory is short. Context: process.
    [[nodiscard]] static UdpEndpoint* create(void* user);
    // Frees its port and, once no interrupt looks at it, itself. The user is not woken after this
    // returns. Context: process.
    void close();

    // Takes `port` (0: any free one) of `router`'s interface. It may be bound to the same port of
    // several interfaces: each datagram leaves by the one that is nearest to where it goes.
    // -EINVAL bound there already, or to another port; -EADDRINUSE, -ENOMEM. Context: process.
    int bind(UdpRouter& router, uint16_t port);
    // Gives up all ports. Context: process.
    void unbind() { leave_all_but(nullptr); }
    // Fixes the peer: only its datagrams are received from now on, at this interface only, and its
    // ICMP errors are reported. May be called again. Bound there first if it is not. -EINVAL bad
    // address, -ENETUNREACH, and what bind says. Context: process.
    int connect(UdpRouter& router, SocketAddress peer);

    // Sends `bytes` of `from` to `peer`, or to the connected peer if nullptr. Returns `bytes`.
    // -EINVAL not bound or bad address, -EDESTADDRREQ, -EMSGSIZE, -ENETUNREACH, -EFAULT, -ENOMEM,
    // or the pending error. Context: process.
    int64_t send_to(const SocketAddress* peer, dominoes_iter* from, size_t bytes);
    // The next datagram: gives at most `bytes` of it, and returns its whole length. It stays if
    // `peek`. -EAGAIN, -EFAULT, or the pending error. `peer` may be nullptr. Context: process.
    int64_t receive_from(SocketAddress* peer, dominoes_iter* to, size_t bytes, bool peek);

    // SCOUT_IN, SCOUT_OUT, SCOUT_ERR. Context: any.
    uint32_t poll() const;
    // The pending error as a positive errno, and clears it. Context: any.
    int take_error() { return static_cast<int>(error_.exchange_acq_rel(0)); }

    // Of what is sent from now on. Context: any.
    void set_service(IpService service) {
        service_.store_relaxed(uint32_t{service.ttl} << 8 | service.tos);
    }

    // Where it is bound from now on: so many replicas (0: the device's number), one of which owns
    // each datagram by `policy`. Context: any.
    void set_replicas(uint32_t count, dominoes::Policy policy) {
        replicas_.store_relaxed(count);
        policy_.store_relaxed(static_cast<uint32_t>(policy));
    }

    // While so many bytes wait for the reader, or for replicas on the way to it, no further
    // datagram is taken. Context: any.
    void set_receive_bytes(uint32_t bytes) { most_waiting_bytes_.store_relaxed(bytes); }

    bool bound() const { return ports_ != nullptr; }
    // The address is any if it is bound at several.
    SocketAddress local() const;
    // False: not connected.
    bool peer(SocketAddress& out) const;
    // Datagrams waiting. Context: any.
    uint32_t queued() const { return queue_->count(); }
    // Their bytes. Context: any.
    uint32_t queued_bytes() const { return waiting_bytes_.load_relaxed(); }
    // Of the device it was bound to first, if there are any. Serialised as bind is.
    void replicas_info(EndpointInfo& info) const;

    explicit UdpEndpoint(void* user) : user_(user) {}
    ~UdpEndpoint();

private:
    friend class UdpRouter;
    friend class UdpPort;

    struct ProgramsReference : dominoes_retired {
        explicit ProgramsReference(UdpEndpoint& e) : endpoint(e) {}
        UdpEndpoint& endpoint;
    };

    // For the router, on what arrives.
    bool accepts(const SocketAddress& source) const;
    // Makes room for so many bytes, until they have been read, or forget(). False: there is none.
    bool reserve(uint32_t bytes);
    bool enqueue(const UdpDatagram& datagram);
    void fail(int error);
    // For replicas.
    bool deliver(const UdpDatagram& datagram) override;
    void forget(uint32_t bytes) override { waiting_bytes_.fetch_sub_acq_rel(bytes); }
    void hold() override { references_.fetch_add_relaxed(1); }
    void release() override;
    // Under the router's serialisation.
    void gain_port(UdpPort& port);
    void lose_port(UdpPort& port);
    UdpPort* port_at(const UdpRouter& router) const;
    void leave_all_but(const UdpRouter* router);

    int find_peer(const SocketAddress* given, SocketAddress& out) const;
    IpService service() const {
        const uint32_t packed = service_.load_relaxed();
        return {static_cast<uint8_t>(packed >> 8), static_cast<uint8_t>(packed)};
    }
    UdpPort* port_towards(IpAddress destination) const;
    int send(const SocketAddress& to, const void* payload, uint32_t bytes);
    void pop(const UdpDatagram& datagram);
    int64_t give(const UdpDatagram& datagram, dominoes_iter* to, uint32_t bytes);

    User user_;
    dominoes::Owned<UdpQueue> queue_;
    uint8_t* bounce_ = nullptr;         // the reader's
    dominoes_mutex* mutex_ = nullptr;   // held by a sender as long as it uses ports_
    UdpPort* ports_ = nullptr;          // of one number, in the order they were bound
    dominoes::Atomic<uint64_t> peer_;   // packed; 0: not connected
    dominoes::Atomic<uint32_t> error_;  // an errno; 0: none
    dominoes::Atomic<uint32_t> waiting_bytes_;
    dominoes::Atomic<uint32_t> most_waiting_bytes_{kDefaultReceiveBytes};
    dominoes::Atomic<uint32_t> service_{uint32_t{kIpTtl} << 8};
    dominoes::Atomic<uint32_t> replicas_;  // wanted; 0: the device's number
    dominoes::Atomic<uint32_t> policy_;    // wanted
    dominoes::Atomic<uint32_t> references_{1};
    ProgramsReference program_{*this};
};

}  // namespace scout
