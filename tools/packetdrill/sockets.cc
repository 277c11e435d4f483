// SPDX-License-Identifier: GPL-2.0
#include "tools/packetdrill/sockets.hh"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "scout/net/attributes.hh"

namespace packetdrill {
namespace {

using scout::Attribute;
using Turn = ScriptHost::Turn;
using Span = dominoes_iter::Span;

constexpr uint64_t kMillisecond = 1'000'000;
constexpr uint64_t kSecond = 1000 * kMillisecond;

int64_t to_core(const PeerIn& from, dominoes_sockaddr& address) {
    sockaddr_in in;
    if (!from.address) return -EFAULT;
    if (from.bytes < sizeof in) return -EINVAL;
    std::memcpy(&in, from.address, sizeof in);
    if (in.sin_family != AF_INET) return -EAFNOSUPPORT;
    address = {};
    address.family = AF_INET;
    address.port = in.sin_port;
    std::memcpy(address.addr, &in.sin_addr, 4);
    return 0;
}

void from_core(const dominoes_sockaddr& address, const PeerOut& to) {
    if (!to.address || !to.bytes) return;
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = address.port;
    std::memcpy(&in.sin_addr, address.addr, 4);
    std::memcpy(to.address, &in, std::min<size_t>(sizeof in, *to.bytes));
    *to.bytes = sizeof in;
}

// What is left of the pieces after the first `skip` bytes.
std::vector<Span> spans_of(std::span<const iovec> pieces, size_t skip = 0) {
    std::vector<Span> spans;
    for (const iovec& piece : pieces) {
        const Span span(static_cast<std::byte*>(piece.iov_base), piece.iov_len);
        const size_t gone = std::min(skip, span.size());
        skip -= gone;
        if (gone < span.size()) spans.push_back(span.subspan(gone));
    }
    return spans;
}

// Of bad addresses, scripts try this one.
bool is_null(std::span<const iovec> pieces) {
    return std::ranges::any_of(
        pieces, [](const iovec& piece) { return piece.iov_len > 0 && !piece.iov_base; });
}

size_t bytes_of(std::span<const iovec> pieces) {
    size_t bytes = 0;
    for (const iovec& piece : pieces) bytes += piece.iov_len;
    return bytes;
}

}  // namespace

Sockets::~Sockets() {
    while (!sockets_.empty()) {
        sockets_.begin()->second->nonblocking = true;
        close(sockets_.begin()->first);
    }
}

Sockets::Socket* Sockets::find(int fd) {
    const auto found = sockets_.find(fd);
    return found == sockets_.end() ? nullptr : found->second.get();
}

// Each is a file of the system's as well: what a script leaves open, packetdrill closes with the
// system call.
int64_t Sockets::add(std::unique_ptr<Socket> socket) {
    const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0) return -errno;
    sockets_[fd] = std::move(socket);
    return fd;
}

uint64_t Sockets::deadline(const Socket& socket, int flags, uint64_t timeout_ns) const {
    const uint64_t now = machine_.now_ns();
    if (socket.nonblocking || (flags & MSG_DONTWAIT)) return now;
    return timeout_ns == kNever ? kNever : now + timeout_ns;
}

// --- beginning ---

int64_t Sockets::create(Turn& turn, Socket& socket) {
    const auto make = [&]() -> int64_t {
        return scout_endpoint_create(machine_.stack(), socket.datagrams ? IPPROTO_UDP : IPPROTO_TCP,
                                     static_cast<rig::User*>(&socket), &socket.endpoint);
    };
    int64_t error = machine_.call(turn, make);
    if (error || socket.datagrams) return error;
    const Config& config = machine_.config();
    const std::pair<Attribute, int64_t> options[] = {
        {Attribute::kReplicas, config.replicas},
        {Attribute::kReceiveBytes, config.receive_bytes},
        {Attribute::kSendBytes, config.send_bytes},
        {Attribute::kEcn, config.ecn},
    };
    for (auto [option, value] : options) {
        if (!error) error = set(turn, socket, static_cast<uint32_t>(option), value);
    }
    return error;
}

int64_t Sockets::set(Turn& turn, Socket& socket, uint32_t option, int64_t value) {
    return machine_.call(turn, [&] { return scout_set_option(socket.endpoint, option, value); });
}

