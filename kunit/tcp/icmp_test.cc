// SPDX-License-Identifier: GPL-2.0
#include "kunit/tcp/wire.hh"

namespace scout {
namespace {

void icmp_error__hard_one_ends_an_attempt(Check& check) {
    Wire wire(check, Wire::config(true));
    wire.connect();
    wire.icmp(3, 3, 5);  // not about our SYN
    EXPECT(wire.phase() == TcpPhase::kSynSent);
    wire.icmp(3, 3, 0);
    EXPECT_EQ(wire.error(), kEconnrefused);
}

void icmp_error__hard_ones(Check& check) {
    constexpr struct {
        uint8_t code;
        uint32_t error;
    } kCases[] = {{2, kEnoprotoopt},
                  {3, kEconnrefused},
                  {9, kEnetunreach},
                  {10, kEhostunreach},
                  {13, kEhostunreach}};
    for (const auto& one : kCases) {
        Wire wire(check, Wire::config(true));
        wire.connect();
        wire.icmp(3, one.code, 0);
        EXPECT_EQ(wire.error(), one.error);
    }
    constexpr uint8_t kSoft[] = {0, 1, 5, 6, 7, 8, 11, 12, 14, 15};
    for (uint8_t code : kSoft) {
        Wire wire(check, Wire::config(true));
        wire.connect();
        wire.icmp(3, code, 0);
        EXPECT(wire.phase() == TcpPhase::kSynSent);
    }
}

// RFC 5927 section 5.2.
void icmp_error__hard_one_is_soft_once_established(Check& check) {
    Wire wire(check);
    wire.establish();
    wire.writes(10);
    wire.icmp(3, 3, 1);
    EXPECT(wire.phase() == TcpPhase::kEstablished);
    EXPECT_EQ(wire.state().soft_error, kEconnrefused);
    wire.peer({.ack = 11});
    EXPECT_EQ(wire.state().soft_error, 0);
}

// RFC 5461.
void icmp_error__soft_one_explains_the_timeout(Check& check) {
    Wire wire(check, Wire::config(true));
    wire.connect();
    wire.icmp(3, 1, 0);
    EXPECT(wire.phase() == TcpPhase::kSynSent);
    wire.pass_ms(200000);
    EXPECT_EQ(wire.error(), kEhostunreach);
}

void icmp_error__errno_of_each(Check& check) {
    constexpr struct {
        uint8_t type, code;
        uint32_t error;
    } kCases[] = {
        {3, 0, kEnetunreach},
        {3, 1, kEhostunreach},
        {3, 2, kEnoprotoopt},
        {3, 4, 0},
        {3, 5, kEhostunreach},
        {3, 13, kEhostunreach},
        {3, 16, 0},
        {11, 0, kEhostunreach},
        {12, 0, kEproto},
        {4, 0, 0},
        {5, 1, 0},
    };
    for (const auto& one : kCases) {
        Wire wire(check);
        wire.establish();
        wire.writes(10);
        wire.icmp(one.type, one.code, 1);
        EXPECT_EQ(wire.state().soft_error, one.error);
    }
}

constexpr kunit::Test kTests[] = {
    TEST(icmp_error__hard_one_ends_an_attempt),
    TEST(icmp_error__hard_ones),
    TEST(icmp_error__hard_one_is_soft_once_established),
    TEST(icmp_error__soft_one_explains_the_timeout),
    TEST(icmp_error__errno_of_each),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_icmp_suite = SUITE("tcp_icmp", scout::kTests);

}  // namespace kunit
