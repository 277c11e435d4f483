// SPDX-License-Identifier: GPL-2.0
//
// dominoes-rig: the core in a process of its own, without the kernel module.
//
//   dominoes-rig memory   two machines back to back in memory: how fast is the core alone?
//   dominoes-rig tap      one machine on a TAP device, serving Linux's own TCP
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <csignal>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>

#include "scout/options.h"
#include "tools/rig/machine.hh"
#include "tools/rig/tap_link.hh"

namespace rig {
namespace {

constexpr uint16_t kPort = 5201;

struct Arguments {
    uint32_t replicas = 1;
    uint32_t policy = 0;
    uint64_t bytes = 1 << 30;
    bool gso = true;
    bool json = false;
    std::string device = "rig0";
    std::string address = "10.78.0.1";
    uint32_t prefix = 24;
    uint16_t port = 7;
};

std::vector<int> any_cpus(uint32_t replicas) { return std::vector<int>(replicas, -1); }

[[noreturn]] void fail(const char* what, int64_t error) {
    throw std::runtime_error(std::string(what) + ": " + std::strerror(static_cast<int>(-error)));
}

int64_t must(const char* what, int64_t result) {
    if (result < 0) fail(what, result);
    return result;
}

// Sends `bytes` from one machine to the other and measures until the last is read.
int run_memory(const Arguments& arguments) {
    MemoryLink links[2];
    MemoryLink::connect(links[0], links[1]);
    links[1].mac[5] = 2;
    Pump pumps[2] = {Pump(links[0]), Pump(links[1])};
    std::unique_ptr<Machine> machines[2];
    for (int i : {0, 1}) {
        links[i].gso = links[i].checksum_offload = arguments.gso;
        machines[i] = std::make_unique<Machine>(
            links[i], MachineConfig{.address = i ? "10.0.0.2" : "10.0.0.1",
                                    .replicas = arguments.replicas,
                                    .cpus = any_cpus(arguments.replicas)});
        links[i].on_receive = [&machines, i](dominoes_packet* packet) {
            return scout_receive(machines[i]->nic(), packet);
        };
    }
    for (auto& pump : pumps) pump.start();

    nlohmann::ordered_json result;
    {
        Socket listener(machines[0]->stack()), client(machines[1]->stack());
        for (Socket* socket : {&listener, &client})
            must("policy", socket->set(DOMINOES_OPT_POLICY, arguments.policy));
        must("bind", listener.bind(address("10.0.0.1", kPort)));
        must("listen", listener.listen());
        must("connect", client.connect(address("10.0.0.1", kPort)));
        int error = 0;
        auto server = listener.accept(error);
        if (!server) fail("accept", error);

        const auto begin = std::chrono::steady_clock::now();
        std::thread writer([&] {
            const std::vector<char> block(1 << 17);
            for (uint64_t left = arguments.bytes; left;) {
                const uint64_t part = std::min<uint64_t>(left, block.size());
                if (client.write(block.data(), part) < 0) return;
                left -= part;
            }
            client.shutdown(1);
        });
        std::vector<char> block(1 << 17);
        uint64_t received = 0;
        for (int64_t got; (got = must("read", server->read(block.data(), block.size()))) > 0;) {
            received += static_cast<uint64_t>(got);
        }
        writer.join();
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        const auto info = server->info();
        result = {{"replicas", arguments.replicas},
                  {"bytes", received},
                  {"seconds", took.count()},
                  {"mbps", static_cast<double>(received) * 8e-6 / took.count()},
                  {"digest_checks", info.digest_checks},
                  {"digest_mismatches", info.digest_mismatches}};
    }
    for (auto& pump : pumps) pump.stop();
    if (arguments.json) {
        std::cout << result.dump(2) << "\n";
    } else {
        std::cout << result["bytes"] << " bytes in " << result["seconds"]
                  << " s: " << result["mbps"] << " Mbit/s with " << arguments.replicas
                  << " replicas\n";
    }
    return 0;
}

// Echoes whatever arrives on one connection after the other, until SIGINT or SIGTERM.
int run_tap(const Arguments& arguments) {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr);  // in every thread, so that sigwait gets it

    TapLink link(arguments.device);
    link.mac[5] = 7;
    Machine machine(link, {.address = arguments.address,
                           .prefix_len = arguments.prefix,
                           .replicas = arguments.replicas,
                           .cpus = any_cpus(arguments.replicas)});
    link.on_receive = [&](dominoes_packet* packet) { return scout_receive(machine.nic(), packet); };
    link.start();

    std::thread server([&] {
        Socket listener(machine.stack());
        must("bind", listener.bind(address(arguments.address, arguments.port)));
        must("listen", listener.listen());
        std::cout << "echo on " << arguments.address << ":" << arguments.port << " over "
                  << arguments.device << std::endl;
        listener.set_time_limit(std::chrono::hours(24 * 365));
        int error = 0;
        while (auto connection = listener.accept(error)) {
            std::vector<char> block(1 << 16);
            for (int64_t got; (got = connection->read(block.data(), block.size())) > 0;) {
                if (connection->write(block.data(), static_cast<size_t>(got)) < 0) break;
            }
        }
    });
    int signal_number;
    sigwait(&ends, &signal_number);
    link.stop();
    machine.detach();  // which ends accept()
    server.join();
    return 0;
}

int run(int argc, char** argv) {
    Arguments arguments;
    CLI::App app("The core of Dominoes in userspace", "dominoes-rig");
    app.require_subcommand(1);
    app.add_option("--replicas", arguments.replicas, "Replicas of each connection")
        ->check(CLI::Range(1, 16))
        ->capture_default_str();
    app.fallthrough();

    CLI::App* memory = app.add_subcommand("memory", "Two machines back to back in memory");
    memory->add_option("-n,--bytes", arguments.bytes, "How much to send")
        ->transform(CLI::AsSizeValue(false));
    memory
        ->add_option("--policy", arguments.policy,
                     "0 greedy, 1 round robin, 2 pinned, 3 specialised")
        ->check(CLI::Range(0, 3));
    memory->add_flag("!--no-gso", arguments.gso, "Cut into wire packets, with checksums");
    memory->add_flag("-J,--json", arguments.json, "Print JSON");

    CLI::App* tap = app.add_subcommand("tap", "An echo server on a TAP device");
    tap->add_option("--device", arguments.device, "The TAP device")->capture_default_str();
    tap->add_option("--address", arguments.address, "Its IPv4 address")->capture_default_str();
    tap->add_option("--prefix", arguments.prefix, "Length of its prefix")->capture_default_str();
    tap->add_option("--port", arguments.port, "TCP port")->capture_default_str();

    CLI11_PARSE(app, argc, argv);
    return *memory ? run_memory(arguments) : run_tap(arguments);
}

}  // namespace
}  // namespace rig

int main(int argc, char** argv) {
    try {
        return rig::run(argc, argv);
    } catch (const std::exception& error) {
        std::cerr << "dominoes-rig: " << error.what() << "\n";
        return 1;
    }
}