int64_t Sockets::socket(int domain, int type, int protocol) {
    Turn turn(machine_);
    if (domain != AF_INET) return -EAFNOSUPPORT;
    auto made = std::make_unique<Socket>();
    const int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (kind != SOCK_STREAM && kind != SOCK_DGRAM) return -ESOCKTNOSUPPORT;
    made->datagrams = kind == SOCK_DGRAM;
    made->nonblocking = type & SOCK_NONBLOCK;
    if (protocol && protocol != (made->datagrams ? IPPROTO_UDP : IPPROTO_TCP))
        return -EPROTONOSUPPORT;
    const int64_t error = create(turn, *made);
    return error ? error : add(std::move(made));
}

int64_t Sockets::bind(int fd, const PeerIn& address) {
    Turn turn(machine_);
    Socket* socket = find(fd);
    if (!socket) return -EBADF;
    dominoes_sockaddr local;
    if (const int64_t error = to_core(address, local)) return error;
    return machine_.call(turn, [&] { return scout_bind(socket->endpoint, &local); });
}

int64_t Sockets::listen(int fd, int backlog) {
    Turn turn(machine_);
    Socket* socket = find(fd);
    if (!socket) return -EBADF;
    if (socket->datagrams) return -EOPNOTSUPP;
    const auto most = static_cast<uint32_t>(std::max(backlog, 1));
    return machine_.call(turn, [&] { return scout_listen(socket->endpoint, most); });
}

int64_t Sockets::accept(int fd, const PeerOut& peer) {
    Turn turn(machine_);
    Socket* socket = find(fd);
    if (!socket) return -EBADF;
    auto made = std::make_unique<Socket>();
    dominoes_sockaddr address;
    const int64_t error = machine_.call_blocking(
        turn,
        [&]() -> int64_t {
            return scout_accept(socket->endpoint, static_cast<rig::User*>(made.get()),
                                &made->endpoint, &address);
        },
        deadline(*socket, 0, socket->receive_timeout_ns));
    if (error) return error;
    from_core(address, peer);
    return add(std::move(made));
}

int64_t Sockets::connect(int fd, const PeerIn& peer) {
    Turn turn(machine_);
    Socket* socket = find(fd);
    if (!socket) return -EBADF;
    dominoes_sockaddr address;
    if (const int64_t error = to_core(peer, address)) return error;
    const int64_t begun =
        machine_.call(turn, [&] { return scout_connect(socket->endpoint, &address); });
    if ((begun != -EINPROGRESS && begun != -EALREADY) || socket->nonblocking) return begun;
    const int64_t error = machine_.call_blocking(
        turn,
        [&]() -> int64_t {
            const int result = scout_connect_result(socket->endpoint);
            return result == -EALREADY ? -EAGAIN : result;
        },
        deadline(*socket, 0, socket->send_timeout_ns));
    return error == -EAGAIN ? -EINPROGRESS : error;
}

// --- data ---

int64_t Sockets::read(int fd, std::span<const iovec> to, int flags, const PeerOut& peer) {
    Turn turn(machine_);
    Socket* socket = find(fd);
    if (!socket) return -EBADF;
    if (flags & ~(MSG_DONTWAIT | MSG_PEEK)) return -EOPNOTSUPP;
    if (is_null(to)) return -EFAULT;
    const std::vector<Span> spans = spans_of(to);
    const size_t bytes = bytes_of(to);
    dominoes_sockaddr address{};
    const int64_t got = machine_.call_blocking(
        turn,
        [&] {
            dominoes_iter iter(spans);
            return scout_receive_from(socket->endpoint, &address, &iter, bytes, flags & MSG_PEEK);
        },
        deadline(*socket, flags, socket->receive_timeout_ns));
    if (got >= 0 && socket->datagrams) from_core(address, peer);
    return got < 0 || !socket->datagrams ? got : std::min(got, static_cast<int64_t>(bytes));
}

// A stream that blocks takes all, or what it could before an error.
int64_t Sockets::write_stream(Turn& turn, Socket& socket, std::span<const iovec> from, int flags) {
    const size_t bytes = bytes_of(from);
    const uint64_t until_ns = deadline(socket, flags, socket.send_timeout_ns);
    size_t done = 0;
    do {
        const std::vector<Span> spans = spans_of(from, done);
        const int64_t put = machine_.call_blocking(
            turn,
            [&] {
                dominoes_iter iter(spans);
                return scout_write(socket.endpoint, &iter, bytes - done);
            },
            until_ns);
        if (put < 0) return done ? static_cast<int64_t>(done) : put;
        done += static_cast<size_t>(put);
    } while (done < bytes);
    return static_cast<int64_t>(done);
}

