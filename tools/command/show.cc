// SPDX-License-Identifier: GPL-2.0
// `dominoes show`: attached interfaces as `ip addr` would list them, connections as `ss -ti` would.
#include "../lib/client.hh"
#include "command.hh"

#include <iomanip>
#include <iostream>

namespace dominoes::command {

namespace {

struct ShowArguments {
    std::string what;
    bool info = false;
    bool json = false;
};

std::string prefix_text(const dominoes_interface& one) {
    return to_string(from_abi(one.address).address) + "/" + std::to_string(one.prefix_len);
}

CpuSet cpu_set(const dominoes_interface& one) {
    CpuSet cpus;
    std::copy(std::begin(one.cpus), std::end(one.cpus), cpus.begin());
    return cpus;
}

// Its address is being probed for, and not used yet.
bool is_tentative(const dominoes_interface& one) {
    return (one.flags & DOMINOES_INTERFACE_TENTATIVE) != 0;
}

Json interface_json(const dominoes_interface& one) {
    return {
        {"interface", one.name},
        {"ifindex", one.ifindex},
        {"address", prefix_text(one)},
        {"gateway", one.gateway.family == AF_INET ? Json(to_string(from_abi(one.gateway).address))
                                                  : Json(nullptr)},
        {"mtu", one.mtu},
        {"replicas", one.replicas},
        {"cpus", to_string(cpu_set(one))},
        {"connections", one.connections},
        {"tentative", is_tentative(one)}};
}

void print_interface(const dominoes_interface& one) {
    std::cout << one.ifindex << ": " << one.name << " " << prefix_text(one);
    if (one.gateway.family == AF_INET)
        std::cout << " via " << to_string(from_abi(one.gateway).address);
    const std::string cpus = to_string(cpu_set(one));
    std::cout << " mtu " << one.mtu << " replicas " << one.replicas << " cpus "
              << (cpus.empty() ? "all" : cpus) << " connections " << one.connections
              << (is_tentative(one) ? " tentative" : "") << '\n';
}

void print_row(const auto&... cells) {
    static constexpr int kWidths[] = {5, 10, 8, 8, 21, 21, 8};
    std::size_t column = 0;
    std::cout << std::left;
    ((std::cout << std::setw(kWidths[column++]) << cells << ' '), ...);
}

void print_connection(const dominoes_info& info, bool details) {
    const bool udp = info.protocol == IPPROTO_UDP;
    print_row(udp ? "udp" : "tcp", udp ? "UNCONN" : state_name(info.state), info.recv_queue,
              info.send_queue, to_string(from_abi(info.local)), to_string(from_abi(info.peer)),
              info.replicas);
    std::cout << policy_name(info.policy) << '\n';
    if (details && !udp && info.state != DOMINOES_TCP_LISTEN) print_details(std::cout, info, "\t ");
}

int show(const ShowArguments& arguments) {
    const Client client;
    const bool interfaces = arguments.what != "connections";
    const bool connections = arguments.what != "interfaces";
    if (arguments.json) {
        Json all = Json::object();
        if (interfaces) {
            all["interfaces"] = Json::array();
            for (const dominoes_interface& one : client.interfaces())
                all["interfaces"].push_back(interface_json(one));
        }
        if (connections) {
            all["connections"] = Json::array();
            for (const dominoes_info& one : client.connections())
                all["connections"].push_back(connection_json(one));
        }
        std::cout << all.dump(2) << '\n';
        return 0;
    }
    if (interfaces)
        for (const dominoes_interface& one : client.interfaces()) print_interface(one);
    if (connections) {
        print_row("Proto", "State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port",
                  "Replicas");
        std::cout << "Policy\n";
        for (const dominoes_info& one : client.connections()) print_connection(one, arguments.info);
    }
    return 0;
}

}  // namespace

void add_show_command(CLI::App& app, Action& action) {
    auto arguments = std::make_shared<ShowArguments>();
    CLI::App* command = app.add_subcommand("show", "List attached interfaces and connections");
    command->add_option("WHAT", arguments->what, "interfaces or connections (default: both)")
        ->check(CLI::IsMember({"interfaces", "connections"}));
    command->add_flag("-i,--info", arguments->info,
                      "Also round-trip times, windows, counts and replicas, as `ss -i`");
    command->add_flag("-j,--json", arguments->json, "As JSON, always with everything");
    command->footer(
        "Examples:\n  dominoes show\n  dominoes show -i connections\n"
        "  dominoes show -j | jq '.connections[].per_replica'");
    command->callback([&action, arguments] { action = [arguments] { return show(*arguments); }; });
}

}  // namespace dominoes::command
