// SPDX-License-Identifier: GPL-2.0
#include "scout/net/attributes.hh"

#include "scout/net/errors.hh"
#include "scout/net/ip_service.hh"
#include "scout/net/participants.hh"

namespace scout {

namespace {

enum class Rule : uint32_t {
    kNone,        // no attribute
    kRange,       // low..high
    kRoundUp,     // 1..high, rounded up to a power of two, at least low
    kPowerOfTwo,  // 0, or a power of two in low..high
    kTransport,   // TCP or UDP
};

struct Limit {
    Rule rule;
    int64_t low;
    int64_t high;
    int64_t initial;
};

constexpr Limit kBuffer = {Rule::kRoundUp, Attributes::kMinBuffer, Attributes::kMaxBuffer,
                           Attributes::kDefaultBuffer};

// By option number.
constexpr Limit kLimits[] = {
    {},
    {Rule::kTransport, 0, 0, kTcp},                // kProtocol
    {},                                            // the pending error
    {Rule::kRange, 0, 1, 0},                       // kNoDelay
    {Rule::kRange, 1, dominoes::kMaxReplicas, 1},  // kReplicas
    {Rule::kRange, 0, 3, 0},                       // kPolicy: enum dominoes_policy
    kBuffer,                                       // kReceiveBytes
    kBuffer,                                       // kSendBytes
    {Rule::kRange, -1, Attributes::kMaxLinger, -1},
    {Rule::kRange, 0, 1, 0},  // kReuseAddress
    {Rule::kPowerOfTwo, 1, Attributes::kMaxDigestInterval, Attributes::kDefaultDigestInterval},
    {Rule::kRange, Attributes::kMinMss, Attributes::kMaxMss, Attributes::kMaxMss},
    {Rule::kRange, 0, 1, 0},  // kKeepAlive
    {Rule::kRange, 1, Attributes::kMaxKeepTime, Attributes::kDefaultKeepIdle},
    {Rule::kRange, 1, Attributes::kMaxKeepTime, Attributes::kDefaultKeepInterval},
    {Rule::kRange, 1, Attributes::kMaxKeepCount, Attributes::kDefaultKeepCount},
    {Rule::kRange, 0, Attributes::kMaxUserTimeout, 0},
    {Rule::kRange, 0, 1, 0},         // kEcn
    {Rule::kRange, 1, 255, kIpTtl},  // kTtl
    {Rule::kRange, 0, 255, 0},       // kTos
    {Rule::kRange, 0, 1, 0},         // kCongestion: enum dominoes_congestion
    {Rule::kRoundUp, Attributes::kMinBuffer, Attributes::kMaxBuffer,
     Attributes::kDefaultBufferLimit},
    {Rule::kRange, 0, 1, 0},  // kCork
};
constexpr uint32_t kLimitCount = sizeof(kLimits) / sizeof(kLimits[0]);

const Limit* limit_of(uint32_t option) {
    return option < kLimitCount && kLimits[option].rule != Rule::kNone ? &kLimits[option] : nullptr;
}

bool within(int64_t value, int64_t low, int64_t high) { return low <= value && value <= high; }

bool allowed(const Limit& limit, int64_t value) {
    switch (limit.rule) {
        case Rule::kRange:
            return within(value, limit.low, limit.high);
        case Rule::kRoundUp:
            return within(value, 1, limit.high);
        case Rule::kPowerOfTwo:
            return value == 0 || (within(value, limit.low, limit.high) &&
                                  dominoes::is_power_of_two(static_cast<uint64_t>(value)));
        case Rule::kTransport:
            return value == kTcp || value == kUdp;
        case Rule::kNone:
            break;
    }
    return false;
}

int64_t rounded(const Limit& limit, int64_t value) {
    if (limit.rule != Rule::kRoundUp) return value;
    const auto bytes = static_cast<uint64_t>(dominoes::max(value, limit.low));
    return static_cast<int64_t>(dominoes::round_up_to_power_of_two(bytes));
}

}  // namespace

Attributes::Attributes() {
    static_assert(kLimitCount == kSlots);
    for (uint32_t i = 0; i < kSlots; ++i) values_[i] = kLimits[i].initial;
}

int Attributes::set(uint32_t option, int64_t value) {
    const Limit* limit = limit_of(option);
    if (!limit) return -int{kEnoprotoopt};
    if (!allowed(*limit, value)) return -int{kEinval};
    values_[option] = rounded(*limit, value);
    chosen_ |= 1u << option;
    return 0;
}

BufferSize Attributes::buffer(Attribute which) const {
    // 128 KB of the default limit.
    constexpr int64_t kInitialPart = 64;
    const int64_t bytes = get(which);
    if (chosen_ & 1u << static_cast<uint32_t>(which))
        return {static_cast<uint32_t>(bytes), static_cast<uint32_t>(bytes)};
    const int64_t most = get(Attribute::kBufferLimit);
    return {static_cast<uint32_t>(dominoes::max(most / kInitialPart, kMinBuffer)),
            static_cast<uint32_t>(most)};
}

int Attributes::get(uint32_t option, int64_t* value) const {
    if (!limit_of(option)) return -int{kEnoprotoopt};
    *value = values_[option];
    return 0;
}

}  // namespace scout
