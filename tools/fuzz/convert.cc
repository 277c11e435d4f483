// SPDX-License-Identifier: GPL-2.0
//
// The conversions between the ABI and the core (module/convert.c): each address survives the way
// there and back, and no byte of what a program is given depends on what was in that memory before.
#include "tools/fuzz/input.hh"

extern "C" {
#include "module/convert.h"
#include "scout/stack.h"
}

namespace {

void check_address(fuzz::Input& input) {
    const auto given = input.take<dominoes_sockaddr>();
    scout_sockaddr core;
    dominoes_sockaddr again;
    std::memset(&core, 0xa5, sizeof core);
    std::memset(&again, 0xa5, sizeof again);
    dominoes_sockaddr_to_scout(&core, &given);
    dominoes_sockaddr_from_scout(&again, &core);
    dominoes_sockaddr wanted = given;
    wanted.reserved = 0;
    fuzz::require(std::memcmp(&again, &wanted, sizeof again) == 0, "there and back");
    const auto* port = reinterpret_cast<const uint8_t*>(&given.port);
    fuzz::require(core.port == (port[0] << 8 | port[1]), "the port in the machine's order");
}

void check_info(fuzz::Input& input) {
    const auto given = input.take<struct scout_info>();
    struct dominoes_info one, other;
    std::memset(&one, 0xa5, sizeof one);
    std::memset(&other, 0x5a, sizeof other);
    one.size = other.size = sizeof one;  // the caller's
    dominoes_info_from_scout(&one, &given);
    dominoes_info_from_scout(&other, &given);
    fuzz::require(std::memcmp(&one, &other, sizeof one) == 0, "all of it is written");
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    fuzz::Input input(data, size);
    check_address(input);
    check_info(input);
    return 0;
}
