// SPDX-License-Identifier: GPL-2.0
#include "tools/packetdrill/config.hh"

#include <arpa/inet.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace packetdrill {
namespace {

bool parse_address(const std::string& text, dominoes_sockaddr& address) {
    address = {};
    address.family = AF_INET;
    return inet_pton(AF_INET, text.c_str(), address.addr) == 1;
}

bool parse_flag(const std::string& name, const std::string& value, Config& config) {
    if (name == "local") return parse_address(value, config.local);
    if (name == "gateway") return parse_address(value, config.gateway);
    char* end;
    const long long number = std::strtoll(value.c_str(), &end, 10);
    if (value.empty() || *end || number < 0) return false;
    if (name == "replicas") {
        config.replicas = static_cast<uint32_t>(number);
    } else if (name == "mtu") {
        config.mtu = static_cast<uint32_t>(number);
    } else if (name == "receive") {
        config.receive_bytes = number;
    } else if (name == "send") {
        config.send_bytes = number;
    } else if (name == "ecn") {
        config.ecn = number != 0;
    } else if (name == "gso") {
        config.gso = number != 0;
    } else {
        return false;
    }
    return true;
}

}  // namespace

Config::Config() {
    parse_address("192.168.0.2", local);
    parse_address("192.168.0.1", gateway);
}

bool parse_flags(const char* flags, Config& config) {
    std::string rest = flags ? flags : "";
    while (!rest.empty()) {
        const size_t end = std::min(rest.find(','), rest.size());
        const std::string flag = rest.substr(0, end);
        const size_t equals = std::min(flag.find('='), flag.size());
        rest.erase(0, end + 1);
        const std::string value = equals < flag.size() ? flag.substr(equals + 1) : "";
        if (parse_flag(flag.substr(0, equals), value, config)) continue;
        std::fprintf(stderr, "dominoes: wrong flag: %s\n", flag.c_str());
        return false;
    }
    return true;
}

}  // namespace packetdrill
