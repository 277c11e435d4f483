// SPDX-License-Identifier: GPL-2.0
// `dominoes`: reads the command line, runs one subcommand, and turns failures into one line on
// stderr and an exit status (1: it failed, 2: the command line is wrong).
#include "command.hh"

#include <csignal>
#include <iostream>

namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

using dominoes::command::Action;

// "dominoes attach" where argv names a subcommand, else "dominoes".
std::string prefix(const CLI::App& app, int argc, char** argv) {
    for (const CLI::App* one : app.get_subcommands([](const CLI::App*) { return true; }))
        if (argc > 1 && one->get_name() == argv[1]) return "dominoes " + one->get_name();
    return "dominoes";
}

void add_commands(CLI::App& app, Action& action) {
    using namespace dominoes::command;
    add_attach_command(app, action);
    add_detach_command(app, action);
    add_show_command(app, action);
    add_stats_command(app, action);
    add_perf_command(app, action);
    add_cat_command(app, action);
}

int run(CLI::App& app, Action& action, int argc, char** argv) {
    const auto complain = [&](const std::string& what) {
        std::cout.flush();
        std::cerr << prefix(app, argc, argv) << ": " << what << '\n';
    };
    try {
        app.parse(argc, argv);
        const int status = action();
        std::cout.flush();
        if (!std::cout) throw std::runtime_error("writing to standard output failed");
        return status;
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0)  // --help, --version
            return app.exit(error);
        complain(std::string(error.what()) + " (see --help)");
        return kUsage;
    } catch (const std::invalid_argument& error) {
        complain(error.what());
        return kUsage;
    } catch (const std::exception& error) {
        complain(error.what());
        return kFailed;
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a lost connection is an error of write(), not our end
    CLI::App app{"Run TCP connections on many CPUs: control and use the Dominoes kernel module."};
    app.name("dominoes");
    app.set_version_flag(
        "--version", "dominoes " DOMINOES_VERSION ", ABI " + std::to_string(DOMINOES_ABI_VERSION));
    app.require_subcommand(1);
    app.footer(
        "Examples:\n"
        "  dominoes attach eth0 10.0.0.2/24 via 10.0.0.1 --replicas 2\n"
        "  dominoes perf -c 10.0.0.9 -t 10\n"
        "  dominoes show -i\n"
        "`dominoes COMMAND --help` tells about one command; dominoes(8) about all.");
    Action action;
    add_commands(app, action);
    return run(app, action, argc, argv);
}
