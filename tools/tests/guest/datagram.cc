// SPDX-License-Identifier: GPL-2.0
// UDP with blocking descriptors, through Linux's sockets or through /dev/dominoes.
#include "../../lib/address.hh"
#include "../../lib/descriptor.hh"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <cerrno>
#include <iostream>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace dominoes::guest {

namespace {

constexpr const char* kUsage =
    "usage: datagram linux|dominoes serve PORT COUNT             send back so many datagrams\n"
    "       datagram linux|dominoes ask ADDRESS PORT COUNT BYTES  of up to BYTES, each awaited "
    "back\n"
    "       datagram linux|dominoes tell ADDRESS PORT COUNT BYTES  of BYTES\n";
constexpr std::size_t kMaxBytes = 65535;

int checked(long result, const char* what) {
    if (result < 0) throw_error(errno, what);
    return static_cast<int>(result);
}

class Udp {
public:
    virtual ~Udp() = default;
    virtual void bind(std::uint16_t port) = 0;
    virtual void connect(const SocketAddress& peer) = 0;
    // To `peer`, or to the connected one if that is nullptr.
    virtual void send(std::span<const char> bytes, const SocketAddress* peer) = 0;
    virtual std::size_t receive(std::span<char> into, SocketAddress& peer) = 0;
};

class LinuxUdp final : public Udp {
public:
    void bind(std::uint16_t port) override {
        const sockaddr_in address = to_sockaddr({0, port});
        checked(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
                "binding");
    }
    void connect(const SocketAddress& peer) override {
        const sockaddr_in address = to_sockaddr(peer);
        checked(
            ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
            "connecting");
    }
    void send(std::span<const char> bytes, const SocketAddress* peer) override {
        const sockaddr_in address = peer ? to_sockaddr(*peer) : sockaddr_in{};
        checked(::sendto(socket_.get(), bytes.data(), bytes.size(), 0,
                         peer ? reinterpret_cast<const sockaddr*>(&address) : nullptr,
                         peer ? sizeof(address) : 0),
                "sending");
    }
    std::size_t receive(std::span<char> into, SocketAddress& peer) override {
        sockaddr_in address{};
        socklen_t length = sizeof(address);
        const int got = checked(::recvfrom(socket_.get(), into.data(), into.size(), 0,
                                           reinterpret_cast<sockaddr*>(&address), &length),
                                "receiving");
        peer = from_sockaddr(address);
        return static_cast<std::size_t>(got);
    }

private:
    Descriptor socket_{checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket")};
};

class DominoesUdp final : public Udp {
public:
    DominoesUdp() {
        dominoes_option_value argument{sizeof(argument), DOMINOES_OPT_PROTOCOL, IPPROTO_UDP};
        checked(ioctl(device_.get(), DOMINOES_IOC_SETOPT, &argument), "protocol");
    }
    void bind(std::uint16_t port) override { call(DOMINOES_IOC_BIND, {0, port}, "binding"); }
    void connect(const SocketAddress& peer) override {
        call(DOMINOES_IOC_CONNECT, peer, "connecting");
    }
    void send(std::span<const char> bytes, const SocketAddress* peer) override {
        dominoes_datagram argument{};
        argument.size = sizeof(argument);
        if (peer) argument.peer = to_abi(*peer);
        argument.data = reinterpret_cast<std::uint64_t>(bytes.data());
        argument.length = bytes.size();
        checked(ioctl(device_.get(), DOMINOES_IOC_SENDTO, &argument), "sending");
    }
    std::size_t receive(std::span<char> into, SocketAddress& peer) override {
        dominoes_datagram argument{};
        argument.size = sizeof(argument);
        argument.data = reinterpret_cast<std::uint64_t>(into.data());
        argument.length = into.size();
        checked(ioctl(device_.get(), DOMINOES_IOC_RECVFROM, &argument), "receiving");
        peer = from_abi(argument.peer);
        return argument.length;
    }

private:
    void call(unsigned long request, const SocketAddress& address, const char* what) {
        dominoes_address argument{sizeof(argument), 0, to_abi(address)};
        checked(ioctl(device_.get(), request, &argument), what);
    }

    Descriptor device_{checked(::open(DOMINOES_DEVICE, O_RDWR | O_CLOEXEC), DOMINOES_DEVICE)};
};

void serve(Udp& udp, std::uint16_t port, std::uint64_t count) {
    udp.bind(port);
    std::vector<char> buffer(kMaxBytes);
    SocketAddress peer;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::size_t bytes = udp.receive(buffer, peer);
        udp.send(std::span(buffer).first(bytes), &peer);
    }
}

// Sizes from 0 to `bytes`, each content its own.
void ask(Udp& udp, const SocketAddress& server, std::uint64_t count, std::size_t bytes) {
    udp.connect(server);
    std::vector<char> buffer(kMaxBytes);
    for (std::uint64_t i = 0; i < count; ++i) {
        std::string message(count > 1 ? bytes * i / (count - 1) : bytes, '\0');
        for (std::size_t at = 0; at < message.size(); ++at)
            message[at] = static_cast<char>(at * 31 + i);
        udp.send(message, nullptr);
        SocketAddress from;
        const std::size_t got = udp.receive(buffer, from);
        if (from != server) throw std::runtime_error("an answer from " + to_string(from));
        if (std::string_view(buffer.data(), std::min(got, buffer.size())) != message)
            throw std::runtime_error("sent " + std::to_string(message.size()) +
                                     " bytes, got back " + std::to_string(got) + " or others");
    }
}

void tell(Udp& udp, const SocketAddress& server, std::uint64_t count, std::size_t bytes) {
    const std::string message(bytes, 'd');
    for (std::uint64_t i = 0; i < count; ++i) udp.send(message, &server);
}

void run(const std::vector<std::string>& words) {
    if (words.size() < 4) throw std::invalid_argument(kUsage);
    std::unique_ptr<Udp> udp;
    if (words[0] == "linux") udp = std::make_unique<LinuxUdp>();
    if (words[0] == "dominoes") udp = std::make_unique<DominoesUdp>();
    if (!udp) throw std::invalid_argument(kUsage);
    if (words[1] == "serve")
        serve(*udp, parse_port(words[2]), parse_number(words[3], UINT32_MAX));
    else if ((words[1] == "ask" || words[1] == "tell") && words.size() == 6)
        (words[1] == "ask" ? ask : tell)(*udp, {parse_address(words[2]), parse_port(words[3])},
                                         parse_number(words[4], UINT32_MAX),
                                         parse_number(words[5], kMaxBytes));
    else
        throw std::invalid_argument(kUsage);
}

}  // namespace

}  // namespace dominoes::guest

int main(int argc, char** argv) {
    try {
        dominoes::guest::run({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        std::cerr << "datagram: " << error.what() << std::endl;
        return 1;
    }
    return 0;
}
