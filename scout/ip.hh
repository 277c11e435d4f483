// SPDX-License-Identifier: GPL-2.0
//
// IPv4 (RFC 791, RFC 1122 section 3) for one address on one device: a host, not a router of
// packets.
#pragma once

#include "scout/interface.hh"
#include "scout/participants.hh"

namespace scout {

class IcmpRouter;

inline constexpr uint32_t kIpHeaderBytes = 20;  // without options
inline constexpr uint32_t kIpMostHeaderBytes = 60;
inline constexpr uint8_t kIpTtl = 64;  // RFC 1122 section 3.2.1.7, IANA's default

struct IpHeader {
    uint32_t header_bytes;
    uint32_t total_bytes;  // header and payload
    uint16_t id;
    uint16_t fragment_bytes;  // offset of the payload in the original datagram
    bool more_fragments;
    bool dont_fragment;
    uint8_t dscp;
    uint8_t ecn;
    uint8_t ttl;
    uint8_t protocol;
    IpAddress source;
    IpAddress destination;
};

enum class IpResult { kOk, kShort, kVersion, kHeader, kLength, kChecksum };

// `bytes` holds what there is of the header, at most `length`; `packet_bytes` is what the frame
// carries from the IP header on, padding included. Checks all that can be told from these alone.
IpResult parse_ip(const uint8_t* bytes, uint32_t length, uint32_t packet_bytes, IpHeader& out);
// Writes 20 bytes, with the checksum. `total_bytes` beyond 65535 (to be segmented) is written as 0.
void write_ip(uint8_t* bytes, const IpHeader& header);
// The header of a datagram that an ICMP error quotes: truncated payload and an old checksum are
// allowed.
IpResult parse_quoted_ip(const uint8_t* bytes, uint32_t length, IpHeader& out);

class IpRouter final : public Router {
public:
    explicit IpRouter(Interface& interface) : interface_(interface) {}

    // A router above, for `protocol`; at most 4; before the first frame.
    void connect(uint8_t protocol, Router& upper);
    // Who tells a peer that its protocol is not served.
    void connect_errors(IcmpRouter& icmp) { icmp_ = &icmp; }

    // Datagrams for our address go up by their protocol; all else passes.
    Verdict demux(Frame& frame) override;

private:
    static constexpr uint32_t kMostUppers = 4;
    struct Upper {
        uint8_t protocol;
        Router* router;
    };

    bool source_possible(IpAddress source) const;
    Verdict deliver(Frame& frame);

    Interface& interface_;
    IcmpRouter* icmp_ = nullptr;
    Upper uppers_[kMostUppers] = {};
    uint32_t upper_count_ = 0;
};

class IpStage final : public Stage {
public:
    // `dont_fragment`: such datagrams are atomic, and their id is 0 (RFC 6864 section 4.1); the id
    // of the others is drawn at random.
    IpStage(Stage& below, IpAddress source, IpAddress destination, uint8_t protocol,
            bool dont_fragment)
        : Stage(&below),
          source_(source),
          destination_(destination),
          protocol_(protocol),
          dont_fragment_(dont_fragment) {}

    bool push(Msg& msg) override;
    // The two bits of RFC 3168 in what is pushed from now on.
    void set_ecn(uint8_t ecn) { ecn_ = ecn; }

private:
    const IpAddress source_;
    const IpAddress destination_;
    const uint8_t protocol_;
    const bool dont_fragment_;
    uint8_t ecn_ = 0;
};

}  // namespace scout
