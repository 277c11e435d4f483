// SPDX-License-Identifier: GPL-2.0
#include "scout/ip/fragment.hh"

#include "kunit/test.hh"
#include "scout/net/participants.hh"

namespace kunit {
namespace {

using namespace scout;
using Result = FragmentList::Result;

constexpr IpHeader header_of(uint32_t begin, uint32_t bytes, bool more, uint8_t protocol = kUdp) {
    IpHeader header{};
    header.header_bytes = kIpHeaderBytes;
    header.total_bytes = kIpHeaderBytes + bytes;
    header.fragment_bytes = static_cast<uint16_t>(begin);
    header.more_fragments = more;
    header.protocol = protocol;
    return header;
}

void check__of_what_can_be(Check& check) {
    EXPECT(check_fragment(header_of(0, 8, true)) == FragmentCheck::kOk);
    EXPECT(check_fragment(header_of(0, 1480, true)) == FragmentCheck::kOk);
    EXPECT(check_fragment(header_of(1480, 1480, true)) == FragmentCheck::kOk);
    EXPECT(check_fragment(header_of(8, 1, false)) == FragmentCheck::kOk);
    EXPECT(check_fragment(header_of(65512, 3, false)) == FragmentCheck::kOk);
}

void check__of_what_cannot(Check& check) {
    EXPECT(check_fragment(header_of(0, 0, true)) == FragmentCheck::kEmpty);
    EXPECT(check_fragment(header_of(800, 0, false)) == FragmentCheck::kEmpty);
    for (uint32_t odd = 1; odd < 8; ++odd) {
        EXPECT(check_fragment(header_of(0, 80 + odd, true)) == FragmentCheck::kLength);
    }
    EXPECT(check_fragment(header_of(65512, 4, false)) == FragmentCheck::kReach);
    EXPECT(check_fragment(header_of(65528, 1480, false)) == FragmentCheck::kReach);
    IpHeader options = header_of(65488, 8, true);
    EXPECT(check_fragment(options) == FragmentCheck::kOk);
    options.header_bytes += 40;
    options.total_bytes += 40;
    EXPECT(check_fragment(options) == FragmentCheck::kReach);
}

void check__of_a_tcp_header_in_two(Check& check) {
    EXPECT(check_fragment(header_of(0, 8, true, kTcp)) == FragmentCheck::kTiny);
    EXPECT(check_fragment(header_of(0, 16, true, kTcp)) == FragmentCheck::kTiny);
    EXPECT(check_fragment(header_of(8, 100, false, kTcp)) == FragmentCheck::kTiny);
    EXPECT(check_fragment(header_of(16, 800, true, kTcp)) == FragmentCheck::kTiny);
    EXPECT(check_fragment(header_of(0, 24, true, kTcp)) == FragmentCheck::kOk);
    EXPECT(check_fragment(header_of(24, 4, false, kTcp)) == FragmentCheck::kOk);
}

void add__in_order(Check& check) {
    FragmentList list;
    EXPECT(!list.complete());
    EXPECT(list.add({0, 8, false}) == Result::kAdded);
    EXPECT(list.add({8, 24, false}) == Result::kAdded);
    EXPECT(!list.complete());
    EXPECT_EQ(list.total_bytes(), 0);
    EXPECT(list.add({24, 25, true}) == Result::kAdded);
    EXPECT(list.complete());
    EXPECT_EQ(list.total_bytes(), 25);
}

// Every order of five fragments.
void add__in_any_order(Check& check) {
    static constexpr FragmentRange kParts[] = {
        {0, 16, false}, {16, 24, false}, {24, 48, false}, {48, 56, false}, {56, 59, true}};
    for (uint32_t code = 0; code < 120; ++code) {
        FragmentList list;
        uint32_t left[] = {0, 1, 2, 3, 4};
        for (uint32_t n = 5, rest = code; n > 0; rest /= n, --n) {
            EXPECT(!list.complete());
            const uint32_t pick = rest % n;
            EXPECT(list.add(kParts[left[pick]]) == Result::kAdded);
            left[pick] = left[n - 1];
        }
        EXPECT(list.complete());
        EXPECT_EQ(list.total_bytes(), 59);
    }
}

void add__the_same_again(Check& check) {
    FragmentList list;
    EXPECT(list.add({16, 24, false}) == Result::kAdded);
    EXPECT(list.add({16, 24, false}) == Result::kDuplicate);
    EXPECT(list.add({0, 16, false}) == Result::kAdded);
    EXPECT(list.add({0, 16, false}) == Result::kDuplicate);
    EXPECT(list.add({24, 30, true}) == Result::kAdded);
    EXPECT(list.add({24, 30, true}) == Result::kDuplicate);
    EXPECT(list.complete());
}

void add__overlapping(Check& check) {
    static constexpr FragmentRange kBad[] = {{0, 16, false},  {8, 24, false},  {16, 24, false},
                                             {24, 32, false}, {24, 40, false}, {8, 40, false},
                                             {16, 40, false}};
    for (const FragmentRange& bad : kBad) {
        FragmentList list;
        EXPECT(list.add({8, 32, false}) == Result::kAdded);
        EXPECT(list.add({40, 48, false}) == Result::kAdded);
        EXPECT(list.add(bad) == Result::kOverlap);
    }
    FragmentList list;
    EXPECT(list.add({8, 32, false}) == Result::kAdded);
    EXPECT(list.add({40, 48, false}) == Result::kAdded);
    EXPECT(list.add({32, 48, false}) == Result::kOverlap);
    EXPECT(list.add({0, 8, false}) == Result::kAdded);
    EXPECT(list.add({32, 40, false}) == Result::kAdded);
}

void add__contradicting_ends(Check& check) {
    FragmentList list;
    EXPECT(list.add({0, 8, false}) == Result::kAdded);
    EXPECT(list.add({0, 8, true}) == Result::kContradict);  // something follows
    EXPECT(list.add({16, 24, false}) == Result::kAdded);
    EXPECT(list.add({8, 12, true}) == Result::kContradict);
    EXPECT(list.add({16, 24, true}) == Result::kContradict);
    EXPECT(list.add({24, 30, true}) == Result::kAdded);
    EXPECT(list.add({24, 29, true}) == Result::kContradict);  // the end was at 30
    EXPECT(list.add({32, 40, true}) == Result::kContradict);
    EXPECT(list.add({32, 40, false}) == Result::kContradict);
    EXPECT(!list.complete());
    EXPECT(list.add({8, 16, false}) == Result::kAdded);
    EXPECT(list.complete());
}

void add__more_than_there_is_room_for(Check& check) {
    FragmentList list;
    for (uint32_t i = 0; i < FragmentList::kMax; ++i) {
        EXPECT(list.add({16 * i, 16 * i + 8, false}) == Result::kAdded);
    }
    EXPECT(list.add({16 * FragmentList::kMax, 16 * FragmentList::kMax + 8, false}) ==
           Result::kFull);
    EXPECT(list.add({0, 8, false}) == Result::kDuplicate);
    EXPECT(!list.complete());
}

constexpr Test kTests[] = {
    TEST(check__of_what_can_be),
    TEST(check__of_what_cannot),
    TEST(check__of_a_tcp_header_in_two),
    TEST(add__in_order),
    TEST(add__in_any_order),
    TEST(add__the_same_again),
    TEST(add__overlapping),
    TEST(add__contradicting_ends),
    TEST(add__more_than_there_is_room_for),
};

}  // namespace

extern const Suite ip_fragment_suite = SUITE("ip_fragment", kTests);

}  // namespace kunit
