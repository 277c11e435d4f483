// SPDX-License-Identifier: GPL-2.0
//
// RFC 6528, initial sequence numbers, and RFC 7323 section 7.1 on where timestamps begin:
//   ISN = M + F(localip, localport, remoteip, remoteport, secretkey)
#include "kunit/test.hh"
#include "scout/connection/isn.hh"

namespace scout {
namespace {

using kunit::Check;

constexpr SocketAddress kLocal{IpAddress::v4(0xc0000201), 80};
constexpr SocketAddress kPeer{IpAddress::v4(0xc0000202), 40000};
constexpr uint8_t kKey[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
constexpr uint8_t kOtherKey[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17};
constexpr uint64_t kSecond = 1'000'000'000;

// M is the 4 microsecond timer.
void section_3__clock_of_4_microseconds(Check& check) {
    const uint32_t first = tcp_initial_sequence(kLocal, kPeer, 5 * kSecond, kKey);
    EXPECT_EQ(tcp_initial_sequence(kLocal, kPeer, 5 * kSecond + 3999, kKey) - first, 0);
    EXPECT_EQ(tcp_initial_sequence(kLocal, kPeer, 5 * kSecond + 4000, kKey) - first, 1);
    EXPECT_EQ(tcp_initial_sequence(kLocal, kPeer, 6 * kSecond, kKey) - first, 250'000);
}

// It goes around every 4.77 hours, and nothing jumps there.
void section_3__clock_wraps(Check& check) {
    const uint64_t turn = (uint64_t{1} << 32) * 4000;
    const uint32_t first = tcp_initial_sequence(kLocal, kPeer, kSecond, kKey);
    EXPECT_EQ(tcp_initial_sequence(kLocal, kPeer, kSecond + turn, kKey), first);
    EXPECT_EQ(tcp_initial_sequence(kLocal, kPeer, kSecond + turn - 4000, kKey), first - 1);
}

// The next incarnation of a connection begins beyond whatever the last could have sent at the rate
// of that clock.
void section_3__incarnations_grow(Check& check) {
    uint32_t last = tcp_initial_sequence(kLocal, kPeer, 0, kKey);
    for (uint64_t t = 1; t < 100; ++t) {
        const uint32_t next = tcp_initial_sequence(kLocal, kPeer, t * 60 * kSecond, kKey);
        EXPECT(static_cast<int32_t>(next - last) > 0);
        last = next;
    }
}

// F is a pseudorandom function of the connection: of each of its parts, and of which
// end is which,
void section_3__depends_on_every_part_of_the_connection(Check& check) {
    const SocketAddress address{IpAddress::v4(0xc0000203), 80}, port{kLocal.ip, 81};
    const SocketAddress peer_address{IpAddress::v4(0xc0000204), 40000}, peer_port{kPeer.ip, 40001};
    const uint32_t isn = tcp_initial_sequence(kLocal, kPeer, 0, kKey);
    EXPECT(tcp_initial_sequence(address, kPeer, 0, kKey) != isn);
    EXPECT(tcp_initial_sequence(port, kPeer, 0, kKey) != isn);
    EXPECT(tcp_initial_sequence(kLocal, peer_address, 0, kKey) != isn);
    EXPECT(tcp_initial_sequence(kLocal, peer_port, 0, kKey) != isn);
    EXPECT(tcp_initial_sequence(kPeer, kLocal, 0, kKey) != isn);
}

// and of the secret, or anyone could compute it.
void section_3__depends_on_the_secret(Check& check) {
    EXPECT(tcp_initial_sequence(kLocal, kPeer, 0, kKey) !=
           tcp_initial_sequence(kLocal, kPeer, 0, kOtherKey));
}

// What one connection shows says nothing of its neighbours': no constant step from port to port.
void section_3__neighbours_are_unrelated(Check& check) {
    uint32_t steps[16];
    for (uint16_t i = 0; i < 16; ++i) {
        const SocketAddress one{kPeer.ip, static_cast<uint16_t>(40000 + i)};
        const SocketAddress next{kPeer.ip, static_cast<uint16_t>(40001 + i)};
        steps[i] = tcp_initial_sequence(kLocal, next, 0, kKey) -
                   tcp_initial_sequence(kLocal, one, 0, kKey);
        for (uint16_t j = 0; j < i; ++j) EXPECT(steps[i] != steps[j]);
    }
}

// RFC 7323 section 7.1: timestamps begin elsewhere for each connection, and not where its sequence
// numbers do.
void rfc7323_section_7_1__timestamps_are_offset(Check& check) {
    const SocketAddress other{kPeer.ip, 40001};
    const uint32_t offset = tcp_timestamp_offset(kLocal, kPeer, kKey);
    EXPECT_EQ(tcp_timestamp_offset(kLocal, kPeer, kKey), offset);
    EXPECT(tcp_timestamp_offset(kLocal, other, kKey) != offset);
    EXPECT(tcp_timestamp_offset(kLocal, kPeer, kOtherKey) != offset);
    EXPECT(tcp_initial_sequence(kLocal, kPeer, 0, kKey) != offset);
}

constexpr kunit::Test kTests[] = {
    TEST(section_3__clock_of_4_microseconds),
    TEST(section_3__clock_wraps),
    TEST(section_3__incarnations_grow),
    TEST(section_3__depends_on_every_part_of_the_connection),
    TEST(section_3__depends_on_the_secret),
    TEST(section_3__neighbours_are_unrelated),
    TEST(rfc7323_section_7_1__timestamps_are_offset),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite rfc6528_suite = SUITE("rfc6528", scout::kTests);

}  // namespace kunit
