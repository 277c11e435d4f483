// SPDX-License-Identifier: GPL-2.0
//
// packetdrill's table of functions over ScriptHost and Sockets.
#include "tools/packetdrill/interface.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>

#include "tools/packetdrill/sockets.hh"

namespace packetdrill {
namespace {

struct Instance {
    explicit Instance(const Config& config) : machine(config), sockets(machine) {}
    ScriptHost machine;
    Sockets sockets;
};

Instance& instance(void* self) { return *static_cast<Instance*>(self); }
Sockets& sockets(void* self) { return instance(self).sockets; }

// As system calls say it.
template <typename Result = int>
Result answer(int64_t result) {
    if (result >= 0) return static_cast<Result>(result);
    errno = static_cast<int>(-result);
    return -1;
}

std::span<const iovec> pieces(const iovec* first, size_t count) { return {first, count}; }

// --- connections ---

void end(void* self) { delete static_cast<Instance*>(self); }

int socket(void* self, int domain, int type, int protocol) {
    return answer(sockets(self).socket(domain, type, protocol));
}
int bind(void* self, int fd, const sockaddr* address, socklen_t bytes) {
    return answer(sockets(self).bind(fd, {address, bytes}));
}
int listen(void* self, int fd, int backlog) { return answer(sockets(self).listen(fd, backlog)); }
int accept(void* self, int fd, sockaddr* address, socklen_t* bytes) {
    return answer(sockets(self).accept(fd, {address, bytes}));
}
int connect(void* self, int fd, const sockaddr* address, socklen_t bytes) {
    return answer(sockets(self).connect(fd, {address, bytes}));
}
int close(void* self, int fd) { return answer(sockets(self).close(fd)); }
int shutdown(void* self, int fd, int how) { return answer(sockets(self).shutdown(fd, how)); }

// --- data ---

ssize_t readv(void* self, int fd, const iovec* to, int count) {
    return answer<ssize_t>(sockets(self).read(fd, pieces(to, static_cast<size_t>(count)), 0, {}));
}
ssize_t recvfrom(void* self, int fd, void* to, size_t bytes, int flags, sockaddr* address,
                 socklen_t* address_bytes) {
    const iovec piece{to, bytes};
    return answer<ssize_t>(
        sockets(self).read(fd, pieces(&piece, 1), flags, {address, address_bytes}));
}
ssize_t recv(void* self, int fd, void* to, size_t bytes, int flags) {
    return recvfrom(self, fd, to, bytes, flags, nullptr, nullptr);
}
ssize_t read(void* self, int fd, void* to, size_t bytes) { return recv(self, fd, to, bytes, 0); }
ssize_t recvmsg(void* self, int fd, msghdr* message, int flags) {
    auto* const address = static_cast<sockaddr*>(message->msg_name);
    message->msg_controllen = 0;
    message->msg_flags = 0;
    return answer<ssize_t>(sockets(self).read(fd, pieces(message->msg_iov, message->msg_iovlen),
                                              flags, {address, &message->msg_namelen}));
}

ssize_t writev(void* self, int fd, const iovec* from, int count) {
    return answer<ssize_t>(
        sockets(self).write(fd, pieces(from, static_cast<size_t>(count)), 0, {}));
}
ssize_t sendto(void* self, int fd, const void* from, size_t bytes, int flags,
               const sockaddr* address, socklen_t address_bytes) {
    const iovec piece{const_cast<void*>(from), bytes};
    return answer<ssize_t>(
        sockets(self).write(fd, pieces(&piece, 1), flags, {address, address_bytes}));
}
ssize_t send(void* self, int fd, const void* from, size_t bytes, int flags) {
    return sendto(self, fd, from, bytes, flags, nullptr, 0);
}
ssize_t write(void* self, int fd, const void* from, size_t bytes) {
    return send(self, fd, from, bytes, 0);
}
ssize_t sendmsg(void* self, int fd, const msghdr* message, int flags) {
    if (message->msg_controllen) return answer<ssize_t>(-EOPNOTSUPP);
    const auto* const address = static_cast<const sockaddr*>(message->msg_name);
    return answer<ssize_t>(sockets(self).write(fd, pieces(message->msg_iov, message->msg_iovlen),
                                               flags, {address, message->msg_namelen}));
}

// --- what else there is to a descriptor ---

int fcntl(void* self, int fd, int command, ...) {
    if (command == F_GETFL) return answer(sockets(self).file_flags(fd, false, 0));
    if (command != F_SETFL) return answer(-EINVAL);
    va_list arguments;
    va_start(arguments, command);
    const int flags = va_arg(arguments, int);
    va_end(arguments);
    return answer(sockets(self).file_flags(fd, true, flags));
}

int ioctl(void* self, int fd, unsigned long request, ...) {
    va_list arguments;
    va_start(arguments, request);
    int* const bytes = va_arg(arguments, int*);
    va_end(arguments);
    return answer(sockets(self).queued(fd, request, bytes));
}

int getsockopt(void* self, int fd, int level, int option, void* value, socklen_t* bytes) {
    return answer(sockets(self).get_option(fd, level, option, value, bytes));
}
int setsockopt(void* self, int fd, int level, int option, const void* value, socklen_t bytes) {
    return answer(sockets(self).set_option(fd, level, option, value, bytes));
}
int poll(void* self, pollfd* fds, nfds_t count, int timeout_ms) {
    return answer(sockets(self).poll({fds, count}, timeout_ms));
}

int epoll_create(void* self, int) { return answer(sockets(self).epoll_create()); }
int epoll_ctl(void* self, int epoll, int operation, int fd, epoll_event* event) {
    return answer(sockets(self).epoll_control(epoll, operation, fd, event));
}
int epoll_wait(void* self, int epoll, epoll_event* events, int most, int timeout_ms) {
    const std::span<epoll_event> out(events, static_cast<size_t>(std::max(most, 0)));
    return answer(sockets(self).epoll_wait(epoll, out, timeout_ms));
}

// --- the network and the clock ---

int netdev_send(void* self, const void* packet, size_t bytes) {
    ScriptHost& machine = instance(self).machine;
    ScriptHost::Turn turn(machine);
    machine.arrive(turn, packet, bytes);
    return 0;
}

// packetdrill asks again after an error, for ever, and looks at the first byte of a packet even
// where there is none: what ends the script is an IPv4 packet that is too short.
int netdev_receive(void* self, void* to, size_t* bytes, long long* time_us) {
    ScriptHost& machine = instance(self).machine;
    ScriptHost::Turn turn(machine);
    SentPacket packet;
    if (!machine.next_sent(turn, packet)) {
        if (*bytes) *static_cast<uint8_t*>(to) = 0x45;
        *bytes = 0;
        return 0;
    }
    *bytes = std::min(*bytes, packet.bytes.size());
    std::memcpy(to, packet.bytes.data(), *bytes);
    *time_us = static_cast<long long>(packet.at_ns / 1000);
    return 0;
}

int usleep(void* self, useconds_t us) {
    ScriptHost& machine = instance(self).machine;
    ScriptHost::Turn turn(machine);
    machine.sleep_until(turn, machine.now_ns() + uint64_t{us} * 1000);
    return 0;
}

int gettimeofday(void* self, timeval* now, struct timezone*) {
    ScriptHost& machine = instance(self).machine;
    ScriptHost::Turn turn(machine);
    const uint64_t us = machine.read_clock(turn) / 1000;
    now->tv_sec = static_cast<time_t>(us / 1'000'000);
    now->tv_usec = static_cast<suseconds_t>(us % 1'000'000);
    return 0;
}

// --- what Dominoes has no like of ---

int pipe(void*, int*) { return answer(-ENOSYS); }
int splice(void*, int, loff_t*, int, loff_t*, size_t, unsigned) { return answer(-ENOSYS); }

}  // namespace
}  // namespace packetdrill

