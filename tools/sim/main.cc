// SPDX-License-Identifier: GPL-2.0
//
// dominoes-sim: thousands of simulated worlds, one a seed, in virtual time.
#include <malloc.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tools/sim/seed.hh"

namespace sim {
namespace {

constexpr uint64_t kBlock = 1000;  // seeds in a line of KTAP

struct Arguments {
    uint64_t seeds = 1000;
    uint64_t seed_base = 1;
    uint32_t replicas = 0;  // as drawn
    bool compare = false;
    bool replay = false;
    bool ktap = false;
    bool json = false;
    std::string pcap;
    std::string timeline;
    Break broken = Break::kNone;
    std::string program;
};

struct Totals {
    uint64_t seeds = 0;
    uint64_t runs = 0;
    uint64_t connections = 0;
    uint64_t packets = 0;
    uint64_t switches = 0;
    uint64_t digest_checks = 0;
    double virtual_s = 0;
    std::vector<uint64_t> failed;

    void add(uint64_t seed, const SeedResult& result) {
        ++seeds;
        runs += result.runs;
        connections += result.connections;
        packets += result.packets;
        switches += result.switches;
        digest_checks += result.digest_checks;
        virtual_s += static_cast<double>(result.virtual_ns) * 1e-9;
        if (!result.failures.empty()) failed.push_back(seed);
    }
};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::string replay_command(const Arguments& arguments, uint64_t seed) {
    const std::string number = std::to_string(seed);
    std::string command = arguments.program + " --replay --seed-base " + number;
    if (arguments.replicas) command += " --replicas " + std::to_string(arguments.replicas);
    return command + " --pcap " + number + ".pcap --timeline " + number + ".txt";
}

void print_failure(const Arguments& arguments, uint64_t seed, const SeedResult& result) {
    std::FILE* const out = arguments.json ? stderr : stdout;  // that is for the JSON
    std::fprintf(out, "# seed %llu: %s\n", static_cast<unsigned long long>(seed),
                 result.scenario.c_str());
    for (std::string line : result.failures) {
        for (size_t at = 0; (at = line.find('\n', at)) != std::string::npos; at += 3)
            line.replace(at, 1, "\n# ");
        std::fprintf(out, "#   %s\n", line.c_str());
    }
    std::fprintf(out, "# replay: %s\n", replay_command(arguments, seed).c_str());
    std::fflush(out);
}

SeedOptions options_of(const Arguments& arguments) {
    SeedOptions options;
    if (arguments.replicas) options.replicas = arguments.replicas;
    if (arguments.compare) options.compare = true;
    options.broken = arguments.broken;
    return options;
}

void show_progress(const Arguments& arguments, const Totals& totals, Clock::time_point begin) {
    static const bool terminal = isatty(STDERR_FILENO);
    if (!terminal || totals.seeds % 16) return;
    std::fprintf(stderr, "\r%llu of %llu seeds, %zu failed, %.0f connections/s ",
                 static_cast<unsigned long long>(totals.seeds),
                 static_cast<unsigned long long>(arguments.seeds), totals.failed.size(),
                 static_cast<double>(totals.connections) / seconds_since(begin));
}

void print_totals(const Arguments& arguments, const Totals& totals, double seconds) {
    const double rate = static_cast<double>(totals.connections) / seconds;
    if (arguments.json) {
        const nlohmann::ordered_json json = {
            {"seeds", totals.seeds},
            {"seed_base", arguments.seed_base},
            {"failed", totals.failed},
            {"runs", totals.runs},
            {"connections", totals.connections},
            {"packets", totals.packets},
            {"switches", totals.switches},
            {"digest_checks", totals.digest_checks},
            {"virtual_seconds", totals.virtual_s},
            {"seconds", seconds},
            {"connections_per_second", rate},
        };
        std::cout << json.dump(2) << std::endl;
        return;
    }
    std::printf(
        "# %llu seeds, %llu connections, %llu packets, %llu digests compared, %.0f virtual "
        "s in %.1f s: %.0f connections/s\n",
        static_cast<unsigned long long>(totals.seeds),
        static_cast<unsigned long long>(totals.connections),
        static_cast<unsigned long long>(totals.packets),
        static_cast<unsigned long long>(totals.digest_checks), totals.virtual_s, seconds, rate);
    std::printf("# %zu failed\n", totals.failed.size());
}

// Many seeds, a line for each block of them.
bool run_seeds(const Arguments& arguments) {
    const auto begin = Clock::now();
    Totals totals;
    const uint64_t blocks = (arguments.seeds + kBlock - 1) / kBlock;
    if (arguments.ktap)
        std::printf("KTAP version 1\n1..%llu\n", static_cast<unsigned long long>(blocks));
    for (uint64_t block = 0; block < blocks; ++block) {
        const uint64_t first = arguments.seed_base + block * kBlock;
        const uint64_t end = std::min(first + kBlock, arguments.seed_base + arguments.seeds);
        const size_t failed = totals.failed.size();
        for (uint64_t seed = first; seed < end; ++seed) {
            const SeedResult result = run_seed(seed, options_of(arguments));
            totals.add(seed, result);
            if (!result.failures.empty()) print_failure(arguments, seed, result);
            show_progress(arguments, totals, begin);
        }
        if (!arguments.ktap) continue;
        std::printf("%s %llu simulation: seeds %llu to %llu\n",
                    failed == totals.failed.size() ? "ok" : "not ok",
                    static_cast<unsigned long long>(block + 1),
                    static_cast<unsigned long long>(first),
                    static_cast<unsigned long long>(end - 1));
        std::fflush(stdout);
    }
    if (isatty(STDERR_FILENO)) std::fputs("\r\033[K", stderr);
    print_totals(arguments, totals, seconds_since(begin));
    return totals.failed.empty();
}

// One seed, with all that can be said about it.
bool replay(const Arguments& arguments) {
    SeedOptions options = options_of(arguments);
    std::unique_ptr<PcapFile> pcap;
    if (!arguments.pcap.empty()) pcap = std::make_unique<PcapFile>(arguments.pcap);
    if (!arguments.timeline.empty()) {
        options.timeline = std::fopen(arguments.timeline.c_str(), "w");
        if (!options.timeline)
            throw std::system_error(errno, std::generic_category(), arguments.timeline);
    }
    options.pcap = pcap.get();
    const uint64_t seed = arguments.seed_base;
    SeedResult result = run_seed(seed, options);
    if (options.timeline) std::fclose(options.timeline);
    if (result.failures.empty() && !arguments.replicas) {  // perhaps only when compared
        options.timeline = nullptr;
        options.pcap = nullptr;
        result = run_seed(seed, options);
    }
    if (!result.failures.empty()) {
        print_failure(arguments, seed, result);
    } else {
        std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed),
                    result.scenario.c_str());
        std::printf("%llu packets, nothing wrong\n",
                    static_cast<unsigned long long>(result.packets));
    }
    return result.failures.empty();
}

