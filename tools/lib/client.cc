// SPDX-License-Identifier: GPL-2.0
// See client.hh.
#include "client.hh"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string>

namespace dominoes {

Device::Device(int flags) : descriptor_(::open(DOMINOES_DEVICE, flags | O_CLOEXEC)) {
    if (!descriptor_) {
        const bool absent = errno == ENOENT || errno == ENODEV || errno == ENXIO;
        throw_error(errno, absent ? DOMINOES_DEVICE
                               ": no module loaded? (modprobe dominoes, or "
                               "insmod dominoes.ko)"
                                  : DOMINOES_DEVICE);
    }
    dominoes_version version{};
    call(DOMINOES_IOC_VERSION, version, DOMINOES_DEVICE ": asking for the version");
    if (version.abi != DOMINOES_ABI_VERSION)
        throw std::runtime_error("the module speaks ABI " + std::to_string(version.abi) +
                                 ", this program " + std::to_string(DOMINOES_ABI_VERSION));
}

int Device::raw_call(unsigned long request, void* argument) const {
    int result;
    do result = ::ioctl(fd(), request, argument);
    while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
}

void Device::fail(int error, const char* operation) const {
    dominoes_reason reason{};
    if (try_call(DOMINOES_IOC_REASON, reason) < 0) reason.text[0] = '\0';
    reason.text[sizeof(reason.text) - 1] = '\0';
    throw_error(error, reason.text[0] != '\0' ? reason.text : operation);
}

// --- administration ---

Client::Client() : Device(O_RDWR) {}

void Client::attach(const Attachment& attachment) {
    dominoes_attach request{};
    request.ifindex = attachment.ifindex;
    request.address = to_abi({attachment.address.address, 0});
    if (attachment.gateway) request.gateway = to_abi({*attachment.gateway, 0});
    request.prefix_len = attachment.address.length;
    request.replicas = attachment.replicas;
    std::copy(attachment.cpus.begin(), attachment.cpus.end(), request.cpus);
    if (attachment.probe) request.flags = DOMINOES_ATTACH_DAD;
    call(DOMINOES_IOC_ATTACH, request, "");
}

void Client::detach(unsigned ifindex) {
    dominoes_detach request{};
    request.ifindex = ifindex;
    call(DOMINOES_IOC_DETACH, request, "");
}

std::vector<dominoes_interface> Client::interfaces() const {
    std::vector<dominoes_interface> all;
    for (std::uint32_t next = 0;;) {
        dominoes_interface one{};
        one.ifindex = next;
        const int result = try_call(DOMINOES_IOC_INTERFACE, one);
        if (result == -ENOENT) return all;
        if (result < 0) fail(-result, "listing the interfaces");
        one.name[sizeof(one.name) - 1] = '\0';
        all.push_back(one);
        next = one.ifindex + 1;
    }
}

std::vector<dominoes_info> Client::connections() const {
    std::vector<dominoes_info> all;
    for (std::uint64_t next = 0;;) {
        dominoes_info one{};
        one.id = next;
        const int result = try_call(DOMINOES_IOC_CONNECTION, one);
        if (result == -ENOENT) return all;
        if (result < 0) fail(-result, "listing the connections");
        all.push_back(one);
        next = one.id + 1;
    }
}

std::vector<std::uint64_t> Client::counters(unsigned ifindex) const {
    std::vector<std::uint64_t> values(256);
    for (;;) {
        dominoes_stats request{};
        request.ifindex = ifindex;
        request.count = static_cast<std::uint32_t>(values.size());
        request.values = reinterpret_cast<std::uintptr_t>(values.data());
        call(DOMINOES_IOC_STATS, request, "");
        const bool all = request.count <= values.size();
        values.resize(request.count);
        if (all) return values;
    }
}

// --- endpoints ---

Endpoint::Endpoint() : Device(O_RDWR | O_NONBLOCK) {}

bool Endpoint::connect(const SocketAddress& peer) {
    dominoes_address request{};
    request.address = to_abi(peer);
    const int result = try_call(DOMINOES_IOC_CONNECT, request);
    if (result == -EINPROGRESS) return false;
    if (result < 0) fail(-result, "");
    return true;
}

void Endpoint::bind(const SocketAddress& local) {
    dominoes_address request{};
    request.address = to_abi(local);
    call(DOMINOES_IOC_BIND, request, "");
}

void Endpoint::listen(unsigned backlog) {
    dominoes_listen request{};
    request.backlog = backlog;
    call(DOMINOES_IOC_LISTEN, request, "");
}

std::optional<Endpoint> Endpoint::accept() {
    dominoes_accept request{};
    request.flags = O_NONBLOCK | O_CLOEXEC;
    const int result = try_call(DOMINOES_IOC_ACCEPT, request);
    // A connection that the peer gave up while it waited is as good as none.
    if (result == -EAGAIN || result == -ECONNABORTED) return std::nullopt;
    if (result < 0) fail(-result, "accept");
    return Endpoint(Descriptor(result));
}

void Endpoint::shutdown(int how) {
    dominoes_shutdown request{};
    request.how = static_cast<std::uint32_t>(how);
    call(DOMINOES_IOC_SHUTDOWN, request, "shutdown");
}

void Endpoint::set(dominoes_option option, std::int64_t value) {
    dominoes_option_value request{};
    request.option = option;
    request.value = value;
    call(DOMINOES_IOC_SETOPT, request, "setting an option");
}

std::int64_t Endpoint::get(dominoes_option option) const {
    dominoes_option_value request{};
    request.option = option;
    call(DOMINOES_IOC_GETOPT, request, "reading an option");
    return request.value;
}

SocketAddress Endpoint::local() const {
    dominoes_address request{};
    call(DOMINOES_IOC_LOCAL, request, "asking for the local address");
    return from_abi(request.address);
}

SocketAddress Endpoint::peer() const {
    dominoes_address request{};
    call(DOMINOES_IOC_PEER, request, "asking for the peer's address");
    return from_abi(request.address);
}

dominoes_info Endpoint::info() const {
    dominoes_info info{};
    call(DOMINOES_IOC_INFO, info, "asking for the connection's state");
    return info;
}

}  // namespace dominoes
