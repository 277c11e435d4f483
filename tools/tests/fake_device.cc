// SPDX-License-Identifier: GPL-2.0
//
// Plays /dev/dominoes for one process, so that the command's code for the device runs without the
// module: an endpoint is an ordinary socket, and the ABI's ioctls become socket calls. Linked with
// --wrap=open and --wrap=ioctl. Administration calls give fixed answers.
#include "../lib/address.hh"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <string>

namespace {

using namespace dominoes;

std::string g_reason;  // per process is close enough to per descriptor

int fail(int error, const char* reason) {
    g_reason = reason;
    errno = error;
    return -1;
}

template <typename Argument>
Argument* checked(void* raw) {
    auto* argument = static_cast<Argument*>(raw);
    return argument->size == sizeof(Argument) ? argument : nullptr;
}

int version(dominoes_version& argument) {
    argument.abi = DOMINOES_ABI_VERSION;
    return 0;
}

int reason(dominoes_reason& argument) {
    std::strncpy(argument.text, g_reason.c_str(), sizeof(argument.text) - 1);
    return 0;
}

// Attaching with 2 replicas, CPUs 0-1 and the gateway 10.0.0.254 is fine; all else is refused.
// Asked for its address, another host answers.
int attach(dominoes_attach& argument) {
    if (argument.flags == DOMINOES_ATTACH_DAD)
        return fail(EADDRINUSE, "10.0.0.2 is in use by 02:00:00:00:00:07");
    const SocketAddress gateway = from_abi(argument.gateway);
    if (argument.replicas != 2 || argument.cpus[0] != 3 ||
        to_string(gateway.address) != "10.0.0.254")
        return fail(EBUSY, "device already has an rx_handler (bridge or bond?)");
    return 0;
}

int detach(dominoes_detach&) { return fail(ENODEV, ""); }

int interface(dominoes_interface& argument) {
    if (argument.ifindex > 1) return fail(ENOENT, "");
    argument.ifindex = 1;
    std::strcpy(argument.name, "lo");
    argument.address = to_abi({0x0a000002, 0});
    argument.prefix_len = 24;
    argument.mtu = 1500;
    argument.replicas = 2;
    argument.connections = 2;
    argument.cpus[0] = 0x0d;
    argument.flags = DOMINOES_INTERFACE_TENTATIVE;
    return 0;
}

int stats(dominoes_stats& argument) {
    constexpr std::uint32_t kCount = 300;  // more than the command expects at first
    auto* values = reinterpret_cast<std::uint64_t*>(argument.values);
    for (std::uint32_t i = 0; i < std::min(argument.count, kCount); ++i)
        values[i] = i % 2 == 0 ? i + 1 : 0;
    argument.count = kCount;
    return 0;
}

void fill_info(dominoes_info& info) {
    info.protocol = IPPROTO_TCP;
    info.state = DOMINOES_TCP_ESTABLISHED;
    info.replicas = 2;
    info.policy = DOMINOES_POLICY_ROUND_ROBIN;
    info.mss = 1448;
    info.ssthresh = ~0u;
    info.digest_checks = 9;
    info.replica[0].owned = 4;
    info.replica[1].owned = 5;
}

int connection(dominoes_info& argument) {
    if (argument.id > 8) return fail(ENOENT, "");
    const bool first = argument.id <= 3;
    fill_info(argument);
    argument.id = first ? 3 : 8;
    argument.local = to_abi({0x0a000002, 5201});
    if (first)
        argument.state = DOMINOES_TCP_LISTEN;
    else
        argument.peer = to_abi({0x0a000009, 40000});
    return 0;
}

int connect(int fd, dominoes_address& argument) {
    const sockaddr_in address = to_sockaddr(from_abi(argument.address));
    return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

int bind(int fd, dominoes_address& argument) {
    const sockaddr_in address = to_sockaddr(from_abi(argument.address));
    return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

int accept(int fd, dominoes_accept& argument) {
    static_assert(O_NONBLOCK == SOCK_NONBLOCK && O_CLOEXEC == SOCK_CLOEXEC);
    return ::accept4(fd, nullptr, nullptr, static_cast<int>(argument.flags));
}

int set_option(int fd, dominoes_option_value& argument) {
    const int on = static_cast<int>(argument.value);
    switch (argument.option) {
        case DOMINOES_OPT_REUSEADDR:
            return ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        case DOMINOES_OPT_NODELAY:
            return ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        case DOMINOES_OPT_CORK:
            return ::setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
        case DOMINOES_OPT_DIGEST_INTERVAL:
            if ((argument.value & (argument.value - 1)) != 0)
                return fail(EINVAL, "the digest interval is not a power of two");
            return 0;
        default:
            return 0;
    }
}

int get_option(int fd, dominoes_option_value& argument) {
    int error = 0;
    socklen_t length = sizeof(error);
    if (argument.option != DOMINOES_OPT_ERROR) return fail(EINVAL, "the fake knows no such option");
    const int result = ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    argument.value = error;
    return result;
}

template <typename Call>
int name(Call call, int fd, dominoes_address& argument) {
    sockaddr_in address{};
    socklen_t length = sizeof(address);
    const int result = call(fd, reinterpret_cast<sockaddr*>(&address), &length);
    argument.address = to_abi(from_sockaddr(address));
    return result;
}

int info(int fd, dominoes_info& argument) {
    int queued = 0;
    fill_info(argument);
    if (::ioctl(fd, TIOCOUTQ, &queued) == 0)
        argument.send_queue = static_cast<std::uint64_t>(queued);
    return 0;
}

// Checks the size, then does what `body` does with the struct of that type.
template <typename Argument, typename Body>
int with(void* raw, Body body) {
    auto* argument = checked<Argument>(raw);
    return argument == nullptr ? fail(EINVAL, "wrong size") : body(*argument);
}

int fake_ioctl(int fd, unsigned long request, void* raw) {
    switch (request) {
        case DOMINOES_IOC_VERSION:
            return with<dominoes_version>(raw, version);
        case DOMINOES_IOC_REASON:
            return with<dominoes_reason>(raw, reason);
        case DOMINOES_IOC_ATTACH:
            return with<dominoes_attach>(raw, attach);
        case DOMINOES_IOC_DETACH:
            return with<dominoes_detach>(raw, detach);
        case DOMINOES_IOC_INTERFACE:
            return with<dominoes_interface>(raw, interface);
        case DOMINOES_IOC_STATS:
            return with<dominoes_stats>(raw, stats);
        case DOMINOES_IOC_CONNECTION:
            return with<dominoes_info>(raw, connection);
        case DOMINOES_IOC_CONNECT:
            return with<dominoes_address>(raw, [&](auto& a) { return connect(fd, a); });
        case DOMINOES_IOC_BIND:
            return with<dominoes_address>(raw, [&](auto& a) { return bind(fd, a); });
        case DOMINOES_IOC_LISTEN:
            return with<dominoes_listen>(raw, [&](auto&) { return ::listen(fd, 128); });
        case DOMINOES_IOC_ACCEPT:
            return with<dominoes_accept>(raw, [&](auto& a) { return accept(fd, a); });
        case DOMINOES_IOC_SHUTDOWN:
            return with<dominoes_shutdown>(raw,
                                           [&](auto& a) { return ::shutdown(fd, int(a.how)); });
        case DOMINOES_IOC_SETOPT:
            return with<dominoes_option_value>(raw, [&](auto& a) { return set_option(fd, a); });
        case DOMINOES_IOC_GETOPT:
            return with<dominoes_option_value>(raw, [&](auto& a) { return get_option(fd, a); });
        case DOMINOES_IOC_LOCAL:
            return with<dominoes_address>(raw, [&](auto& a) { return name(::getsockname, fd, a); });
        case DOMINOES_IOC_PEER:
            return with<dominoes_address>(raw, [&](auto& a) { return name(::getpeername, fd, a); });
        case DOMINOES_IOC_INFO:
            return with<dominoes_info>(raw, [&](auto& a) { return info(fd, a); });
        default:
            return fail(ENOTTY, "");
    }
}

}  // namespace

extern "C" {

int __real_open(const char* path, int flags, ...);
int __real_ioctl(int fd, unsigned long request, ...);

int __wrap_open(const char* path, int flags, mode_t mode) {
    if (std::strcmp(path, DOMINOES_DEVICE) != 0) return __real_open(path, flags, mode);
    return ::socket(AF_INET, SOCK_STREAM | (flags & (O_NONBLOCK | O_CLOEXEC)), 0);
}

int __wrap_ioctl(int fd, unsigned long request, void* argument) {
    if (_IOC_TYPE(request) != 0xD0) return __real_ioctl(fd, request, argument);
    const int result = fake_ioctl(fd, request, argument);
    if (result >= 0 && request != DOMINOES_IOC_REASON) g_reason.clear();
    return result;
}

}  // extern "C"
