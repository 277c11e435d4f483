// SPDX-License-Identifier: GPL-2.0
//
// Routers and stages (Scout; dissertation 4.2.1). A router is a protocol: it demultiplexes what
// arrives and makes stages. A stage is a protocol's part of one connection, in one replica: it
// prepends its header to what is sent. The stages of a connection, one below the other, are its
// path.
//
//     appwrap ── tcp ──┐
//                udp ──┼── ip ── eth ── driver
//                icmp ─┘    arp ─┘
//
// Demultiplexing is early: one walk up the graph, in the interrupt, from frame to connection; no
// stage is involved. Each router parses and validates its header once, for every replica.
#pragma once

#include "scout/net/counters.hh"
#include "scout/net/msg.hh"

namespace scout {

enum class Verdict {
    kPass,  // not for us: the host's own stack gets it
    kTake,  // ours now: the frame's packet has an owner
    kDrop,  // ours, and no good: counted by cause; the caller frees the packet
};

class Router : dominoes::Pinned {
public:
    // One step up. Context: softirq or any.
    virtual Verdict demux(Frame& frame) = 0;

protected:
    ~Router() = default;
};

class Stage : dominoes::Pinned {
public:
    // Sends `msg` one stage down. False: it was not sent, and has been counted. Context: any.
    virtual bool push(Msg& msg) = 0;

protected:
    explicit Stage(Stage* below) : below_(below) {}
    ~Stage() = default;
    Stage* below_;
};

}  // namespace scout
