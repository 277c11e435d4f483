// SPDX-License-Identifier: GPL-2.0
//
// Socket options: Linux's, said in the core's. One that the core does not have gives ENOPROTOOPT.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "scout/net/attributes.hh"
#include "tools/packetdrill/sockets.hh"

namespace packetdrill {
namespace {

using scout::Attribute;

constexpr uint64_t kSecond = 1'000'000'000;

struct Option {
    int level;
    int option;
    Attribute attribute;
};

// Those whose value is an int, and means the same to both.
constexpr Option kOptions[] = {
    {SOL_SOCKET, SO_REUSEADDR, Attribute::kReuseAddress},
    {SOL_SOCKET, SO_KEEPALIVE, Attribute::kKeepAlive},
    {SOL_SOCKET, SO_RCVBUF, Attribute::kReceiveBytes},
    {SOL_SOCKET, SO_SNDBUF, Attribute::kSendBytes},
    {IPPROTO_IP, IP_TTL, Attribute::kTtl},
    {IPPROTO_IP, IP_TOS, Attribute::kTos},
    {IPPROTO_TCP, TCP_NODELAY, Attribute::kNoDelay},
    {IPPROTO_TCP, TCP_CORK, Attribute::kCork},
    {IPPROTO_TCP, TCP_MAXSEG, Attribute::kMss},
    {IPPROTO_TCP, TCP_KEEPIDLE, Attribute::kKeepIdle},
    {IPPROTO_TCP, TCP_KEEPINTVL, Attribute::kKeepInterval},
    {IPPROTO_TCP, TCP_KEEPCNT, Attribute::kKeepCount},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, Attribute::kUserTimeout},
};

std::optional<uint32_t> attribute_of(int level, int option) {
    for (const Option& known : kOptions) {
        if (known.level == level && known.option == option)
            return static_cast<uint32_t>(known.attribute);
    }
    return std::nullopt;
}

// Any value but 0 means yes.
bool is_switch(uint32_t attribute) {
    return attribute == static_cast<uint32_t>(Attribute::kReuseAddress) ||
           attribute == static_cast<uint32_t>(Attribute::kKeepAlive) ||
           attribute == static_cast<uint32_t>(Attribute::kNoDelay) ||
           attribute == static_cast<uint32_t>(Attribute::kCork);
}

template <typename T>
bool take(const void* value, socklen_t bytes, T& out) {
    if (!value || bytes < sizeof out) return false;
    std::memcpy(&out, value, sizeof out);
    return true;
}

template <typename T>
int64_t give(const T& value, void* out, socklen_t* bytes) {
    *bytes = static_cast<socklen_t>(std::min<size_t>(sizeof value, *bytes));
    std::memcpy(out, &value, *bytes);
    return 0;
}

// 0 s: for ever.
uint64_t timeout_of(const timeval& time) {
    const auto ns =
        static_cast<uint64_t>(time.tv_sec) * kSecond + static_cast<uint64_t>(time.tv_usec) * 1000;
    return ns ? ns : kNever;
}

std::optional<int64_t> congestion_of(const void* value, socklen_t bytes) {
    const std::string_view text(static_cast<const char*>(value), bytes);
    const std::string_view name = text.substr(0, text.find('\0'));
    if (name == "cubic") return 0;
    if (name == "reno") return 1;
    return std::nullopt;
}

}  // namespace

int64_t Sockets::set_option(int fd, int level, int option, const void* value, socklen_t bytes) {
    Turn turn(machine_);
    Socket* socket = find(fd);
    if (!socket) return -EBADF;
    if (level == SOL_SOCKET && (option == SO_RCVTIMEO || option == SO_SNDTIMEO)) {
        timeval time;
        if (!take(value, bytes, time)) return -EINVAL;
        (option == SO_RCVTIMEO ? socket->receive_timeout_ns : socket->send_timeout_ns) =
            timeout_of(time);
        return 0;
    }
    if (level == SOL_SOCKET && option == SO_LINGER) {
        struct linger linger;
        if (!take(value, bytes, linger)) return -EINVAL;
        return set(turn, *socket, static_cast<uint32_t>(Attribute::kLinger),
                   linger.l_onoff ? linger.l_linger : -1);
    }
    if (level == IPPROTO_TCP && option == TCP_CONGESTION) {
        const std::optional<int64_t> congestion = congestion_of(value, bytes);
        if (!congestion) return -ENOENT;
        return set(turn, *socket, static_cast<uint32_t>(Attribute::kCongestion), *congestion);
    }
    const std::optional<uint32_t> attribute = attribute_of(level, option);
    if (!attribute) return -ENOPROTOOPT;
    int number;
    if (!take(value, bytes, number)) return -EINVAL;
    const int64_t error =
        set(turn, *socket, *attribute, is_switch(*attribute) ? number != 0 : number);
    // A connection keeps the buffers that it has; Linux, too, takes the size for a wish.
    const bool buffer = level == SOL_SOCKET && (option == SO_RCVBUF || option == SO_SNDBUF);
    return buffer && error == -EISCONN ? 0 : error;
}

int64_t Sockets::get_option(int fd, int level, int option, void* value, socklen_t* bytes) {
    Turn turn(machine_);
    Socket* socket = find(fd);
    if (!socket) return -EBADF;
    if (!value || !bytes) return -EFAULT;
    if (level == SOL_SOCKET && option == SO_ERROR)
        return give(static_cast<int>(
                        machine_.call(turn, [&] { return scout_take_error(socket->endpoint); })),
                    value, bytes);
    if (level == SOL_SOCKET && option == SO_TYPE)
        return give<int>(socket->datagrams ? SOCK_DGRAM : SOCK_STREAM, value, bytes);
    const bool lingers = level == SOL_SOCKET && option == SO_LINGER;
    const std::optional<uint32_t> attribute =
        lingers ? static_cast<uint32_t>(Attribute::kLinger) : attribute_of(level, option);
    if (!attribute) return -ENOPROTOOPT;
    int64_t number = 0;
    const int64_t error = machine_.call(
        turn, [&] { return scout_get_option(socket->endpoint, *attribute, &number); });
    if (error) return error;
    if (level == IPPROTO_TCP && option == TCP_MAXSEG) {
        struct dominoes_info info {};
        machine_.call(turn, [&] { return scout_info(socket->endpoint, &info); });
        if (info.mss) number = info.mss;  // a connection's own, not the limit that was set
    }
    const auto same = static_cast<int>(number);
    const struct linger linger = {same >= 0, std::max(same, 0)};
    if (lingers) return give(linger, value, bytes);
    return give(same, value, bytes);
}

}  // namespace packetdrill
