// SPDX-License-Identifier: GPL-2.0
//
// A TAP device as a link: the core in this process talks to Linux's own stack, or to whatever is
// bridged with the device.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "tools/rig/rig.hh"

namespace rig {

class TapLink final : public Link {
public:
    // Opens the TAP device `name`, making it if there is none; needs CAP_NET_ADMIN. The link's MAC
    // address is not the device's: that one is Linux's. Throws std::system_error.
    explicit TapLink(const std::string& name);
    ~TapLink() override;

    // Receives what arrives, between start() and stop(), in a thread. True: taken; else it is
    // freed.
    std::function<bool(dominoes_packet* packet)> on_receive;
    void start();
    void stop();

    bool transmit(dominoes_packet* packet) override;

private:
    void run();

    int device_ = -1;
    int stop_event_ = -1;
    std::thread thread_;
};

}  // namespace rig
