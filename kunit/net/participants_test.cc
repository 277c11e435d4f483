// SPDX-License-Identifier: GPL-2.0
#include "scout/net/participants.hh"

#include "kunit/test.hh"

namespace kunit {
namespace {

using namespace scout;

constexpr IpAddress kOurs = IpAddress::v4(0xc0000201);
constexpr IpAddress kPeers = IpAddress::v4(0xc0000202);
constexpr Participants kBoth = {{kOurs, 80}, {kPeers, 4000}, kTcp};

void key__is_who_takes_part(Check& check) {
    const ConnectionKey key = kBoth.key();
    EXPECT(key.local_ip == kOurs && key.peer_ip == kPeers);
    EXPECT_EQ(key.local_port, 80);
    EXPECT_EQ(key.peer_port, 4000);
}

// Hashed as bytes: what is equal must be so in each.
void key__is_equal_when_all_of_it_is(Check& check) {
    const ConnectionKey key = kBoth.key();
    const ConnectionKey same = {kOurs, kPeers, 80, 4000};
    EXPECT(key == same);
    EXPECT(__builtin_memcmp(&key, &same, sizeof key) == 0);
    const ConnectionKey others[] = {
        {kPeers, kPeers, 80, 4000}, {kOurs, kOurs, 80, 4000},  {kOurs, kPeers, 81, 4000},
        {kOurs, kPeers, 80, 4001},  {kPeers, kOurs, 4000, 80},  // the other end's
    };
    for (const ConnectionKey& other : others) EXPECT(!(key == other));
}

void participants__of_two_protocols_differ(Check& check) {
    Participants other = kBoth;
    EXPECT(other == kBoth);
    other.protocol = kUdp;
    EXPECT(!(other == kBoth));
    EXPECT(other.key() == kBoth.key());  // a table is of one protocol
}

constexpr Test kTests[] = {
    TEST(key__is_who_takes_part),
    TEST(key__is_equal_when_all_of_it_is),
    TEST(participants__of_two_protocols_differ),
};

}  // namespace

extern const Suite participants_suite = SUITE("participants", kTests);

}  // namespace kunit
