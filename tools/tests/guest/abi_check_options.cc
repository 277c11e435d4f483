// SPDX-License-Identifier: GPL-2.0
// Options, binding, listening and connecting: what is refused when.
#include "abi_check.hh"

#include <fcntl.h>
#include <sys/socket.h>
#include <algorithm>
#include <cerrno>
#include <cstddef>

namespace dominoes::guest {

namespace {

void refuses(std::uint32_t option, std::initializer_list<std::int64_t> values) {
    const Descriptor device = open_device();
    for (const std::int64_t value : values)
        CHECK_EQUAL(set_option(device.get(), option, value), -EINVAL);
}

void keeps(std::uint32_t option, std::initializer_list<std::int64_t> values) {
    const Descriptor device = open_device();
    for (const std::int64_t value : values) {
        CHECK_EQUAL(set_option(device.get(), option, value), 0);
        CHECK_EQUAL(get_option(device.get(), option), value);
    }
}

void options_in_range() {
    keeps(DOMINOES_OPT_REPLICAS, {1, 4, 16});
    refuses(DOMINOES_OPT_REPLICAS, {0, 17, -1, INT64_MIN, INT64_MAX, 1ll << 32});
    keeps(DOMINOES_OPT_POLICY, {0, 1, 2, 3});
    refuses(DOMINOES_OPT_POLICY, {-1, 4, INT64_MAX});
    for (const std::uint32_t option : {DOMINOES_OPT_NODELAY, DOMINOES_OPT_CORK}) {
        keeps(option, {0, 1});
        refuses(option, {-1, 2});
    }
    keeps(DOMINOES_OPT_REUSEADDR, {0, 1});
    keeps(DOMINOES_OPT_LINGER, {-1, 0, 5});
    refuses(DOMINOES_OPT_LINGER, {-2, INT64_MIN});
    keeps(DOMINOES_OPT_DIGEST_INTERVAL, {0, 1, 64, 4096});
    refuses(DOMINOES_OPT_DIGEST_INTERVAL, {3, -1, 100});
    keeps(DOMINOES_OPT_MSS, {88, 1400, 65495});
    refuses(DOMINOES_OPT_MSS, {0, 87, 65496, -1});
    keeps(DOMINOES_OPT_CONGESTION, {DOMINOES_CONGESTION_CUBIC, DOMINOES_CONGESTION_RENO});
    refuses(DOMINOES_OPT_CONGESTION, {-1, 2});
    keeps(DOMINOES_OPT_KEEPALIVE, {0, 1});
    refuses(DOMINOES_OPT_KEEPALIVE, {-1, 2});
    for (const std::uint32_t option : {DOMINOES_OPT_KEEPIDLE, DOMINOES_OPT_KEEPINTVL}) {
        keeps(option, {1, 75, 32767});
        refuses(option, {0, 32768, -1, 1ll << 32});
    }
    keeps(DOMINOES_OPT_KEEPCNT, {1, 9, 127});
    refuses(DOMINOES_OPT_KEEPCNT, {0, 128, -1});
    keeps(DOMINOES_OPT_ECN, {0, 1});
    refuses(DOMINOES_OPT_ECN, {-1, 2});
    keeps(DOMINOES_OPT_USER_TIMEOUT, {0, 1, INT32_MAX});
    refuses(DOMINOES_OPT_USER_TIMEOUT, {-1, 1ll << 31});
    keeps(DOMINOES_OPT_PROTOCOL, {IPPROTO_UDP});
    refuses(DOMINOES_OPT_PROTOCOL, {0, IPPROTO_ICMP, -1, 1ll << 32 | IPPROTO_TCP});
}

void buffers_are_rounded_up() {
    for (const std::uint32_t option :
         {DOMINOES_OPT_RCVBUF, DOMINOES_OPT_SNDBUF, DOMINOES_OPT_BUFLIMIT}) {
        const Descriptor device = open_device();
        CHECK_EQUAL(set_option(device.get(), option, 100'000), 0);
        CHECK_EQUAL(get_option(device.get(), option), 131'072);
        CHECK_EQUAL(set_option(device.get(), option, -1), -EINVAL);
        CHECK_EQUAL(get_option(device.get(), option), 131'072);
    }
}

void unknown_options() {
    const Descriptor device = open_device();
    for (const std::uint32_t option : {0u, 100u, 999u, 1003u, UINT32_MAX}) {
        CHECK_EQUAL(set_option(device.get(), option, 0), -ENOPROTOOPT);
        dominoes_option_value argument{0, option, 0};
        CHECK_EQUAL(call(device.get(), DOMINOES_IOC_GETOPT, argument), -ENOPROTOOPT);
    }
    CHECK(set_option(device.get(), DOMINOES_OPT_ERROR, 0) < 0);
}

void options_of_ip(int protocol) {
    const Descriptor device = open_device();
    CHECK_EQUAL(set_option(device.get(), DOMINOES_OPT_PROTOCOL, protocol), 0);
    CHECK_EQUAL(get_option(device.get(), DOMINOES_OPT_TTL), 64);
    for (const std::int64_t value : {1, 255}) {
        CHECK_EQUAL(set_option(device.get(), DOMINOES_OPT_TTL, value), 0);
        CHECK_EQUAL(get_option(device.get(), DOMINOES_OPT_TTL), value);
    }
    for (const std::int64_t value : {0, 256, -1})
        CHECK_EQUAL(set_option(device.get(), DOMINOES_OPT_TTL, value), -EINVAL);
    CHECK_EQUAL(set_option(device.get(), DOMINOES_OPT_TOS, 46 << 2), 0);
    CHECK_EQUAL(get_option(device.get(), DOMINOES_OPT_TOS), 46 << 2);
    CHECK_EQUAL(set_option(device.get(), DOMINOES_OPT_TOS, 256), -EINVAL);
}

void options_too_late() {
    const Pair pair = connected_pair();
    for (const std::uint32_t option :
         {DOMINOES_OPT_PROTOCOL, DOMINOES_OPT_REPLICAS, DOMINOES_OPT_POLICY, DOMINOES_OPT_RCVBUF,
          DOMINOES_OPT_SNDBUF, DOMINOES_OPT_BUFLIMIT})
        CHECK(set_option(pair.ours.get(), option, 65536 * 2) < 0);
    CHECK_EQUAL(set_option(pair.ours.get(), DOMINOES_OPT_REPLICAS, 2), -EISCONN);
    CHECK_EQUAL(set_option(pair.ours.get(), DOMINOES_OPT_NODELAY, 1), 0);
    CHECK_EQUAL(get_option(pair.ours.get(), DOMINOES_OPT_NODELAY), 1);
    CHECK_EQUAL(set_option(pair.ours.get(), DOMINOES_OPT_CORK, 1), 0);
    CHECK_EQUAL(get_option(pair.ours.get(), DOMINOES_OPT_CORK), 1);
    CHECK_EQUAL(set_option(pair.ours.get(), DOMINOES_OPT_KEEPALIVE, 1), 0);
    CHECK_EQUAL(get_option(pair.ours.get(), DOMINOES_OPT_KEEPALIVE), 1);
    CHECK_EQUAL(set_option(pair.ours.get(), DOMINOES_OPT_TTL, 32), 0);
    CHECK_EQUAL(get_option(pair.ours.get(), DOMINOES_OPT_TTL), 32);
    CHECK_EQUAL(set_option(pair.ours.get(), DOMINOES_OPT_TOS, 46 << 2), 0);
}

// What was not chosen is a part of the limit, and what the connection has made of it.
void buffers_size_themselves() {
    const Descriptor device = open_device();
    CHECK_EQUAL(get_option(device.get(), DOMINOES_OPT_RCVBUF), 131'072);
    CHECK_EQUAL(set_option(device.get(), DOMINOES_OPT_BUFLIMIT, 1 << 20), 0);
    CHECK_EQUAL(get_option(device.get(), DOMINOES_OPT_RCVBUF), 16'384);
    CHECK_EQUAL(get_option(device.get(), DOMINOES_OPT_SNDBUF), 16'384);

    const Pair pair = connected_pair();
    dominoes_info info{};
    CHECK_EQUAL(call(pair.ours.get(), DOMINOES_IOC_INFO, info), 0);
    CHECK_EQUAL(info.rcvbuf, 131'072);
    CHECK_EQUAL(info.rcvbuf_limit, 8 << 20);
    CHECK(info.sndbuf >= 131'072);
    CHECK_EQUAL(info.sndbuf_limit, 8 << 20);
    CHECK_EQUAL(get_option(pair.ours.get(), DOMINOES_OPT_SNDBUF), info.sndbuf);
    // As an older program asks, which knows no buffers.
    info = {};
    info.size = offsetof(dominoes_info, rcvbuf);
    CHECK_EQUAL(raw_call(pair.ours.get(), DOMINOES_IOC_INFO, &info), 0);
    CHECK_EQUAL(info.rcvbuf, 0);
}

void options_are_inherited() {
    const Descriptor listener = open_device();
    CHECK_EQUAL(set_option(listener.get(), DOMINOES_OPT_REPLICAS, 3), 0);
    CHECK_EQUAL(set_option(listener.get(), DOMINOES_OPT_POLICY, DOMINOES_POLICY_ROUND_ROBIN), 0);
    CHECK_EQUAL(bind_to(listener.get(), {kOurAddress, 0}), 0);
    CHECK_EQUAL(listen_on(listener.get()), 0);
    CHECK_EQUAL(set_option(listener.get(), DOMINOES_OPT_KEEPALIVE, 1), 0);  // not too late
    CHECK_EQUAL(set_option(listener.get(), DOMINOES_OPT_SNDBUF, 65'536), 0);
    const Descriptor peer = peer_connect({kOurAddress, local_of(listener.get()).port});
    const Descriptor ours(accept_from(listener.get()));
    CHECK(ours.get() >= 0);
    CHECK_EQUAL(get_option(ours.get(), DOMINOES_OPT_KEEPALIVE), 1);
    CHECK_EQUAL(get_option(ours.get(), DOMINOES_OPT_SNDBUF), 65'536);
    CHECK_EQUAL(get_option(ours.get(), DOMINOES_OPT_REPLICAS), 3);
    CHECK_EQUAL(get_option(ours.get(), DOMINOES_OPT_POLICY), DOMINOES_POLICY_ROUND_ROBIN);
    dominoes_info info{};
    CHECK_EQUAL(call(ours.get(), DOMINOES_IOC_INFO, info), 0);
    CHECK_EQUAL(info.replicas, 3);
}

void mss_is_limited() {
    const PeerListener listener = peer_listen();
    const Descriptor ours = open_device();
    CHECK_EQUAL(set_option(ours.get(), DOMINOES_OPT_MSS, 500), 0);
    CHECK_EQUAL(connect_to(ours.get(), listener.address), 0);
    CHECK(get_option(ours.get(), DOMINOES_OPT_MSS) <= 500);
}

// --- bind, listen ---

void bind_refuses() {
    const Descriptor one = open_device();
    CHECK_EQUAL(bind_to(one.get(), {kPeerAddress, 7000}), -EADDRNOTAVAIL);
    CHECK_EQUAL(bind_to(one.get(), {kHostAddress, 7000}), -EADDRNOTAVAIL);
    CHECK_EQUAL(bind_to(one.get(), {kOurAddress, 7000}), 0);
    CHECK_EQUAL(bind_to(one.get(), {kOurAddress, 7001}), -EINVAL);
    CHECK_EQUAL(local_of(one.get()).port, 7000);
    const Descriptor two = open_device();
    CHECK_EQUAL(bind_to(two.get(), {kOurAddress, 7000}), -EADDRINUSE);
    CHECK_EQUAL(bind_to(two.get(), {0, 7000}), -EADDRINUSE);
    CHECK_EQUAL(bind_to(two.get(), {kOurAddress, 0}), 0);
    CHECK(local_of(two.get()).port != 0);
    dominoes_address reserved{0, 1, to_abi({kOurAddress, 7002})};
    CHECK_EQUAL(call(open_device().get(), DOMINOES_IOC_BIND, reserved), -EINVAL);
    dominoes_address other{0, 0, to_abi({kOurAddress, 7002})};
    other.address.family = AF_INET6;
    CHECK(call(open_device().get(), DOMINOES_IOC_BIND, other) < 0);
}

void bound_port_is_given_back() {
    for (int i = 0; i < 3; ++i) {
        const Descriptor one = open_device();
        CHECK_EQUAL(bind_to(one.get(), {kOurAddress, 7003}), 0);
        CHECK_EQUAL(listen_on(one.get()), 0);
    }
}

void listen_refuses() {
    const Descriptor one = open_device();
    CHECK_EQUAL(bind_to(one.get(), {0, 7004}), 0);
    CHECK_EQUAL(listen_on(one.get(), 4097), -EINVAL);
    CHECK_EQUAL(listen_on(one.get(), 4096), 0);
    CHECK(connect_to(one.get(), {kPeerAddress, 1}) < 0);
    const Descriptor two = open_device();
    CHECK(bind_to(two.get(), {0, 7004}) == -EADDRINUSE || listen_on(two.get()) == -EADDRINUSE);
    const Pair pair = connected_pair();
    CHECK(listen_on(pair.ours.get()) < 0);
}

void accept_refuses() {
    const Descriptor device = open_device();
    CHECK_EQUAL(accept_from(device.get()), -EINVAL);
    const Pair pair = connected_pair();
    CHECK_EQUAL(accept_from(pair.ours.get()), -EINVAL);
    const Descriptor listener = open_device(O_NONBLOCK);
    CHECK_EQUAL(bind_to(listener.get(), {kOurAddress, 0}), 0);
    CHECK_EQUAL(listen_on(listener.get()), 0);
    CHECK_EQUAL(accept_from(listener.get()), -EAGAIN);
    CHECK_EQUAL(accept_from(listener.get(), O_APPEND), -EINVAL);
    CHECK_EQUAL(accept_from(listener.get(), 1u << 31), -EINVAL);
}

void accept_gives() {
    const Descriptor listener = open_device();
    CHECK_EQUAL(bind_to(listener.get(), {kOurAddress, 0}), 0);
    CHECK_EQUAL(listen_on(listener.get()), 0);
    CHECK_EQUAL(poll_once(listener.get(), POLLIN), 0);
    const SocketAddress address{kOurAddress, local_of(listener.get()).port};
    const Descriptor peers[] = {peer_connect(address), peer_connect(address)};
    await(listener.get(), POLLIN);
    dominoes_accept argument{};
    argument.flags = O_NONBLOCK | O_CLOEXEC;
    const Descriptor first(call(listener.get(), DOMINOES_IOC_ACCEPT, argument));
    CHECK(first.get() >= 0);
    CHECK_EQUAL(from_abi(argument.peer).address, kPeerAddress);
    CHECK(from_abi(argument.peer).port != 0);
    CHECK(fcntl(first.get(), F_GETFL) & O_NONBLOCK);
    CHECK_EQUAL(fcntl(first.get(), F_GETFD), FD_CLOEXEC);
    const Descriptor second(accept_from(listener.get()));
    CHECK(second.get() >= 0);
    CHECK(!(fcntl(second.get(), F_GETFL) & O_NONBLOCK));
    CHECK_EQUAL(fcntl(second.get(), F_GETFD), 0);
    CHECK(local_of(first.get()) == address);
}

// --- connect ---

void connect_refused() {
    const Descriptor one = open_device();
    CHECK_EQUAL(connect_to(one.get(), {kPeerAddress, 4}), -ECONNREFUSED);
    CHECK_EQUAL(get_option(one.get(), DOMINOES_OPT_ERROR), 0);
    char byte;
    CHECK_EQUAL(read_from(one.get(), &byte, 1), -ENOTCONN);
}

void connect_refuses_addresses() {
    const auto connect_fails = [](const SocketAddress& peer) {
        return connect_to(open_device().get(), peer);
    };
    CHECK_EQUAL(connect_fails({0x08080808, 80}), -ENETUNREACH);  // there is no gateway
    CHECK(connect_fails({kPeerAddress, 0}) < 0);
    CHECK(connect_fails({0, 80}) < 0);
    CHECK(connect_fails({0xe0000001, 80}) < 0);
    CHECK(connect_fails({0x0a4d00ff, 80}) < 0);
    CHECK(connect_fails({0xffffffff, 80}) < 0);
    dominoes_address other{0, 0, to_abi({kPeerAddress, 80})};
    other.address.family = AF_INET6;
    CHECK(call(open_device().get(), DOMINOES_IOC_CONNECT, other) < 0);
}

void connect_twice() {
    const Pair pair = connected_pair();
    CHECK_EQUAL(connect_to(pair.ours.get(), {kPeerAddress, 4}), -EISCONN);
    CHECK_EQUAL(bind_to(pair.ours.get(), {0, 7005}), -EINVAL);
}

void connect_without_waiting() {
    const PeerListener listener = peer_listen();
    const Descriptor ours = open_device(O_NONBLOCK);
    CHECK_EQUAL(connect_to(ours.get(), listener.address), -EINPROGRESS);
    const int again = connect_to(ours.get(), listener.address);
    CHECK(again == -EALREADY || again == 0);
    await(ours.get(), POLLOUT);
    CHECK_EQUAL(get_option(ours.get(), DOMINOES_OPT_ERROR), 0);
    dominoes_address peer{};
    CHECK_EQUAL(call(ours.get(), DOMINOES_IOC_PEER, peer), 0);
    CHECK(from_abi(peer.address) == listener.address);
}

// To where nobody answers, so that it stays under way.
void connect_under_way() {
    const Descriptor ours = open_device(O_NONBLOCK);
    CHECK_EQUAL(connect_to(ours.get(), {kAbsentAddress, 80}), -EINPROGRESS);
    CHECK_EQUAL(connect_to(ours.get(), {kAbsentAddress, 80}), -EALREADY);
    CHECK_EQUAL(poll_once(ours.get(), POLLIN | POLLOUT) & (POLLIN | POLLOUT), 0);
    char byte = 0;
    const long got = read_from(ours.get(), &byte, 1);
    CHECK(got == -EAGAIN || got == -ENOTCONN);
}

void connect_failure_is_reported_once() {
    const Descriptor ours = open_device(O_NONBLOCK);
    CHECK_EQUAL(connect_to(ours.get(), {kPeerAddress, 4}), -EINPROGRESS);
    await(ours.get(), POLLOUT);
    CHECK(poll_once(ours.get(), POLLOUT) & POLLERR);
    CHECK_EQUAL(get_option(ours.get(), DOMINOES_OPT_ERROR), ECONNREFUSED);
    CHECK_EQUAL(get_option(ours.get(), DOMINOES_OPT_ERROR), 0);
}

void connect_from_bound_port() {
    const PeerListener listener = peer_listen();
    const Descriptor ours = open_device();
    CHECK_EQUAL(bind_to(ours.get(), {kOurAddress, 7006}), 0);
    CHECK_EQUAL(connect_to(ours.get(), listener.address), 0);
    CHECK(local_of(ours.get()) == (SocketAddress{kOurAddress, 7006}));
}

}  // namespace

const std::vector<Check>& option_checks() {
    static const std::vector<Check> all{
        {"option_ranges", options_in_range},
        {"option_buffers", buffers_are_rounded_up},
        {"option_buffers_themselves", buffers_size_themselves},
        {"option_unknown", unknown_options},
        {"options_of_datagrams", [] { options_of_ip(IPPROTO_UDP); }},
        {"options_of_streams", [] { options_of_ip(IPPROTO_TCP); }},
        {"option_too_late", options_too_late},
        {"option_inherited", options_are_inherited},
        {"option_mss", mss_is_limited},
        {"bind_refuses", bind_refuses},
        {"bind_gives_back", bound_port_is_given_back},
        {"listen_refuses", listen_refuses},
        {"accept_refuses", accept_refuses},
        {"accept_gives", accept_gives},
        {"connect_refused", connect_refused},
        {"connect_refuses_addresses", connect_refuses_addresses},
        {"connect_twice", connect_twice},
        {"connect_without_waiting", connect_without_waiting},
        {"connect_under_way", connect_under_way},
        {"connect_failure_once", connect_failure_is_reported_once},
        {"connect_from_bound_port", connect_from_bound_port},
    };
    return all;
}

}  // namespace dominoes::guest
