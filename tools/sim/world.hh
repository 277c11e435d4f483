// SPDX-License-Identifier: GPL-2.0
//
// World: one run of a scenario: two hosts, the wire between them, their applications, and the
// driver that moves time on and sees to it that all comes to an end.
#pragma once

#include <memory>
#include <optional>

#include "tools/sim/datagram_user.hh"
#include "tools/sim/host.hh"
#include "tools/sim/hostile.hh"
#include "tools/sim/network.hh"
#include "tools/sim/scripted_peer.hh"
#include "tools/sim/step_watch.hh"

namespace sim {

// Faults of the simulated world, to show that the checks notice them.
enum class Break {
    kNone,
    kCorruptReplica,  // a replica's state
    kFlipByte,        // what an application reads
    kAckAhead,        // what a host acknowledges
    kBeyondWindow,    // where a host sends
    kLeak,            // memory
    kHang,            // applications do not hear that they are woken
    kDifferentWire,   // runs with other numbers of replicas
    kEarlyEnd,        // what an application takes for the end
    kCling,           // applications that wait for a silent peer
    kDeafHost,        // the host, once it has been attacked
    kRepeatDatagram,  // what is read of UDP
    kForgetDatagram,  // likewise
    kRefuseDatagram,  // whether a port of UDP is open
};

struct WorldOptions {
    Break broken = Break::kNone;
    std::FILE* timeline = nullptr;
    PcapFile* pcap = nullptr;
    Trace* trace = nullptr;
};

class World {
public:
    World(const Scenario& scenario, const WorldOptions& options);
    ~World();
    World(const World&) = delete;

    // False: it could not be brought to an end, and must be left as it is.
    bool run();
    const std::vector<std::string>& failures() const { return report_.failures(); }
    uint64_t packets() const { return network_.delivered(); }
    uint64_t refused() const { return network_.refused(); }
    uint64_t switches() const { return scheduler_.switches(); }
    uint64_t digest_checks() const { return digest_checks_; }
    // When all applications had let go of their connections.
    uint64_t done_ns() const { return all_done_ns_ - scenario_.schedule.start_ns; }
    uint64_t virtual_ns() const { return scheduler_.now_ns() - scenario_.schedule.start_ns; }

private:
    struct Action {
        uint64_t at_ns;
        std::function<void()> act;
    };

    void make_applications();
    Application::Place place_of(uint32_t connection, uint32_t side);
    void make_hostile_peer();
    void make_datagram_users();
    void take_arrival(uint32_t host, dominoes_packet* packet);

    // --- the driver ---
    void drive();
    void set_up();
    void add_action(uint64_t at_ns, std::function<void()> act);
    void begin_connection(uint32_t connection, uint64_t at_ns);
    void schedule_faults();
    void schedule_replica_fault(const ReplicaFault& fault);
    void go_on_until(const std::function<bool()>& over, const char* what);
    uint64_t next_ns() const;  // when something happens
    bool happens_next();
    void act(Application& application);
    void end();
    void make_honest_connection();
    void check_patience();
    void judge();
    void judge_honest_connection();
    void judge_connection(uint32_t connection);
    bool may_have_failed(const Application& client, const Application& server) const;
    void check_datagrams(uint32_t host);
    void check_memory();

    void detach();
    bool applications_done() const;
    Application* server_of(uint32_t host, uint16_t client_port);
    void break_wire(uint32_t host, dominoes_packet& packet);
    void break_replica();
    void log(int level, const char* line);
    uint64_t at(uint64_t ns) const { return scenario_.schedule.start_ns + ns; }
    std::string describe() const;

    const Scenario& scenario_;
    const WorldOptions options_;
    const size_t allocations_before_;
    const int64_t packets_before_;
    Report report_;
    Scheduler scheduler_;
    Random random_;
    StepWatch step_watch_{scheduler_, report_};
    Network network_;
    std::optional<HostilePeer> hostile_;
    std::optional<ScriptedPeer> scripted_;
    bool attacked_ = false;     // the scripted peer has done what it wanted
    uint64_t all_done_ns_ = 0;  // when all applications had let go
    SimHost hosts_[2];
    std::vector<std::unique_ptr<Application>> applications_;  // client, server of each connection
    std::optional<DatagramCheck> datagram_check_;
    std::vector<std::unique_ptr<DatagramUser>> datagram_users_;
    std::vector<Action> actions_;  // the latest first
    bool arp_may_fail_;
    uint64_t digest_checks_ = 0;
};

}  // namespace sim
