// SPDX-License-Identifier: GPL-2.0
// See stream.hh.
#include "stream.hh"

#include <cerrno>
#include <stdexcept>

namespace dominoes {

namespace {

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

IoResult Stream::read_some(std::span<std::byte> into) {
    for (;;) {
        const ssize_t got = ::read(fd(), into.data(), into.size());
        if (got > 0) return {IoStatus::kDone, static_cast<std::size_t>(got)};
        if (got == 0) return {IoStatus::kEnd, 0};
        if (would_block(errno)) return {IoStatus::kAgain, 0};
        if (errno != EINTR) throw_error(errno, "receiving");
    }
}

IoResult Stream::write_some(std::span<const std::byte> from) {
    for (;;) {
        const ssize_t put = ::write(fd(), from.data(), from.size());
        if (put > 0) return {IoStatus::kDone, static_cast<std::size_t>(put)};
        if (put == 0 || would_block(errno)) return {IoStatus::kAgain, 0};
        if (errno != EINTR) throw_error(errno, "sending");
    }
}

void wait_for(const Stream& stream, short events, Waiter& waiter, Clock::time_point deadline) {
    pollfd one{stream.fd(), events, 0};
    if (waiter.wait({&one, 1}, deadline) == 0) throw_error(ETIMEDOUT);
}

void read_exactly(Stream& stream, std::span<std::byte> into, Waiter& waiter,
                  Clock::time_point deadline) {
    while (!into.empty()) {
        const IoResult result = stream.read_some(into);
        if (result.status == IoStatus::kEnd)
            throw std::runtime_error("the peer closed the connection");
        if (result.status == IoStatus::kAgain) wait_for(stream, POLLIN, waiter, deadline);
        into = into.subspan(result.bytes);
    }
}

void write_all(Stream& stream, std::span<const std::byte> from, Waiter& waiter,
               Clock::time_point deadline) {
    while (!from.empty()) {
        const IoResult result = stream.write_some(from);
        if (result.status == IoStatus::kAgain) wait_for(stream, POLLOUT, waiter, deadline);
        from = from.subspan(result.bytes);
    }
}

std::unique_ptr<Stream> Transport::connect(const SocketAddress& peer,
                                           const ConnectionOptions& options, Waiter& waiter,
                                           Clock::time_point deadline) {
    bool connected = false;
    auto stream = start_connect(peer, options, connected);
    if (!connected) {
        wait_for(*stream, POLLOUT, waiter, deadline);
        if (const int error = stream->take_error(); error != 0) throw_error(error);
    }
    established(*stream, options);
    return stream;
}

std::unique_ptr<Stream> Transport::accept(Listener& listener, const ConnectionOptions& options,
                                          Waiter& waiter, Clock::time_point deadline) {
    for (bool failed = false;;) {
        if (auto stream = listener.accept()) {
            established(*stream, options);
            return stream;
        }
        if (failed) throw std::runtime_error("the listener has failed (was the device detached?)");
        pollfd one{listener.fd(), POLLIN, 0};
        if (waiter.wait({&one, 1}, deadline) == 0)
            throw_error(ETIMEDOUT, "waiting for a connection");
        failed = (one.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
    }
}

const char* policy_name(std::uint32_t policy) {
    switch (policy) {
        case DOMINOES_POLICY_GREEDY:
            return "greedy";
        case DOMINOES_POLICY_ROUND_ROBIN:
            return "round-robin";
        case DOMINOES_POLICY_PINNED:
            return "pinned";
        case DOMINOES_POLICY_SPECIALISED:
            return "specialised";
        default:
            return "unknown";
    }
}

const char* state_name(std::uint32_t state) {
    switch (state) {
        case DOMINOES_TCP_ESTABLISHED:
            return "ESTAB";
        case DOMINOES_TCP_SYN_SENT:
            return "SYN-SENT";
        case DOMINOES_TCP_SYN_RECEIVED:
            return "SYN-RECV";
        case DOMINOES_TCP_FIN_WAIT_1:
            return "FIN-WAIT-1";
        case DOMINOES_TCP_FIN_WAIT_2:
            return "FIN-WAIT-2";
        case DOMINOES_TCP_TIME_WAIT:
            return "TIME-WAIT";
        case DOMINOES_TCP_CLOSED:
            return "UNCONN";
        case DOMINOES_TCP_CLOSE_WAIT:
            return "CLOSE-WAIT";
        case DOMINOES_TCP_LAST_ACK:
            return "LAST-ACK";
        case DOMINOES_TCP_LISTEN:
            return "LISTEN";
        case DOMINOES_TCP_CLOSING:
            return "CLOSING";
        default:
            return "UNKNOWN";
    }
}

}  // namespace dominoes
