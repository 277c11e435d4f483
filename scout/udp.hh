// SPDX-License-Identifier: GPL-2.0
//
// UDP (RFC 768, RFC 1122 section 4.1), not replicated: a datagram goes from the interrupt into its
// endpoint's queue, and from there to whoever reads. No datagram is fragmented.
#pragma once

#include "scout/icmp.hh"
#include "scout/udp_queue.hh"
#include "scout/user.hh"

namespace scout {

class UdpEndpoint;

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

// The UDP of one interface: its ports. What changes the ports (bind, unbind, detach) is serialised by the
// caller, over all interfaces, together with UdpEndpoint's bind, connect and close.
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

    // The device goes away: every endpoint bound here loses its port, with `error` (ENETDOWN) pending,
    // and none uses this router afterwards. Context: process.
    void detach(int error);

    // visit(UdpEndpoint&) for each bound endpoint. Serialised as above.
    template <typename Visit>
    void for_each(Visit visit);

    Interface& interface() { return interface_; }

private:
    friend class UdpEndpoint;
    struct Port;
    using Ports = Map<uint16_t, Port>;

    int bind(UdpEndpoint& endpoint, uint16_t port);
    int bind_ephemeral(UdpEndpoint& endpoint);
    void unbind(UdpEndpoint& endpoint);
    bool checksum_right(Frame& frame, const UdpHeader& header) const;
    Verdict no_port(Frame& frame);

    Interface& interface_;
    ArpRouter& arp_;
    IcmpRouter& icmp_;
    dominoes::Owned<Ports> ports_;
};

// An application's UDP endpoint.
//
// bind, connect, close and UdpRouter::detach are serialised by the caller over the whole stack. Receives
// are serialised among themselves, and so are sends; a receive, a send and any of the others may run at the
// same time. Errors are negative errnos.
class UdpEndpoint final : public dominoes_retired, dominoes::Pinned {
public:
    static constexpr uint32_t kQueueSlots = 512;
    static constexpr uint32_t kMostPayload = 65507;

    // `user` is for dominoes_user_wake(). nullptr when memory is short. Context: process.
    [[nodiscard]] static UdpEndpoint* create(void* user);
    // Frees its port and, once no interrupt looks at it, itself. The user is not woken after this returns.
    // Context: process.
    void close();

    // Takes `port` (0: any free one) of `router`'s interface. -EINVAL already bound, -EADDRINUSE, -ENOMEM,
    // -EADDRNOTAVAIL no port is free. Context: process.
    int bind(UdpRouter& router, uint16_t port);
    // Fixes the peer: only its datagrams are received from now on, and its ICMP errors are reported. May
    // be called again. Bound first if it is not. -EINVAL bad address or another interface's, -ENETUNREACH,
    // and what bind says. Context: process.
    int connect(UdpRouter& router, SocketAddress peer);

    // Sends `bytes` of `from` to `peer`, or to the connected peer if nullptr. Returns `bytes`. -EINVAL not
    // bound, -EDESTADDRREQ, -EMSGSIZE, -ENETUNREACH, -EFAULT, -ENOMEM, -ENOBUFS, or the pending error.
    // Context: process.
    int64_t send_to(const SocketAddress* peer, dominoes_iter* from, size_t bytes);
    // The next datagram: gives at most `bytes` of it, and returns its whole length. It stays if `peek`.
    // -EAGAIN, -EFAULT, or the pending error. `peer` may be nullptr. Context: process.
    int64_t receive_from(SocketAddress* peer, dominoes_iter* to, size_t bytes, bool peek);

    // SCOUT_IN, SCOUT_OUT, SCOUT_ERR. Context: any.
    uint32_t poll() const;
    // The pending error as a positive errno, and clears it. Context: any.
    int take_error() { return static_cast<int>(error_.exchange_acq_rel(0)); }

    bool bound() const { return port_ != 0; }
    SocketAddress local() const { return {local_ip_, port_}; }
    // False: not connected.
    bool peer(SocketAddress& out) const;
    // Datagrams waiting. Context: any.
    uint32_t queued() const { return queue_->count(); }

    explicit UdpEndpoint(void* user) : user_(user) {}
    ~UdpEndpoint();

private:
    friend class UdpRouter;

    // From the interrupt.
    bool accepts(const SocketAddress& source) const;
    Verdict enqueue(Frame& frame, const SocketAddress& source, uint32_t bytes);
    void fail(int error);
    // From UdpRouter::detach().
    void lose_router(int error);

    int check_size(size_t bytes, size_t payload_limit) const;
    int64_t send_copy(const SocketAddress* to, const void* payload, uint32_t bytes);
    int send_via(UdpRouter& router, const SocketAddress& to, Msg& msg);
    int64_t give(const UdpDatagram& datagram, dominoes_iter* to, size_t bytes);

    User user_;
    dominoes::Owned<UdpQueue> queue_;
    dominoes_mutex* mutex_ = nullptr;  // a sender holds it as long as it uses router_
    UdpRouter* router_ = nullptr;
    UdpRouter::Port* port_node_ = nullptr;
    IpAddress local_ip_;
    uint16_t port_ = 0;
    dominoes::Atomic<uint64_t> peer_;  // packed address and port; 0: not connected
    dominoes::Atomic<uint32_t> error_;
    uint8_t* bounce_ = nullptr;  // the reader's
};

}  // namespace scout
