// SPDX-License-Identifier: GPL-2.0
// `dominoes perf`: the command line.
#include "perf.hh"

namespace dominoes::command {

namespace {

using perf::PerfArguments;

struct PerfCommand {
    PerfArguments arguments;
    std::string bind;
    std::string port;
    std::string bytes;
    std::string length;
    unsigned streams = 1;
};

int run(PerfCommand& command) {
    PerfArguments& arguments = command.arguments;
    if (arguments.server == !arguments.host.empty())
        throw std::invalid_argument("either -s or -c HOST is needed");
    if (!command.port.empty()) arguments.address.port = parse_port(command.port);
    if (!command.length.empty())
        arguments.parameters.block_bytes = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(parse_size(command.length), UINT32_MAX));
    if (arguments.parameters.block_bytes == 0 ||
        arguments.parameters.block_bytes > perf::kMaxBlockBytes)
        throw std::invalid_argument("-l: 1 to 1M bytes");
    if (!command.bytes.empty()) {
        arguments.parameters.bytes = parse_size(command.bytes);
        arguments.parameters.seconds = 0;
    }
    arguments.parameters.nodelay = arguments.connection.options.nodelay;
    if (arguments.server) {
        if (!command.bind.empty()) arguments.address.address = parse_address(command.bind);
        return perf::run_server(arguments);
    }
    arguments.address.address = resolve(arguments.host);
    return perf::run_client(arguments);
}

void add_role_options(CLI::App& app, PerfCommand& command) {
    PerfArguments& arguments = command.arguments;
    auto* server = app.add_flag("-s,--server", arguments.server, "Serve tests");
    auto* client = app.add_option("-c,--client", arguments.host, "Run a test against this server")
                       ->type_name("HOST")
                       ->excludes(server);
    app.add_option("-p,--port", command.port, "TCP port (default 5201)")->type_name("PORT");
    app.add_flag("-J,--json", arguments.json, "Print iperf3's JSON at the end, nothing else");
    app.add_option("-i,--interval", arguments.interval,
                   "Seconds between lines (default 1; 0: none)")
        ->check(CLI::Range(0.0, 3600.0))
        ->type_name("SECS");
    app.add_flag("-1,--one-off", arguments.one_off, "Serve one test, then exit")
        ->excludes(client)
        ->group("Server");
    app.add_option("-B,--bind", command.bind, "Serve on this address only")
        ->type_name("ADDRESS")
        ->excludes(client)
        ->group("Server");
}

void add_test_options(CLI::App& app, PerfCommand& command) {
    PerfArguments& arguments = command.arguments;
    const char* group = "Client";
    auto* time = app.add_option("-t,--time", arguments.parameters.seconds,
                                "Run for so many seconds (default 10; 0: until interrupted)")
                     ->type_name("SECS")
                     ->group(group);
    app.add_option("-n,--bytes", command.bytes, "Move so many bytes; K, M, G and T are understood")
        ->type_name("BYTES")
        ->excludes(time)
        ->group(group);
    app.add_option("-l,--length", command.length, "Bytes per read or write (default 128K)")
        ->type_name("BYTES")
        ->group(group);
    app.add_flag("-R,--reverse", arguments.parameters.reverse, "The server sends")->group(group);
    app.add_option("-P,--parallel", command.streams,
                   "Connections: only 1, which is what Dominoes is about")
        ->check(CLI::Range(1, 1))
        ->type_name("N")
        ->group(group);
}

}  // namespace

void add_perf_command(CLI::App& app, Action& action) {
    auto command = std::make_shared<PerfCommand>();
    CLI::App* perf =
        app.add_subcommand("perf", "Measure throughput; the other end may be an iperf3");
    add_role_options(*perf, *command);
    add_test_options(*perf, *command);
    add_connection_options(*perf, command->arguments.connection);
    perf->footer(
        "Examples:\n"
        "  dominoes perf -s                       # peer: iperf3 -c ADDRESS\n"
        "  dominoes perf -c 10.0.0.9 -t 30 -R     # peer: iperf3 -s\n"
        "  dominoes perf -c 10.0.0.9 -n 1G -J --replicas 4 --policy round-robin");
    perf->callback([&action, command] { action = [command] { return run(*command); }; });
}

}  // namespace dominoes::command
