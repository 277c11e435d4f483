// SPDX-License-Identifier: GPL-2.0
#include "scout/connection/cookie.hh"

#include "dominoes/port.h"

namespace scout {
namespace {

// Those in use: the default, and those of Ethernet with and without tunnels and jumbo frames.
constexpr uint16_t kMssValues[] = {88, 536, 1024, 1220, 1400, 1440, 1460, 8960};
constexpr uint32_t kMssCount = sizeof kMssValues / sizeof kMssValues[0];
constexpr uint16_t kDefaultMss = 536;  // RFC 9293 section 3.7.1

// A cookie, less a hash of the connection: 5 bits of time, and 27 of another hash, of that time as
// well, with the index of the MSS added. One guess in 180 million is right.
constexpr uint32_t kHashBits = 27;
constexpr uint32_t kHashMask = (1u << kHashBits) - 1;
constexpr uint32_t kTimeMask = 31;

// In the timestamp.
constexpr uint32_t kScaleMask = 15;  // all ones: no scaling
constexpr uint32_t kSackBit = 1u << 4;
constexpr uint32_t kEcnBit = 1u << 5;
constexpr uint32_t kTimestampMask = 63;

uint32_t hash(const TcpCookieContext& context, uint32_t peer_iss, uint32_t time, uint8_t purpose) {
    uint8_t bytes[25];
    context.local.ip.store(bytes);
    context.peer.ip.store(bytes + 4);
    store_be16(bytes + 8, context.local.port);
    store_be16(bytes + 10, context.peer.port);
    store_be32(bytes + 12, peer_iss);
    store_be32(bytes + 16, time);
    store_be32(bytes + 20, context.receive_max);
    bytes[24] = purpose;
    return static_cast<uint32_t>(dominoes_keyed_hash(bytes, sizeof bytes, context.key));
}

uint32_t base_of(const TcpCookieContext& context, uint32_t peer_iss) {
    return hash(context, peer_iss, 0, 'c');
}

uint32_t time_of(const TcpCookieContext& context) {
    return static_cast<uint32_t>(context.now_ns / kTcpCookieLifeNs);
}

uint32_t mss_index(const SegmentEvent& syn) {
    const uint16_t mss = syn.options & kHasMss ? syn.mss : kDefaultMss;
    uint32_t index = 0;
    while (index + 1 < kMssCount && kMssValues[index + 1] <= mss) ++index;
    return index;
}

void read_timestamp(uint32_t bits, SegmentEvent& syn) {
    syn.options |= kHasTimestamps;
    if ((bits & kScaleMask) != kScaleMask) {
        syn.options |= kHasWindowScale;
        syn.window_scale = static_cast<uint8_t>(bits & kScaleMask);
    }
    if (bits & kSackBit) syn.options |= kHasSackPermitted;
    if (bits & kEcnBit) syn.flags |= kEce | kCwr;
}

}  // namespace

void tcp_cookie_restrict(SegmentEvent& syn) {
    if (syn.window_scale > kScaleMask - 1) syn.window_scale = kScaleMask - 1;  // RFC 7323: 14
    if (syn.options & kHasTimestamps) return;
    syn.options &= kHasMss;
    syn.flags &= static_cast<uint8_t>(~(kEce | kCwr));
}

uint32_t tcp_cookie_sequence(const TcpCookieContext& context, const SegmentEvent& syn) {
    const uint32_t time = time_of(context);
    const uint32_t secret = hash(context, syn.seq, time, 'd') + mss_index(syn);
    return base_of(context, syn.seq) + ((time & kTimeMask) << kHashBits | (secret & kHashMask));
}

// Not later than it would be, or it would seem to go back when the connection goes on.
uint32_t tcp_cookie_timestamp(uint32_t ts_val, const SegmentEvent& syn) {
    uint32_t bits = syn.options & kHasWindowScale ? syn.window_scale : kScaleMask;
    if (syn.options & kHasSackPermitted) bits |= kSackBit;
    if ((syn.flags & (kEce | kCwr)) == (kEce | kCwr)) bits |= kEcnBit;
    const uint32_t marked = (ts_val & ~kTimestampMask) | bits;
    return (ts_val & kTimestampMask) >= bits ? marked : marked - (kTimestampMask + 1);
}

bool tcp_cookie_open(const TcpCookieContext& context, const SegmentEvent& ack, SegmentEvent& syn) {
    const uint32_t peer_iss = ack.seq - 1;
    const uint32_t cookie = ack.ack - 1 - base_of(context, peer_iss);
    const uint32_t now = time_of(context);
    const uint32_t age = (now - (cookie >> kHashBits)) & kTimeMask;
    if (age > 1) return false;
    const uint32_t index = (cookie - hash(context, peer_iss, now - age, 'd')) & kHashMask;
    if (index >= kMssCount) return false;
    syn = SegmentEvent{};
    syn.seq = peer_iss;
    syn.flags = kSyn;
    syn.window = ack.window;
    syn.options = kHasMss;
    syn.mss = kMssValues[index];
    if (ack.options & kHasTimestamps) {
        syn.ts_val = ack.ts_val;
        read_timestamp(ack.ts_ecr & kTimestampMask, syn);
    }
    return true;
}

}  // namespace scout
