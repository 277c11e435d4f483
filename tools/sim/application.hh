// SPDX-License-Identifier: GPL-2.0
//
// Application: one end of a connection, doing what its plan says: it connects or has been accepted,
// writes and reads at its own pace, checks what it reads, and lets go.
#pragma once

#include <string>

#include "scout/stack.h"
#include "tools/rig/rig.hh"
#include "tools/sim/report.hh"
#include "tools/sim/scenario.hh"
#include "tools/sim/sent_stream.hh"

namespace sim {

inline constexpr uint64_t kNever = UINT64_MAX;

dominoes_sockaddr address_of(uint32_t host, uint16_t port);

// Sets what every endpoint of a host has in common; returns a negative errno if it cannot.
int set_options(scout_endpoint* endpoint, const HostConfig& config);

// Faults of the applications themselves, so that it can be seen that the checks notice.
struct ApplicationFaults {
    bool flips_byte = false;  // in what it reads
    bool sleeps = false;      // it does not hear when it is woken
    bool ends_early = false;  // takes the end for one byte nearer than it is
    bool clings = false;      // never loses its patience
};

class Application final : public rig::User {
public:
    struct Place {
        Scheduler& scheduler;
        Report& report;
        const HostConfig& config;
        uint64_t seed;
        uint32_t connection;
        uint32_t side;  // 0: the client
        uint32_t host;
        bool reads_anything;     // a hostile peer may say what it likes
        const SentStream* sent;  // which is what a scripted one has said; else nullptr
        ApplicationFaults faults;
    };

    Application(const Place& place, const SidePlan& plan, const SidePlan& peer);
    ~Application() = default;

    // The client: connects when it is due.
    void begin_at(scout_stack* stack, uint32_t server_host, uint16_t port, uint64_t at_ns);
    // The server: goes on with what was accepted.
    void adopt(scout_endpoint* endpoint);

    // From any fiber.
    void wake() override;
    // The driver, when all fibers have come to rest: sees whether it was woken. Not at once, for
    // that would draw its time to think in an order that depends on who ran when.
    void heed();
    // When it wants to do something. The driver then calls act().
    uint64_t due_ns() const { return due_ns_; }
    void act();

    bool active() const { return endpoint_ != nullptr || due_ns_ != kNever; }
    scout_endpoint* endpoint() const { return endpoint_; }
    bool connected() const { return connected_; }
    // 0 until it has a port.
    uint16_t port() const { return port_; }
    uint32_t host() const { return place_.host; }
    uint64_t key() const { return key_; }
    // How it went: the first error, and whether all that the peer wrote was read, to the end.
    int error() const { return error_; }
    bool read_everything() const { return at_end_ && read_ == peer_.bytes; }
    // It was the client of a server that could not be reached by ARP, or had no memory for it.
    bool connect_failed() const { return connect_failed_; }
    std::string describe() const;

private:
    void connect();
    void finish_connecting();
    bool write_some();
    bool read_some();
    void check_read(std::span<uint8_t> data);
    void check_sent(std::span<uint8_t> data);
    void let_go();
    void close(bool reset);
    void end_with(int error);
    void act_after(uint64_t ns) {
        due_ns_ = place_.scheduler.now_ns() + ns;
        patient_ = false;
    }
    uint64_t think() { return random_.below(plan_.think_max_ns + 1); }
    void note(const char* what, int64_t result);

    const Place place_;
    const SidePlan& plan_;
    const SidePlan& peer_;
    const uint64_t key_;
    const uint64_t peer_key_;
    Random random_;

    scout_stack* stack_ = nullptr;
    uint32_t server_host_ = 0;
    uint16_t server_port_ = 0;
    scout_endpoint* endpoint_ = nullptr;
    uint16_t port_ = 0;
    uint64_t due_ns_ = kNever;
    uint64_t reads_from_ns_ = 0;

    bool woken_ = false;
    bool patient_ = false;  // it is due when it has waited for nothing
    bool connecting_ = false;
    bool connected_ = false;
    bool connect_failed_ = false;
    bool shut_ = false;    // it has said that it writes no more
    bool at_end_ = false;  // of what the peer wrote
    uint64_t written_ = 0;
    uint64_t read_ = 0;
    int error_ = 0;
};

}  // namespace sim
