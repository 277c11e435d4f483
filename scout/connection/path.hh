// SPDX-License-Identifier: GPL-2.0
//
// The path of one replica of a TCP connection: tcp ── ip ── eth ── driver, the stages that turn a
// piece of a TransmitEffect into a packet at its place in the connection's order.
#pragma once

#include "scout/ip/ip.hh"
#include "scout/link/arp.hh"
#include "scout/tcp/header.hh"

namespace scout {

class Connection;

// The sequence numbers that a packet's data and FIN take up.
struct TcpExtent {
    uint32_t start;
    uint32_t end;
};
// Of a packet that a TcpPath has built. Context: any.
TcpExtent tcp_extent(const dominoes_packet& packet);

// The bottom: packets go into the connection's transmit sequencer instead of to the device.
class OrderedDriverStage final : public DriverStage {
public:
    OrderedDriverStage(Interface& interface, Connection& connection)
        : DriverStage(interface), connection_(connection) {}

    // What is pushed next, up to settle(), has this serial number.
    void expect(uint64_t serial);
    // Every serial number gets its turn: if nothing came down, or it waits at ARP, that is said.
    void settle();
    void held() override {}

private:
    void send(dominoes_packet* packet) override;

    Connection& connection_;
    uint64_t serial_ = 0;
    bool placed_ = true;
};

class TcpStage final : public Stage {
public:
    TcpStage(Stage& below, TcpPorts ports) : Stage(&below), ports_(ports) {}

    // What is pushed next is the `piece`-th of `run`.
    void expect(const TransmitEffect& run, uint32_t piece) {
        run_ = &run;
        piece_ = piece;
    }
    bool push(Msg& msg) override;

private:
    const TcpPorts ports_;
    const TransmitEffect* run_ = nullptr;
    uint32_t piece_ = 0;
};

class TcpPath : dominoes::Pinned {
public:
    explicit TcpPath(Connection& connection);

    // Builds the `piece`-th packet of `run` and puts it in order as `serial`. Context: thread.
    void send(const TransmitEffect& run, uint32_t piece, uint64_t serial);

private:
    Connection& connection_;
    OrderedDriverStage driver_;
    EthStage eth_;
    IpStage ip_;
    TcpStage tcp_;
};

}  // namespace scout
