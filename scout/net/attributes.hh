// SPDX-License-Identifier: GPL-2.0
//
// Attributes (Scout; dissertation 4.2.2): the named values a path is created with. They are set as
// options of an endpoint before it connects; those of a listener are those of the connections that
// arrive from then on.
#pragma once

#include "dominoes/base.hh"
#include "scout/options.h"

namespace scout {

enum class Attribute : uint32_t {
    kProtocol = DOMINOES_OPT_PROTOCOL,
    kNoDelay = DOMINOES_OPT_NODELAY,
    kReplicas = DOMINOES_OPT_REPLICAS,
    kPolicy = DOMINOES_OPT_POLICY,
    kReceiveBytes = DOMINOES_OPT_RCVBUF,
    kSendBytes = DOMINOES_OPT_SNDBUF,
    kLinger = DOMINOES_OPT_LINGER,
    kReuseAddress = DOMINOES_OPT_REUSEADDR,
    kDigestInterval = DOMINOES_OPT_DIGEST_INTERVAL,
    kMss = DOMINOES_OPT_MSS,
    kKeepAlive = DOMINOES_OPT_KEEPALIVE,
    kKeepIdle = DOMINOES_OPT_KEEPIDLE,
    kKeepInterval = DOMINOES_OPT_KEEPINTVL,
    kKeepCount = DOMINOES_OPT_KEEPCNT,
    kUserTimeout = DOMINOES_OPT_USER_TIMEOUT,
    kEcn = DOMINOES_OPT_ECN,
    kTtl = DOMINOES_OPT_TTL,
    kTos = DOMINOES_OPT_TOS,
    kCongestion = DOMINOES_OPT_CONGESTION,
    kBufferLimit = DOMINOES_OPT_BUFLIMIT,
    kCork = DOMINOES_OPT_CORK,
};

// How large a buffer is at first, and how far it may grow by itself; in bytes, powers of two.
struct BufferSize {
    uint32_t initial;
    uint32_t max;
};

class Attributes {
public:
    static constexpr int64_t kMinBuffer = 4 * 4096;
    static constexpr int64_t kMaxBuffer = 64 << 20;
    static constexpr int64_t kDefaultBuffer = 1 << 20;       // of UDP
    static constexpr int64_t kDefaultBufferLimit = 8 << 20;  // of TCP
    static constexpr int64_t kMinMss = 88;
    // 65535 less 40 of headers; also the default, which limits nothing.
    static constexpr int64_t kMaxMss = 65495;
    static constexpr int64_t kDefaultDigestInterval = 64;
    static constexpr int64_t kMaxDigestInterval = int64_t{1} << 30;
    static constexpr int64_t kMaxLinger = 1 << 20;  // seconds
    // Linux's defaults and limits; the first is what RFC 1122 section 4.2.3.6 asks for.
    static constexpr int64_t kDefaultKeepIdle = 7200;    // seconds
    static constexpr int64_t kDefaultKeepInterval = 75;  // seconds
    static constexpr int64_t kMaxKeepTime = 32767;       // seconds
    static constexpr int64_t kDefaultKeepCount = 9;
    static constexpr int64_t kMaxKeepCount = 127;
    static constexpr int64_t kMaxUserTimeout = INT32_MAX;  // milliseconds

    Attributes();

    // Checks `value` and takes it; buffers are rounded up to a power of two. 0, -EINVAL, or
    // -ENOPROTOOPT when `option` is no attribute (debug options and the pending error are not).
    int set(uint32_t option, int64_t value);
    // Whether `option` may change while a connection lives, which then hears of it.
    static bool is_live(uint32_t option);
    // Whether it cannot change any longer once there is a connection.
    static bool is_settled(uint32_t option);
    // What `option` may be, for people; never nullptr.
    static const char* rule(uint32_t option);
    // 0 or -ENOPROTOOPT.
    int get(uint32_t option, int64_t* value) const;

    int64_t get(Attribute attribute) const { return values_[static_cast<uint32_t>(attribute)]; }

    // What TCP makes of kReceiveBytes or kSendBytes: the size that was set, or else a part of the
    // limit, up to which scout/tcp/tuning.hh then decides.
    BufferSize buffer(Attribute which) const;

private:
    static constexpr uint32_t kSlots = DOMINOES_OPT_CORK + 1;
    int64_t values_[kSlots]{};  // by option number
    uint32_t chosen_ = 0;       // a bit for each that was set
};

}  // namespace scout
