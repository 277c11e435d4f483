// SPDX-License-Identifier: GPL-2.0
//
// epoll over the core's poll: a socket is looked at again once the core has woken its user, which
// is what EPOLLET is about.
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>

#include "scout/stack.h"
#include "tools/packetdrill/sockets.hh"

namespace packetdrill {
namespace {

constexpr uint64_t kMillisecond = 1'000'000;
constexpr uint32_t kAlways = EPOLLERR | EPOLLHUP;

uint32_t events_of(uint32_t core) {
    static constexpr std::pair<uint32_t, uint32_t> kEvents[] = {
        {SCOUT_IN, EPOLLIN},   {SCOUT_OUT, EPOLLOUT},     {SCOUT_ERR, EPOLLERR},
        {SCOUT_HUP, EPOLLHUP}, {SCOUT_RDHUP, EPOLLRDHUP},
    };
    uint32_t events = 0;
    for (auto [from, to] : kEvents) {
        if (core & from) events |= to;
    }
    return events;
}

}  // namespace

int64_t Sockets::epoll_create() {
    Turn turn(machine_);
    const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0) return -errno;
    watches_[fd];
    return fd;
}

int64_t Sockets::epoll_control(int epoll, int operation, int fd, const epoll_event* event) {
    Turn turn(machine_);
    const auto found = watches_.find(epoll);
    if (found == watches_.end() || !find(fd)) return -EBADF;
    std::map<int, Watch>& watches = found->second;
    const bool known = watches.contains(fd);
    if (operation == EPOLL_CTL_ADD && known) return -EEXIST;
    if (operation != EPOLL_CTL_ADD && !known) return -ENOENT;
    if (operation == EPOLL_CTL_DEL) {
        watches.erase(fd);
    } else {
        watches[fd] = {*event, true, 0};
    }
    return 0;
}

// What of it has happened that is asked for; 0: nothing.
uint32_t Sockets::look(const Socket& socket, Watch& watch) {
    const uint32_t asked = watch.event.events;
    if ((asked & EPOLLET) && !watch.fresh && watch.wakes == socket.wakes) return 0;
    watch.fresh = false;
    watch.wakes = socket.wakes;
    const uint32_t mask = asked & ~(EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE);
    if (mask == 0) return 0;
    const uint32_t events = events_of(scout_poll(socket.endpoint)) & (mask | kAlways);
    if (events && (asked & EPOLLONESHOT)) watch.event.events = EPOLLONESHOT;
    return events;
}

int64_t Sockets::epoll_wait(int epoll, std::span<epoll_event> out, int timeout_ms) {
    Turn turn(machine_);
    if (!watches_.contains(epoll)) return -EBADF;
    if (out.empty()) return -EINVAL;
    const auto look_at_all = [&]() -> int64_t {
        size_t count = 0;
        for (auto& [fd, watch] : watches_[epoll]) {
            const Socket* socket = find(fd);
            const uint32_t events = socket && count < out.size() ? look(*socket, watch) : 0;
            if (events) out[count++] = {events, watch.event.data};
        }
        return count ? static_cast<int64_t>(count) : -EAGAIN;
    };
    uint64_t until_ns = kNever;
    if (timeout_ms >= 0)
        until_ns = machine_.now_ns() + static_cast<uint64_t>(timeout_ms) * kMillisecond;
    const int64_t ready = machine_.call_blocking(turn, look_at_all, until_ns);
    return ready == -EAGAIN ? 0 : ready;
}

}  // namespace packetdrill
