// SPDX-License-Identifier: GPL-2.0
#include "tools/rig/socket.hh"

#include <arpa/inet.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>

namespace rig {

dominoes_sockaddr address(const std::string& ip, uint16_t port) {
    dominoes_sockaddr result{};
    result.family = AF_INET;
    result.port = htons(port);
    if (inet_pton(AF_INET, ip.c_str(), result.addr) != 1) {
        throw std::invalid_argument("not an IPv4 address: " + ip);
    }
    return result;
}

Socket::Socket(scout_stack* stack, int protocol) {
    if (scout_endpoint_create(stack, protocol, static_cast<User*>(this), &endpoint_)) {
        throw std::bad_alloc();
    }
}

Socket::~Socket() {
    if (endpoint_) scout_endpoint_close(endpoint_);
}

void Socket::wake() {
    std::lock_guard lock(mutex_);
    ++wakes_;
    woken_.notify_all();
}

bool Socket::wait_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + limit_;
    for (;;) {
        uint64_t seen;
        {
            std::lock_guard lock(mutex_);
            seen = wakes_;
        }
        if (done()) return true;
        std::unique_lock lock(mutex_);
        if (!woken_.wait_until(lock, deadline, [&] { return wakes_ != seen; })) return false;
    }
}

bool Socket::wait_for(uint32_t events) {
    return wait_until([&] { return (scout_poll(endpoint_) & events) != 0; });
}

bool Socket::linger() {
    if (scout_drained(endpoint_) || scout_shutdown(endpoint_, 1)) return true;
    return wait_until([&] { return scout_drained(endpoint_); });
}

int Socket::connect(const dominoes_sockaddr& peer) {
    const int begun = scout_connect(endpoint_, &peer);
    if (begun != -EINPROGRESS && begun != -EALREADY) return begun;
    int result = begun;
    const auto is_over = [&] { return (result = scout_connect_result(endpoint_)) != -EALREADY; };
    return wait_until(is_over) ? result : -ETIMEDOUT;
}

std::unique_ptr<Socket> Socket::accept(int& error) {
    std::unique_ptr<Socket> made(new Socket);
    dominoes_sockaddr peer;
    while ((error = scout_accept(endpoint_, static_cast<User*>(made.get()), &made->endpoint_,
                                 &peer)) == -EAGAIN) {
        if (!wait_for(SCOUT_IN | SCOUT_UNCONNECTED)) error = -ETIMEDOUT;
        if (error == -ETIMEDOUT) break;
    }
    if (error) made.reset();
    return made;
}

int64_t Socket::read(void* to, size_t bytes) {
    for (;;) {
        dominoes_iter iter(to, bytes);
        const int64_t got = scout_read(endpoint_, &iter, bytes);
        if (got != -EAGAIN) return got;
        if (!wait_for(SCOUT_IN | SCOUT_UNCONNECTED)) return -ETIMEDOUT;
    }
}

int64_t Socket::write(const void* from, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        dominoes_iter iter(const_cast<char*>(static_cast<const char*>(from)) + done, bytes - done);
        const int64_t put = scout_write(endpoint_, &iter, bytes - done);
        if (put > 0) {
            done += static_cast<size_t>(put);
        } else if (put != -EAGAIN) {
            return put;
        } else if (!wait_for(SCOUT_OUT)) {
            return -ETIMEDOUT;
        }
    }
    return static_cast<int64_t>(done);
}

struct dominoes_info Socket::info() {
    struct dominoes_info info {};
    scout_info(endpoint_, &info);
    return info;
}

}  // namespace rig
