// SPDX-License-Identifier: GPL-2.0
//
// What a perf test shows: iperf3's lines while it runs, or with -J iperf3's JSON at the end, plus
// what Dominoes knows about its replicas.
#pragma once

#include "perf_transfer.hh"

#include <ostream>

namespace dominoes::command::perf {

enum class Role { kClient, kServer };

class Report {
public:
    Report(std::ostream& out, bool json, Role role) : out_(out), json_(json), role_(role) {}

    // The client has a control connection to (or the server one from) peer.
    void connected(const SocketAddress& peer, const Cookie& cookie);
    void started(const Parameters& parameters, const Stream& data);
    void interval(const Interval& interval);
    // mine: this side's results; theirs: the peer's, where it has told them.
    void finished(const Results& mine, const std::optional<Results>& theirs,
                  const dominoes_info& info, const char* transport);
    void failed(const std::string& what);
    // With -J, prints all of the above as one object. To be called once, at the very end.
    void close();

private:
    [[nodiscard]] bool sending() const { return (role_ == Role::kClient) != parameters_.reverse; }
    void fill_end(const Results& sent, const Results& received, const Results& mine,
                  const Results& theirs);
    void print_sum(const char* who, const Results& results);
    Json sum_json(const Results& results, bool sent) const;

    std::ostream& out_;
    const bool json_;
    const Role role_;
    Parameters parameters_;
    int id_ = 0;  // of the data connection: its descriptor, as in iperf3
    Json start_ = Json::object();
    Json intervals_ = Json::array();
    Json end_ = Json::object();
    Json dominoes_;
    std::string error_;
    // Over all intervals of the sender, as iperf3 sums them up.
    std::uint32_t max_cwnd_ = 0;
    std::uint32_t max_wnd_ = 0;
    std::vector<std::uint32_t> rtts_us_;
};

}  // namespace dominoes::command::perf
