// SPDX-License-Identifier: GPL-2.0
#include "tools/rig/tap_link.hh"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace rig {
namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

uint32_t mtu_of(const std::string& name) {
    const int socket_fd = socket(AF_INET, SOCK_DGRAM, 0);
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    const bool known = ioctl(socket_fd, SIOCGIFMTU, &request) == 0;
    close(socket_fd);
    return known ? static_cast<uint32_t>(request.ifr_mtu) : 1500;
}

}  // namespace

TapLink::TapLink(const std::string& name) {
    device_ = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (device_ < 0) fail("/dev/net/tun");
    ifreq request{};
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    if (ioctl(device_, TUNSETIFF, &request) != 0) {
        close(device_);
        fail(name);
    }
    stop_event_ = eventfd(0, EFD_CLOEXEC);
    mtu = mtu_of(name);
}

TapLink::~TapLink() {
    stop();
    close(stop_event_);
    close(device_);
}

void TapLink::start() {
    thread_ = std::thread([this] { run(); });
}

void TapLink::stop() {
    if (!thread_.joinable()) return;
    eventfd_write(stop_event_, 1);
    thread_.join();
}

void TapLink::run() {
    std::array<uint8_t, 65536 + 64> frame;
    for (;;) {
        pollfd waits[] = {{device_, POLLIN, 0}, {stop_event_, POLLIN, 0}};
        if (poll(waits, 2, -1) < 0 && errno != EINTR) return;
        if (waits[1].revents) return;
        if (!(waits[0].revents & POLLIN)) continue;
        const ssize_t got = read(device_, frame.data(), frame.size());
        if (got <= 0) continue;
        dominoes_packet* packet = make_packet({frame.data(), static_cast<size_t>(got)});
        if (!on_receive(packet)) dominoes_packet_free(packet);
    }
}

bool TapLink::transmit(dominoes_packet* packet) {
    const ssize_t put = write(device_, packet->data, packet->bytes);
    const bool sent = put == static_cast<ssize_t>(packet->bytes);
    dominoes_packet_free(packet);
    return sent;
}

}  // namespace rig
