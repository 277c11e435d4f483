// SPDX-License-Identifier: GPL-2.0
//
// The core's numbers against those of the ABI, which the core may not include.
#include <netinet/in.h>

#include "kunit/test.hh"
#include "module/dominoes_uapi.h"
#include "scout/net/attributes.hh"
#include "scout/net/participants.hh"

namespace kunit {
namespace {

using namespace scout;

void attribute__numbers_are_those_of_the_abi(Check& check) {
    static constexpr struct {
        Attribute attribute;
        uint32_t option;
    } kPairs[] = {
        {Attribute::kProtocol, DOMINOES_OPT_PROTOCOL},
        {Attribute::kNoDelay, DOMINOES_OPT_NODELAY},
        {Attribute::kReplicas, DOMINOES_OPT_REPLICAS},
        {Attribute::kPolicy, DOMINOES_OPT_POLICY},
        {Attribute::kReceiveBytes, DOMINOES_OPT_RCVBUF},
        {Attribute::kSendBytes, DOMINOES_OPT_SNDBUF},
        {Attribute::kBufferLimit, DOMINOES_OPT_BUFLIMIT},
        {Attribute::kLinger, DOMINOES_OPT_LINGER},
        {Attribute::kReuseAddress, DOMINOES_OPT_REUSEADDR},
        {Attribute::kDigestInterval, DOMINOES_OPT_DIGEST_INTERVAL},
        {Attribute::kMss, DOMINOES_OPT_MSS},
        {Attribute::kCongestion, DOMINOES_OPT_CONGESTION},
        {Attribute::kTtl, DOMINOES_OPT_TTL},
        {Attribute::kTos, DOMINOES_OPT_TOS},
        {Attribute::kKeepAlive, DOMINOES_OPT_KEEPALIVE},
        {Attribute::kKeepIdle, DOMINOES_OPT_KEEPIDLE},
        {Attribute::kKeepInterval, DOMINOES_OPT_KEEPINTVL},
        {Attribute::kKeepCount, DOMINOES_OPT_KEEPCNT},
        {Attribute::kUserTimeout, DOMINOES_OPT_USER_TIMEOUT},
        {Attribute::kEcn, DOMINOES_OPT_ECN},
        {Attribute::kCork, DOMINOES_OPT_CORK},
    };
    for (const auto& pair : kPairs) EXPECT_EQ(pair.attribute, pair.option);
}

void attribute__limits_are_those_of_the_abi(Check& check) {
    Attributes attributes;
    EXPECT_EQ(attributes.set(DOMINOES_OPT_REPLICAS, DOMINOES_MAX_REPLICAS), 0);
    EXPECT_EQ(attributes.set(DOMINOES_OPT_POLICY, DOMINOES_POLICY_SPECIALISED), 0);
    EXPECT_EQ(attributes.set(DOMINOES_OPT_CONGESTION, DOMINOES_CONGESTION_RENO), 0);
    EXPECT(attributes.set(DOMINOES_OPT_REPLICAS, DOMINOES_MAX_REPLICAS + 1) != 0);
    EXPECT(attributes.set(DOMINOES_OPT_POLICY, DOMINOES_POLICY_SPECIALISED + 1) != 0);
    EXPECT(attributes.set(DOMINOES_OPT_ERROR, 0) != 0);
}

void protocol__numbers_are_those_of_the_system(Check& check) {
    EXPECT_EQ(kIcmp, IPPROTO_ICMP);
    EXPECT_EQ(kTcp, IPPROTO_TCP);
    EXPECT_EQ(kUdp, IPPROTO_UDP);
}

constexpr Test kTests[] = {
    TEST(attribute__numbers_are_those_of_the_abi),
    TEST(attribute__limits_are_those_of_the_abi),
    TEST(protocol__numbers_are_those_of_the_system),
};

}  // namespace

extern const Suite attributes_host_suite = SUITE("attributes_host", kTests);

}  // namespace kunit
