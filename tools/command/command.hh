// SPDX-License-Identifier: GPL-2.0
// What the subcommands of `dominoes` share: how they are registered, their common options, and how
// they show bytes, rates and connections.
#pragma once

#include "../lib/stream.hh"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

namespace dominoes::command {

using Json = nlohmann::ordered_json;

// What the command line asked for; gives the exit status. Set by the subcommand that was named.
using Action = std::function<int()>;

void add_attach_command(CLI::App& app, Action& action);
void add_detach_command(CLI::App& app, Action& action);
void add_show_command(CLI::App& app, Action& action);
void add_stats_command(CLI::App& app, Action& action);
void add_perf_command(CLI::App& app, Action& action);
void add_cat_command(CLI::App& app, Action& action);

constexpr auto kConnectTimeout = std::chrono::seconds(30);

// The options of perf and cat that say how a connection is to be run.
struct ConnectionArguments {
    ConnectionOptions options;
    std::string transport = "device";

    [[nodiscard]] std::unique_ptr<Transport> make_transport() const;
};
void add_connection_options(CLI::App& app, ConnectionArguments& arguments);

// Runs body; a failure in it is reported as "subject: what failed".
template <typename Body>
auto about(const std::string& subject, Body&& body) {
    try {
        return body();
    } catch (const std::runtime_error& error) {  // which std::system_error is, too
        throw std::runtime_error(subject + ": " + error.what());
    }
}

unsigned interface_index(const std::string& name);

// 10, 128K, 1M, 2G: multiples of 1024 as in iperf3. Throws std::invalid_argument.
std::uint64_t parse_size(const std::string& text);
// Four significant characters and a unit, as iperf3: "2.48 GBytes" (of 1024), "21.3 Gbits" (of
// 1000).
std::string format_bytes(double bytes);
std::string format_bits(double bits);

// The connection as a JSON object; the same in show, perf and cat, and described in dominoes(8).
Json connection_json(const dominoes_info& info);
// The lines that `ss -i` would put below the connection, each with indent before it.
void print_details(std::ostream& out, const dominoes_info& info, const char* indent);
// Segments sent again, as far as the transport tells.
std::uint64_t retransmitted_segments(const dominoes_info& info);

}  // namespace dominoes::command
