// SPDX-License-Identifier: GPL-2.0
// See perf_report.hh.
#include "perf_report.hh"

#include <sys/utsname.h>
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <numeric>

namespace dominoes::command::perf {

namespace {

template <typename... Values>
std::string format(const char* text, Values... values) {
    char line[256];
    std::snprintf(line, sizeof(line), text, values...);
    return line;
}

double bits_per_second(std::uint64_t bytes, double seconds) {
    return seconds > 0 ? 8 * static_cast<double>(bytes) / seconds : 0;
}

std::string system_info() {
    utsname name{};
    uname(&name);
    return std::string(name.sysname) + " " + name.nodename + " " + name.release + " " +
           name.version + " " + name.machine;
}

Json now_json() {
    const std::time_t now = std::time(nullptr);
    char text[64];
    std::tm broken_down{};
    std::strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &broken_down));
    return {{"time", text}, {"timesecs", now}};
}

Json host_json(const SocketAddress& address) {
    return {{"host", to_string(address.address)}, {"port", address.port}};
}

// "   0.00-1.00   sec  2.48 GBytes  21.3 Gbits/sec"
std::string amount(double start, double end, std::uint64_t bytes) {
    return format("%6.2f-%-6.2f sec  %s  %s/sec", start, end,
                  format_bytes(static_cast<double>(bytes)).c_str(),
                  format_bits(bits_per_second(bytes, end - start)).c_str());
}

constexpr const char* kRule = "- - - - - - - - - - - - - - - - - - - - - - - - -\n";

}  // namespace

void Report::connected(const SocketAddress& peer, const Cookie& cookie) {
    start_["connected"] = Json::array();
    start_["version"] = "dominoes " DOMINOES_VERSION;
    start_["system_info"] = system_info();
    start_["timestamp"] = now_json();
    start_[role_ == Role::kClient ? "connecting_to" : "accepted_connection"] = host_json(peer);
    start_["cookie"] = cookie.data();
    if (json_) return;
    out_ << (role_ == Role::kClient ? "Connecting to host " : "Accepted connection from ")
         << to_string(peer.address) << ", port " << peer.port << std::endl;
}

void Report::started(const Parameters& parameters, const Stream& data) {
    parameters_ = parameters;
    id_ = data.fd();
    const SocketAddress local = data.local();
    const SocketAddress peer = data.peer();
    start_["connected"].push_back({{"socket", id_},
                                   {"local_host", to_string(local.address)},
                                   {"local_port", local.port},
                                   {"remote_host", to_string(peer.address)},
                                   {"remote_port", peer.port}});
    start_["tcp_mss_default"] = data.info().mss;
    start_["test_start"] = {{"protocol", "TCP"},
                            {"num_streams", 1},
                            {"blksize", parameters.block_bytes},
                            {"omit", parameters.omit_seconds},
                            {"duration", parameters.seconds},
                            {"bytes", parameters.bytes},
                            {"blocks", 0},
                            {"reverse", parameters.reverse ? 1 : 0},
                            {"tos", 0}};
    if (json_) return;
    if (parameters.reverse && role_ == Role::kClient)
        out_ << "Reverse mode, remote host " << to_string(peer.address) << " is sending\n";
    out_ << format("[%3d] local %s port %u connected to %s port %u\n", id_,
                   to_string(local.address).c_str(), local.port, to_string(peer.address).c_str(),
                   peer.port)
         << "[ ID] Interval           Transfer     Bitrate"
         << (sending() ? "         Retr  Cwnd" : "") << std::endl;
}

