// SPDX-License-Identifier: GPL-2.0
// Checks /dev/dominoes against module/dominoes_uapi.h, call by call. Needs dm0 attached and the
// topology of scripts/e2e/lib.sh. Prints KTAP.
#include "abi_check.hh"

#include <signal.h>
#include <exception>
#include <iostream>
#include <regex>

int main(int argc, char** argv) {
    using namespace dominoes::guest;
    signal(SIGPIPE, SIG_IGN);
    const std::regex pattern(argc > 1 ? argv[1] : ".");
    std::vector<Check> checks;
    for (const auto* group : {&call_checks(), &option_checks(), &stream_checks(), &event_checks()})
        for (const Check& check : *group)
            if (std::regex_search(check.name, pattern)) checks.push_back(check);
    std::cout << "KTAP version 1\n1.." << checks.size() << std::endl;
    int number = 0;
    int failures = 0;
    for (const Check& check : checks) {
        ++number;
        try {
            check.run();
            std::cout << "ok " << number << ' ' << check.name << std::endl;
        } catch (const std::exception& error) {
            ++failures;
            std::cout << "# " << error.what() << "\nnot ok " << number << ' ' << check.name
                      << std::endl;
        }
    }
    return failures == 0 && number > 0 ? 0 : 1;
}
