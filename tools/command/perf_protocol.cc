// SPDX-License-Identifier: GPL-2.0
// See perf_protocol.hh.
#include "perf_protocol.hh"

#include <arpa/inet.h>
#include <cstring>
#include <random>
#include <vector>

namespace dominoes::command::perf {

namespace {

// Numbers of iperf_api.h.
constexpr std::int32_t kTooManyStreams = 6;
constexpr std::int32_t kBlockTooLarge = 7;
constexpr std::int32_t kNotImplemented = 13;

// A server may send its whole output along with its results.
constexpr std::uint32_t kMaxJsonBytes = 16 << 20;

}  // namespace

Cookie make_cookie() {
    static constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz234567";
    std::random_device random;
    Cookie cookie{};
    for (std::size_t i = 0; i + 1 < cookie.size(); ++i)
        cookie[i] = kLetters[random() % kLetters.size()];
    return cookie;
}

// --- parameters and results as JSON ---

Json to_json(const Parameters& parameters) {
    Json json = {{"tcp", true},
                 {"omit", parameters.omit_seconds},
                 {"time", parameters.seconds},
                 {"num", parameters.bytes},
                 {"blockcount", 0},
                 {"parallel", 1},
                 {"len", parameters.block_bytes},
                 {"pacing_timer", 1000},
                 {"client_version", "dominoes " DOMINOES_VERSION}};
    // iperf3 takes the mere presence of these as true.
    if (parameters.reverse) json["reverse"] = true;
    if (parameters.nodelay) json["nodelay"] = true;
    return json;
}

Parameters parse_parameters(const Json& json) {
    const auto flag = [&](const char* name) { return json.value(name, false); };
    Parameters parameters;
    parameters.seconds = json.value("time", 0u);
    parameters.omit_seconds = json.value("omit", 0u);
    parameters.bytes = json.value("num", std::uint64_t{0});
    parameters.block_bytes = json.value("len", parameters.block_bytes);
    parameters.reverse = flag("reverse");
    parameters.nodelay = flag("nodelay");
    if (!flag("tcp"))
        throw Unsupported(kNotImplemented, "the client asks for another protocol than TCP");
    if (flag("bidirectional"))
        throw Unsupported(kNotImplemented, "the client asks for a bidirectional test");
    if (json.value("parallel", 1) != 1)
        throw Unsupported(kTooManyStreams, "the client asks for parallel streams");
    if (parameters.reverse && json.value("bandwidth", std::uint64_t{0}) != 0)
        throw Unsupported(kNotImplemented, "the client asks for a limited rate");
    if (parameters.block_bytes == 0 || parameters.block_bytes > kMaxBlockBytes)
        throw Unsupported(kBlockTooLarge, "the client asks for blocks of a size not served");
    return parameters;
}

Json to_json(const Results& results) {
    // iperf3's way to say that there are none is -1.
    const std::int64_t retransmits =
        results.retransmits ? static_cast<std::int64_t>(*results.retransmits) : -1;
    return {{"cpu_util_total", results.cpu_total},
            {"cpu_util_user", results.cpu_user},
            {"cpu_util_system", results.cpu_system},
            {"sender_has_retransmits", results.retransmits ? 1 : -1},
            {"streams", Json::array({{{"id", 1},
                                      {"bytes", results.bytes},
                                      {"retransmits", retransmits},
                                      {"jitter", 0},
                                      {"errors", 0},
                                      {"packets", 0},
                                      {"start_time", 0},
                                      {"end_time", results.seconds}}})}};
}

Results parse_results(const Json& json) {
    Results results;
    results.cpu_total = json.at("cpu_util_total").get<double>();
    results.cpu_user = json.at("cpu_util_user").get<double>();
    results.cpu_system = json.at("cpu_util_system").get<double>();
    const Json& stream = json.at("streams").at(0);
    results.bytes = stream.at("bytes").get<std::uint64_t>();
    results.seconds = stream.value("end_time", 0.0) - stream.value("start_time", 0.0);
    // iperf3 writes its -1 as an unsigned number, or even as 1.8e+19: hence double.
    if (json.at("sender_has_retransmits").get<double>() == 1)
        results.retransmits = stream.at("retransmits").get<std::uint64_t>();
    return results;
}

// --- the control connection ---

void ControlConnection::send_bytes(std::span<const std::byte> bytes) {
    about("control connection",
          [&] { write_all(stream_, bytes, waiter_, Clock::now() + kControlTimeout); });
}

void ControlConnection::receive_bytes(std::span<std::byte> bytes) {
    about("control connection",
          [&] { read_exactly(stream_, bytes, waiter_, Clock::now() + kControlTimeout); });
}

void ControlConnection::send_cookie(const Cookie& cookie) {
    send_bytes(std::as_bytes(std::span(cookie)));
}

Cookie ControlConnection::receive_cookie() {
    Cookie cookie;
    receive_bytes(std::as_writable_bytes(std::span(cookie)));
    cookie.back() = '\0';
    return cookie;
}

void ControlConnection::send(State state) { send_bytes(std::as_bytes(std::span(&state, 1))); }

State ControlConnection::receive() {
    State state;
    receive_bytes(std::as_writable_bytes(std::span(&state, 1)));
    return state;
}

std::optional<State> ControlConnection::try_receive() {
    State state;
    const IoResult result = about("control connection", [&] {
        return stream_.read_some(std::as_writable_bytes(std::span(&state, 1)));
    });
    if (result.status == IoStatus::kEnd)
        throw std::runtime_error("control connection: the peer closed the connection");
    return result.status == IoStatus::kDone ? std::optional(state) : std::nullopt;
}

void ControlConnection::send_json(const Json& json) {
    const std::string text = json.dump();
    const std::uint32_t length = htonl(static_cast<std::uint32_t>(text.size()));
    std::string message(reinterpret_cast<const char*>(&length), sizeof(length));
    message += text;
    send_bytes(std::as_bytes(std::span(message)));
}

Json ControlConnection::receive_json() {
    std::uint32_t length = 0;
    receive_bytes(std::as_writable_bytes(std::span(&length, 1)));
    length = ntohl(length);
    if (length > kMaxJsonBytes)
        throw std::runtime_error("control connection: a message of " + std::to_string(length) +
                                 " bytes: is this an iperf3?");
    std::string text(length, '\0');
    receive_bytes(std::as_writable_bytes(std::span(text)));
    return Json::parse(text);
}

void ControlConnection::send_error(std::int32_t iperf_code, std::int32_t error) {
    const std::uint32_t numbers[] = {htonl(static_cast<std::uint32_t>(iperf_code)),
                                     htonl(static_cast<std::uint32_t>(error))};
    send(State::kServerError);
    send_bytes(std::as_bytes(std::span(numbers)));
}

std::string ControlConnection::receive_error() {
    std::uint32_t numbers[2];
    receive_bytes(std::as_writable_bytes(std::span(numbers)));
    std::string text = "the server failed (iperf3 error " + std::to_string(ntohl(numbers[0]));
    if (numbers[1] != 0)
        text += std::string(", ") + std::strerror(static_cast<int>(ntohl(numbers[1])));
    return text + ")";
}

}  // namespace dominoes::command::perf
