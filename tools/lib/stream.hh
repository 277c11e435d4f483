// SPDX-License-Identifier: GPL-2.0
// TCP connections, whoever runs them: Dominoes through /dev/dominoes, or the kernel's own sockets
// (which tests use, and `--transport socket` for a comparison on the same code).
//
// Streams and listeners never block; the functions that wait take a Waiter and a deadline.
#pragma once

#include "../../module/dominoes_uapi.h"
#include "address.hh"
#include "descriptor.hh"
#include "wait.hh"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace dominoes {

enum class IoStatus {
    kDone,   // some bytes were moved
    kAgain,  // nothing can be moved now; poll
    kEnd,    // the peer has sent all it will send
};

struct IoResult {
    IoStatus status;
    std::size_t bytes;
};

class Stream {
public:
    virtual ~Stream() = default;

    [[nodiscard]] virtual int fd() const = 0;
    // Both throw std::system_error when the connection is lost.
    IoResult read_some(std::span<std::byte> into);
    IoResult write_some(std::span<const std::byte> from);

    virtual void shutdown_write() = 0;
    virtual void set_nodelay(bool on) = 0;
    [[nodiscard]] virtual int take_error() = 0;  // the pending error, 0: none
    [[nodiscard]] virtual SocketAddress local() const = 0;
    [[nodiscard]] virtual SocketAddress peer() const = 0;
    // An ordinary socket fills what TCP_INFO tells; replicas is then 0.
    [[nodiscard]] virtual dominoes_info info() const = 0;
};

class Listener {
public:
    virtual ~Listener() = default;
    [[nodiscard]] virtual int fd() const = 0;
    [[nodiscard]] virtual SocketAddress local() const = 0;
    [[nodiscard]] virtual std::unique_ptr<Stream> accept() = 0;  // nullptr: none is waiting
};

// A replica and a number: the argument of the module's test options.
struct ReplicaValue {
    unsigned replica = 0;
    std::uint32_t value = 0;
};

// What can be set for a connection; what is not given keeps the module's default. A socket knows
// only sndbuf, rcvbuf, nodelay, keepalive_s and user_timeout_ms and passes over the rest.
struct ConnectionOptions {
    std::optional<unsigned> replicas;
    std::optional<dominoes_policy> policy;
    std::optional<dominoes_congestion> congestion;
    std::optional<std::uint64_t> sndbuf;
    std::optional<std::uint64_t> rcvbuf;
    std::optional<std::uint64_t> buffer_limit;
    bool nodelay = false;
    bool ecn = false;
    std::optional<std::uint32_t> keepalive_s;  // of silence before the peer is asked; not: never
    std::optional<std::uint32_t> user_timeout_ms;
    std::optional<std::uint64_t> digest_interval;
    // Applied once the connection is established, as only then are there replicas.
    std::optional<ReplicaValue> debug_delay_us;
    std::optional<unsigned> debug_corrupt;
    std::optional<ReplicaValue> debug_stall_ms;
};

class Transport {
public:
    virtual ~Transport() = default;
    [[nodiscard]] virtual const char* name() const = 0;
    [[nodiscard]] virtual std::unique_ptr<Listener> listen(const SocketAddress& local,
                                                           const ConnectionOptions& options) = 0;
    // Connects, waiting until it is done; throws if it fails or is not done at the deadline.
    [[nodiscard]] std::unique_ptr<Stream> connect(const SocketAddress& peer,
                                                  const ConnectionOptions& options, Waiter& waiter,
                                                  Clock::time_point deadline);
    // Accepts, waiting for a connection; throws if there is none at the deadline. The options are
    // those that apply to an established connection.
    [[nodiscard]] std::unique_ptr<Stream> accept(Listener& listener,
                                                 const ConnectionOptions& options, Waiter& waiter,
                                                 Clock::time_point deadline);

    // What can only be set once a connection is established: nodelay and the test options.
    virtual void established(Stream& stream, const ConnectionOptions& options) = 0;

protected:
    // connected: whether it is so already; else the stream gets writable when it is, or has failed.
    virtual std::unique_ptr<Stream> start_connect(const SocketAddress& peer,
                                                  const ConnectionOptions& options,
                                                  bool& connected) = 0;
};

std::unique_ptr<Transport> make_device_transport();
std::unique_ptr<Transport> make_socket_transport();

// Waits until the stream has any of the events (or an error or hang-up); throws at the deadline.
void wait_for(const Stream& stream, short events, Waiter& waiter, Clock::time_point deadline);
// All of the bytes, or an exception.
void read_exactly(Stream& stream, std::span<std::byte> into, Waiter& waiter,
                  Clock::time_point deadline);
void write_all(Stream& stream, std::span<const std::byte> from, Waiter& waiter,
               Clock::time_point deadline);

const char* policy_name(std::uint32_t policy);
const char* state_name(std::uint32_t state);  // as ss has them: "ESTAB"

}  // namespace dominoes
