// SPDX-License-Identifier: GPL-2.0
//
// ScriptedPeer: host 1 without a stack. It answers ARP, opens and accepts connections by hand, and
// follows a script on each (Script): nothing that a TCP would keep it from. On the last connection
// of a scenario it is honest.
#pragma once

#include <memory>

#include "tools/sim/script.hh"

namespace sim {

class ScriptedPeer {
public:
    ScriptedPeer(const Scenario& scenario, Scheduler& scheduler, Report& report,
                 std::function<void(dominoes_packet* packet)> transmit);

    // Does not own the packet.
    void receive(const dominoes_packet& packet);
    // As the client of a connection; the port it will have is returned.
    uint16_t begin_at(uint32_t connection, uint64_t at_ns);
    // As the server, of a client of the host's at this port.
    void expect(uint32_t connection, uint16_t host_port);
    uint64_t due_ns() const;
    void act();

    // Some connection goes on; when the last of them was over.
    bool active() const;
    uint64_t over_ns() const { return over_ns_; }
    // The connection whose client it is; -1: none.
    int connection_of(uint16_t port) const;
    const ScriptedConnection& connection(uint32_t number) const {
        return *actors_[number].connection;
    }

private:
    struct Actor {
        std::unique_ptr<ScriptedConnection> connection;
        std::unique_ptr<Script> script;  // nullptr: it is honest
        uint64_t due_ns() const;
    };
    static constexpr uint16_t kFirstPort = 20'000;

    void look(Actor& actor, bool spoke);

    Scheduler& scheduler_;
    const std::function<void(dominoes_packet* packet)> transmit_;
    std::vector<Actor> actors_;
    uint64_t over_ns_ = 0;
};

}  // namespace sim
