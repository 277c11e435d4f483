// SPDX-License-Identifier: GPL-2.0
#include "scout/net/attributes.hh"

#include "kunit/test.hh"
#include "scout/net/errors.hh"

namespace kunit {
namespace {

using namespace scout;

constexpr int64_t kInvalid = -int64_t{kEinval};
constexpr int64_t kUnknown = -int64_t{kEnoprotoopt};

int set(Attributes& attributes, Attribute attribute, int64_t value) {
    return attributes.set(static_cast<uint32_t>(attribute), value);
}

void constructor__gives_the_defaults(Check& check) {
    const Attributes attributes;
    EXPECT_EQ(attributes.get(Attribute::kProtocol), 6);
    EXPECT_EQ(attributes.get(Attribute::kNoDelay), 0);
    EXPECT_EQ(attributes.get(Attribute::kReplicas), 1);
    EXPECT_EQ(attributes.get(Attribute::kPolicy), 0);
    EXPECT_EQ(attributes.get(Attribute::kReceiveBytes), Attributes::kDefaultBuffer);
    EXPECT_EQ(attributes.get(Attribute::kSendBytes), Attributes::kDefaultBuffer);
    EXPECT_EQ(attributes.get(Attribute::kLinger), -1);
    EXPECT_EQ(attributes.get(Attribute::kReuseAddress), 0);
    EXPECT_EQ(attributes.get(Attribute::kDigestInterval), 64);
    EXPECT_EQ(attributes.get(Attribute::kMss), 65495);
    EXPECT_EQ(attributes.get(Attribute::kCongestion), 0);
    EXPECT_EQ(attributes.get(Attribute::kTtl), 64);
    EXPECT_EQ(attributes.get(Attribute::kTos), 0);
    EXPECT_EQ(attributes.get(Attribute::kKeepAlive), 0);
    EXPECT_EQ(attributes.get(Attribute::kKeepIdle), 7200);
    EXPECT_EQ(attributes.get(Attribute::kKeepInterval), 75);
    EXPECT_EQ(attributes.get(Attribute::kKeepCount), 9);
    EXPECT_EQ(attributes.get(Attribute::kUserTimeout), 0);
    EXPECT_EQ(attributes.get(Attribute::kEcn), 0);
    EXPECT_EQ(attributes.get(Attribute::kBufferLimit), 8 << 20);
    EXPECT_EQ(attributes.get(Attribute::kCork), 0);
}

void set__takes_what_is_in_range(Check& check) {
    static constexpr struct {
        Attribute attribute;
        int64_t low, high;
    } kRanges[] = {
        {Attribute::kNoDelay, 0, 1},
        {Attribute::kReplicas, 1, 16},
        {Attribute::kPolicy, 0, 3},
        {Attribute::kLinger, -1, 1 << 20},
        {Attribute::kReuseAddress, 0, 1},
        {Attribute::kMss, 88, 65495},
        {Attribute::kCongestion, 0, 1},
        {Attribute::kTtl, 1, 255},
        {Attribute::kTos, 0, 255},
        {Attribute::kKeepAlive, 0, 1},
        {Attribute::kKeepIdle, 1, 32767},
        {Attribute::kKeepCount, 1, 127},
        {Attribute::kKeepInterval, 1, 32767},
        {Attribute::kUserTimeout, 0, INT32_MAX},
        {Attribute::kEcn, 0, 1},
    };
    for (const auto& range : kRanges) {
        Attributes attributes;
        EXPECT_EQ(set(attributes, range.attribute, range.low), 0);
        EXPECT_EQ(attributes.get(range.attribute), range.low);
        EXPECT_EQ(set(attributes, range.attribute, range.high), 0);
        EXPECT_EQ(set(attributes, range.attribute, range.low - 1), kInvalid);
        EXPECT_EQ(set(attributes, range.attribute, range.high + 1), kInvalid);
        EXPECT_EQ(attributes.get(range.attribute), range.high);
    }
}

void set__protocol_is_tcp_or_udp(Check& check) {
    Attributes attributes;
    EXPECT_EQ(set(attributes, Attribute::kProtocol, 17), 0);
    EXPECT_EQ(attributes.get(Attribute::kProtocol), 17);
    EXPECT_EQ(set(attributes, Attribute::kProtocol, 6), 0);
    EXPECT_EQ(set(attributes, Attribute::kProtocol, 1), kInvalid);
}

void set__buffers_are_rounded_up(Check& check) {
    static constexpr Attribute kBuffers[] = {Attribute::kReceiveBytes, Attribute::kSendBytes,
                                             Attribute::kBufferLimit};
    for (Attribute attribute : kBuffers) {
        Attributes attributes;
        EXPECT_EQ(set(attributes, attribute, 1), 0);
        EXPECT_EQ(attributes.get(attribute), 16384);
        EXPECT_EQ(set(attributes, attribute, 16385), 0);
        EXPECT_EQ(attributes.get(attribute), 32768);
        EXPECT_EQ(set(attributes, attribute, 64 << 20), 0);
        EXPECT_EQ(attributes.get(attribute), 64 << 20);
        EXPECT_EQ(set(attributes, attribute, 0), kInvalid);
        EXPECT_EQ(set(attributes, attribute, -1), kInvalid);
        EXPECT_EQ(set(attributes, attribute, (64 << 20) + 1), kInvalid);
        EXPECT_EQ(attributes.get(attribute), 64 << 20);
    }
}

void set__digest_interval_is_a_power_of_two_or_off(Check& check) {
    Attributes attributes;
    static constexpr int64_t kGood[] = {0, 1, 2, 1024, 1 << 30};
    for (int64_t good : kGood) {
        EXPECT_EQ(set(attributes, Attribute::kDigestInterval, good), 0);
        EXPECT_EQ(attributes.get(Attribute::kDigestInterval), good);
    }
    EXPECT_EQ(set(attributes, Attribute::kDigestInterval, 3), kInvalid);
    EXPECT_EQ(set(attributes, Attribute::kDigestInterval, -2), kInvalid);
    EXPECT_EQ(set(attributes, Attribute::kDigestInterval, int64_t{1} << 31), kInvalid);
}

void set__what_is_no_attribute(Check& check) {
    Attributes attributes;
    int64_t value = 0;
    static constexpr uint32_t kOptions[] = {0, 2, 100, 1000, ~0u};
    for (uint32_t option : kOptions) {
        EXPECT_EQ(attributes.set(option, 1), kUnknown);
        EXPECT_EQ(attributes.get(option, &value), kUnknown);
    }
}

void get__by_option_number(Check& check) {
    Attributes attributes;
    int64_t value = 0;
    EXPECT_EQ(attributes.get(8, &value), 0);
    EXPECT_EQ(value, -1);
}

void buffer__a_part_of_the_limit_unless_chosen(Check& check) {
    Attributes attributes;
    EXPECT_EQ(attributes.buffer(Attribute::kReceiveBytes).initial, 128 << 10);
    EXPECT_EQ(attributes.buffer(Attribute::kReceiveBytes).max, 8 << 20);
    EXPECT_EQ(set(attributes, Attribute::kBufferLimit, 40'000), 0);
    EXPECT_EQ(attributes.buffer(Attribute::kSendBytes).initial, 16384);
    EXPECT_EQ(attributes.buffer(Attribute::kSendBytes).max, 65536);
    EXPECT_EQ(set(attributes, Attribute::kSendBytes, 1 << 20), 0);
    EXPECT_EQ(attributes.buffer(Attribute::kSendBytes).initial, 1 << 20);
    EXPECT_EQ(attributes.buffer(Attribute::kSendBytes).max, 1 << 20);
    EXPECT_EQ(attributes.buffer(Attribute::kReceiveBytes).max, 65536);
    EXPECT_EQ(set(attributes, Attribute::kReceiveBytes, 0), kInvalid);
    EXPECT_EQ(attributes.buffer(Attribute::kReceiveBytes).max, 65536);
}

constexpr Test kTests[] = {
    TEST(constructor__gives_the_defaults),
    TEST(set__takes_what_is_in_range),
    TEST(set__protocol_is_tcp_or_udp),
    TEST(set__buffers_are_rounded_up),
    TEST(set__digest_interval_is_a_power_of_two_or_off),
    TEST(set__what_is_no_attribute),
    TEST(buffer__a_part_of_the_limit_unless_chosen),
    TEST(get__by_option_number),
};

}  // namespace

extern const Suite attributes_suite = SUITE("attributes", kTests);

}  // namespace kunit
