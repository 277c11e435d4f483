// SPDX-License-Identifier: GPL-2.0
//
// Sockets: the system calls of packetdrill's table over endpoints of the core. Results are
// those of the system call, or a negative errno.
#pragma once

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <map>
#include <memory>
#include <span>

#include "tools/packetdrill/script_host.hh"

namespace packetdrill {

// Where the peer's address is to go, or comes from; none: nullptr.
struct PeerOut {
    sockaddr* address = nullptr;
    socklen_t* bytes = nullptr;
};
struct PeerIn {
    const sockaddr* address = nullptr;
    socklen_t bytes = 0;
};

class Sockets {
public:
    explicit Sockets(ScriptHost& machine) : machine_(machine) {}
    ~Sockets();
    Sockets(const Sockets&) = delete;

    int64_t socket(int domain, int type, int protocol);
    int64_t bind(int fd, const PeerIn& address);
    int64_t listen(int fd, int backlog);
    int64_t accept(int fd, const PeerOut& peer);
    int64_t connect(int fd, const PeerIn& peer);
    int64_t read(int fd, std::span<const iovec> to, int flags, const PeerOut& peer);
    int64_t write(int fd, std::span<const iovec> from, int flags, const PeerIn& peer);
    int64_t file_flags(int fd, bool set, int flags);
    // FIONREAD and TIOCOUTQ.
    int64_t queued(int fd, unsigned long request, int* bytes);
    int64_t shutdown(int fd, int how);
    int64_t close(int fd);
    int64_t poll(std::span<pollfd> fds, int timeout_ms);
    int64_t epoll_create();
    int64_t epoll_control(int epoll, int operation, int fd, const epoll_event* event);
    int64_t epoll_wait(int epoll, std::span<epoll_event> out, int timeout_ms);
    int64_t get_option(int fd, int level, int option, void* value, socklen_t* bytes);
    int64_t set_option(int fd, int level, int option, const void* value, socklen_t bytes);

private:
    using Turn = ScriptHost::Turn;

    // Whoever waits tries again whenever anything has happened, so nobody need be woken; it is only
    // counted.
    struct Socket final : rig::User {
        void wake() override { ++wakes; }
        uint64_t wakes = 0;
        scout_endpoint* endpoint = nullptr;
        bool datagrams = false;
        bool nonblocking = false;
        uint64_t receive_timeout_ns = kNever;
        uint64_t send_timeout_ns = kNever;
    };

    // A socket in an epoll.
    struct Watch {
        epoll_event event;
        bool fresh;      // not looked at yet
        uint64_t wakes;  // when it was
    };

    Socket* find(int fd);
    static uint32_t look(const Socket& socket, Watch& watch);
    int64_t add(std::unique_ptr<Socket> socket);
    uint64_t deadline(const Socket& socket, int flags, uint64_t timeout_ns) const;
    int64_t create(Turn& turn, Socket& socket);
    int64_t write_stream(Turn& turn, Socket& socket, std::span<const iovec> from, int flags);
    int64_t set(Turn& turn, Socket& socket, uint32_t option, int64_t value);
    void wait_drained(Turn& turn, Socket& socket);

    ScriptHost& machine_;
    std::map<int, std::unique_ptr<Socket>> sockets_;
    std::map<int, std::map<int, Watch>> watches_;  // by epoll, by socket
};

}  // namespace packetdrill
