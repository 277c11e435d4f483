// SPDX-License-Identifier: GPL-2.0
#include "scout/connection/isn.hh"
#include "kunit/test.hh"

namespace scout {
namespace {

using kunit::Check;

constexpr uint8_t kKey[16] = {1, 2, 3};
constexpr SocketAddress kLocal{IpAddress::v4(0xc0000201), 80};
constexpr SocketAddress kPeer{IpAddress::v4(0xc0000202), 4000};
constexpr SocketAddress kOther{IpAddress::v4(0xc0000202), 4001};

// RFC 6528 section 3: one more every 4 microseconds.
void tcp_initial_sequence__rises_with_time(Check& check) {
    const uint32_t now = tcp_initial_sequence(kLocal, kPeer, 1000000, kKey);
    EXPECT_EQ(tcp_initial_sequence(kLocal, kPeer, 1000000 + 40000, kKey) - now, 10);
}

void tcp_initial_sequence__differs_by_connection_and_key(Check& check) {
    constexpr uint8_t kOtherKey[16] = {9};
    const uint32_t one = tcp_initial_sequence(kLocal, kPeer, 0, kKey);
    EXPECT(one != tcp_initial_sequence(kLocal, kOther, 0, kKey));
    EXPECT(one != tcp_initial_sequence(kPeer, kLocal, 0, kKey));
    EXPECT(one != tcp_initial_sequence(kLocal, kPeer, 0, kOtherKey));
}

void tcp_timestamp_offset__has_nothing_to_do_with_isn(Check& check) {
    EXPECT(tcp_timestamp_offset(kLocal, kPeer, kKey) !=
           tcp_initial_sequence(kLocal, kPeer, 0, kKey));
    EXPECT_EQ(tcp_timestamp_offset(kLocal, kPeer, kKey), tcp_timestamp_offset(kLocal, kPeer, kKey));
}

constexpr kunit::Test kTests[] = {
    TEST(tcp_initial_sequence__rises_with_time),
    TEST(tcp_initial_sequence__differs_by_connection_and_key),
    TEST(tcp_timestamp_offset__has_nothing_to_do_with_isn),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_isn_suite = SUITE("tcp_isn", scout::kTests);

}  // namespace kunit
