// SPDX-License-Identifier: GPL-2.0
// See address.hh.
#include "address.hh"

#include <arpa/inet.h>
#include <netdb.h>
#include <charconv>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace dominoes {

namespace {

[[noreturn]] void refuse(std::string_view what, std::string_view text) {
    throw std::invalid_argument(std::string(what) + ": '" + std::string(text) + "'");
}

}  // namespace

std::uint64_t parse_number(std::string_view text, std::uint64_t maximum) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) refuse("not a number", text);
    if (value > maximum) refuse("larger than " + std::to_string(maximum), text);
    return value;
}

std::uint32_t parse_address(std::string_view text) {
    in_addr parsed{};
    if (inet_pton(AF_INET, std::string(text).c_str(), &parsed) != 1)
        refuse("not an IPv4 address", text);
    return ntohl(parsed.s_addr);
}

Prefix parse_prefix(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == text.npos) refuse("expected ADDRESS/PREFIX", text);
    return {parse_address(text.substr(0, slash)),
            static_cast<unsigned>(parse_number(text.substr(slash + 1), 32))};
}

std::uint16_t parse_port(std::string_view text) {
    const auto port = parse_number(text, 65535);
    if (port == 0) refuse("not a port", text);
    return static_cast<std::uint16_t>(port);
}

CpuSet parse_cpu_list(std::string_view text) {
    constexpr std::uint64_t kLastCpu = DOMINOES_CPU_WORDS * 64 - 1;
    CpuSet cpus{};
    for (std::string_view rest = text;;) {
        const auto comma = rest.find(',');
        const auto item = rest.substr(0, comma);
        const auto dash = item.find('-');
        const auto first = parse_number(item.substr(0, dash), kLastCpu);
        const auto last = dash == item.npos ? first : parse_number(item.substr(dash + 1), kLastCpu);
        if (last < first) refuse("a range that runs backwards", item);
        for (auto cpu = first; cpu <= last; ++cpu) cpus[cpu / 64] |= std::uint64_t{1} << (cpu % 64);
        if (comma == rest.npos) return cpus;
        rest.remove_prefix(comma + 1);
    }
}

std::uint32_t resolve(const std::string& host) {
    in_addr parsed{};
    if (inet_pton(AF_INET, host.c_str(), &parsed) == 1) return ntohl(parsed.s_addr);
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0)
        throw std::runtime_error(host + ": " + gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
    sockaddr_in address{};
    std::memcpy(&address, found->ai_addr, sizeof(address));
    return ntohl(address.sin_addr.s_addr);
}

std::string to_string(std::uint32_t address) {
    const in_addr raw{htonl(address)};
    char text[INET_ADDRSTRLEN];
    return inet_ntop(AF_INET, &raw, text, sizeof(text));
}

std::string to_string(const SocketAddress& address) {
    return (address.address == 0 ? "*" : to_string(address.address)) + ":" +
           (address.port == 0 ? "*" : std::to_string(address.port));
}

std::string to_string(const CpuSet& cpus) {
    const auto has = [&](unsigned cpu) {
        return cpu < cpus.size() * 64 && (cpus[cpu / 64] >> (cpu % 64) & 1) != 0;
    };
    std::string text;
    for (unsigned cpu = 0; cpu < cpus.size() * 64; ++cpu) {
        if (!has(cpu)) continue;
        const unsigned first = cpu;
        while (has(cpu + 1)) ++cpu;
        text += (text.empty() ? "" : ",") + std::to_string(first);
        if (cpu != first) text += "-" + std::to_string(cpu);
    }
    return text;
}

dominoes_sockaddr to_abi(const SocketAddress& address) {
    dominoes_sockaddr raw{};
    raw.family = AF_INET;
    raw.port = htons(address.port);
    const std::uint32_t network = htonl(address.address);
    std::memcpy(raw.addr, &network, sizeof(network));
    return raw;
}

SocketAddress from_abi(const dominoes_sockaddr& raw) {
    if (raw.family != AF_INET) return {};
    std::uint32_t network = 0;
    std::memcpy(&network, raw.addr, sizeof(network));
    return {ntohl(network), ntohs(raw.port)};
}

sockaddr_in to_sockaddr(const SocketAddress& address) {
    sockaddr_in raw{};
    raw.sin_family = AF_INET;
    raw.sin_port = htons(address.port);
    raw.sin_addr.s_addr = htonl(address.address);
    return raw;
}

SocketAddress from_sockaddr(const sockaddr_in& raw) {
    return {ntohl(raw.sin_addr.s_addr), ntohs(raw.sin_port)};
}

}  // namespace dominoes
