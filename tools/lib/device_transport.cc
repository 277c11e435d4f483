// SPDX-License-Identifier: GPL-2.0
// Connections that Dominoes runs.
#include "client.hh"
#include "stream.hh"

#include <sys/socket.h>

namespace dominoes {

namespace {

std::int64_t pack(const ReplicaValue& argument) {
    return static_cast<std::int64_t>(std::uint64_t{argument.replica} << 32 | argument.value);
}

class DeviceStream : public Stream {
public:
    explicit DeviceStream(Endpoint endpoint) : endpoint_(std::move(endpoint)) {}

    [[nodiscard]] int fd() const override { return endpoint_.fd(); }
    void shutdown_write() override { endpoint_.shutdown(SHUT_WR); }
    void set_nodelay(bool on) override { endpoint_.set(DOMINOES_OPT_NODELAY, on ? 1 : 0); }
    int take_error() override { return endpoint_.take_error(); }
    [[nodiscard]] SocketAddress local() const override { return endpoint_.local(); }
    [[nodiscard]] SocketAddress peer() const override { return endpoint_.peer(); }
    [[nodiscard]] dominoes_info info() const override { return endpoint_.info(); }

    [[nodiscard]] Endpoint& endpoint() { return endpoint_; }

private:
    Endpoint endpoint_;
};

class DeviceListener : public Listener {
public:
    explicit DeviceListener(Endpoint endpoint) : endpoint_(std::move(endpoint)) {}

    [[nodiscard]] int fd() const override { return endpoint_.fd(); }
    [[nodiscard]] SocketAddress local() const override { return endpoint_.local(); }
    std::unique_ptr<Stream> accept() override {
        auto accepted = endpoint_.accept();
        return accepted ? std::make_unique<DeviceStream>(std::move(*accepted)) : nullptr;
    }

private:
    Endpoint endpoint_;
};

class DeviceTransport : public Transport {
public:
    [[nodiscard]] const char* name() const override { return "device"; }

    std::unique_ptr<Listener> listen(const SocketAddress& local,
                                     const ConnectionOptions& options) override {
        Endpoint endpoint;
        endpoint.set(DOMINOES_OPT_REUSEADDR, 1);
        set_before(endpoint, options);
        endpoint.bind(local);
        endpoint.listen(0);
        return std::make_unique<DeviceListener>(std::move(endpoint));
    }

    void established(Stream& stream, const ConnectionOptions& options) override {
        auto& endpoint = static_cast<DeviceStream&>(stream).endpoint();
        if (options.nodelay) endpoint.set(DOMINOES_OPT_NODELAY, 1);
        if (options.debug_delay_us)
            endpoint.set(DOMINOES_OPT_DEBUG_DELAY, pack(*options.debug_delay_us));
        if (options.debug_stall_ms)
            endpoint.set(DOMINOES_OPT_DEBUG_STALL, pack(*options.debug_stall_ms));
        if (options.debug_corrupt) endpoint.set(DOMINOES_OPT_DEBUG_CORRUPT, *options.debug_corrupt);
    }

protected:
    std::unique_ptr<Stream> start_connect(const SocketAddress& peer,
                                          const ConnectionOptions& options,
                                          bool& connected) override {
        Endpoint endpoint;
        set_before(endpoint, options);
        connected = endpoint.connect(peer);
        return std::make_unique<DeviceStream>(std::move(endpoint));
    }

private:
    // What the module takes only before connect; the connections of a listener have it from there.
    static void set_before(Endpoint& endpoint, const ConnectionOptions& options) {
        if (options.replicas) endpoint.set(DOMINOES_OPT_REPLICAS, *options.replicas);
        if (options.policy) endpoint.set(DOMINOES_OPT_POLICY, *options.policy);
        if (options.congestion) endpoint.set(DOMINOES_OPT_CONGESTION, *options.congestion);
        if (options.sndbuf)
            endpoint.set(DOMINOES_OPT_SNDBUF, static_cast<std::int64_t>(*options.sndbuf));
        if (options.rcvbuf)
            endpoint.set(DOMINOES_OPT_RCVBUF, static_cast<std::int64_t>(*options.rcvbuf));
        if (options.buffer_limit)
            endpoint.set(DOMINOES_OPT_BUFLIMIT, static_cast<std::int64_t>(*options.buffer_limit));
        if (options.keepalive_s) {
            endpoint.set(DOMINOES_OPT_KEEPALIVE, 1);
            endpoint.set(DOMINOES_OPT_KEEPIDLE, *options.keepalive_s);
        }
        if (options.ecn) endpoint.set(DOMINOES_OPT_ECN, 1);
        if (options.user_timeout_ms)
            endpoint.set(DOMINOES_OPT_USER_TIMEOUT, *options.user_timeout_ms);
        if (options.digest_interval)
            endpoint.set(DOMINOES_OPT_DIGEST_INTERVAL,
                         static_cast<std::int64_t>(*options.digest_interval));
    }
};

}  // namespace

std::unique_ptr<Transport> make_device_transport() { return std::make_unique<DeviceTransport>(); }

}  // namespace dominoes
