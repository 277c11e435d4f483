// SPDX-License-Identifier: GPL-2.0
#include "tools/packetdrill/virtual_world.hh"

#include <cstdio>
#include <cstdlib>

#include "tools/sim/stack.hh"

namespace packetdrill {
namespace {

// Nothing is drawn but numbers: fibers go on until they wait, so that a script has one outcome.
constexpr uint64_t kSeed = 1;
constexpr sim::ScheduleConfig kSchedule = {.max_switches = UINT64_MAX};

}  // namespace

VirtualWorld::VirtualWorld() : scheduler_(kSeed, kSchedule) {
    scheduler_.on_log = [](int level, const char* line) {
        if (level == DOMINOES_LOG_ERROR) std::fprintf(stderr, "dominoes: %s\n", line);
    };
    inside_ = boost::context::fiber(
        std::allocator_arg, sim::StackPool{}, [this](boost::context::fiber&& outside) {
            outside_ = std::move(outside);
            if (!scheduler_.run([this] { drive(); })) {
                std::fprintf(stderr, "dominoes: %s\n", scheduler_.failure().c_str());
                std::abort();  // a fiber that has failed cannot be left
            }
            return std::move(outside_);
        });
}

VirtualWorld::~VirtualWorld() {
    act_ = nullptr;
    enter();
}

// The caller's context comes back in outside_, whichever thread it is of.
void VirtualWorld::enter() { inside_ = std::move(inside_).resume(); }

void VirtualWorld::drive() {
    while (act_) {
        (*act_)();
        scheduler_.settle();
        outside_ = std::move(outside_).resume();
    }
}

void VirtualWorld::perform(const std::function<void()>& act) {
    act_ = &act;
    enter();
}

void VirtualWorld::advance_to(uint64_t ns) {
    perform([&] { scheduler_.advance_to(ns); });
}

}  // namespace packetdrill
