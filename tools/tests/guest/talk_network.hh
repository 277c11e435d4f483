// SPDX-License-Identifier: GPL-2.0
// TCP with blocking descriptors, through Linux's sockets or through /dev/dominoes: the same calls
// for both.
#pragma once

#include "../../lib/address.hh"
#include "../../lib/descriptor.hh"

#include <cstdint>
#include <memory>
#include <string>

namespace dominoes::guest {

// All throw std::system_error on failure.
class Network {
public:
    virtual ~Network() = default;
    // Waits until it is established.
    [[nodiscard]] virtual Descriptor connect(const SocketAddress& peer) = 0;
    [[nodiscard]] virtual Descriptor listen(std::uint16_t port) = 0;
    // Waits for a connection.
    [[nodiscard]] virtual Descriptor accept(int listener) = 0;
    virtual void shutdown_write(int connection) = 0;
    // close() will send RST.
    virtual void reset_on_close(int connection) = 0;

    // How many connections may wait to be accepted, on what listens from now on.
    void set_backlog(int connections) { backlog_ = connections; }
    // The receive buffer of what is connected or listens from now on; 0: the default.
    void set_receive_buffer(int bytes) { receive_buffer_ = bytes; }
    // The local port of what is connected from now on; 0: any.
    void set_local_port(std::uint16_t port) { local_port_ = port; }

protected:
    int backlog_ = 128;
    int receive_buffer_ = 0;
    std::uint16_t local_port_ = 0;
};

// "linux" or "dominoes"; throws std::invalid_argument.
std::unique_ptr<Network> make_network(const std::string& name);

}  // namespace dominoes::guest
