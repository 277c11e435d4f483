// SPDX-License-Identifier: GPL-2.0
//
// ICMP (RFC 792, RFC 1122 section 3.2.2): answers echo requests, tells transports about errors, and
// sends the errors a host owes. All but the checks runs in the control thread.
#pragma once

#include "scout/ip/datagram.hh"

namespace scout {

inline constexpr uint32_t kIcmpHeaderBytes = 8;

enum IcmpType : uint8_t {
    kIcmpEchoReply = 0,
    kIcmpUnreachable = 3,
    kIcmpSourceQuench = 4,
    kIcmpEchoRequest = 8,
    kIcmpTimeExceeded = 11,
    kIcmpParameterProblem = 12,
};

enum IcmpTimeExceededCode : uint8_t { kTtlExceeded = 0, kReassemblyTimeExceeded = 1 };

enum IcmpUnreachableCode : uint8_t {
    kNetUnreachable = 0,
    kHostUnreachable = 1,
    kProtocolUnreachable = 2,
    kPortUnreachable = 3,
    kFragmentationNeeded = 4,  // RFC 1191: with the MTU of the next hop
};

struct IcmpHeader {
    uint8_t type;
    uint8_t code;
    uint16_t checksum;
    uint32_t rest;
};

// An error about a datagram that we are said to have sent. Anyone can forge one: RFC 5927.
struct IcmpError {
    uint8_t protocol;
    uint8_t type;
    uint8_t code;
    uint16_t mtu;         // of the next hop (kFragmentationNeeded); 0: not told
    uint32_t seq;         // TCP: of the quoted segment
    SocketAddress local;  // the quoted datagram's source
    SocketAddress peer;
};

enum class IcmpResult { kOk, kShort, kType };
IcmpResult parse_icmp(const uint8_t* bytes, uint32_t length, IcmpHeader& out);
// `bytes` is an ICMP error from its ICMP header on. kShort: the quote lacks the transport's ports.
// kType: no error, or one that is ignored (source quench, RFC 6633).
IcmpResult parse_icmp_error(const uint8_t* bytes, uint32_t length, IcmpError& out);

// What a transport implements to be told.
class IcmpListener {
public:
    // False: `error` is about nothing it has. Context: the control thread.
    virtual bool icmp_error(const IcmpError& error) = 0;

protected:
    ~IcmpListener() = default;
};

// Lets `rate` events a second pass, and `burst` at once: a token bucket, kept as the time at which
// it will be full again. Context: any.
class TokenBucket {
public:
    constexpr TokenBucket(uint64_t rate, uint64_t burst)
        : interval_ns_(1'000'000'000 / rate), depth_ns_(burst * interval_ns_) {}
    bool take(uint64_t now_ns);

private:
    const uint64_t interval_ns_;
    const uint64_t depth_ns_;
    dominoes::Atomic<uint64_t> full_at_ns_;
};

class IcmpRouter final : public Router {
public:
    static constexpr uint64_t kErrorsPerSecond = 1000;
    static constexpr uint64_t kErrorsAtOnce = 50;
    // What an error quotes: with the IP header it is at most 576 bytes (RFC 1812 section 4.3.2.3).
    static constexpr uint32_t kMaxQuote = 576 - kIpHeaderBytes - kIcmpHeaderBytes;

    IcmpRouter(Interface& interface, ArpRouter& arp) : interface_(interface), arp_(arp) {}

    // Who is told about errors of `protocol` (TCP, UDP); before the first frame.
    void connect(uint8_t protocol, IcmpListener& listener);

    Verdict demux(Frame& frame) override;

    // Hands `frame`, whose IP header is parsed, to the control thread to be answered with an error,
    // if it deserves one and not too many were sent. The caller has counted its cause, and returns
    // the verdict. Context: any.
    Verdict port_unreachable(Frame& frame);
    Verdict protocol_unreachable(Frame& frame);
    // Tells `to` that its datagram, whose first fragment is quoted from its IP header on, did not
    // become complete in time. Likewise limited. Context: the control thread.
    void reassembly_timed_out(IpAddress to, const uint8_t* quoted, uint32_t bytes);

private:
    static constexpr uint32_t kMaxListeners = 2;
    struct Listener {
        uint8_t protocol;
        IcmpListener* listener;
    };

    Verdict defer_error(Frame& frame, Interface::Handler handle);
    bool deserves_error(const Frame& frame) const;
    bool within_limit();
    static void handle_echo(Router& router, Frame& frame);
    static void handle_error(Router& router, Frame& frame);
    static void handle_port_unreachable(Router& router, Frame& frame);
    static void handle_protocol_unreachable(Router& router, Frame& frame);
    void echo(const Frame& frame);
    void take_error(const Frame& frame);
    bool tell(const IcmpError& error);
    void send_unreachable(const Frame& frame, uint8_t code);
    void send_error(IpAddress to, uint8_t type, uint8_t code, const uint8_t* quoted,
                    uint32_t bytes);

    Interface& interface_;
    ArpRouter& arp_;
    TokenBucket bucket_{kErrorsPerSecond, kErrorsAtOnce};
    Listener listeners_[kMaxListeners] = {};
};

}  // namespace scout
