// SPDX-License-Identifier: GPL-2.0
//
// DatagramUser: the application at one UDP endpoint, doing what its plan says: it opens its port,
// perhaps closes it for a while, sends to the other host's endpoints, and reads at its own pace.
#pragma once

#include <algorithm>

#include "tools/rig/rig.hh"
#include "tools/sim/datagram_check.hh"

namespace sim {

// Faults of these applications, so that it can be seen that the checks notice.
struct DatagramFaults {
    bool flips_byte = false;  // in what it reads
    bool repeats = false;     // reads one twice
    bool forgets = false;     // that it has read
    bool despairs = false;    // thinks it was refused
};

class DatagramUser final : public rig::User {
public:
    struct Place {
        Scheduler& scheduler;
        Report& report;
        DatagramCheck& check;
        const Scenario& scenario;
        uint32_t number;
        DatagramFaults faults;
    };

    explicit DatagramUser(const Place& place);
    ~DatagramUser() = default;

    void begin(scout_stack* stack);
    // From any fiber, and the driver when all have come to rest.
    void wake() override { woken_ = true; }
    void heed();
    uint64_t due_ns() const { return std::min({change_ns_, send_ns_, read_ns_}); }
    void act();
    bool active() const { return due_ns() != UINT64_MAX; }
    // Reads what is left, and lets go.
    void finish();

private:
    void open();
    int set_up();
    void close();
    void send();
    bool read();
    void give_up();
    void take_error(int error, const char* what);
    void note(const char* what, int64_t result);
    uint64_t now() const { return place_.scheduler.now_ns(); }

    const Place place_;
    const DatagramPlan& plan_;
    Random random_;
    scout_stack* stack_ = nullptr;
    scout_endpoint* endpoint_ = nullptr;
    bool woken_ = false;
    bool was_closed_ = false;
    uint32_t sent_ = 0;
    // When it next does something.
    uint64_t change_ns_ = UINT64_MAX;  // opens or closes
    uint64_t send_ns_ = UINT64_MAX;
    uint64_t read_ns_ = UINT64_MAX;
};

}  // namespace sim
