// SPDX-License-Identifier: GPL-2.0
#include "scout/net/stack_types.hh"

#include "kunit/test.hh"

namespace kunit {
namespace {

using namespace scout;

constexpr SocketAddress kAddress = {IpAddress::v4(0xc0000201), 0x1234};

void to_program__writes_all_in_network_order(Check& check) {
    dominoes_sockaddr given;
    __builtin_memset(&given, 0xa5, sizeof given);
    given = to_program(kAddress);
    const uint8_t on_the_wire[] = {0x12, 0x34, 0, 0, 0, 0, 192, 0, 2, 1, 0,
                                   0,    0,    0, 0, 0, 0, 0,   0, 0, 0, 0};
    static_assert(sizeof on_the_wire + sizeof given.family == sizeof given);
    EXPECT_EQ(given.family, 2);
    EXPECT(__builtin_memcmp(&given.port, on_the_wire, sizeof on_the_wire) == 0);
}

void from_program__is_the_way_back(Check& check) {
    SocketAddress back;
    EXPECT(from_program(to_program(kAddress), back));
    EXPECT(back == kAddress);
}

void from_program__another_family_changes_nothing(Check& check) {
    dominoes_sockaddr other = to_program(kAddress);
    other.family = 10;  // AF_INET6
    SocketAddress untouched = kAddress;
    EXPECT(!from_program(other, untouched));
    EXPECT(untouched == kAddress);
}

constexpr Test kTests[] = {
    TEST(to_program__writes_all_in_network_order),
    TEST(from_program__is_the_way_back),
    TEST(from_program__another_family_changes_nothing),
};

}  // namespace

extern const Suite stack_types_suite = SUITE("stack_types", kTests);

}  // namespace kunit
