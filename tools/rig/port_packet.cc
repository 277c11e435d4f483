// SPDX-License-Identifier: GPL-2.0
//
// The packet, link, send buffer, iterator and user parts of dominoes/port.h for userspace.
// Everything is copied: a packet refers to nobody's memory, so a send buffer may be reused as soon
// as its bytes are acknowledged.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "scout/net/checksum.hh"
#include "tools/rig/port_memory.hh"
#include "tools/rig/rig.hh"

struct dominoes_sendbuf {
    size_t bytes;  // a power of two
    std::atomic<size_t> limit;
    uint8_t data[];
};

namespace {

constexpr uint32_t kEthBytes = 14;
constexpr uint32_t kMaxHeader = 128;

// Of one thread, so that counting costs nothing where many send.
constinit thread_local int64_t packets_made = 0;

dominoes_packet* allocate_packet(uint32_t bytes) {
    auto* packet = static_cast<dominoes_packet*>(std::malloc(sizeof(dominoes_packet) + bytes));
    if (!packet) return nullptr;
    ++packets_made;
    *packet = {};
    packet->bytes = bytes;
    return packet;
}

// Calls copy(at, done, count) for the one or two pieces of the ring that `bytes` at `offset` lie
// in.
template <typename Copy>
void for_pieces(const dominoes_sendbuf& buffer, uint64_t offset, size_t bytes, Copy copy) {
    for (size_t done = 0; done < bytes;) {
        const size_t at = (offset + done) & (buffer.bytes - 1);
        const size_t piece = std::min(bytes - done, buffer.bytes - at);
        if (!copy(at, done, piece)) return;
        done += piece;
    }
}

void copy_payload(uint8_t* out, const dominoes_tx& tx) {
    if (!tx.payload_bytes) return;
    if (!tx.buffer) {
        std::memcpy(out, tx.payload, tx.payload_bytes);
        return;
    }
    for_pieces(*tx.buffer, tx.buffer_offset, tx.payload_bytes,
               [&](size_t at, size_t done, size_t n) {
                   std::memcpy(out + done, tx.buffer->data + at, n);
                   return true;
               });
}

// Copies `bytes` in pieces, as the iterator's memory lies. How many, or -EFAULT if none.
template <typename Copy>
int64_t for_spans(dominoes_iter& iter, size_t bytes, Copy copy) {
    size_t done = 0;
    while (done < bytes) {
        const dominoes_iter::Span span = iter.next(bytes - done);
        if (span.empty()) break;
        copy(span, done);
        done += span.size();
    }
    return done == 0 && bytes != 0 ? -EFAULT : static_cast<int64_t>(done);
}

// --- segmentation ---

struct TcpLayout {
    uint32_t tcp;           // offset of the TCP header
    uint32_t header_bytes;  // all headers
    uint32_t payload_bytes;
};

TcpLayout layout_of(const dominoes_packet& packet) {
    const uint32_t tcp = kEthBytes + (packet.data[kEthBytes] & 15) * 4u;
    const uint32_t header_bytes = tcp + (packet.data[tcp + 12] >> 4) * 4u;
    return {tcp, header_bytes, packet.bytes - header_bytes};
}

void rewrite_ip(uint8_t* ip, uint32_t total, uint32_t index) {
    const bool dont_fragment = ip[6] & 0x40;
    scout::store_be16(ip + 2, static_cast<uint16_t>(total));
    if (!dont_fragment) {
        scout::store_be16(ip + 4, static_cast<uint16_t>(scout::load_be16(ip + 4) + index));
    }
    scout::store_be16(ip + 10, 0);
    scout::store_be16(ip + 10, scout::checksum(ip, (ip[0] & 15) * 4u));
}

void rewrite_tcp(uint8_t* tcp, uint32_t offset, bool first, bool last) {
    constexpr uint8_t kFin = 0x01, kPsh = 0x08, kCwr = 0x80;
    scout::store_be32(tcp + 4, scout::load_be32(tcp + 4) + offset);
    if (!last) tcp[13] &= static_cast<uint8_t>(~(kFin | kPsh));
    if (!first) tcp[13] &= static_cast<uint8_t>(~kCwr);
}

void put_pseudo_sum(dominoes_packet& packet) {
    const uint8_t* ip = packet.data + kEthBytes;
    const uint16_t sum =
        scout::pseudo_sum(scout::IpAddress::v4(ip + 12), scout::IpAddress::v4(ip + 16), ip[9],
                          packet.bytes - packet.transport_offset);
    scout::store_be16(packet.data + packet.transport_offset + packet.checksum_offset, sum);
}

dominoes_packet* cut(const dominoes_packet& whole, const TcpLayout& layout, uint32_t index) {
    const uint32_t offset = index * whole.segment_bytes;
    const uint32_t bytes = std::min(whole.segment_bytes, layout.payload_bytes - offset);
    dominoes_packet* piece = allocate_packet(layout.header_bytes + bytes);
    if (!piece) return nullptr;
    std::memcpy(piece->data, whole.data, layout.header_bytes);
    std::memcpy(piece->data + layout.header_bytes, whole.data + layout.header_bytes + offset,
                bytes);
    piece->transport_offset = whole.transport_offset;
    piece->checksum_offset = whole.checksum_offset;
    piece->checksum_vouched = whole.checksum_vouched;
    rewrite_ip(piece->data + kEthBytes, piece->bytes - kEthBytes, index);
    rewrite_tcp(piece->data + layout.tcp, offset, offset == 0,
                offset + bytes == layout.payload_bytes);
    put_pseudo_sum(*piece);
    if (!piece->checksum_vouched) rig::complete_checksum(*piece);
    return piece;
}

}  // namespace

