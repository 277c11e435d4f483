// SPDX-License-Identifier: GPL-2.0
//
// IPv4 (RFC 791, RFC 1122 section 3) for one address on one device: a host, not a router of
// packets.
#pragma once

#include "scout/ip/header.hh"
#include "scout/ip/reassembly.hh"
#include "scout/net/participants.hh"

namespace scout {

class IcmpRouter;

class IpRouter final : public Router {
public:
    explicit IpRouter(Interface& interface) : interface_(interface), reassembly_(interface) {}

    // A router above, for `protocol`; at most 4; before the first frame.
    void connect(uint8_t protocol, Router& upper);
    // Who tells a peer that its protocol is not served.
    void connect_errors(IcmpRouter& icmp) { icmp_ = &icmp; }

    // Calls callback(context) when busy() becomes true. Context of the callback: the control
    // thread.
    void on_busy(void (*callback)(void* context), void* context) {
        on_busy_ = callback;
        on_busy_context_ = context;
    }

    // Datagrams for our address go up by their protocol, fragments after they have been put
    // together in the control thread; all else passes.
    Verdict demux(Frame& frame) override;

    // Gives up datagrams that do not become complete. To be called once a second while busy().
    // Context: the control thread.
    void tick(uint64_t now_ns) { reassembly_.tick(now_ns, icmp_); }
    bool busy() const { return reassembly_.busy(); }

private:
    static constexpr uint32_t kMaxUppers = 4;
    struct Upper {
        uint8_t protocol;
        Router* router;
    };

    bool source_possible(IpAddress source) const;
    Router* upper_of(uint8_t protocol) const;
    Verdict deliver(Frame& frame);
    Verdict unserved(Frame& frame);
    Verdict demux_fragment(Frame& frame, const IpHeader& header);
    static void handle_fragment(Router& router, Frame& frame);
    void reassemble(const Frame& frame);
    void deliver_whole(dominoes_packet* packet);

    Interface& interface_;
    IpReassembly reassembly_;  // the control thread's
    IcmpRouter* icmp_ = nullptr;
    void (*on_busy_)(void*) = nullptr;
    void* on_busy_context_ = nullptr;
    Upper uppers_[kMaxUppers] = {};
    uint32_t upper_count_ = 0;
};

class IpStage final : public Stage {
public:
    // `dont_fragment`: such datagrams are atomic, and their id is 0 (RFC 6864 section 4.1). The id
    // of the others is drawn at random; what exceeds `mtu` is cut into fragments, and its payload
    // is plain memory.
    IpStage(Stage& below, IpAddress source, IpAddress destination, uint8_t protocol,
            bool dont_fragment, IpService service = {}, uint32_t mtu = kIpMaxBytes)
        : Stage(&below),
          source_(source),
          destination_(destination),
          protocol_(protocol),
          dont_fragment_(dont_fragment),
          service_(service),
          mtu_(mtu) {}

    bool push(Msg& msg) override;
    // What is pushed from now on goes so.
    void set_service(IpService service) { service_ = service; }

private:
    IpHeader header() const;
    bool push_with(Msg& msg, IpHeader& header);
    bool push_fragments(const Msg& msg);

    const IpAddress source_;
    const IpAddress destination_;
    const uint8_t protocol_;
    const bool dont_fragment_;
    IpService service_;
    const uint32_t mtu_;
};

}  // namespace scout
