// SPDX-License-Identifier: GPL-2.0
//
// Addresses that a route leads to, or none: a device's own, the ends of its network, and that of
// another attached device.
#include "kunit/socket/devices.hh"

namespace kunit {
namespace {

using namespace devices;

constexpr int kProtocols[] = {Socket::kUdp, Socket::kTcp};

int64_t begun(int protocol) { return protocol == Socket::kUdp ? 0 : error(kEinprogress); }

// A frame to it would leave by the device, and nobody would answer.
void connect__to_the_own_address(Check& check) {
    scout_stack* stack = scout_stack_create();
    {
        Device device(stack, "192.0.2.1", 24, "192.0.2.254");
        for (int protocol : kProtocols) {
            Socket any(stack, protocol), bound(stack, protocol);
            EXPECT_EQ(begin_connect(any, "192.0.2.1"), error(kEnetunreach));
            EXPECT_EQ(bound.bind(address("192.0.2.1", 5000)), 0);
            EXPECT_EQ(begin_connect(bound, "192.0.2.1"), error(kEnetunreach));
            // It is as it was before.
            EXPECT_EQ(begin_connect(any, "192.0.2.9"), begun(protocol));
            EXPECT_EQ(begin_connect(bound, "192.0.2.9"), begun(protocol));
        }
    }
    scout_stack_destroy(stack);
}

void send_to__the_own_address(Check& check) {
    scout_stack* stack = scout_stack_create();
    {
        Device device(stack, "192.0.2.1", 24);
        Socket any(stack, Socket::kUdp), bound(stack, Socket::kUdp);
        EXPECT_EQ(bound.bind(address("192.0.2.1", 5000)), 0);
        for (Socket* socket : {&any, &bound}) {
            EXPECT_EQ(send_to(*socket, "192.0.2.1"), error(kEnetunreach));
            EXPECT_EQ(send_to(*socket, "192.0.2.255"), error(kEnetunreach));
            EXPECT_EQ(send_to(*socket, "192.0.2.9"), 1);
        }
    }
    scout_stack_destroy(stack);
}

// As on Linux since 5.14 the lowest address of a network is a host's, the highest everybody's; of
// two both are hosts' (RFC 3021).
void connect__to_the_ends_of_a_network(Check& check) {
    scout_stack* stack = scout_stack_create();
    {
        Device network(stack, "192.0.2.1", 24), pair(stack, "198.51.100.0", 31);
        for (int protocol : kProtocols) {
            Socket lowest(stack, protocol), highest(stack, protocol), other(stack, protocol);
            EXPECT_EQ(begin_connect(lowest, "192.0.2.0"), begun(protocol));
            EXPECT_EQ(begin_connect(highest, "192.0.2.255"), error(kEnetunreach));
            EXPECT_EQ(begin_connect(other, "198.51.100.1"), begun(protocol));
        }
    }
    scout_stack_destroy(stack);
}

// Another device's address is one like any other: a frame goes out, and where the link leads to
// that device it comes in there. Whichever was attached first.
void connect__to_another_devices_address(Check& check) {
    scout_stack* stack = scout_stack_create();
    {
        Device one(stack, "192.0.2.1", 24), two(stack, "192.0.2.2", 24);
        for (int protocol : kProtocols) {
            Socket to_one(stack, protocol), to_two(stack, protocol), bound(stack, protocol);
            EXPECT_EQ(begin_connect(to_one, "192.0.2.1"), begun(protocol));
            EXPECT(is_at(to_one, "192.0.2.2"));
            EXPECT_EQ(begin_connect(to_two, "192.0.2.2"), begun(protocol));
            EXPECT(is_at(to_two, "192.0.2.1"));
            EXPECT_EQ(bound.bind(address("192.0.2.1", 5000)), 0);
            EXPECT_EQ(begin_connect(bound, "192.0.2.2"), begun(protocol));
        }
        Socket udp(stack, Socket::kUdp);
        EXPECT_EQ(send_to(udp, "192.0.2.1"), 1);
        EXPECT(two.link.asked_for("192.0.2.1"));
    }
    scout_stack_destroy(stack);
}

constexpr Test kTests[] = {
    TEST(connect__to_the_own_address),
    TEST(send_to__the_own_address),
    TEST(connect__to_the_ends_of_a_network),
    TEST(connect__to_another_devices_address),
};

}  // namespace

extern const Suite own_address_host_suite = SUITE("own_address_host", kTests);

}  // namespace kunit