extern "C" void packetdrill_interface_init(const char* flags, struct packetdrill_interface* table) {
    using namespace packetdrill;
    Config config;
    if (!parse_flags(flags, config)) std::exit(2);
    *table = {
        .userdata = new Instance(config),
        .free = end,
        .socket = packetdrill::socket,
        .bind = packetdrill::bind,
        .listen = packetdrill::listen,
        .accept = packetdrill::accept,
        .connect = packetdrill::connect,
        .read = packetdrill::read,
        .readv = packetdrill::readv,
        .recv = packetdrill::recv,
        .recvfrom = packetdrill::recvfrom,
        .recvmsg = packetdrill::recvmsg,
        .write = packetdrill::write,
        .writev = packetdrill::writev,
        .send = packetdrill::send,
        .sendto = packetdrill::sendto,
        .sendmsg = packetdrill::sendmsg,
        .fcntl = packetdrill::fcntl,
        .ioctl = packetdrill::ioctl,
        .close = packetdrill::close,
        .shutdown = packetdrill::shutdown,
        .getsockopt = packetdrill::getsockopt,
        .setsockopt = packetdrill::setsockopt,
        .poll = packetdrill::poll,
        .netdev_send = netdev_send,
        .netdev_receive = netdev_receive,
        .usleep = packetdrill::usleep,
        .gettimeofday = packetdrill::gettimeofday,
        .epoll_create = packetdrill::epoll_create,
        .epoll_ctl = packetdrill::epoll_ctl,
        .epoll_wait = packetdrill::epoll_wait,
        .pipe = packetdrill::pipe,
        .splice = packetdrill::splice,
    };
}
