// SPDX-License-Identifier: GPL-2.0
//
// The numbers of TCP that are choices, each with what sets it.
#pragma once

#include <stdint.h>

namespace scout::tcp {

inline constexpr uint64_t kMillisecond = 1'000'000;
inline constexpr uint64_t kSecond = 1000 * kMillisecond;

// RFC 6298 (2.1): "the sender SHOULD set RTO <- 1 second" until there is a measurement.
inline constexpr uint64_t kInitialRto = kSecond;
// RFC 6298 (2.4) says 1 second. Linux's 200 ms, as the least that is added to SRTT: well above any
// delayed ACK, and a fifth of the stall.
inline constexpr uint64_t kMinRtoVariance = 200 * kMillisecond;
// RFC 6298 (2.5): "at least 60 seconds". Linux's TCP_RTO_MAX.
inline constexpr uint64_t kMaxRto = 120 * kSecond;
// RFC 6298 (5.7): after a lost SYN, and with no measurement, data begin with this.
inline constexpr uint64_t kRtoAfterLostSyn = 3 * kSecond;

// R2 of RFC 9293 section 3.8.3, in timeouts: at least 100 s; these are Linux's 15 (about 15
// minutes).
inline constexpr uint32_t kMaxRetransmissions = 15;
// Of an orphan, whose program has closed it: Linux's 8; and none beyond kMaxRto.
inline constexpr uint32_t kMaxOrphanRetransmissions = 8;
// R2 for SYN, "at least 3 minutes" there; 6 retries from 1 s on are 127 s, as Linux's.
inline constexpr uint32_t kMaxSynRetransmissions = 6;

// RFC 9293 section 3.8.6.3: "MUST be less than 0.5 seconds". Linux's least.
inline constexpr uint64_t kDelayedAck = 40 * kMillisecond;
// ACKs sent at once at the beginning of a connection, so that the peer's slow start is not held up,
// and after a loss.
inline constexpr uint32_t kQuickAcks = 16;
// ACKs that one burst of segments causes are this far apart, and for no more segments each; but
// only where that is a small part of a round trip. The time and the part are those of Linux's
// compressed SACKs.
inline constexpr uint64_t kAckSpacing = kMillisecond;
inline constexpr uint32_t kMaxSpacedSegments = 8;
inline constexpr uint64_t kMinSpacedRoundTrip = 20 * kAckSpacing;

// 2 MSL. RFC 9293 section 3.4.2 takes an MSL of 2 minutes; Linux's 60 s in all.
inline constexpr uint64_t kTimeWaitLength = 60 * kSecond;
// How long FIN-WAIT-2 lasts when nobody is left to read (Linux's tcp_fin_timeout).
inline constexpr uint64_t kFinWait2Length = 60 * kSecond;

// How long cork holds back a segment that is not full (tcp(7): 200 ms).
inline constexpr uint64_t kCorkLimit = 200 * kMillisecond;

// RFC 5961 section 7: "no more than 10 challenge ACKs in any 5 second window".
inline constexpr uint32_t kChallengeAcks = 10;
inline constexpr uint64_t kChallengeInterval = 5 * kSecond;

// RFC 5681 section 3.2.
inline constexpr uint32_t kDupThreshold = 3;

// RFC 8985 section 6.2 step 4: how long a larger reordering window stays, in recoveries; and, so
// that a peer that lies has little of it, how often it grows by a quarter of a round trip.
inline constexpr uint32_t kReorderPersist = 16;
inline constexpr uint32_t kMaxReorderFactor = 64;
// D-SACKs of what was never sent again, strays, show that the network duplicates: with so many
// D-SACKs are believed no longer. No more are remembered than some, and one D-SACK of what was sent
// again makes up for two: where the network reorders, and seldom duplicates, those are in the
// majority.
inline constexpr uint32_t kDsackStrays = 2;
inline constexpr uint32_t kMaxDsackStrays = 4;
// Section 7.2: TLP.max_ack_delay, for a single segment; and what a probe waits for beyond two round
// trips in any case, as Linux does, for delayed ACKs of fast networks.
inline constexpr uint64_t kMaxAckDelay = 200 * kMillisecond;
inline constexpr uint64_t kProbeSlack = 8 * kMillisecond;

// RFC 9293 section 3.7.1: without the option the peer's MSS is this.
inline constexpr uint32_t kDefaultMss = 536;
// A peer that announces less is not believed, or every byte would cost a packet.
inline constexpr uint32_t kMinMss = 88;
// The least path MTU that is believed: Linux's, where RFC 1191 section 3 would go down to 68, and a
// forged ICMP error with it.
inline constexpr uint32_t kMinPathMtu = 552;
// RFC 1191 section 6.3: "a timeout of 10 minutes", after which a larger one is tried.
inline constexpr uint64_t kPathMtuLife = 600 * kSecond;
// Where full segments vanish without a word (RFC 4821): after so many timeouts in a row this is
// tried (Linux's tcp_base_mss and headers), then kMinPathMtu.
inline constexpr uint32_t kBlackHoleTimeouts = 3;
inline constexpr uint32_t kBasePathMtu = 1024 + 40;
// IP and TCP headers without options.
inline constexpr uint32_t kHeaderBytes = 40;

// RFC 7323 section 2.3: "the maximum scale exponent is limited to 14".
inline constexpr uint32_t kMaxWindowScale = 14;
// NOP, NOP, timestamps: in every segment once negotiated, and so taken off the MSS (RFC 6691).
inline constexpr uint32_t kTimestampBytes = 12;

// RFC 7323 section 5.5: TS.Recent is no longer valid after 24 days of silence, with clocks of 1 ms.
// As in Linux less than half a round of a clock of 1 us, which its own can be: no segment that is
// older than this is still on its way.
inline constexpr uint64_t kTimestampLife = 35ull * 60 * kSecond;

// No window grows beyond this: the largest that scaling can announce.
inline constexpr uint64_t kMaxWindow = uint64_t{65535} << kMaxWindowScale;

// What was sent within such a part of a round trip counts as sent at one time, so that a window
// fits into the scoreboard.
inline constexpr uint64_t kRunsInRoundTrip = 64;

// With several replicas, runs of data are cut so that each has something to build, but not smaller
// than this.
inline constexpr uint32_t kMinPiece = 16 * 1024;
// Most kTransmit effects of one step (of Effects::kMax); the rest of them goes with kOutput.
inline constexpr uint32_t kMaxRuns = 14;

}  // namespace scout::tcp