int64_t Sockets::write(int fd, std::span<const iovec> from, int flags, const PeerIn& peer) {
    Turn turn(machine_);
    Socket* socket = find(fd);
    if (!socket) return -EBADF;
    if (flags & ~(MSG_DONTWAIT | MSG_NOSIGNAL)) return -EOPNOTSUPP;
    if (is_null(from)) return -EFAULT;
    if (!socket->datagrams) return write_stream(turn, *socket, from, flags);
    dominoes_sockaddr address;
    if (peer.address) {
        if (const int64_t error = to_core(peer, address)) return error;
    }
    const std::vector<Span> spans = spans_of(from);
    return machine_.call_blocking(
        turn,
        [&] {
            dominoes_iter iter(spans);
            return scout_send_to(socket->endpoint, peer.address ? &address : nullptr, &iter,
                                 bytes_of(from));
        },
        deadline(*socket, flags, socket->send_timeout_ns));
}

int64_t Sockets::file_flags(int fd, bool set, int flags) {
    Turn turn(machine_);
    Socket* socket = find(fd);
    if (!socket) return -EBADF;
    if (set) socket->nonblocking = flags & O_NONBLOCK;
    return set ? 0 : O_RDWR | (socket->nonblocking ? O_NONBLOCK : 0);
}

int64_t Sockets::queued(int fd, unsigned long request, int* bytes) {
    Turn turn(machine_);
    Socket* socket = find(fd);
    if (!socket) return -EBADF;
    if (request != FIONREAD && request != TIOCOUTQ) return -ENOTTY;
    struct dominoes_info info {};
    const int64_t error = machine_.call(turn, [&] { return scout_info(socket->endpoint, &info); });
    if (!error) *bytes = static_cast<int>(request == FIONREAD ? info.recv_queue : info.send_queue);
    return error;
}

// --- ending ---

int64_t Sockets::shutdown(int fd, int how) {
    Turn turn(machine_);
    Socket* socket = find(fd);
    if (!socket) return -EBADF;
    return machine_.call(turn, [&] { return scout_shutdown(socket->endpoint, how); });
}

// SO_LINGER with a time: what was written is waited for.
void Sockets::wait_drained(Turn& turn, Socket& socket) {
    int64_t seconds = -1;
    machine_.call(turn, [&] {
        return scout_get_option(socket.endpoint, static_cast<uint32_t>(Attribute::kLinger),
                                &seconds);
    });
    if (socket.datagrams || socket.nonblocking || seconds <= 0) return;
    machine_.call(turn, [&] { return scout_shutdown(socket.endpoint, SHUT_WR); });
    machine_.call_blocking(
        turn, [&]() -> int64_t { return scout_drained(socket.endpoint) ? 0 : -EAGAIN; },
        machine_.now_ns() + static_cast<uint64_t>(seconds) * kSecond);
}

int64_t Sockets::close(int fd) {
    Turn turn(machine_);
    if (watches_.erase(fd)) return ::close(fd);
    Socket* socket = find(fd);
    if (!socket) return -EBADF;
    wait_drained(turn, *socket);
    machine_.call(turn, [&] {
        scout_endpoint_close(socket->endpoint);
        return 0;
    });
    sockets_.erase(fd);
    for (auto& [epoll, watches] : watches_) watches.erase(fd);
    ::close(fd);
    return 0;
}

int64_t Sockets::poll(std::span<pollfd> fds, int timeout_ms) {
    Turn turn(machine_);
    static const std::pair<uint32_t, short> kEvents[] = {
        {SCOUT_IN, POLLIN},   {SCOUT_OUT, POLLOUT},     {SCOUT_ERR, POLLERR},
        {SCOUT_HUP, POLLHUP}, {SCOUT_RDHUP, POLLRDHUP},
    };
    const auto look = [&]() -> int64_t {
        int64_t ready = 0;
        for (pollfd& one : fds) {
            Socket* socket = find(one.fd);
            const uint32_t holds = socket ? scout_poll(socket->endpoint) : 0;
            one.revents = one.fd >= 0 && !socket ? POLLNVAL : 0;
            for (auto [core, system] : kEvents) {
                if (holds & core) one.revents |= system;
            }
            one.revents &= static_cast<short>(one.events | POLLERR | POLLHUP | POLLNVAL);
            ready += one.revents != 0;
        }
        return ready ? ready : -EAGAIN;
    };
    uint64_t until_ns = kNever;
    if (timeout_ms >= 0)
        until_ns = machine_.now_ns() + static_cast<uint64_t>(timeout_ms) * kMillisecond;
    const int64_t ready = machine_.call_blocking(turn, look, until_ns);
    return ready == -EAGAIN ? 0 : ready;
}

}  // namespace packetdrill
