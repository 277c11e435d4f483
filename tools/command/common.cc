// SPDX-License-Identifier: GPL-2.0
// Options common to perf and cat, sizes and rates as text, and connections as text and JSON.
#include "command.hh"

#include <net/if.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ostream>

namespace dominoes::command {

namespace {

unsigned parse_replicas(const std::string& text) {
    const auto replicas = static_cast<unsigned>(parse_number(text, DOMINOES_MAX_REPLICAS));
    if (replicas == 0) throw std::invalid_argument("--replicas: at least 1");
    return replicas;
}

dominoes_policy parse_policy(const std::string& text) {
    for (const auto policy : {DOMINOES_POLICY_GREEDY, DOMINOES_POLICY_ROUND_ROBIN,
                              DOMINOES_POLICY_PINNED, DOMINOES_POLICY_SPECIALISED})
        if (text == policy_name(policy)) return policy;
    throw std::invalid_argument("greedy, round-robin, pinned or specialised, not '" + text + "'");
}

dominoes_congestion parse_congestion(const std::string& text) {
    if (text == "cubic") return DOMINOES_CONGESTION_CUBIC;
    if (text == "reno") return DOMINOES_CONGESTION_RENO;
    throw std::invalid_argument("cubic or reno, not '" + text + "'");
}

unsigned parse_replica(const std::string& text) {
    return static_cast<unsigned>(parse_number(text, DOMINOES_MAX_REPLICAS - 1));
}

// "REPLICA:VALUE"
ReplicaValue parse_replica_value(const std::string& text) {
    const auto colon = text.find(':');
    if (colon == text.npos) throw std::invalid_argument("expected REPLICA:VALUE: '" + text + "'");
    return {parse_replica(text.substr(0, colon)),
            static_cast<std::uint32_t>(parse_number(text.substr(colon + 1), UINT32_MAX))};
}

// What `set` finds wrong with the text is told with the option's name before it.
void add_text_option(CLI::App& app, const char* group, const std::string& name, const char* type,
                     const char* help, const std::function<void(const std::string&)>& set) {
    const auto named = [=](const std::string& text) {
        try {
            set(text);
        } catch (const std::invalid_argument& wrong) {
            throw std::invalid_argument(name + ": " + wrong.what());
        }
    };
    app.add_option_function<std::string>(name, named, help)->type_name(type)->group(group);
}

void add_debug_options(CLI::App& app, ConnectionOptions& options) {
    const char* group = "Tests of the replication (need CAP_NET_ADMIN)";
    add_text_option(
        app, group, "--debug-delay", "REPLICA:US",
        "Random delays in one replica, up to US microseconds",
        [&](const std::string& text) { options.debug_delay_us = parse_replica_value(text); });
    add_text_option(
        app, group, "--debug-stall", "REPLICA:MS", "Stop one replica once, for MS milliseconds",
        [&](const std::string& text) { options.debug_stall_ms = parse_replica_value(text); });
    add_text_option(app, group, "--debug-corrupt", "REPLICA",
                    "Flip a bit in one replica's state: the connection must be reset",
                    [&](const std::string& text) { options.debug_corrupt = parse_replica(text); });
}

std::string format_unit(double value, double step, const std::array<const char*, 5>& units) {
    std::size_t unit = 0;
    while (value >= 999.5 && unit + 1 < units.size()) {
        value /= step;
        ++unit;
    }
    const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    char text[40];
    std::snprintf(text, sizeof(text), "%4.*f %s", decimals, value, units[unit]);
    return text;
}

Json replicas_json(const dominoes_info& info) {
    Json all = Json::array();
    for (unsigned i = 0; i < std::min<unsigned>(info.replicas, DOMINOES_MAX_REPLICAS); ++i) {
        const dominoes_replica_info& replica = info.replica[i];
        all.push_back({{"replica", i},
                       {"cpu", replica.cpu},
                       {"lag", replica.lag},
                       {"requests", replica.requests},
                       {"owned", replica.owned},
                       {"delivered_bytes", replica.delivered_bytes},
                       {"sent_segments", replica.sent_segments}});
    }
    return all;
}

Json options_json(std::uint8_t options) {
    Json names = Json::array();
    if ((options & DOMINOES_INFO_TIMESTAMPS) != 0) names.push_back("timestamps");
    if ((options & DOMINOES_INFO_WSCALE) != 0) names.push_back("wscale");
    if ((options & DOMINOES_INFO_SACK) != 0) names.push_back("sack");
    if ((options & DOMINOES_INFO_ECN) != 0) names.push_back("ecn");
    return names;
}

}  // namespace

std::unique_ptr<Transport> ConnectionArguments::make_transport() const {
    return transport == "socket" ? make_socket_transport() : make_device_transport();
}

void add_connection_options(CLI::App& app, ConnectionArguments& arguments) {
    ConnectionOptions& options = arguments.options;
    const char* group = "Connection";
    add_text_option(app, group, "--replicas", "N",
                    "Run the connection on N replicas, 1 to 16 (default: the interface's)",
                    [&](const std::string& text) { options.replicas = parse_replicas(text); });
    add_text_option(app, group, "--policy", "POLICY",
                    "Who owns an effect: greedy (default), round-robin, pinned, specialised",
                    [&](const std::string& text) { options.policy = parse_policy(text); });
    add_text_option(app, group, "-C,--congestion", "ALGORITHM",
                    "Congestion control: cubic (default) or reno",
                    [&](const std::string& text) { options.congestion = parse_congestion(text); });
    add_text_option(app, group, "--sndbuf", "BYTES", "Send buffer; K, M and G are understood",
                    [&](const std::string& text) { options.sndbuf = parse_size(text); });
    add_text_option(app, group, "--rcvbuf", "BYTES", "Receive buffer",
                    [&](const std::string& text) { options.rcvbuf = parse_size(text); });
    add_text_option(app, group, "--buffer-limit", "BYTES",
                    "How far buffers grow whose size is not given (default: 8M)",
                    [&](const std::string& text) { options.buffer_limit = parse_size(text); });
    app.add_flag("--nodelay", options.nodelay, "Send small segments at once")->group(group);
    app.add_flag("--ecn", options.ecn, "Ask for explicit congestion notification")->group(group);
    add_text_option(app, group, "--keepalive", "S",
                    "After S seconds of silence ask the peer whether it is still there",
                    [&](const std::string& text) {
                        options.keepalive_s =
                            static_cast<std::uint32_t>(parse_number(text, INT16_MAX));
                    });
    add_text_option(
        app, group, "--user-timeout", "MS",
        "Give up when the peer owes an answer for MS milliseconds", [&](const std::string& text) {
            options.user_timeout_ms = static_cast<std::uint32_t>(parse_number(text, INT32_MAX));
        });
    add_text_option(
        app, group, "--digest-interval", "N",
        "Compare the replicas every N requests, a power of two; 0: never",
        [&](const std::string& text) { options.digest_interval = parse_number(text, INT32_MAX); });
    add_debug_options(app, options);
    // For tests without the module, and to compare: hence not in the help.
    app.add_option("--transport", arguments.transport)
        ->check(CLI::IsMember({"device", "socket"}))
        ->group("");
}

unsigned interface_index(const std::string& name) {
    const unsigned index = if_nametoindex(name.c_str());
    if (index == 0) throw_error(errno);
    return index;
}

std::uint64_t parse_size(const std::string& text) {
    static const std::string kUnits = "KMGT";
    unsigned shift = 0;
    std::string digits = text;
    if (!digits.empty()) {
        const auto unit = kUnits.find(static_cast<char>(std::toupper(digits.back())));
        if (unit != kUnits.npos) {
            shift = 10 * (static_cast<unsigned>(unit) + 1);
            digits.pop_back();
        }
    }
    return parse_number(digits, UINT64_MAX >> 1 >> shift) << shift;
}

std::string format_bytes(double bytes) {
    return format_unit(bytes, 1024, {"Bytes", "KBytes", "MBytes", "GBytes", "TBytes"});
}

std::string format_bits(double bits) {
    return format_unit(bits, 1000, {"bits", "Kbits", "Mbits", "Gbits", "Tbits"});
}

std::uint64_t retransmitted_segments(const dominoes_info& info) {
    if (info.replicas == 0) return info.retransmits;  // a socket counts segments here
    return info.mss == 0 ? 0 : (info.bytes_retransmitted + info.mss - 1) / info.mss;
}

Json connection_json(const dominoes_info& info) {
    char name[IF_NAMESIZE] = "";
    if (info.ifindex != 0) if_indextoname(info.ifindex, name);
    return {{"id", info.id},
            {"protocol", info.protocol == IPPROTO_UDP ? "udp" : "tcp"},
            {"state", state_name(info.state)},
            {"local", to_string(from_abi(info.local))},
            {"peer", to_string(from_abi(info.peer))},
            {"interface", name},
            {"replicas", info.replicas},
            {"policy", policy_name(info.policy)},
            {"digest_checks", info.digest_checks},
            {"digest_mismatches", info.digest_mismatches},
            {"recv_queue", info.recv_queue},
            {"send_queue", info.send_queue},
            {"bytes_received", info.bytes_received},
            {"bytes_sent", info.bytes_sent},
            {"bytes_acked", info.bytes_acked},
            {"bytes_retransmitted", info.bytes_retransmitted},
            {"segments_in", info.segments_in},
            {"segments_out", info.segments_out},
            {"retransmits", info.retransmits},
            {"srtt_us", info.srtt_us},
            {"rttvar_us", info.rttvar_us},
            {"rto_us", info.rto_us},
            {"mss", info.mss},
            {"cwnd", info.cwnd},
            {"ssthresh", info.ssthresh == ~0u ? Json(nullptr) : Json(info.ssthresh)},
            {"snd_wnd", info.snd_wnd},
            {"rcv_wnd", info.rcv_wnd},
            {"rcvbuf", info.rcvbuf},
            {"rcvbuf_limit", info.rcvbuf_limit},
            {"sndbuf", info.sndbuf},
            {"sndbuf_limit", info.sndbuf_limit},
            {"snd_wscale", info.snd_wscale},
            {"rcv_wscale", info.rcv_wscale},
            {"options", options_json(info.options)},
            {"per_replica", replicas_json(info)}};
}

void print_details(std::ostream& out, const dominoes_info& info, const char* indent) {
    const auto milliseconds = [](std::uint32_t us) { return us / 1000.0; };
    out << indent;
    for (const auto& option : options_json(info.options)) out << option.get<std::string>() << ' ';
    out << "wscale:" << +info.snd_wscale << ',' << +info.rcv_wscale
        << " rto:" << milliseconds(info.rto_us) << " rtt:" << milliseconds(info.srtt_us) << '/'
        << milliseconds(info.rttvar_us) << " mss:" << info.mss << " cwnd:" << info.cwnd;
    if (info.ssthresh != ~0u) out << " ssthresh:" << info.ssthresh;
    out << " snd_wnd:" << info.snd_wnd << " rcv_wnd:" << info.rcv_wnd << " rcvbuf:" << info.rcvbuf
        << '/' << info.rcvbuf_limit << " sndbuf:" << info.sndbuf << '/' << info.sndbuf_limit << '\n'
        << indent << "bytes_sent:" << info.bytes_sent << " bytes_acked:" << info.bytes_acked
        << " bytes_received:" << info.bytes_received
        << " bytes_retrans:" << info.bytes_retransmitted << " segs_out:" << info.segments_out
        << " segs_in:" << info.segments_in << " timeouts:" << info.retransmits << '\n';
    if (info.replicas == 0) return;
    out << indent << "replicas:" << info.replicas << " policy:" << policy_name(info.policy)
        << " digest_checks:" << info.digest_checks
        << " digest_mismatches:" << info.digest_mismatches << '\n';
    for (unsigned i = 0; i < std::min<unsigned>(info.replicas, DOMINOES_MAX_REPLICAS); ++i) {
        const dominoes_replica_info& replica = info.replica[i];
        out << indent << "replica " << i << ": cpu:" << replica.cpu
            << " requests:" << replica.requests << " owned:" << replica.owned
            << " delivered:" << replica.delivered_bytes << " segs_sent:" << replica.sent_segments
            << " lag:" << replica.lag << '\n';
    }
}

}  // namespace dominoes::command