// --- rig ---

namespace rig {

int64_t packets_held() { return packets_made; }

dominoes_packet* make_packet(std::span<const uint8_t> bytes) {
    dominoes_packet* packet = allocate_packet(static_cast<uint32_t>(bytes.size()));
    if (!packet) std::abort();
    if (!bytes.empty()) std::memcpy(packet->data, bytes.data(), bytes.size());
    return packet;
}

dominoes_packet* clone_packet(const dominoes_packet& packet) {
    dominoes_packet* clone = make_packet(bytes_of(packet));
    std::memcpy(clone, &packet, sizeof(dominoes_packet));
    return clone;
}

// A result of 0 is written as the other zero, for in UDP 0 says that there is no checksum (RFC
// 768).
void complete_checksum(dominoes_packet& packet) {
    uint8_t* transport = packet.data + packet.transport_offset;
    const uint16_t sum = scout::checksum(transport, packet.bytes - packet.transport_offset);
    scout::store_be16(transport + packet.checksum_offset, sum ? sum : 0xffff);
}

void segment(dominoes_packet* packet, const std::function<void(dominoes_packet*)>& out) {
    const TcpLayout layout = layout_of(*packet);
    for (uint32_t i = 0; i * packet->segment_bytes < layout.payload_bytes; ++i) {
        if (dominoes_packet* piece = cut(*packet, layout, i)) out(piece);
    }
    dominoes_packet_free(packet);
}

}  // namespace rig

// --- packets ---

