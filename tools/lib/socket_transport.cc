// SPDX-License-Identifier: GPL-2.0
// Connections that the host's own stack runs.
#include "stream.hh"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <algorithm>
#include <cerrno>

namespace dominoes {

namespace {

template <typename Value>
void set_option(int fd, int level, int option, const Value& value) {
    if (::setsockopt(fd, level, option, &value, sizeof(value)) < 0)
        throw_error(errno, "setsockopt");
}

// getsockname() or getpeername().
template <typename Call>
SocketAddress ask_name(Call call, int fd) {
    sockaddr_in address{};
    socklen_t length = sizeof(address);
    if (call(fd, reinterpret_cast<sockaddr*>(&address), &length) < 0) throw_error(errno);
    return from_sockaddr(address);
}

Descriptor make_socket(const ConnectionOptions& options) {
    Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) throw_error(errno, "socket");
    if (options.sndbuf)
        set_option(socket.get(), SOL_SOCKET, SO_SNDBUF, static_cast<int>(*options.sndbuf));
    if (options.rcvbuf)
        set_option(socket.get(), SOL_SOCKET, SO_RCVBUF, static_cast<int>(*options.rcvbuf));
    if (options.keepalive_s) {
        set_option(socket.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
        set_option(socket.get(), IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(*options.keepalive_s));
    }
    if (options.user_timeout_ms)
        set_option(socket.get(), IPPROTO_TCP, TCP_USER_TIMEOUT,
                   static_cast<int>(*options.user_timeout_ms));
    return socket;
}

class SocketStream : public Stream {
public:
    explicit SocketStream(Descriptor socket) : socket_(std::move(socket)) {}

    [[nodiscard]] int fd() const override { return socket_.get(); }

    void shutdown_write() override {
        if (::shutdown(fd(), SHUT_WR) < 0) throw_error(errno, "shutdown");
    }

    void set_nodelay(bool on) override { set_option(fd(), IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0); }

    int take_error() override {
        int error = 0;
        socklen_t length = sizeof(error);
        return ::getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? errno : error;
    }

    [[nodiscard]] SocketAddress local() const override { return ask_name(::getsockname, fd()); }
    [[nodiscard]] SocketAddress peer() const override { return ask_name(::getpeername, fd()); }
    [[nodiscard]] dominoes_info info() const override;

private:
    Descriptor socket_;
};

dominoes_info SocketStream::info() const {
    tcp_info tcp{};
    socklen_t length = sizeof(tcp);
    if (::getsockopt(fd(), IPPROTO_TCP, TCP_INFO, &tcp, &length) < 0)
        throw_error(errno, "TCP_INFO");
    dominoes_info info{};
    info.size = sizeof(info);
    info.protocol = IPPROTO_TCP;
    info.state = tcp.tcpi_state;
    info.bytes_received = tcp.tcpi_bytes_received;
    info.bytes_sent = tcp.tcpi_bytes_sent;
    info.bytes_acked = tcp.tcpi_bytes_acked;
    info.bytes_retransmitted = tcp.tcpi_bytes_retrans;
    info.segments_in = tcp.tcpi_segs_in;
    info.segments_out = tcp.tcpi_segs_out;
    info.srtt_us = tcp.tcpi_rtt;
    info.rttvar_us = tcp.tcpi_rttvar;
    info.rto_us = tcp.tcpi_rto;
    info.mss = tcp.tcpi_snd_mss;
    info.cwnd = tcp.tcpi_snd_cwnd * tcp.tcpi_snd_mss;
    // Linux counts segments, and writes "none yet" as the largest int.
    info.ssthresh =
        tcp.tcpi_snd_ssthresh >= 0x7fffffff ? ~0u : tcp.tcpi_snd_ssthresh * tcp.tcpi_snd_mss;
    info.snd_wnd = tcp.tcpi_snd_wnd;
    info.snd_wscale = tcp.tcpi_snd_wscale;
    info.rcv_wscale = tcp.tcpi_rcv_wscale;
    info.retransmits = tcp.tcpi_total_retrans;
    int queued = 0;
    if (::ioctl(fd(), SIOCOUTQ, &queued) == 0)
        info.send_queue = static_cast<std::uint64_t>(std::max(queued, 0));
    if (::ioctl(fd(), SIOCINQ, &queued) == 0)
        info.recv_queue = static_cast<std::uint64_t>(std::max(queued, 0));
    // A connection that is gone has no names any more; its numbers still count.
    try {
        info.local = to_abi(local());
        info.peer = to_abi(peer());
    } catch (const std::system_error&) {
    }
    return info;
}

class SocketListener : public Listener {
public:
    explicit SocketListener(Descriptor socket) : socket_(std::move(socket)) {}

    [[nodiscard]] int fd() const override { return socket_.get(); }
    [[nodiscard]] SocketAddress local() const override { return ask_name(::getsockname, fd()); }

    std::unique_ptr<Stream> accept() override {
        Descriptor accepted(::accept4(fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (accepted) return std::make_unique<SocketStream>(std::move(accepted));
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ECONNABORTED)
            return nullptr;
        throw_error(errno, "accept");
    }

private:
    Descriptor socket_;
};

class SocketTransport : public Transport {
public:
    [[nodiscard]] const char* name() const override { return "socket"; }

    std::unique_ptr<Listener> listen(const SocketAddress& local,
                                     const ConnectionOptions& options) override {
        Descriptor socket = make_socket(options);
        set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
        const sockaddr_in address = to_sockaddr(local);
        if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) <
                0 ||
            ::listen(socket.get(), 128) < 0)
            throw_error(errno);
        return std::make_unique<SocketListener>(std::move(socket));
    }

    void established(Stream& stream, const ConnectionOptions& options) override {
        if (options.nodelay) stream.set_nodelay(true);
    }

protected:
    std::unique_ptr<Stream> start_connect(const SocketAddress& peer,
                                          const ConnectionOptions& options,
                                          bool& connected) override {
        Descriptor socket = make_socket(options);
        const sockaddr_in address = to_sockaddr(peer);
        connected = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                              sizeof(address)) == 0;
        if (!connected && errno != EINPROGRESS) throw_error(errno);
        return std::make_unique<SocketStream>(std::move(socket));
    }
};

}  // namespace

std::unique_ptr<Transport> make_socket_transport() { return std::make_unique<SocketTransport>(); }

}  // namespace dominoes
