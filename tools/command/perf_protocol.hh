// SPDX-License-Identifier: GPL-2.0
//
// iperf3's control protocol (as of iperf 3.12): states as single bytes, and JSON behind a 4-byte
// big-endian length, on a connection that begins with the client's cookie.
#pragma once

#include "command.hh"

#include <array>
#include <optional>
#include <string_view>

namespace dominoes::command::perf {

enum class State : std::int8_t {
    kTestStart = 1,
    kTestRunning = 2,
    kTestEnd = 4,
    kParamExchange = 9,
    kCreateStreams = 10,
    kServerTerminate = 11,
    kClientTerminate = 12,
    kExchangeResults = 13,
    kDisplayResults = 14,
    kIperfDone = 16,
    kAccessDenied = -1,
    kServerError = -2,
};

// 36 characters and a NUL.
using Cookie = std::array<char, 37>;
Cookie make_cookie();

// What client and server agree on before the test.
struct Parameters {
    unsigned seconds = 10;      // 0: until the client says so
    unsigned omit_seconds = 0;  // at the beginning, not counted
    std::uint64_t bytes = 0;    // to be sent in all; 0: until the time is over
    std::uint32_t block_bytes = 128 * 1024;
    bool reverse = false;  // the server sends
    bool nodelay = false;
};
constexpr std::uint32_t kMaxBlockBytes = 1024 * 1024;

// A request that this implementation does not serve. code is one of iperf3's error numbers, so
// that a stock client can say what it is about.
struct Unsupported : std::runtime_error {
    Unsupported(std::int32_t iperf_code, const std::string& what)
        : std::runtime_error(what), code(iperf_code) {}
    std::int32_t code;
};

Json to_json(const Parameters& parameters);
Parameters parse_parameters(const Json& json);  // throws Unsupported or Json::exception

// What one side measured.
struct Results {
    double cpu_total = 0;  // percent
    double cpu_user = 0;
    double cpu_system = 0;
    std::uint64_t bytes = 0;                   // moved in the part of the test that counts
    std::optional<std::uint64_t> retransmits;  // known to the sending side only
    double seconds = 0;
};

Json to_json(const Results& results);
Results parse_results(const Json& json);  // throws Json::exception

// The control connection of a test. Every wait ends, with an exception, after kControlTimeout.
class ControlConnection {
public:
    ControlConnection(Stream& stream, Waiter& waiter) : stream_(stream), waiter_(waiter) {}

    [[nodiscard]] int fd() const { return stream_.fd(); }
    void send_cookie(const Cookie& cookie);
    [[nodiscard]] Cookie receive_cookie();
    void send(State state);
    [[nodiscard]] State receive();
    [[nodiscard]] std::optional<State> try_receive();  // nullopt: nothing has arrived
    void send_json(const Json& json);
    [[nodiscard]] Json receive_json();
    // What follows kServerError on the wire.
    void send_error(std::int32_t iperf_code, std::int32_t error);
    [[nodiscard]] std::string receive_error();

private:
    void send_bytes(std::span<const std::byte> bytes);
    void receive_bytes(std::span<std::byte> bytes);

    Stream& stream_;
    Waiter& waiter_;
};

constexpr auto kControlTimeout = std::chrono::seconds(30);

}  // namespace dominoes::command::perf
