// SPDX-License-Identifier: GPL-2.0
// `dominoes attach`, `detach` and `stats`: what is done to, and known about, an interface.
#include "../../scout/counters.h"
#include "../lib/client.hh"
#include "command.hh"

#include <net/if.h>
#include <iomanip>
#include <iostream>

namespace dominoes::command {

namespace {

struct CounterName {
    const char* name;
    const char* description;
};

#define DOMINOES_COUNTER_NAME(name, description) {#name, description},
constexpr CounterName kCounterNames[] = {DOMINOES_COUNTERS(DOMINOES_COUNTER_NAME)};
#undef DOMINOES_COUNTER_NAME

struct AttachArguments {
    std::string device;
    std::string address;
    std::string via;
    std::string gateway;
    unsigned replicas = 0;
    std::string cpus;
    bool dad = false;
};

int attach(const AttachArguments& arguments) {
    Attachment attachment;
    attachment.address = parse_prefix(arguments.address);
    if (!arguments.via.empty()) attachment.gateway = parse_address(arguments.gateway);
    attachment.replicas = arguments.replicas;
    if (!arguments.cpus.empty()) attachment.cpus = parse_cpu_list(arguments.cpus);
    attachment.probe = arguments.dad;
    Client client;
    about(arguments.device, [&] {
        attachment.ifindex = interface_index(arguments.device);
        if (arguments.dad)
            std::cerr << arguments.device << ": probing for "
                      << to_string(attachment.address.address) << ", up to 7 seconds ..."
                      << std::endl;
        client.attach(attachment);
    });
    return 0;
}

int detach(const std::string& device) {
    Client client;
    about(device, [&] { client.detach(interface_index(device)); });
    return 0;
}

struct StatsArguments {
    std::string device;
    bool json = false;
    bool nonzero = false;
};

struct DeviceCounters {
    std::string name;
    std::vector<std::uint64_t> values;
};

std::vector<DeviceCounters> read_counters(const std::string& device) {
    const Client client;
    std::vector<DeviceCounters> all;
    if (!device.empty()) {
        about(device, [&] { all.push_back({device, client.counters(interface_index(device))}); });
        return all;
    }
    for (const dominoes_interface& one : client.interfaces())
        about(one.name, [&] { all.push_back({one.name, client.counters(one.ifindex)}); });
    return all;
}

CounterName counter_name(std::size_t index, std::string& storage) {
    if (index < std::size(kCounterNames)) return kCounterNames[index];
    storage = "counter_" + std::to_string(index);  // of a module newer than this program
    return {storage.c_str(), ""};
}

int stats(const StatsArguments& arguments) {
    Json all = Json::array();
    std::string storage;
    for (const auto& [device, values] : read_counters(arguments.device)) {
        Json counters = Json::object();
        if (!arguments.json) std::cout << device << ":\n";
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (arguments.nonzero && values[i] == 0) continue;
            const CounterName counter = counter_name(i, storage);
            if (arguments.json)
                counters[counter.name] = values[i];
            else
                std::cout << "  " << std::left << std::setw(32) << counter.name << std::right
                          << std::setw(16) << values[i] << "  " << counter.description << '\n';
        }
        all.push_back({{"interface", device}, {"counters", std::move(counters)}});
    }
    if (arguments.json) std::cout << all.dump(2) << '\n';
    return 0;
}

}  // namespace

void add_attach_command(CLI::App& app, Action& action) {
    auto arguments = std::make_shared<AttachArguments>();
    CLI::App* command = app.add_subcommand("attach", "Give an Ethernet device a Dominoes address");
    command->add_option("DEV", arguments->device, "The device, e.g. eth0")->required();
    command->add_option("ADDRESS/PREFIX", arguments->address, "Dominoes' own IPv4 address there")
        ->required();
    command->add_option("via", arguments->via)->check(CLI::IsMember({"via"}))->type_name("");
    command->add_option("GATEWAY", arguments->gateway, "The router to all else");
    command
        ->add_option(
            "--replicas", arguments->replicas,
            "Of new connections and UDP ports (default: what the CPUs can run side by side)")
        ->check(CLI::Range(1, DOMINOES_MAX_REPLICAS))
        ->type_name("N");
    command->add_option("--cpus", arguments->cpus, "CPUs that may run replicas (default: all)")
        ->type_name("LIST");
    command->add_flag("--dad", arguments->dad,
                      "Duplicate address detection: use the address only if no other host on the "
                      "link answers for it; takes 4 to 7 s");
    command->footer(
        "Examples:\n"
        "  dominoes attach eth0 10.0.0.2/24 --dad\n"
        "  dominoes attach eth0 10.0.0.2/24 via 10.0.0.1 --replicas 3 --cpus 0-3,5");
    command->callback(
        [&action, arguments] { action = [arguments] { return attach(*arguments); }; });
}

void add_detach_command(CLI::App& app, Action& action) {
    auto device = std::make_shared<std::string>();
    CLI::App* command = app.add_subcommand("detach", "Leave a device; its connections end");
    command->add_option("DEV", *device, "The device")->required();
    command->footer("Example:\n  dominoes detach eth0");
    command->callback([&action, device] { action = [device] { return detach(*device); }; });
}

void add_stats_command(CLI::App& app, Action& action) {
    auto arguments = std::make_shared<StatsArguments>();
    CLI::App* command = app.add_subcommand("stats", "Show the counters of attached devices");
    command->add_option("DEV", arguments->device, "Only this device");
    command->add_flag("-j,--json", arguments->json, "As JSON");
    command->add_flag("-z,--nonzero", arguments->nonzero, "Only counters that are not zero");
    command->footer("Examples:\n  dominoes stats -z\n  dominoes stats eth0 -j");
    command->callback([&action, arguments] { action = [arguments] { return stats(*arguments); }; });
}

}  // namespace dominoes::command
