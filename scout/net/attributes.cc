// SPDX-License-Identifier: GPL-2.0
#include "scout/net/attributes.hh"

#include "dominoes/policy.hh"
#include "scout/net/errors.hh"
#include "scout/net/ip_service.hh"
#include "scout/net/participants.hh"

namespace scout {

namespace {

enum class Rule : uint32_t {
    kRange,       // low..high
    kRoundUp,     // 1..high, rounded up to a power of two, at least low
    kPowerOfTwo,  // 0, or a power of two in low..high
    kTransport,   // TCP or UDP
};

// When it may be set.
enum class Until : uint32_t {
    kConnected,  // no longer once there is a connection
    kEnd,        // at any time
    kLive,       // at any time, and a connection hears of it
};

struct Row {
    Attribute attribute;
    Rule rule;
    int64_t low;
    int64_t high;
    int64_t initial;
    Until until;
    const char* words;
};

constexpr const char* kSwitch = "0 or 1";
constexpr const char* kBytes = "a buffer has 1 byte to 64 MB";
constexpr int64_t kLastPolicy = static_cast<int64_t>(dominoes::kPolicies) - 1;

// One row an option.
constexpr Row kRows[] = {
    {Attribute::kProtocol, Rule::kTransport, 0, 0, kTcp, Until::kConnected, "6 (TCP) or 17 (UDP)"},
    {Attribute::kNoDelay, Rule::kRange, 0, 1, 0, Until::kLive, kSwitch},
    {Attribute::kReplicas, Rule::kRange, 1, dominoes::kMaxReplicas, 1, Until::kConnected,
     "replicas are 1 to 16"},
    {Attribute::kPolicy, Rule::kRange, 0, kLastPolicy, 0, Until::kConnected, "no such policy"},
    {Attribute::kReceiveBytes, Rule::kRoundUp, Attributes::kMinBuffer, Attributes::kMaxBuffer,
     Attributes::kDefaultBuffer, Until::kConnected, kBytes},
    {Attribute::kSendBytes, Rule::kRoundUp, Attributes::kMinBuffer, Attributes::kMaxBuffer,
     Attributes::kDefaultBuffer, Until::kConnected, kBytes},
    {Attribute::kLinger, Rule::kRange, -1, Attributes::kMaxLinger, -1, Until::kEnd,
     "seconds, or -1 for off"},
    {Attribute::kReuseAddress, Rule::kRange, 0, 1, 0, Until::kConnected, kSwitch},
    {Attribute::kDigestInterval, Rule::kPowerOfTwo, 1, Attributes::kMaxDigestInterval,
     Attributes::kDefaultDigestInterval, Until::kConnected,
     "the digest interval is a power of two, or 0"},
    {Attribute::kMss, Rule::kRange, Attributes::kMinMss, Attributes::kMaxMss, Attributes::kMaxMss,
     Until::kConnected, "an MSS is 88 to 65495"},
    {Attribute::kKeepAlive, Rule::kRange, 0, 1, 0, Until::kLive, kSwitch},
    {Attribute::kKeepIdle, Rule::kRange, 1, Attributes::kMaxKeepTime, Attributes::kDefaultKeepIdle,
     Until::kLive, "1 to 32767 seconds"},
    {Attribute::kKeepInterval, Rule::kRange, 1, Attributes::kMaxKeepTime,
     Attributes::kDefaultKeepInterval, Until::kLive, "1 to 32767 seconds"},
    {Attribute::kKeepCount, Rule::kRange, 1, Attributes::kMaxKeepCount,
     Attributes::kDefaultKeepCount, Until::kLive, "1 to 127 probes"},
    {Attribute::kUserTimeout, Rule::kRange, 0, Attributes::kMaxUserTimeout, 0, Until::kLive,
     "milliseconds, or 0 for off"},
    {Attribute::kEcn, Rule::kRange, 0, 1, 0, Until::kConnected, kSwitch},
    {Attribute::kTtl, Rule::kRange, 1, 255, kIpTtl, Until::kLive, "1 to 255"},
    {Attribute::kTos, Rule::kRange, 0, 255, 0, Until::kLive, "0 to 255"},
    {Attribute::kCongestion, Rule::kRange, 0, DOMINOES_CONGESTION_RENO, 0, Until::kConnected,
     "no such congestion control"},
    {Attribute::kBufferLimit, Rule::kRoundUp, Attributes::kMinBuffer, Attributes::kMaxBuffer,
     Attributes::kDefaultBufferLimit, Until::kConnected, kBytes},
    {Attribute::kCork, Rule::kRange, 0, 1, 0, Until::kLive, kSwitch},
};

const Row* row_of(uint32_t option) {
    for (const Row& row : kRows)
        if (static_cast<uint32_t>(row.attribute) == option) return &row;
    return nullptr;
}

bool within(int64_t value, int64_t low, int64_t high) { return low <= value && value <= high; }

bool allowed(const Row& row, int64_t value) {
    switch (row.rule) {
        case Rule::kRange:
            return within(value, row.low, row.high);
        case Rule::kRoundUp:
            return within(value, 1, row.high);
        case Rule::kPowerOfTwo:
            return value == 0 || (within(value, row.low, row.high) &&
                                  dominoes::is_power_of_two(static_cast<uint64_t>(value)));
        case Rule::kTransport:
            return value == kTcp || value == kUdp;
    }
    return false;
}

int64_t rounded(const Row& row, int64_t value) {
    if (row.rule != Rule::kRoundUp) return value;
    const auto bytes = static_cast<uint64_t>(dominoes::max(value, row.low));
    return static_cast<int64_t>(dominoes::round_up_to_power_of_two(bytes));
}

}  // namespace

Attributes::Attributes() {
    for (const Row& row : kRows) values_[static_cast<uint32_t>(row.attribute)] = row.initial;
}

int Attributes::set(uint32_t option, int64_t value) {
    const Row* row = row_of(option);
    if (!row) return -int{kEnoprotoopt};
    if (!allowed(*row, value)) return -int{kEinval};
    values_[option] = rounded(*row, value);
    chosen_ |= 1u << option;
    return 0;
}

BufferSize Attributes::buffer(Attribute which) const {
    // 128 KB of the default row.
    constexpr int64_t kInitialPart = 64;
    const int64_t bytes = get(which);
    if (chosen_ & 1u << static_cast<uint32_t>(which))
        return {static_cast<uint32_t>(bytes), static_cast<uint32_t>(bytes)};
    const int64_t most = get(Attribute::kBufferLimit);
    return {static_cast<uint32_t>(dominoes::max(most / kInitialPart, kMinBuffer)),
            static_cast<uint32_t>(most)};
}

bool Attributes::is_live(uint32_t option) {
    const Row* row = row_of(option);
    return row && row->until == Until::kLive;
}

bool Attributes::is_settled(uint32_t option) {
    const Row* row = row_of(option);
    return row && row->until == Until::kConnected;
}

const char* Attributes::rule(uint32_t option) {
    const Row* row = row_of(option);
    return row ? row->words : "no such option";
}

int Attributes::get(uint32_t option, int64_t* value) const {
    if (!row_of(option)) return -int{kEnoprotoopt};
    *value = values_[option];
    return 0;
}

}  // namespace scout
