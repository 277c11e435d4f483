// SPDX-License-Identifier: GPL-2.0
#include "scout/ip/ip.hh"

#include "scout/ip/icmp.hh"
#include "scout/net/checksum.hh"

namespace scout {

namespace {

Counter cause_of(IpResult result) {
    switch (result) {
        case IpResult::kVersion:
            return Counter::drop_ip_version;
        case IpResult::kHeader:
            return Counter::drop_ip_header;
        case IpResult::kLength:
            return Counter::drop_ip_length;
        case IpResult::kChecksum:
            return Counter::drop_ip_checksum;
        case IpResult::kShort:
        case IpResult::kOk:
            break;
    }
    return Counter::drop_ip_short;
}

Counter cause_of(IpOptions options) {
    return options == IpOptions::kSourceRoute ? Counter::drop_ip_source_route
                                              : Counter::drop_ip_options;
}

// For the routers above.
void describe(Frame& frame, const IpHeader& header) {
    frame.source = header.source;
    frame.destination = header.destination;
    frame.transport_offset = frame.network_offset + header.header_bytes;  // options are skipped
    frame.transport_bytes = header.total_bytes - header.header_bytes;
    frame.protocol = header.protocol;
    frame.ecn = header.ecn;
}

}  // namespace

// --- router ---

void IpRouter::connect(uint8_t protocol, Router& upper) {
    DOMINOES_ASSERT(upper_count_ < kMaxUppers);
    if (upper_count_ < kMaxUppers) uppers_[upper_count_++] = {protocol, &upper};
}

// What is the host's passes before anything else is checked: its errors are its own.
Verdict IpRouter::demux(Frame& frame) {
    const uint8_t* bytes = frame.network();
    const uint32_t available = frame.head_bytes - frame.network_offset;
    if (available < kIpHeaderBytes) return interface_.drop(Counter::drop_ip_short);
    if (IpAddress::v4(bytes + 16) != interface_.address) return Verdict::kPass;
    if (interface_.tentative.load_relaxed()) return interface_.drop(Counter::drop_ip_tentative);

    IpHeader header;
    const IpResult result = parse_ip(bytes, available, frame.bytes - frame.network_offset, header);
    if (result != IpResult::kOk) return interface_.drop(cause_of(result));
    if (!source_possible(header.source)) return interface_.drop(Counter::drop_ip_source);
    const IpOptions options =
        check_ip_options(bytes + kIpHeaderBytes, header.header_bytes - kIpHeaderBytes);
    if (options != IpOptions::kIgnored) return interface_.drop(cause_of(options));
    describe(frame, header);
    return is_fragment(header) ? demux_fragment(frame, header) : deliver(frame);
}

// RFC 1122 section 3.2.1.3: what must not be a source; nor may anyone else use our own address.
bool IpRouter::source_possible(IpAddress source) const {
    return !source.is_this_network() && !source.is_multicast() && !source.is_limited_broadcast() &&
           !source.is_loopback() && !interface_.prefix.is_broadcast(source) &&
           source != interface_.address;
}

Router* IpRouter::upper_of(uint8_t protocol) const {
    for (uint32_t i = 0; i < upper_count_; ++i) {
        if (uppers_[i].protocol == protocol) return uppers_[i].router;
    }
    return nullptr;
}

Verdict IpRouter::deliver(Frame& frame) {
    Router* upper = upper_of(frame.protocol);
    return upper ? upper->demux(frame) : unserved(frame);
}

// RFC 1122 section 3.2.2.1.
Verdict IpRouter::unserved(Frame& frame) {
    interface_.counters.add(Counter::drop_ip_protocol);
    return icmp_ ? icmp_->protocol_unreachable(frame) : Verdict::kDrop;
}

// --- fragments ---

// What comes by broadcast is not worth memory (RFC 1122 section 3.3.6), nor is what nobody will
// take; of that only the first fragment deserves an answer (RFC 1122 section 3.2.2).
Verdict IpRouter::demux_fragment(Frame& frame, const IpHeader& header) {
    const bool possible = check_fragment(header) == FragmentCheck::kOk && !frame.broadcast;
    if (!possible) return interface_.drop(Counter::drop_ip_fragment);
    if (upper_of(header.protocol)) return interface_.defer(*this, &handle_fragment, frame);
    return header.fragment_bytes == 0 ? unserved(frame)
                                      : interface_.drop(Counter::drop_ip_protocol);
}

void IpRouter::handle_fragment(Router& router, Frame& frame) {
    static_cast<IpRouter&>(router).reassemble(frame);
}

void IpRouter::reassemble(const Frame& frame) {
    IpHeader header;
    const uint32_t available = frame.head_bytes - frame.network_offset;
    if (parse_ip(frame.network(), available, frame.bytes - frame.network_offset, header) !=
        IpResult::kOk) {
        return;
    }
    const bool was_busy = busy();
    dominoes_packet* packet = reassembly_.add(frame, header, dominoes_now_ns());
    if (!was_busy && busy() && on_busy_) on_busy_(on_busy_context_);
    if (packet) deliver_whole(packet);
}

// Its headers were made from good ones.
void IpRouter::deliver_whole(dominoes_packet* packet) {
    Frame frame(packet);
    EthHeader eth;
    IpHeader header;
    const uint8_t* ip = frame.head + kEthHeaderBytes;
    const bool good = parse_eth(frame.head, frame.head_bytes, eth) == EthResult::kOk &&
                      parse_ip(ip, frame.head_bytes - kEthHeaderBytes,
                               frame.bytes - kEthHeaderBytes, header) == IpResult::kOk;
    DOMINOES_ASSERT(good);
    frame.eth_source = eth.source;
    frame.broadcast = false;
    frame.network_offset = kEthHeaderBytes;
    describe(frame, header);
    if (!good || deliver(frame) != Verdict::kTake) dominoes_packet_free(packet);
}

// --- stage ---

namespace {

// Over header and payload, here and now: hardware does it only for a whole datagram. 0 would say
// that there is none (RFC 768).
void complete_checksum(Msg& msg, uint16_t pseudo) {
    uint8_t* field = msg.checksum_field();
    store_be16(field, 0);
    ChecksumSum sum(pseudo);
    sum.add(msg.header(), msg.header_bytes());
    sum.add(msg.payload(), msg.payload_bytes());
    const uint16_t checksum = sum.checksum();
    store_be16(field, checksum ? checksum : 0xffff);
    msg.forget_checksum();
}

}  // namespace

bool IpStage::push(Msg& msg) {
    const bool fits = dont_fragment_ || kIpHeaderBytes + msg.bytes() <= mtu_;
    if (msg.wants_checksum()) {
        const uint16_t pseudo = pseudo_sum(source_, destination_, protocol_, msg.bytes());
        if (fits) {
            store_be16(msg.checksum_field(), pseudo);
        } else {
            complete_checksum(msg, pseudo);
        }
    }
    if (!fits) return push_fragments(msg);
    IpHeader whole = header();
    return push_with(msg, whole);
}

IpHeader IpStage::header() const {
    IpHeader header{};
    header.dont_fragment = dont_fragment_;
    if (!dont_fragment_) dominoes_random(&header.id, sizeof(header.id));
    header.dscp = service_.tos >> 2;
    header.ecn = service_.tos & kIpEcnMask;
    header.ttl = service_.ttl;
    header.protocol = protocol_;
    header.source = source_;
    header.destination = destination_;
    return header;
}

bool IpStage::push_with(Msg& msg, IpHeader& header) {
    header.total_bytes = kIpHeaderBytes + msg.bytes();
    write_ip(msg.prepend(kIpHeaderBytes), header);
    return below_->push(msg);
}

// The first also has the headers above, which are shorter than any fragment: every link carries 68
// bytes (RFC 791 section 3.2), and one that does not will refuse them.
bool IpStage::push_fragments(const Msg& msg) {
    const uint32_t most = (dominoes::max(mtu_, kIpMinMtu) - kIpHeaderBytes) & ~uint32_t{7};
    const uint32_t above = msg.header_bytes();
    IpHeader common = header();
    for (uint32_t begin = 0; begin < msg.bytes(); begin += most) {
        const uint32_t bytes = dominoes::min(most, msg.bytes() - begin);
        const uint32_t taken = begin == 0 ? above : 0;
        Msg part;
        part.set_payload(msg.payload() + begin + taken - above, bytes - taken);
        __builtin_memcpy(part.prepend(taken), msg.header(), taken);
        common.fragment_bytes = static_cast<uint16_t>(begin);
        common.more_fragments = begin + bytes < msg.bytes();
        if (!push_with(part, common)) return false;
    }
    return true;
}

}  // namespace scout