void add_options(CLI::App& app, Arguments& arguments) {
    static const std::map<std::string, Break> kBreaks = {
        {"corrupt-replica", Break::kCorruptReplica},
        {"flip-byte", Break::kFlipByte},
        {"ack-ahead", Break::kAckAhead},
        {"beyond-window", Break::kBeyondWindow},
        {"leak", Break::kLeak},
        {"hang", Break::kHang},
        {"different-wire", Break::kDifferentWire},
        {"early-end", Break::kEarlyEnd},
        {"cling", Break::kCling},
        {"deaf-host", Break::kDeafHost},
        {"repeat-datagram", Break::kRepeatDatagram},
        {"forget-datagram", Break::kForgetDatagram},
        {"refuse-datagram", Break::kRefuseDatagram},
    };
    app.add_option("--seeds", arguments.seeds, "How many")->capture_default_str();
    app.add_option("--seed-base", arguments.seed_base, "The first one")->capture_default_str();
    app.add_option("--replicas", arguments.replicas,
                   "Of every connection, instead of what is drawn")
        ->check(CLI::Range(1u, 16u));
    app.add_flag(
        "--compare", arguments.compare,
        "Compare 1, 2, 4 and 7 replicas for every seed that allows it (else: every eighth)");
    app.add_flag("--replay", arguments.replay, "Only the first seed, and say what comes of it");
    app.add_option("--pcap", arguments.pcap, "With --replay: write its packets there");
    app.add_option("--timeline", arguments.timeline,
                   "With --replay: write there what happened when, request by request");
    app.add_flag("--ktap", arguments.ktap, "Print a line of KTAP for every thousand seeds");
    app.add_flag("--json", arguments.json, "Print the totals as JSON");
    app.add_option("--break", arguments.broken, "")
        ->transform(CLI::CheckedTransformer(kBreaks))
        ->group("");  // hidden: shows that the checks notice
}

}  // namespace
}  // namespace sim

int main(int argc, char** argv) {
    // Worlds come and go by the thousand: their memory is kept.
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    sim::Arguments arguments;
    arguments.program = argv[0];
    CLI::App app(
        "Simulates connections between two Dominoes hosts, or with a hostile peer, which lies\n"
        "now and then or is nothing but a script of attacks, and datagrams of UDP, over a bad\n"
        "network, in virtual time. All of a run comes from its seed. A seed that fails is printed\n"
        "with the command that replays it.");
    sim::add_options(app, arguments);
    CLI11_PARSE(app, argc, argv);
    try {
        return (arguments.replay ? sim::replay(arguments) : sim::run_seeds(arguments)) ? 0 : 1;
    } catch (const std::exception& error) {
        std::cerr << "dominoes-sim: " << error.what() << '\n';
        return 2;
    }
}
