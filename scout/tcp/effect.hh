// SPDX-License-Identifier: GPL-2.0
//
// Effects: what step() wants done in the world. Every replica computes all of them; each piece is
// performed by the one replica that owns it (dominoes/policy.hh). An effect may stand for a run of
// pieces with consecutive serial numbers (one acknowledgement can open the window for hundreds of
// segments), so that a non-owner pays for the run and not for its pieces.
#pragma once

#include "scout/tcp/event.hh"

namespace scout {

enum class EffectKind : uint32_t {
    kDeliver,      // place payload bytes in the receive ring
    kTransmit,     // build and send segments
    kTimer,        // arm or cancel a timer
    kEstablished,  // the connection is open: start the other replicas, tell the application
    kEndOfStream,  // the peer has sent FIN: reads end at `stream_offset`
    kError,        // tell the application `error` (an errno); no more can be written
    kClosed,       // the connection is gone (CLOSED, with nothing owed): forget it
    kLeave,        // only the leader need go on (TIME-WAIT): the other replicas leave
    kReceiveRoom,  // a receive ring of `bytes` is wanted: allocate it, and publish kRing
    kSendRoom,     // the application may have `bytes` written and not acknowledged
};

// Places payload bytes [packet_offset, +bytes) of the request's packet at `stream_offset`. `serial`
// counts deliveries from 0. When this and all earlier deliveries are done the application may read
// up to `readable`. What lies before `ring_from` goes to the receive ring before that of number
// `ring` (scout/tcp/tuning.hh).
struct DeliverEffect {
    uint64_t serial;
    uint64_t stream_offset;
    uint64_t readable;
    uint32_t packet_offset;
    uint32_t bytes;
    uint64_t ring_from;
    uint32_t ring;
    uint32_t reserved;
};

// Sends [stream_offset, +bytes) in ceil(bytes / piece_bytes) pieces (one if bytes is 0), numbered
// from `serial` (transmissions count from 0); each piece is one packet of several segments of mss
// bytes if it is longer (TSO, GSO). `seq` is the first piece's sequence number. FIN and PSH go on
// the last piece only, CWR on the first. A piece of several segments has PSH in any case.
struct TransmitEffect {
    uint64_t serial;
    uint64_t stream_offset;
    uint32_t bytes;
    uint32_t piece_bytes;
    uint32_t seq;
    uint32_t ack;
    uint32_t ts_val;
    uint32_t ts_ecr;
    uint16_t window;   // as it goes into the header, already scaled
    uint16_t mss;      // payload per wire segment
    uint16_t syn_mss;  // MSS option to announce (SYN only)
    uint8_t flags;     // TcpFlags
    uint8_t options;   // TcpOptionBits
    uint8_t window_scale;
    uint8_t sack_blocks;
    uint8_t ecn;  // the two bits of the IP header
    uint8_t ttl;
    uint8_t tos;  // of which those two bits do not count
    uint8_t reserved[3];
    SackBlock sack[4];

    uint32_t pieces() const { return bytes <= piece_bytes ? 1 : (bytes - 1) / piece_bytes + 1; }
};

struct TimerEffect {
    TimerKind timer;
    uint32_t reserved;
    uint64_t deadline_ns;  // 0: cancel
};

struct Effect {
    EffectKind kind;
    uint32_t error;          // kError, kClosed: errno, 0 for an orderly end
    uint64_t stream_offset;  // kEndOfStream
    union {
        DeliverEffect deliver;
        TransmitEffect transmit;
        TimerEffect timer;
        uint32_t bytes;  // kReceiveRoom, kSendRoom
    };
};

// The effects of one step, in order. Bounded by construction: step() emits at most kMax.
class Effects {
public:
    static constexpr uint32_t kMax = 40;
    // Of the above, the most pieces of kTransmit and kDeliver together that one step causes.
    static constexpr uint32_t kMaxTransmissions = 512;
    static constexpr uint32_t kMaxDeliveries = 4;

    // Appends an effect of `kind` to be filled in. Never fails; overflow is a bug, reported.
    Effect& emit(EffectKind kind) {
        DOMINOES_ASSERT(count_ < kMax);
        Effect& effect = effects_[count_ < kMax ? count_++ : kMax - 1];
        effect = Effect{};
        effect.kind = kind;
        return effect;
    }
    void clear() { count_ = 0; }
    uint32_t count() const { return count_; }
    const Effect* begin() const { return effects_; }
    const Effect* end() const { return effects_ + count_; }

private:
    uint32_t count_ = 0;
    Effect effects_[kMax];
};

}  // namespace scout