extern "C" {

uint32_t dominoes_packet_bytes(const dominoes_packet* packet) { return packet->bytes; }

void dominoes_packet_copy(const dominoes_packet* packet, uint32_t offset, void* out,
                          uint32_t bytes) {
    if (offset > packet->bytes || bytes > packet->bytes - offset) {
        dominoes_bug(__FILE__, __LINE__, "packet copy beyond its end");
        return;
    }
    if (bytes) std::memcpy(out, packet->data + offset, bytes);
}

void dominoes_packet_free(dominoes_packet* packet) {
    packets_made -= packet != nullptr;
    std::free(packet);
}

dominoes_packet* dominoes_packet_create(uint32_t bytes) { return allocate_packet(bytes); }

void dominoes_packet_write(dominoes_packet* packet, uint32_t offset, const void* from,
                           uint32_t bytes) {
    if (offset > packet->bytes || bytes > packet->bytes - offset) {
        dominoes_bug(__FILE__, __LINE__, "packet write beyond its end");
        return;
    }
    if (bytes) std::memcpy(packet->data + offset, from, bytes);
}

bool dominoes_packet_checksum_ok(dominoes_packet* packet, uint32_t offset, uint32_t bytes,
                                 uint16_t pseudo) {
    if (offset > packet->bytes || bytes > packet->bytes - offset) {
        dominoes_bug(__FILE__, __LINE__, "packet checksum beyond its end");
        return false;
    }
    if (packet->checksum_vouched) return true;
    scout::ChecksumSum sum(pseudo);
    sum.add(packet->data + offset, bytes);
    return sum.checksum() == 0;
}

dominoes_packet* dominoes_packet_build(dominoes_link* link, const dominoes_tx* tx) {
    if (tx->header_bytes > kMaxHeader) {
        dominoes_bug(__FILE__, __LINE__, "packet header too long");
        return nullptr;
    }
    if (link->fail_builds) return nullptr;
    dominoes_packet* packet = allocate_packet(tx->header_bytes + tx->payload_bytes);
    if (!packet) return nullptr;
    std::memcpy(packet->data, tx->header, tx->header_bytes);
    copy_payload(packet->data + tx->header_bytes, *tx);
    packet->segment_bytes = tx->segment_bytes < tx->payload_bytes ? tx->segment_bytes : 0;
    packet->transport_offset = tx->transport_offset;
    packet->checksum_offset = tx->checksum_offset;
    if (!tx->transport_offset) return packet;
    packet->checksum_vouched = link->checksum_offload;
    const bool will_be_cut = packet->segment_bytes && !link->gso;
    if (!link->checksum_offload && !will_be_cut) rig::complete_checksum(*packet);
    return packet;
}

void dominoes_packet_set_destination(dominoes_packet* packet, const uint8_t mac[6]) {
    std::memcpy(packet->data, mac, 6);
}

bool dominoes_packet_transmit(dominoes_link* link, dominoes_packet* packet) {
    if (!packet->segment_bytes || link->gso) return link->transmit(packet);
    // As where a queue takes it whole: it does if there is room for the first.
    bool first = true, taken = true;
    rig::segment(packet, [&](dominoes_packet* piece) {
        if (!taken) return dominoes_packet_free(piece);
        const bool room = link->transmit(piece);
        taken = room || !first;
        first = false;
    });
    return taken;
}

// --- links ---

uint32_t dominoes_link_mtu(const dominoes_link* link) { return link->mtu; }

void dominoes_link_mac(const dominoes_link* link, uint8_t mac[6]) {
    std::memcpy(mac, link->mac, 6);
}

uint32_t dominoes_link_max_segment(const dominoes_link* link) { return link->max_segment; }

// --- send buffers ---

dominoes_sendbuf* dominoes_sendbuf_create(size_t bytes, size_t limit) {
    // Of what is never written to, the system gives no memory.
    void* memory = rig::allocate_unset(sizeof(dominoes_sendbuf) + bytes, 64);
    return memory ? new (memory) dominoes_sendbuf{bytes, limit} : nullptr;
}

void dominoes_sendbuf_set_limit(dominoes_sendbuf* buffer, size_t bytes) { buffer->limit = bytes; }

void dominoes_sendbuf_destroy(dominoes_sendbuf* buffer) { dominoes_free(buffer); }

int64_t dominoes_sendbuf_write(dominoes_sendbuf* buffer, uint64_t offset, dominoes_iter* from,
                               size_t bytes) {
    int64_t written = 0;
    for_pieces(*buffer, offset, bytes, [&](size_t at, size_t, size_t n) {
        const int64_t taken = dominoes_iter_take(from, buffer->data + at, n);
        if (taken > 0) written += taken;
        return taken == static_cast<int64_t>(n);
    });
    return written == 0 && bytes != 0 ? -EFAULT : written;
}

size_t dominoes_sendbuf_room(const dominoes_sendbuf* buffer, uint64_t offset, uint64_t released) {
    const size_t held = offset - released;
    return held < buffer->limit ? buffer->limit - held : 0;
}

// --- the application's side ---

int64_t dominoes_iter_put(dominoes_iter* to, const void* from, size_t bytes) {
    return for_spans(*to, bytes, [&](dominoes_iter::Span span, size_t done) {
        std::memcpy(span.data(), static_cast<const uint8_t*>(from) + done, span.size());
    });
}

int64_t dominoes_iter_take(dominoes_iter* from, void* to, size_t bytes) {
    return for_spans(*from, bytes, [&](dominoes_iter::Span span, size_t done) {
        std::memcpy(static_cast<uint8_t*>(to) + done, span.data(), span.size());
    });
}

void dominoes_user_wake(void* user, bool) { static_cast<rig::User*>(user)->wake(); }

}  // extern "C"

dominoes_iter::Span dominoes_iter::next(size_t bytes) {
    while (first_.empty() && !rest_.empty()) {
        first_ = rest_.front();
        rest_ = rest_.subspan(1);
    }
    const Span span = first_.first(std::min({bytes, first_.size(), good_}));
    first_ = first_.subspan(span.size());
    if (good_ != SIZE_MAX) good_ -= span.size();
    return span;
}
