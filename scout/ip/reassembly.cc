// SPDX-License-Identifier: GPL-2.0
#include "scout/ip/reassembly.hh"

#include "scout/ip/icmp.hh"
#include "scout/net/checksum.hh"

namespace scout {

using dominoes::min;

namespace {

constexpr uint8_t kEcnNotCapable = 0;
constexpr uint8_t kEcnCongestion = 3;

constexpr uint32_t ecn_bit(uint8_t codepoint) { return 1u << codepoint; }

// RFC 3168 section 5.3: a mark must survive, and must not be put on what may not carry it.
bool ecn_contradicts(uint32_t seen) {
    constexpr uint32_t kBoth = ecn_bit(kEcnNotCapable) | ecn_bit(kEcnCongestion);
    return (seen & kBoth) == kBoth;
}

Counter cause_of(FragmentList::Result result) {
    switch (result) {
        case FragmentList::Result::kOverlap:
            return Counter::drop_ip_overlap;
        case FragmentList::Result::kFull:
            return Counter::drop_ip_too_many;
        default:
            return Counter::drop_ip_contradict;
    }
}

}  // namespace

// --- one datagram ---

FragmentList::Result PartialDatagram::record(const IpHeader& header) {
    const auto result = list_.add(FragmentRange::of(header));
    if (result != FragmentList::Result::kAdded) return result;
    ecn_seen_ = static_cast<uint8_t>(ecn_seen_ | ecn_bit(header.ecn));
    return ecn_contradicts(ecn_seen_) ? FragmentList::Result::kContradict : result;
}

uint32_t PartialDatagram::missing_bytes(const IpHeader& header) const {
    const FragmentRange range = FragmentRange::of(header);
    uint32_t missing = 0;
    for (uint32_t i = range.begin / kBlockBytes; i * kBlockBytes < range.end; ++i) {
        if (!blocks_[i]) missing += kBlockBytes;
    }
    return missing;
}

uint8_t* PartialDatagram::block(uint32_t index) {
    if (!blocks_[index]) {
        blocks_[index] = static_cast<uint8_t*>(dominoes_alloc(kBlockBytes));
        if (blocks_[index]) memory_bytes_ += kBlockBytes;
    }
    return blocks_[index];
}

bool PartialDatagram::copy(const Frame& frame, const IpHeader& header) {
    const FragmentRange range = FragmentRange::of(header);
    uint32_t from = frame.network_offset + header.header_bytes;
    if (range.begin == 0) take_head(frame, header);
    for (uint32_t at = range.begin; at < range.end;) {
        const uint32_t within = at % kBlockBytes;
        const uint32_t bytes = min(range.end - at, kBlockBytes - within);
        uint8_t* place = block(at / kBlockBytes);
        if (!place) return false;
        dominoes_packet_copy(frame.packet, from, place + within, bytes);
        at += bytes;
        from += bytes;
    }
    return true;
}

void PartialDatagram::take_head(const Frame& frame, const IpHeader& header) {
    head_bytes_ = kEthHeaderBytes + header.header_bytes;
    first_bytes_ = header.total_bytes - header.header_bytes;
    __builtin_memcpy(head_, frame.head, head_bytes_);
}

bool PartialDatagram::too_long() const {
    return head_bytes_ - kEthHeaderBytes + list_.total_bytes() > kIpMaxBytes;
}

// The header is the first fragment's (RFC 791 section 3.2), as if nothing had been cut.
dominoes_packet* PartialDatagram::whole() const {
    const uint32_t total = list_.total_bytes();
    dominoes_packet* packet = dominoes_packet_create(head_bytes_ + total);
    if (!packet) return nullptr;
    uint8_t head[kMaxHead];
    __builtin_memcpy(head, head_, head_bytes_);
    uint8_t* ip = head + kEthHeaderBytes;
    const uint32_t ip_bytes = head_bytes_ - kEthHeaderBytes;
    if (ecn_seen_ & ecn_bit(kEcnCongestion)) ip[1] |= kIpEcnMask;
    store_be16(ip + 2, static_cast<uint16_t>(ip_bytes + total));
    store_be16(ip + 6, 0);
    store_be16(ip + 10, 0);
    store_be16(ip + 10, checksum(ip, ip_bytes));
    dominoes_packet_write(packet, 0, head, head_bytes_);
    for (uint32_t at = 0; at < total; at += kBlockBytes) {
        dominoes_packet_write(packet, head_bytes_ + at, blocks_[at / kBlockBytes],
                              min(total - at, kBlockBytes));
    }
    return packet;
}

// The first fragment as it came.
uint32_t PartialDatagram::quote(uint8_t* out, uint32_t most) const {
    if (first_bytes_ == 0) return 0;
    const uint32_t ip_bytes = head_bytes_ - kEthHeaderBytes;
    const uint32_t bytes = min(min(first_bytes_, kBlockBytes), most - ip_bytes);
    __builtin_memcpy(out, head_ + kEthHeaderBytes, ip_bytes);
    __builtin_memcpy(out + ip_bytes, blocks_[0], bytes);
    return ip_bytes + bytes;
}

void PartialDatagram::drop_bytes() {
    for (uint8_t*& block : blocks_) {
        dominoes_free(block);
        block = nullptr;
    }
    first_bytes_ = 0;
    memory_bytes_ = 0;
}

// --- all of them ---

IpReassembly::~IpReassembly() {
    while (oldest_) remove(*oldest_);
}

dominoes_packet* IpReassembly::add(const Frame& frame, const IpHeader& header, uint64_t now_ns) {
    PartialDatagram* datagram = find(header);
    if (!datagram) datagram = begin(header, now_ns);
    if (!datagram) return nullptr;
    if (datagram->condemned()) {
        interface_.drop(datagram->cause());
        return nullptr;
    }
    const auto result = datagram->record(header);
    if (result == FragmentList::Result::kDuplicate) {
        interface_.drop(Counter::drop_ip_duplicate);
        return nullptr;
    }
    if (result != FragmentList::Result::kAdded) {
        condemn(*datagram, cause_of(result));
        return nullptr;
    }
    if (!store(*datagram, frame, header)) return nullptr;
    interface_.counters.add(Counter::ip_fragments_in);
    return datagram->complete() ? finish(*datagram) : nullptr;
}

PartialDatagram* IpReassembly::find(const IpHeader& header) const {
    PartialDatagram* datagram = oldest_;
    while (datagram && !datagram->is_of(header)) datagram = datagram->next;
    return datagram;
}

PartialDatagram* IpReassembly::begin(const IpHeader& header, uint64_t now_ns) {
    if (count_ == kMaxDatagrams) displace(*oldest_);
    auto* datagram = dominoes::make<PartialDatagram>(header, now_ns + kTimeoutNs);
    if (!datagram) {
        interface_.drop(Counter::drop_ip_no_memory);
        return nullptr;
    }
    (oldest_ ? youngest_->next : oldest_) = datagram;
    youngest_ = datagram;
    ++count_;
    return datagram;
}

bool IpReassembly::store(PartialDatagram& datagram, const Frame& frame, const IpHeader& header) {
    make_room(datagram, datagram.missing_bytes(header));
    const uint32_t before = datagram.memory_bytes();
    const bool stored = datagram.copy(frame, header);
    memory_bytes_ += datagram.memory_bytes() - before;
    if (!stored) condemn(datagram, Counter::drop_ip_no_memory);
    return stored;
}

// The oldest go: they are the least likely to become complete. One datagram alone always fits.
void IpReassembly::make_room(const PartialDatagram& keep, uint32_t bytes) {
    for (PartialDatagram* datagram = oldest_; datagram && memory_bytes_ + bytes > kMaxBytes;) {
        PartialDatagram* next = datagram->next;
        if (datagram != &keep && datagram->memory_bytes() != 0) displace(*datagram);
        datagram = next;
    }
}

void IpReassembly::displace(PartialDatagram& datagram) {
    if (!datagram.condemned()) interface_.drop(Counter::drop_ip_displaced);
    remove(datagram);
}

dominoes_packet* IpReassembly::finish(PartialDatagram& datagram) {
    if (datagram.too_long()) {
        condemn(datagram, Counter::drop_ip_fragment);
        return nullptr;
    }
    dominoes_packet* packet = datagram.whole();
    interface_.counters.add(packet ? Counter::ip_reassembled : Counter::drop_ip_no_memory);
    remove(datagram);
    return packet;
}

void IpReassembly::condemn(PartialDatagram& datagram, Counter cause) {
    interface_.drop(cause);
    memory_bytes_ -= datagram.memory_bytes();
    datagram.condemn(cause);
}

void IpReassembly::remove(PartialDatagram& datagram) {
    PartialDatagram* before = nullptr;
    for (PartialDatagram* at = oldest_; at != &datagram; at = at->next) before = at;
    (before ? before->next : oldest_) = datagram.next;
    if (youngest_ == &datagram) youngest_ = before;
    memory_bytes_ -= datagram.memory_bytes();
    --count_;
    dominoes::destroy(&datagram);
}

// --- time ---

void IpReassembly::tick(uint64_t now_ns, IcmpRouter* errors) {
    while (oldest_ && oldest_->deadline_ns() <= now_ns) {
        if (!oldest_->condemned()) time_out(*oldest_, errors);
        remove(*oldest_);
    }
}

// RFC 1122 section 3.3.2: the sender is told if the first fragment, which says whose it was, came.
void IpReassembly::time_out(PartialDatagram& datagram, IcmpRouter* errors) {
    interface_.drop(Counter::drop_ip_timeout);
    uint8_t quoted[IcmpRouter::kMaxQuote];
    const uint32_t bytes = datagram.quote(quoted, sizeof quoted);
    if (bytes != 0 && errors) errors->reassembly_timed_out(datagram.source(), quoted, bytes);
}

}  // namespace scout
