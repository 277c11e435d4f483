// SPDX-License-Identifier: GPL-2.0
//
// A UDP endpoint as a test uses it, and its peers.
#pragma once

#include "kunit/framework.hh"
#include "kunit/packets.hh"
#include "scout/net/errors.hh"
#include "scout/udp/udp.hh"

namespace kunit {

// An endpoint that is closed at the end.
struct Open {
    Open() : endpoint(scout::UdpEndpoint::create(user.handle())) {}
    ~Open() {
        if (endpoint) endpoint->close();
    }
    scout::UdpEndpoint* operator->() const { return endpoint; }

    // What is received next, or the error.
    int64_t receive(Bytes& out, size_t room = 65536, bool peek = false) {
        out.resize(room);
        dominoes_iter iter(out.data(), out.size());
        const int64_t got = endpoint->receive_from(&from, &iter, room, peek);
        out.resize(got < 0 ? 0 : dominoes::min<size_t>(room, static_cast<size_t>(got)));
        return got;
    }
    // The same, once it has come.
    int64_t receive_surely(Bytes& out) {
        int64_t got = -int64_t{scout::kEagain};
        eventually([&] { return (got = receive(out)) != -int64_t{scout::kEagain}; });
        return got;
    }
    int64_t receive_error() {
        Bytes nothing;
        return receive(nothing);
    }
    int64_t send(const Bytes& data, const scout::SocketAddress* to = nullptr) {
        dominoes_iter iter(data.data(), data.size());
        return endpoint->send_to(to, &iter, data.size());
    }

    CountingUser user;
    scout::UdpEndpoint* endpoint;
    scout::SocketAddress from;
};

inline constexpr scout::SocketAddress kPeer{kPeerIp, 4000};
inline constexpr scout::SocketAddress kOther{kOtherIp, 4000};

constexpr int64_t error(scout::Errno number) { return -int64_t{number}; }

}  // namespace kunit
