// SPDX-License-Identifier: GPL-2.0
//
// Events: what a Request of a connection's channel can say. The demultiplexer, the application and
// the timers publish them; step() consumes them. Everything step() may depend on is in here or in
// the state: a non-owner never looks at packet memory.
#pragma once

#include "dominoes/request.hh"
#include "scout/net/address.hh"

namespace scout {

enum class EventKind : uint32_t {
    kSegment,     // SegmentEvent: a valid TCP segment for this connection
    kConnect,     // Event: active open; emit the SYN (RFC 9293 3.10.1)
    kSend,        // SendEvent: the application has written (3.10.2)
    kRead,        // Event: the application has read enough that the window may re-open (3.10.3)
    kShutdown,    // Event: no more from the application: FIN after what is written (3.10.4)
    kAbort,       // AbortEvent: reset (3.10.5), or end without a word (device gone)
    kTimeout,     // TimeoutEvent (3.10.8)
    kOption,      // OptionEvent
    kIcmp,        // IcmpEvent: an ICMP error that quotes one of our segments
    kDebug,       // DebugEvent: fault injection of tests
    kCloseReads,  // Event: the application will read no more; what it has not read, and what still
                  // arrives, is answered with RST
    kRing,        // RingEvent
    kRefused,     // RefusedEvent
    kLink,        // LinkEvent: the device's MTU has changed
};

// Every event begins with the application's read position, stamped by the publisher as the time is:
// a stream offset, the bytes the application has consumed. step() takes the largest it has seen.
struct Event {
    uint64_t app_read;
};

enum TcpFlags : uint8_t {
    kFin = 0x01,
    kSyn = 0x02,
    kRst = 0x04,
    kPsh = 0x08,
    kAck = 0x10,
    kUrg = 0x20,
    kEce = 0x40,
    kCwr = 0x80,
};

// Which options a segment carried.
enum TcpOptionBits : uint8_t {
    kHasMss = 0x01,
    kHasWindowScale = 0x02,
    kHasSackPermitted = 0x04,
    kHasTimestamps = 0x08,
};

struct SackBlock {
    uint32_t start;
    uint32_t end;
};

// A parsed segment; GRO may have merged many wire segments into one. Sequence numbers as on the
// wire.
struct SegmentEvent : Event {
    uint32_t seq;
    uint32_t ack;
    uint32_t payload_bytes;
    uint32_t ts_val;
    uint32_t ts_ecr;
    uint16_t payload_offset;  // from the start of the packet (Ethernet header)
    uint16_t window;          // not scaled
    uint16_t urgent;
    uint16_t mss;
    uint8_t flags;    // TcpFlags
    uint8_t options;  // TcpOptionBits
    uint8_t window_scale;
    uint8_t sack_blocks;  // how many of `sack` are valid
    uint8_t ecn;          // the two bits of the IP header
    uint8_t reserved[3];
    SackBlock sack[4];
};

struct SendEvent : Event {
    uint64_t written;  // stream offset of the end of what the application has written
};

// There is a receive ring of that many bytes, to be used as soon as it can be.
struct RingEvent : Event {
    uint32_t bytes;
    uint32_t reserved;
};

struct AbortEvent : Event {
    uint32_t error;   // errno that the application will see
    uint32_t silent;  // 1: send no RST
};

enum class TimerKind : uint32_t {
    kRetransmit,  // RFC 6298 timeout; also the persist timer (zero window), never both
    kDelayedAck,
    kTimeWait,  // 2 MSL, and the limit on FIN-WAIT-2 without an application
    kOutput,    // more may be sent than one step emits, or SWS override: try again
    kReorder,   // what has not arrived by then is lost, not late (RFC 8985 section 6)
    kProbe,     // tail loss probe (RFC 8985 section 7)
    kKeepAlive,
    kUserTimeout,
};
inline constexpr uint32_t kTimerKinds = 8;

struct TimeoutEvent : Event {
    TimerKind timer;
    uint32_t reserved;
};

// The options that may change while a connection lives. Without padding: part of its state.
struct TcpOptions {
    uint32_t keep_idle_s;  // these three: at least 1 if keep_alive is ever to be set
    uint32_t keep_interval_s;
    uint32_t keep_count;
    uint32_t user_timeout_ms;  // 0: none
    uint8_t keep_alive;
    uint8_t no_delay;
    uint8_t cork;
    uint8_t ttl;
    uint8_t tos;
    uint8_t reserved[3];
};

// All of them, as they are from now on.
struct OptionEvent : Event {
    TcpOptions options;
    uint32_t push;  // 1: no_delay was set, also if it was already: what is held back goes
    uint32_t reserved;
};

// An ICMP error about a segment of ours (RFC 5927: believed only if seq is in flight).
struct IcmpEvent : Event {
    uint32_t seq;
    uint8_t type;
    uint8_t code;
    uint16_t mtu;
};

// The device would not take what we sent of [start, end), sequence numbers as on the wire: its
// queue is full, or it is down.
struct RefusedEvent : Event {
    uint32_t start;
    uint32_t end;
};

// What the device carries from now on.
struct LinkEvent : Event {
    uint32_t mtu;        // of the IP layer
    uint32_t max_piece;  // TcpConfig::max_piece
};

struct DebugEvent : Event {
    uint32_t corrupt_replica;  // this replica flips a bit of its state: the digests must notice
    uint32_t reserved;
};

inline EventKind kind_of(const dominoes::Request& request) {
    return static_cast<EventKind>(request.kind);
}

static_assert(sizeof(SegmentEvent) <= dominoes::Request::kPayloadBytes);

}  // namespace scout
