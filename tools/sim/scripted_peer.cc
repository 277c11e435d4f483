// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/scripted_peer.hh"

#include <algorithm>

namespace sim {

ScriptedPeer::ScriptedPeer(const Scenario& scenario, Scheduler& scheduler, Report& report,
                           std::function<void(dominoes_packet* packet)> transmit)
    : scheduler_(scheduler), transmit_(std::move(transmit)) {
    for (uint32_t i = 0; i < scenario.connections.size(); ++i) {
        Actor actor;
        actor.connection = std::make_unique<ScriptedConnection>(ScriptedConnection::Place{
            scheduler, report, scenario.connections[i], scenario.seed, i, transmit_});
        if (i + 1 < scenario.connections.size()) {
            actor.script = std::make_unique<Script>(*actor.connection, scheduler, report,
                                                    Random(scenario.seed, 201 + 2 * i));
        } else {
            actor.connection->be_honest(true);
        }
        actors_.push_back(std::move(actor));
    }
}

void ScriptedPeer::receive(const dominoes_packet& packet) {
    if (dominoes_packet* answer = make_arp_answer(1, rig::bytes_of(packet)))
        return transmit_(answer);
    SegmentView view;
    if (!view_segment(rig::bytes_of(packet), view) || !checksums_right(packet, view)) return;
    for (Actor& actor : actors_) {
        if (actor.connection->port() != view.ports.destination ||
            actor.connection->host_port() != view.ports.source)
            continue;
        const bool spoke = actor.connection->active();
        actor.connection->receive(view);
        look(actor, spoke);
    }
}

uint16_t ScriptedPeer::begin_at(uint32_t connection, uint64_t at_ns) {
    const auto port = static_cast<uint16_t>(kFirstPort + connection);
    actors_[connection].connection->begin_at(port, at_ns);
    return port;
}

void ScriptedPeer::expect(uint32_t connection, uint16_t host_port) {
    actors_[connection].connection->expect(host_port);
}

uint64_t ScriptedPeer::Actor::due_ns() const {
    return std::min(connection->due_ns(), script ? script->due_ns() : UINT64_MAX);
}

uint64_t ScriptedPeer::due_ns() const {
    uint64_t due = UINT64_MAX;
    for (const Actor& actor : actors_) due = std::min(due, actor.due_ns());
    return due;
}

void ScriptedPeer::act() {
    const uint64_t now = scheduler_.now_ns();
    for (Actor& actor : actors_) {
        if (actor.due_ns() > now) continue;
        const bool spoke = actor.connection->active();
        if (actor.connection->due_ns() <= now) {
            actor.connection->act();
        } else {
            actor.script->act();
        }
        return look(actor, spoke);
    }
}

void ScriptedPeer::look(Actor& actor, bool spoke) {
    if (actor.script) actor.script->look();
    if (spoke) over_ns_ = scheduler_.now_ns();
}

bool ScriptedPeer::active() const {
    return std::any_of(actors_.begin(), actors_.end(),
                       [](const Actor& actor) { return actor.connection->active(); });
}

int ScriptedPeer::connection_of(uint16_t port) const {
    const int number = port - kFirstPort;
    return number >= 0 && static_cast<size_t>(number) < actors_.size() ? number : -1;
}

}  // namespace sim
