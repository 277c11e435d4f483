// SPDX-License-Identifier: GPL-2.0
#include "talk_network.hh"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <cerrno>
#include <stdexcept>

namespace dominoes::guest {

namespace {

int checked(int result, const char* what) {
    if (result < 0) throw_error(errno, what);
    return result;
}

class LinuxNetwork final : public Network {
public:
    Descriptor connect(const SocketAddress& peer) override {
        Descriptor one = socket();
        if (local_port_ != 0) bind(one.get(), local_port_);
        const sockaddr_in address = to_sockaddr(peer);
        checked(::connect(one.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
                "connecting");
        return one;
    }

    Descriptor listen(std::uint16_t port) override {
        Descriptor one = socket();
        bind(one.get(), port);
        checked(::listen(one.get(), backlog_), "listening");
        return one;
    }

    Descriptor accept(int listener) override {
        return Descriptor(
            checked(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC), "accepting"));
    }

    void shutdown_write(int connection) override {
        checked(::shutdown(connection, SHUT_WR), "ending");
    }

    void reset_on_close(int connection) override {
        const linger at_once{1, 0};
        checked(setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), "linger");
    }

private:
    Descriptor socket() const {
        Descriptor one(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
        const int on = 1;
        checked(setsockopt(one.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "reuse");
        if (receive_buffer_ != 0)
            checked(setsockopt(one.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_,
                               sizeof(receive_buffer_)),
                    "rcvbuf");
        return one;
    }

    static void bind(int fd, std::uint16_t port) {
        const sockaddr_in address = to_sockaddr({0, port});
        checked(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
                "binding");
    }
};

class DominoesNetwork final : public Network {
public:
    Descriptor connect(const SocketAddress& peer) override {
        Descriptor one = open();
        if (local_port_ != 0)
            address_call(one.get(), DOMINOES_IOC_BIND, {0, local_port_}, "binding");
        address_call(one.get(), DOMINOES_IOC_CONNECT, peer, "connecting");
        return one;
    }

    Descriptor listen(std::uint16_t port) override {
        Descriptor one = open();
        set(one.get(), DOMINOES_OPT_REUSEADDR, 1);
        address_call(one.get(), DOMINOES_IOC_BIND, {0, port}, "binding");
        dominoes_listen argument{sizeof(argument), static_cast<__u32>(backlog_)};
        checked(ioctl(one.get(), DOMINOES_IOC_LISTEN, &argument), "listening");
        return one;
    }

    Descriptor accept(int listener) override {
        dominoes_accept argument{};
        argument.size = sizeof(argument);
        argument.flags = O_CLOEXEC;
        return Descriptor(checked(ioctl(listener, DOMINOES_IOC_ACCEPT, &argument), "accepting"));
    }

    void shutdown_write(int connection) override {
        dominoes_shutdown argument{sizeof(argument), SHUT_WR};
        checked(ioctl(connection, DOMINOES_IOC_SHUTDOWN, &argument), "ending");
    }

    void reset_on_close(int connection) override { set(connection, DOMINOES_OPT_LINGER, 0); }

private:
    Descriptor open() const {
        Descriptor one(checked(::open(DOMINOES_DEVICE, O_RDWR | O_CLOEXEC), DOMINOES_DEVICE));
        if (receive_buffer_ != 0) set(one.get(), DOMINOES_OPT_RCVBUF, receive_buffer_);
        return one;
    }

    static void set(int fd, dominoes_option option, std::int64_t value) {
        dominoes_option_value argument{sizeof(argument), option, value};
        checked(ioctl(fd, DOMINOES_IOC_SETOPT, &argument), "option");
    }

    static void address_call(int fd, unsigned long request, const SocketAddress& address,
                             const char* what) {
        dominoes_address argument{sizeof(argument), 0, to_abi(address)};
        checked(ioctl(fd, request, &argument), what);
    }
};

}  // namespace

std::unique_ptr<Network> make_network(const std::string& name) {
    if (name == "linux") return std::make_unique<LinuxNetwork>();
    if (name == "dominoes") return std::make_unique<DominoesNetwork>();
    throw std::invalid_argument("linux or dominoes, not '" + name + "'");
}

}  // namespace dominoes::guest