void Report::interval(const Interval& interval) {
    const double seconds = interval.end - interval.start;
    Json sum = {{"start", interval.start},
                {"end", interval.end},
                {"seconds", seconds},
                {"bytes", interval.bytes},
                {"bits_per_second", bits_per_second(interval.bytes, seconds)},
                {"omitted", interval.omitted},
                {"sender", sending()}};
    if (sending()) sum["retransmits"] = interval.retransmits;
    Json stream = sum;
    stream["socket"] = id_;
    if (sending()) {
        stream["snd_cwnd"] = interval.info.cwnd;
        stream["snd_wnd"] = interval.info.snd_wnd;
        stream["rtt"] = interval.info.srtt_us;
        stream["rttvar"] = interval.info.rttvar_us;
        max_cwnd_ = std::max(max_cwnd_, interval.info.cwnd);
        max_wnd_ = std::max(max_wnd_, interval.info.snd_wnd);
        rtts_us_.push_back(interval.info.srtt_us);
    }
    if (json_) {
        intervals_.push_back(
            {{"streams", Json::array({std::move(stream)})}, {"sum", std::move(sum)}});
        return;
    }
    out_ << format("[%3d] ", id_) << amount(interval.start, interval.end, interval.bytes);
    if (sending())
        out_ << format("  %3llu   %s", static_cast<unsigned long long>(interval.retransmits),
                       format_bytes(interval.info.cwnd).c_str());
    out_ << (interval.omitted ? "       (omitted)" : "") << std::endl;
}

Json Report::sum_json(const Results& results, bool sent) const {
    Json sum = {{"start", 0},
                {"end", results.seconds},
                {"seconds", results.seconds},
                {"bytes", results.bytes},
                {"bits_per_second", bits_per_second(results.bytes, results.seconds)}};
    if (sent && results.retransmits) sum["retransmits"] = *results.retransmits;
    sum["sender"] = sending();
    return sum;
}

void Report::print_sum(const char* who, const Results& results) {
    out_ << format("[%3d] ", id_) << amount(0, results.seconds, results.bytes)
         << (results.retransmits
                 ? format("  %3llu", static_cast<unsigned long long>(*results.retransmits))
                 : "     ")
         << "             " << who << '\n';
}

void Report::fill_end(const Results& sent, const Results& received, const Results& mine,
                      const Results& theirs) {
    Json sender = sum_json(sent, true);
    Json receiver = sum_json(received, false);
    end_["sum_sent"] = sender;
    end_["sum_received"] = receiver;
    sender["socket"] = receiver["socket"] = id_;
    if (sending() && !rtts_us_.empty()) {
        const auto [least, most] = std::minmax_element(rtts_us_.begin(), rtts_us_.end());
        const auto sum = std::accumulate(rtts_us_.begin(), rtts_us_.end(), std::uint64_t{0});
        sender["max_snd_cwnd"] = max_cwnd_;
        sender["max_snd_wnd"] = max_wnd_;
        sender["max_rtt"] = *most;
        sender["min_rtt"] = *least;
        sender["mean_rtt"] = sum / rtts_us_.size();
    }
    end_["streams"] =
        Json::array({{{"sender", std::move(sender)}, {"receiver", std::move(receiver)}}});
    end_["cpu_utilization_percent"] = {
        {"host_total", mine.cpu_total},   {"host_user", mine.cpu_user},
        {"host_system", mine.cpu_system}, {"remote_total", theirs.cpu_total},
        {"remote_user", theirs.cpu_user}, {"remote_system", theirs.cpu_system}};
}

void Report::finished(const Results& mine, const std::optional<Results>& theirs,
                      const dominoes_info& info, const char* transport) {
    Results unknown;
    unknown.seconds = mine.seconds;
    const Results& remote = theirs ? *theirs : unknown;
    const Results& sent = sending() ? mine : remote;
    const Results& received = sending() ? remote : mine;
    fill_end(sent, received, mine, remote);
    if (std::string_view(transport) == "device") dominoes_ = connection_json(info);
    if (json_) return;
    out_ << kRule << "[ ID] Interval           Transfer     Bitrate         Retr\n";
    if (sending() || theirs) print_sum("sender", sent);
    if (!sending() || theirs) print_sum("receiver", received);
    if (info.replicas != 0) print_details(out_, info, "      ");
    out_ << std::flush;
}

void Report::failed(const std::string& what) { error_ = what; }

void Report::close() {
    if (!json_) return;
    Json all = {{"start", start_}, {"intervals", intervals_}, {"end", end_}};
    if (!dominoes_.is_null()) all["dominoes"] = dominoes_;
    if (!error_.empty()) all["error"] = error_;
    out_ << all.dump(2) << std::endl;
}

}  // namespace dominoes::command::perf
