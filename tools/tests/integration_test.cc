// SPDX-License-Identifier: GPL-2.0
//
// Runs the `dominoes` command as a user would: its perf against stock iperf3, its cat against nc
// and itself, and its administration calls. To be started in a network namespace of its own:
//
//   scripts/in-netns build/host/tests/tools-integration-test
//
// Each test runs twice where it can: over ordinary sockets (--transport socket), and through the
// code for /dev/dominoes, with fake_device.cc as the device.
#include <gtest/gtest.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>

#include "program.hh"

namespace {

using nlohmann::json;

class Command : public testing::TestWithParam<const char*> {
protected:
    // The command line of a subcommand that uses connections, on the transport under test.
    static Words connecting(Words words) {
        const bool device = std::strcmp(GetParam(), "device") == 0;
        words.insert(words.begin(), device ? DOMINOES_ON_FAKE_PROGRAM : DOMINOES_PROGRAM);
        words.insert(words.end(), {"--transport", GetParam()});
        return words;
    }
};

INSTANTIATE_TEST_SUITE_P(Transports, Command, testing::Values("socket", "device"),
                         [](const auto& info) { return std::string(info.param); });

// --- perf ---

void expect_complete(const json& result, bool reverse) {
    ASSERT_FALSE(result.contains("error")) << result["error"];
    EXPECT_EQ(result["start"]["connected"].size(), 1u);
    EXPECT_EQ(result["start"]["test_start"]["reverse"], reverse ? 1 : 0);
    EXPECT_GE(result["intervals"].size(), 1u);
    std::uint64_t bytes = 0;
    for (const json& interval : result["intervals"])
        bytes += interval["sum"]["bytes"].get<std::uint64_t>();
    const json& end = result["end"];
    EXPECT_TRUE(bytes == end["sum_sent"]["bytes"] || bytes == end["sum_received"]["bytes"]);
    EXPECT_GT(bytes, 0u);
    EXPECT_EQ(end["streams"].size(), 1u);
    EXPECT_TRUE(end.contains("cpu_utilization_percent"));
}

// Both ends with -J; gives the client's and the server's results.
std::pair<json, json> run_pair(Words server, Words client) {
    Program serving(std::move(server));
    await_listener(5201);
    Program asking(std::move(client));
    EXPECT_EQ(asking.wait(), 0) << asking.error() << asking.output();
    EXPECT_EQ(serving.wait(), 0) << serving.error() << serving.output();
    return {asking.output_json(), serving.output_json()};
}

Words joined(Words first, const Words& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

bool is_reverse(const Words& options) { return options.back() == "-R"; }

const std::vector<Words> kPerfOptions = {{"-t", "2"},
                                         {"-n", "20M"},
                                         {"-t", "1", "-R"},
                                         {"-n", "20M", "-R"},
                                         {"-n", "10M", "-l", "1000"}};

TEST_P(Command, perf__client_with_stock_iperf3_server) {
    if (!installed("iperf3")) GTEST_SKIP() << "no iperf3";
    for (const Words& options : kPerfOptions) {
        const auto [client, server] =
            run_pair({"iperf3", "-s", "-1", "-J"},
                     joined(connecting({"perf", "-c", "127.0.0.1", "-J"}), options));
        expect_complete(client, is_reverse(options));
        ASSERT_FALSE(server.contains("error"));
        // Each knows what the other has measured.
        const char* sum = is_reverse(options) ? "sum_sent" : "sum_received";
        EXPECT_EQ(client["end"][sum]["bytes"], server["end"][sum]["bytes"]);
    }
}

TEST_P(Command, perf__server_with_stock_iperf3_client) {
    if (!installed("iperf3")) GTEST_SKIP() << "no iperf3";
    for (const Words& options : kPerfOptions) {
        const auto [client, server] =
            run_pair(connecting({"perf", "-s", "-1", "-J"}),
                     joined({"iperf3", "-c", "127.0.0.1", "-J"}, options));
        expect_complete(server, is_reverse(options));
        ASSERT_FALSE(client.contains("error")) << client["error"];
        for (const char* sum : {"sum_sent", "sum_received"})
            EXPECT_EQ(client["end"][sum]["bytes"], server["end"][sum]["bytes"]) << sum;
        // That all is sent ends iperf3's test: the last bytes may be on their way.
        const int64_t sent = client["end"]["sum_sent"]["bytes"];
        const int64_t received = server["end"]["sum_received"]["bytes"];
        EXPECT_LE(received, sent);
        EXPECT_GT(received, sent / 2);
    }
}

TEST_P(Command, perf__both_ends_are_ours) {
    for (const Words& options : kPerfOptions) {
        const auto [client, server] =
            run_pair(connecting({"perf", "-s", "-1", "-J"}),
                     joined(connecting({"perf", "-c", "127.0.0.1", "-J"}), options));
        expect_complete(client, is_reverse(options));
        expect_complete(server, is_reverse(options));
        EXPECT_EQ(client["end"]["sum_sent"]["bytes"], server["end"]["sum_sent"]["bytes"]);
        EXPECT_EQ(client["end"]["sum_received"]["bytes"], server["end"]["sum_received"]["bytes"]);
        EXPECT_EQ(client.contains("dominoes"), std::strcmp(GetParam(), "device") == 0);
        if (client.contains("dominoes")) {
            EXPECT_EQ(client["dominoes"]["replicas"], 2);
            EXPECT_EQ(client["dominoes"]["per_replica"].size(), 2u);
            EXPECT_EQ(client["dominoes"]["digest_mismatches"], 0);
        }
    }
}

TEST_P(Command, perf__omitted_seconds_do_not_count) {
    if (!installed("iperf3")) GTEST_SKIP() << "no iperf3";
    for (const Words& options : {Words{"-t", "1", "-O", "1"}, Words{"-t", "1", "-O", "1", "-R"}}) {
        const auto [client, server] =
            run_pair(connecting({"perf", "-s", "-1", "-J"}),
                     joined({"iperf3", "-c", "127.0.0.1", "-J"}, options));
        ASSERT_FALSE(client.contains("error")) << client["error"];
        EXPECT_TRUE(server["intervals"][0]["sum"]["omitted"]);
        EXPECT_LT(server["end"]["sum_received"]["seconds"], 1.5);
    }
}

TEST_P(Command, perf__lines_appear_while_it_runs) {
    Program server(connecting({"perf", "-s", "-1"}));
    await_listener(5201);
    Program client(connecting({"perf", "-c", "127.0.0.1", "-t", "600", "-i", "0.5"}));
    client.await_output("bits/sec");
    server.await_output("bits/sec");
    EXPECT_TRUE(client.running());
    EXPECT_TRUE(server.running());
    client.signal(SIGINT);
    EXPECT_EQ(client.wait(), 0);
    EXPECT_NE(client.output().find("receiver"), std::string::npos);
}

TEST_P(Command, perf__interrupted_client_still_gets_results) {
    Program server(connecting({"perf", "-s", "-1"}));
    await_listener(5201);
    Program client(connecting({"perf", "-c", "127.0.0.1", "-t", "600", "-J"}));
    server.await_output("bits/sec");
    client.signal(SIGINT);
    EXPECT_EQ(client.wait(), 0) << client.error();
    EXPECT_EQ(server.wait(), 0) << server.error();
    expect_complete(client.output_json(), false);
    EXPECT_GT(client.output_json()["end"]["sum_received"]["bytes"], 0);
}

TEST_P(Command, perf__interrupted_server_tells_the_client) {
    Program server(connecting({"perf", "-s", "-J"}));
    await_listener(5201);
    Program client(connecting({"perf", "-c", "127.0.0.1", "-t", "600", "-R"}));
    client.await_output("bits/sec");
    server.signal(SIGINT);
    EXPECT_EQ(server.wait(), 1);
    EXPECT_TRUE(server.output_json()["end"].contains("sum_sent"));
    EXPECT_EQ(client.wait(), 1);
    EXPECT_NE(client.error().find("the server has terminated"), std::string::npos)
        << client.error();
}

TEST_P(Command, perf__idle_server_ends_quietly) {
    Program server(connecting({"perf", "-s"}));
    await_listener(5201);
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait(), 0);
    EXPECT_EQ(server.error(), "");
}

TEST_P(Command, perf__peer_that_dies_is_an_error_and_no_hang) {
    for (const char* direction : {"-P1", "-R"}) {
        {
            Program server(connecting({"perf", "-s"}));
            await_listener(5201);
            Program client(connecting({"perf", "-c", "127.0.0.1", "-t", "600", direction}));
            client.await_output("bits/sec");
            server.signal(SIGKILL);
            EXPECT_EQ(client.wait(), 1);
            EXPECT_EQ(client.error(),
                      "dominoes perf: control connection: the peer closed the "
                      "connection\n");
        }
        Program server(connecting({"perf", "-s", "-1"}));
        await_listener(5201);
        Program client(connecting({"perf", "-c", "127.0.0.1", "-t", "600", direction}));
        client.await_output("bits/sec");
        client.signal(SIGKILL);
        EXPECT_EQ(server.wait(), 1);
        EXPECT_NE(server.error().find("the peer closed the connection"), std::string::npos)
            << server.error();
    }
}

TEST_P(Command, perf__busy_server_turns_others_away) {
    Program server(connecting({"perf", "-s", "-1"}));
    await_listener(5201);
    Program first(connecting({"perf", "-c", "127.0.0.1", "-t", "600"}));
    first.await_output("bits/sec");
    Program second(connecting({"perf", "-c", "127.0.0.1", "-t", "1"}));
    EXPECT_EQ(second.wait(), 1);
    EXPECT_NE(second.error().find("busy"), std::string::npos) << second.error();
    first.signal(SIGINT);
    EXPECT_EQ(first.wait(), 0) << first.error();
    EXPECT_EQ(server.wait(), 0) << server.error();
}

TEST_P(Command, perf__nobody_there) {
    Program client(connecting({"perf", "-c", "127.0.0.1", "-J"}));
    EXPECT_EQ(client.wait(), 1);
    EXPECT_EQ(client.error(), "dominoes perf: 127.0.0.1 port 5201: Connection refused\n");
    EXPECT_EQ(client.output_json()["error"], "127.0.0.1 port 5201: Connection refused");
}

// --- cat ---

TEST_P(Command, cat__files_both_ways_at_once) {
    make_file(g_folder / "there", 30'000'001);
    make_file(g_folder / "back", 9'999'999);
    Program server(connecting({"cat", "-l", "-p", "5000", "--input", g_folder / "back", "--output",
                               g_folder / "there.copy", "--sha256"}));
    await_listener(5000);
    Program client(connecting({"cat", "127.0.0.1", "5000", "--input", g_folder / "there",
                               "--output", g_folder / "back.copy", "--sha256", "-J", "--stats-file",
                               g_folder / "stats.json"}));
    EXPECT_EQ(client.wait(), 0) << client.error();
    EXPECT_EQ(server.wait(), 0) << server.error();
    EXPECT_TRUE(read_file(g_folder / "there") == read_file(g_folder / "there.copy"));
    EXPECT_TRUE(read_file(g_folder / "back") == read_file(g_folder / "back.copy"));
    const json stats = json::parse(read_file(g_folder / "stats.json"));
    EXPECT_EQ(stats["sent_bytes"], 30'000'001);
    EXPECT_EQ(stats["received_bytes"], 9'999'999);
    EXPECT_TRUE(stats["error"].is_null());
    EXPECT_NE(server.error().find("sha256 received " + stats["sha256_sent"].get<std::string>()),
              std::string::npos);
    EXPECT_NE(server.error().find("sha256 sent " + stats["sha256_received"].get<std::string>()),
              std::string::npos);
}

TEST_P(Command, cat__sha256_is_the_right_one) {
    std::ofstream(g_folder / "abc") << "abc";
    Program server(connecting({"cat", "-l", "5000"}));
    await_listener(5000);
    Program client(connecting({"cat", "127.0.0.1", "5000", "--sha256"}),
                   (g_folder / "abc").string());
    EXPECT_EQ(client.wait(), 0) << client.error();
    EXPECT_EQ(server.wait(), 0) << server.error();
    EXPECT_EQ(server.output(), "abc");
    EXPECT_NE(
        client.error().find("sha256 sent ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410f"
                            "f61f20015ad 3\n"),
        std::string::npos)
        << client.error();
}

TEST_P(Command, cat__with_nc) {
    if (!installed("nc")) GTEST_SKIP() << "no nc";
    make_file(g_folder / "there", 5'000'000);
    {
        Program server({"nc", "-l", "-N", "127.0.0.1", "5000"});
        await_listener(5000);
        Program client(connecting({"cat", "127.0.0.1", "5000"}), (g_folder / "there").string());
        EXPECT_EQ(client.wait(), 0) << client.error();
        EXPECT_EQ(server.wait(), 0) << server.error();
        EXPECT_TRUE(server.output() == read_file(g_folder / "there"));
    }
    Program server(connecting({"cat", "-l", "-p", "5001"}));
    await_listener(5001);
    Program client({"nc", "-N", "127.0.0.1", "5001"}, (g_folder / "there").string());
    EXPECT_EQ(client.wait(), 0) << client.error();
    EXPECT_EQ(server.wait(), 0) << server.error();
    EXPECT_TRUE(server.output() == read_file(g_folder / "there"));
}

TEST_P(Command, cat__close_after_eof_does_not_wait_for_the_peer) {
    make_file(g_folder / "there", 1'000'000);
    mkfifo((g_folder / "never").c_str(), 0600);
    Program server(connecting({"cat", "-l", "-p", "5000"}), (g_folder / "never").string());
    await_listener(5000);
    Program client(connecting({"cat", "-N", "127.0.0.1", "5000"}), (g_folder / "there").string());
    EXPECT_EQ(client.wait(), 0) << client.error();
    EXPECT_TRUE(eventually([&] { return server.output() == read_file(g_folder / "there"); }));
    server.signal(SIGINT);
    EXPECT_EQ(server.wait(), 1);
    EXPECT_EQ(server.error(), "dominoes cat: interrupted\n");
}

TEST_P(Command, cat__output_through_a_slow_pipe) {
    make_file(g_folder / "there", 3'000'000);
    const Words words = connecting({"cat", "-l", "-p", "5000"});
    std::string line;
    for (const std::string& word : words) line += word + " ";
    Program server({"sh", "-c", line + "| (sleep 1; cat)"});
    await_listener(5000);
    Program client(connecting({"cat", "127.0.0.1", "5000"}), (g_folder / "there").string());
    EXPECT_EQ(client.wait(), 0) << client.error();
    EXPECT_EQ(server.wait(), 0) << server.error();
    EXPECT_TRUE(server.output() == read_file(g_folder / "there"));
}

// Linux resets a connection whose owner dies with data unread; with none, it ends it in order.
TEST_P(Command, cat__peer_that_dies_is_an_error) {
    mkfifo((g_folder / "never").c_str(), 0600);
    Program server(connecting({"cat", "-l", "-p", "5000"}), (g_folder / "never").string());
    await_listener(5000);
    Program client(connecting({"cat", "127.0.0.1", "5000", "--stats"}), "/dev/zero");
    await_connection(5000);
    server.signal(SIGSTOP);
    await_unread_data(5000);
    server.signal(SIGKILL);
    EXPECT_EQ(client.wait(), 1);
    EXPECT_NE(client.error().find("Connection reset by peer"), std::string::npos) << client.error();
    EXPECT_NE(client.error().find("bytes_sent"), std::string::npos) << client.error();
}

// --- administration, errors, usage ---

struct Outcome {
    int status;
    std::string output;
    std::string error;
};

Outcome run(Words words) {
    Program program(std::move(words));
    const int status = program.wait();
    return {status, program.output(), program.error()};
}

Outcome run_on_fake(Words words) {
    words.insert(words.begin(), DOMINOES_ON_FAKE_PROGRAM);
    return run(std::move(words));
}

TEST(Administration, attach__gives_everything_to_the_module) {
    const Outcome outcome = run_on_fake(
        {"attach", "lo", "10.0.0.2/24", "via", "10.0.0.254", "--replicas", "2", "--cpus", "0-1"});
    EXPECT_EQ(outcome.status, 0) << outcome.error;
    EXPECT_EQ(outcome.output + outcome.error, "");
}

TEST(Administration, attach__says_the_modules_reason) {
    const Outcome outcome = run_on_fake({"attach", "lo", "10.0.0.2/24"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.error,
              "dominoes attach: lo: device already has an rx_handler (bridge or "
              "bond?): Device or resource busy\n");
}

TEST(Administration, attach__tells_of_the_probing_and_who_has_the_address) {
    const Outcome outcome = run_on_fake({"attach", "lo", "10.0.0.2/24", "--dad"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.output, "");
    EXPECT_EQ(outcome.error,
              "lo: probing for 10.0.0.2, up to 7 seconds ...\n"
              "dominoes attach: lo: 10.0.0.2 is in use by 02:00:00:00:00:07: Address already in "
              "use\n");
}

TEST(Administration, detach__without_a_reason_says_the_error) {
    EXPECT_EQ(run_on_fake({"detach", "lo"}).error, "dominoes detach: lo: No such device\n");
    EXPECT_EQ(run_on_fake({"detach", "nope"}).error, "dominoes detach: nope: No such device\n");
}

TEST(Administration, show__lists_interfaces_and_connections) {
    const Outcome text = run_on_fake({"show", "-i"});
    EXPECT_EQ(text.status, 0) << text.error;
    EXPECT_NE(text.output.find(
                  "1: lo 10.0.0.2/24 mtu 1500 replicas 2 cpus 0,2-3 connections 2 tentative\n"),
              std::string::npos)
        << text.output;
    EXPECT_NE(text.output.find("LISTEN"), std::string::npos);
    EXPECT_NE(text.output.find("replica 1: cpu:0"), std::string::npos) << text.output;
    const json all = json::parse(run_on_fake({"show", "-j"}).output);
    EXPECT_EQ(all["interfaces"][0]["cpus"], "0,2-3");
    EXPECT_EQ(all["interfaces"][0]["tentative"], true);
    ASSERT_EQ(all["connections"].size(), 2u);
    EXPECT_EQ(all["connections"][1]["peer"], "10.0.0.9:40000");
    EXPECT_FALSE(
        json::parse(run_on_fake({"show", "-j", "interfaces"}).output).contains("connections"));
}

TEST(Administration, stats__counts_by_name) {
    const json all = json::parse(run_on_fake({"stats", "-j"}).output);
    EXPECT_EQ(all[0]["interface"], "lo");
    EXPECT_EQ(all[0]["counters"].size(), 300u);
    EXPECT_EQ(all[0]["counters"]["counter_299"], 0);
    const json nonzero = json::parse(run_on_fake({"stats", "lo", "-jz"}).output);
    EXPECT_EQ(nonzero[0]["counters"].size(), 150u);
    EXPECT_EQ(run_on_fake({"stats", "-z"}).output.find("counter_299"), std::string::npos);
}

TEST(Administration, options__refused_by_the_module_are_reported) {
    const Outcome outcome = run_on_fake({"perf", "-c", "127.0.0.1", "--digest-interval", "3"});
    EXPECT_EQ(outcome.status, 1);
    // The control connection is made first; it needs no digests.
    EXPECT_NE(outcome.error.find("Connection refused"), std::string::npos) << outcome.error;
    EXPECT_EQ(run_on_fake({"cat", "127.0.0.1", "1", "--digest-interval", "3"}).error,
              "dominoes cat: 127.0.0.1 port 1: the digest interval is not a power of two: Invalid "
              "argument\n");
}

TEST(Usage, no_module__says_what_to_do) {
    if (access("/dev/dominoes", F_OK) == 0) GTEST_SKIP() << "there is a module";
    const Outcome outcome = run({DOMINOES_PROGRAM, "show"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.error,
              "dominoes show: /dev/dominoes: no module loaded? (modprobe dominoes, "
              "or insmod dominoes.ko): No such file or directory\n");
}

TEST(Usage, wrong_command_lines__exit_with_2) {
    for (const Words& words : {Words{},
                               Words{"fly"},
                               Words{"attach"},
                               Words{"attach", "lo"},
                               Words{"attach", "lo", "10.0.0.1"},
                               Words{"show", "everything"},
                               Words{"attach", "lo", "10.0.0.1/24", "by", "10.0.0.2"},
                               Words{"attach", "lo", "10.0.0.1/24", "--replicas", "17"},
                               Words{"attach", "lo", "10.0.0.1/24", "--cpus", "3-1"},
                               Words{"perf"},
                               Words{"perf", "-s", "-c", "h"},
                               Words{"perf", "-c", "127.0.0.1", "-P", "2"},
                               Words{"perf", "-c", "127.0.0.1", "-t", "1", "-n", "1"},
                               Words{"perf", "-c", "127.0.0.1", "--policy", "lazy"},
                               Words{"cat"},
                               Words{"cat", "127.0.0.1"},
                               Words{"cat", "-l"},
                               Words{"cat", "127.0.0.1", "0"},
                               Words{"cat", "h", "1", "-p", "2"},
                               Words{"attach", "lo", "10.0.0.1/24", "via"}}) {
        std::string line;
        for (const std::string& word : words) line += word + " ";
        const Outcome outcome = run_on_fake(words);
        EXPECT_EQ(outcome.status, 2) << line << outcome.error;
        EXPECT_EQ(std::count(outcome.error.begin(), outcome.error.end(), '\n'), 1) << outcome.error;
        EXPECT_EQ(outcome.error.rfind("dominoes", 0), 0u) << outcome.error;
    }
}

TEST(Usage, help_and_version) {
    EXPECT_EQ(run({DOMINOES_PROGRAM, "--version"}).output.rfind("dominoes ", 0), 0u);
    for (const char* command : {"attach", "detach", "show", "stats", "perf", "cat"}) {
        const Outcome outcome = run({DOMINOES_PROGRAM, command, "--help"});
        EXPECT_EQ(outcome.status, 0);
        EXPECT_NE(outcome.output.find("Example"), std::string::npos) << command;
        EXPECT_EQ(outcome.output.find("--transport"), std::string::npos) << command;
    }
}

bool bring_loopback_up() {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    const bool done = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    close(fd);
    return done;
}

}  // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    if (GTEST_FLAG_GET(list_tests)) return RUN_ALL_TESTS();
    if (!bring_loopback_up()) {
        std::fprintf(stderr, "no network namespace to work in: run it by scripts/in-netns\n");
        return 77;
    }
    char folder[] = "/tmp/dominoes-tools-test-XXXXXX";
    g_folder = mkdtemp(folder);
    const int result = RUN_ALL_TESTS();
    std::filesystem::remove_all(g_folder);
    return result;
}
