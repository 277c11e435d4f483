// SPDX-License-Identifier: GPL-2.0
#include "scout/ip/icmp.hh"

#include "scout/net/checksum.hh"

namespace scout {

namespace {

constexpr uint32_t kQuotedTransportBytes = 8;
// The longest ICMP error that is read: header, quoted IP header, the ports and sequence number
// behind it.
constexpr uint32_t kMaxErrorRead = kIcmpHeaderBytes + kIpMaxHeaderBytes + kQuotedTransportBytes;

bool is_error(uint8_t type) {
    return type == kIcmpUnreachable || type == kIcmpTimeExceeded || type == kIcmpParameterProblem;
}

// Whether a datagram, quoted from its IP header on, is an ICMP error itself.
bool quotes_error(const uint8_t* quoted, uint32_t bytes) {
    IpHeader ip;
    if (parse_quoted_ip(quoted, bytes, ip) != IpResult::kOk) return false;
    return ip.protocol == kIcmp && ip.header_bytes < bytes && is_error(quoted[ip.header_bytes]);
}

// Writes header and checksum in front of `payload`, which `msg` carries.
void prepend_icmp(Msg& msg, uint8_t type, uint8_t code, uint32_t rest, const uint8_t* payload,
                  uint32_t bytes) {
    msg.set_payload(payload, bytes);
    uint8_t* header = msg.prepend(kIcmpHeaderBytes);
    header[0] = type;
    header[1] = code;
    store_be32(header + 4, rest);
    ChecksumSum sum;
    sum.add(header, kIcmpHeaderBytes);
    sum.add(payload, bytes);
    store_be16(header + 2, sum.checksum());
}

}  // namespace

// --- bytes (RFC 792) ---

IcmpResult parse_icmp(const uint8_t* bytes, uint32_t length, IcmpHeader& out) {
    if (length < kIcmpHeaderBytes) return IcmpResult::kShort;
    out.type = bytes[0];
    out.code = bytes[1];
    out.checksum = load_be16(bytes + 2);
    out.rest = load_be32(bytes + 4);
    const bool served = out.type == kIcmpEchoRequest || is_error(out.type);
    return served ? IcmpResult::kOk : IcmpResult::kType;
}

IcmpResult parse_icmp_error(const uint8_t* bytes, uint32_t length, IcmpError& out) {
    IcmpHeader icmp;
    IpHeader quoted;
    const IcmpResult result = parse_icmp(bytes, length, icmp);
    if (result != IcmpResult::kOk) return result;
    if (!is_error(icmp.type)) return IcmpResult::kType;
    const uint8_t* ip = bytes + kIcmpHeaderBytes;
    const uint32_t left = length - kIcmpHeaderBytes;
    if (parse_quoted_ip(ip, left, quoted) != IpResult::kOk) return IcmpResult::kShort;
    // RFC 792: at least 8 bytes of it are quoted; a later fragment has no ports in them.
    if (left - quoted.header_bytes < kQuotedTransportBytes || quoted.fragment_bytes != 0) {
        return IcmpResult::kShort;
    }
    const uint8_t* transport = ip + quoted.header_bytes;
    const bool tells_mtu = icmp.type == kIcmpUnreachable && icmp.code == kFragmentationNeeded;
    out.protocol = quoted.protocol;
    out.type = icmp.type;
    out.code = icmp.code;
    out.mtu = tells_mtu ? static_cast<uint16_t>(icmp.rest) : 0;
    out.seq = load_be32(transport + 4);
    out.local = {quoted.source, load_be16(transport)};
    out.peer = {quoted.destination, load_be16(transport + 2)};
    return IcmpResult::kOk;
}

// Relaxed: the word stands for itself.
bool TokenBucket::take(uint64_t now_ns) {
    uint64_t full_at = full_at_ns_.load_relaxed();
    uint64_t next;
    do {
        next = dominoes::max(full_at, now_ns) + interval_ns_;
        if (next - now_ns > depth_ns_) return false;
    } while (!full_at_ns_.compare_exchange_relaxed(full_at, next));
    return true;
}

// --- what arrives ---

void IcmpRouter::connect(uint8_t protocol, IcmpListener& listener) {
    for (Listener& slot : listeners_) {
        if (slot.listener) continue;
        slot = {protocol, &listener};
        return;
    }
    DOMINOES_ASSERT(!"room for a listener");
}

Verdict IcmpRouter::demux(Frame& frame) {
    IcmpHeader header;
    const uint32_t head = frame.head_bytes - frame.transport_offset;
    const uint32_t available = dominoes::min(head, frame.transport_bytes);
    const IcmpResult result = parse_icmp(frame.transport(), available, header);
    if (result == IcmpResult::kShort) return interface_.drop(Counter::drop_icmp_short);
    if (!dominoes_packet_checksum_ok(frame.packet, frame.transport_offset, frame.transport_bytes,
                                     0)) {
        return interface_.drop(Counter::drop_icmp_checksum);
    }
    if (result != IcmpResult::kOk) return interface_.drop(Counter::drop_icmp_type);
    const bool echo = header.type == kIcmpEchoRequest;
    return interface_.defer(*this, echo ? &handle_echo : &handle_error, frame);
}

void IcmpRouter::handle_echo(Router& router, Frame& frame) {
    static_cast<IcmpRouter&>(router).echo(frame);
}

void IcmpRouter::handle_error(Router& router, Frame& frame) {
    static_cast<IcmpRouter&>(router).take_error(frame);
}

// All of the data goes back (RFC 1122 section 3.2.2.6), with the same DSCP (RFC 1349 section 5.1).
void IcmpRouter::echo(const Frame& frame) {
    const uint32_t bytes = dominoes::min(frame.transport_bytes, kIpMaxBytes - kIpHeaderBytes);
    auto* message = static_cast<uint8_t*>(dominoes_alloc(bytes));
    if (!message) {
        interface_.counters.add(Counter::tx_no_memory);
        return;
    }
    dominoes_packet_copy(frame.packet, frame.transport_offset, message, bytes);
    Msg msg;
    prepend_icmp(msg, kIcmpEchoReply, 0, load_be32(message + 4), message + kIcmpHeaderBytes,
                 bytes - kIcmpHeaderBytes);
    const IpService service{.tos = static_cast<uint8_t>(frame.network()[1] & ~kIpEcnMask)};
    if (send_datagram(interface_, arp_, frame.source, kIcmp, msg, service) == 0) {
        interface_.counters.add(Counter::icmp_echo_in);
    }
    dominoes_free(message);
}

void IcmpRouter::take_error(const Frame& frame) {
    uint8_t bytes[kMaxErrorRead];
    const uint32_t length = dominoes::min(frame.transport_bytes, kMaxErrorRead);
    dominoes_packet_copy(frame.packet, frame.transport_offset, bytes, length);
    IcmpError error;
    if (parse_icmp_error(bytes, length, error) != IcmpResult::kOk) {
        interface_.drop(Counter::drop_icmp_short);
        return;
    }
    const bool ours = error.local.ip == interface_.address;
    interface_.counters.add(ours && tell(error) ? Counter::icmp_errors_in
                                                : Counter::drop_icmp_unmatched);
}

bool IcmpRouter::tell(const IcmpError& error) {
    for (const Listener& slot : listeners_) {
        if (slot.listener && slot.protocol == error.protocol)
            return slot.listener->icmp_error(error);
    }
    return false;
}

// --- errors of our own ---

Verdict IcmpRouter::port_unreachable(Frame& frame) {
    return defer_error(frame, &handle_port_unreachable);
}

Verdict IcmpRouter::protocol_unreachable(Frame& frame) {
    return defer_error(frame, &handle_protocol_unreachable);
}

// RFC 1122 section 3.2.2: never about an ICMP error, a broadcast, a fragment but the first, or a
// source that is not one host. The last two never come here (ip.cc), nor does our address name
// many.
bool IcmpRouter::deserves_error(const Frame& frame) const {
    return !frame.broadcast && frame.protocol != kIcmp;
}

bool IcmpRouter::within_limit() {
    const bool within = bucket_.take(dominoes_now_ns());
    if (!within) interface_.counters.add(Counter::icmp_errors_held_back);
    return within;
}

Verdict IcmpRouter::defer_error(Frame& frame, Interface::Handler handle) {
    if (!deserves_error(frame) || !within_limit()) return Verdict::kDrop;
    return interface_.defer(*this, handle, frame);
}

void IcmpRouter::handle_port_unreachable(Router& router, Frame& frame) {
    static_cast<IcmpRouter&>(router).send_unreachable(frame, kPortUnreachable);
}

void IcmpRouter::handle_protocol_unreachable(Router& router, Frame& frame) {
    static_cast<IcmpRouter&>(router).send_unreachable(frame, kProtocolUnreachable);
}

void IcmpRouter::reassembly_timed_out(IpAddress to, const uint8_t* quoted, uint32_t bytes) {
    if (quotes_error(quoted, bytes) || !within_limit()) return;
    send_error(to, kIcmpTimeExceeded, kReassemblyTimeExceeded, quoted, bytes);
}

// Quotes as much as fits (RFC 1812 section 4.3.2.3).
void IcmpRouter::send_unreachable(const Frame& frame, uint8_t code) {
    uint8_t quoted[kMaxQuote];
    const uint32_t datagram = frame.transport_offset - frame.network_offset + frame.transport_bytes;
    const uint32_t bytes = dominoes::min(datagram, kMaxQuote);
    dominoes_packet_copy(frame.packet, frame.network_offset, quoted, bytes);
    send_error(frame.source, kIcmpUnreachable, code, quoted, bytes);
}

void IcmpRouter::send_error(IpAddress to, uint8_t type, uint8_t code, const uint8_t* quoted,
                            uint32_t bytes) {
    Msg msg;
    prepend_icmp(msg, type, code, 0, quoted, bytes);
    if (send_datagram(interface_, arp_, to, kIcmp, msg) == 0) {
        interface_.counters.add(Counter::icmp_errors_out);
    }
}

}  // namespace scout
