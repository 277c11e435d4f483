// SPDX-License-Identifier: GPL-2.0
// /dev/dominoes in C++: Client for administration, Endpoint for one connection or listener.
//
// Every failure is a std::system_error whose text is the module's own one-line reason, where it
// gives one, and whose code is the errno. Nothing here waits, apart from what the module does
// inside an administration call: endpoints are always non-blocking.
#pragma once

#include "../../module/dominoes_uapi.h"
#include "address.hh"
#include "descriptor.hh"

#include <optional>
#include <span>
#include <vector>

namespace dominoes {

// What Client and Endpoint have in common: an open descriptor of the device and its ioctls.
class Device {
public:
    [[nodiscard]] int fd() const { return descriptor_.get(); }

protected:
    // Opens the device, says so if no module is loaded, and checks that it speaks our ABI.
    explicit Device(int flags);
    explicit Device(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

    // The ioctl's result, or -errno. argument is one of the ABI's structs; sets its size.
    template <typename Argument>
    int try_call(unsigned long request, Argument& argument) const {
        argument.size = sizeof(argument);
        return raw_call(request, &argument);
    }

    // As try_call(), throwing on failure. operation stands in where the module gives no reason.
    template <typename Argument>
    int call(unsigned long request, Argument& argument, const char* operation) const {
        const int result = try_call(request, argument);
        if (result < 0) fail(-result, operation);
        return result;
    }

    [[noreturn]] void fail(int error, const char* operation) const;

private:
    int raw_call(unsigned long request, void* argument) const;

    Descriptor descriptor_;
};

struct Attachment {
    unsigned ifindex = 0;
    Prefix address;
    std::optional<std::uint32_t> gateway;
    unsigned replicas = 0;  // 0: the module decides
    CpuSet cpus{};          // empty: every CPU
    bool probe = false;     // first whether another host has the address; takes seconds
};

class Client : public Device {
public:
    Client();

    void attach(const Attachment& attachment);
    void detach(unsigned ifindex);
    [[nodiscard]] std::vector<dominoes_interface> interfaces() const;
    [[nodiscard]] std::vector<dominoes_info> connections() const;
    // In the order of scout/counters.h; as many as the module has.
    [[nodiscard]] std::vector<std::uint64_t> counters(unsigned ifindex) const;
};

class Endpoint : public Device {
public:
    Endpoint();

    // True: connected. False: under way; poll for POLLOUT, then take_error().
    [[nodiscard]] bool connect(const SocketAddress& peer);
    void bind(const SocketAddress& local);
    void listen(unsigned backlog);
    [[nodiscard]] std::optional<Endpoint> accept();  // nullopt: none is waiting
    void shutdown(int how);

    void set(dominoes_option option, std::int64_t value);
    [[nodiscard]] std::int64_t get(dominoes_option option) const;
    // The pending error as an errno (0: none), which this clears.
    [[nodiscard]] int take_error() { return static_cast<int>(get(DOMINOES_OPT_ERROR)); }

    [[nodiscard]] SocketAddress local() const;
    [[nodiscard]] SocketAddress peer() const;
    [[nodiscard]] dominoes_info info() const;

private:
    explicit Endpoint(Descriptor descriptor) : Device(std::move(descriptor)) {}
};

}  // namespace dominoes
