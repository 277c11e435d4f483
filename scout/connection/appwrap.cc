// SPDX-License-Identifier: GPL-2.0
#include "scout/connection/appwrap.hh"

#include "scout/net/errors.hh"
#include "scout/stack.h"

namespace scout {

using dominoes::max;
using dominoes::min;

Appwrap::Appwrap(dominoes::RingChannel& channel, BufferSize send, void* user)
    : send_bytes_(send.initial), user_(user), outbox_(channel, read_, written_) {}

Appwrap* Appwrap::create(dominoes::RingChannel& channel, BufferSize receive, BufferSize send,
                         void* user) {
    dominoes::Owned<Appwrap> appwrap(dominoes::make<Appwrap>(channel, send, user));
    return appwrap && appwrap->allocate(channel, receive, send) ? appwrap.release() : nullptr;
}

bool Appwrap::allocate(dominoes::RingChannel& channel, BufferSize receive, BufferSize send) {
    ring(0).memory = static_cast<uint8_t*>(dominoes_ring_alloc(receive.initial));
    ring(0).bytes = receive.initial;
    send_buffer_ = dominoes_sendbuf_create(send.max, send.initial);
    // No replica is further ahead of another than the channel is long.
    ordering_ = dominoes::OrderingManager::create(channel.capacity() * Effects::kMaxDeliveries,
                                                  &Appwrap::readable_moved, this);
    return ring(0).memory && send_buffer_ && ordering_;
}

Appwrap::~Appwrap() {
    dominoes::destroy(ordering_);
    if (send_buffer_) dominoes_sendbuf_destroy(send_buffer_);
    for (Ring& one : rings_)
        if (one.memory) dominoes_ring_free(one.memory);
}

// --- replicas ---

void Appwrap::deliver(const dominoes_packet* packet, const DeliverEffect& effect) {
    const uint64_t start = effect.stream_offset;
    const uint64_t cut = dominoes::clamp(effect.ring_from, start, start + effect.bytes);
    const auto before = static_cast<uint32_t>(cut - start);
    Ring& latest = ring(effect.ring);
    place(ring(effect.ring - 1), packet, effect.packet_offset, start, before);
    place(latest, packet, effect.packet_offset + before, cut, effect.bytes - before);
    // Whichever replica is first says so; the reader sees it before what lies beyond, which becomes
    // readable only after this.
    if (before < effect.bytes && latest.from.load_relaxed() != effect.ring_from)
        latest.from.store_relaxed(effect.ring_from);
    ordering_->placed(effect.serial, effect.readable);
}

// A replica that is behind finds its ring still there: what it has yet to place is not read, so the
// reader has not passed the end of that ring, and before it has there is no third to take its
// place.
void Appwrap::place(Ring& ring, const dominoes_packet* packet, uint32_t packet_offset,
                    uint64_t stream_offset, uint32_t bytes) {
    if (bytes == 0) return;
    const uint32_t at = static_cast<uint32_t>(stream_offset & (ring.bytes - 1));
    const uint32_t first = min(bytes, ring.bytes - at);
    dominoes_packet_copy(packet, packet_offset, ring.memory + at, first);
    if (first == bytes) return;
    dominoes_packet_copy(packet, packet_offset + first, ring.memory, bytes - first);
}

void Appwrap::readable_moved(void* context) {
    auto* self = static_cast<Appwrap*>(context);
    if (self->reader_waits_.take()) self->user_.wake();
}

void Appwrap::established() {
    connected_.store_release(1);
    user_.wake();
}

void Appwrap::end_of_stream(uint64_t offset) {
    end_.store_release(offset);
    user_.wake();
}

void Appwrap::fail(uint32_t error) {
    broken_.store_release(1);
    error_.store_release(error);
}

void Appwrap::over() {
    over_.store_release(1);
    user_.wake();
}

void Appwrap::released(uint32_t replica, uint64_t offset) {
    released_[replica].offset.store_release(offset);
    wake_writer();
}

void Appwrap::set_limit(uint32_t bytes) {
    dominoes_sendbuf_set_limit(send_buffer_, bytes);
    send_bytes_.store_release(bytes);
    wake_writer();
}

// There may be more room.
void Appwrap::wake_writer() {
    if (!writer_waits_.take()) return;
    if (writable()) {
        user_.wake_for_room();
        return;
    }
    writer_waits_.set();
    if (writable() && writer_waits_.take()) user_.wake_for_room();
}

// --- the application ---

int64_t Appwrap::read(dominoes_iter* to, size_t bytes, bool peek) {
    if (bytes == 0) return 0;
    const uint64_t from = read_.load_relaxed();
    const uint64_t there = ordering_->readable() - from;
    if (there == 0) return nothing_to_read();

    const int64_t taken = copy_out(to, from, min<uint64_t>(bytes, there));
    if (taken <= 0 || peek) return taken;
    // Release: our loads from the ring come before a replica, which acquires this position through
    // the stamp of a request, places new bytes there.
    read_.store_release(from + static_cast<uint64_t>(taken));
    if (from + static_cast<uint64_t>(taken) - read_said_ >= ring(reading_).bytes / 4) {
        read_said_ = from + static_cast<uint64_t>(taken);
        outbox_.post(Outbox::kRead);
    }
    leave_ring(from + static_cast<uint64_t>(taken));
    if (ring_wanted_.load_relaxed()) bring_ring();
    return taken;
}

// If that fails it is asked for again, in a round trip.
void Appwrap::bring_ring() {
    const uint32_t bytes = ring_wanted_.exchange_acq_rel(0);
    if (exchanging_ || bytes <= ring(reading_).bytes) return;
    auto* memory = static_cast<uint8_t*>(dominoes_ring_alloc(bytes));
    if (!memory) return;
    Ring& next = ring(reading_ + 1);
    next.memory = memory;
    next.bytes = bytes;
    next.from.store_relaxed(kNoEnd);
    exchanging_ = true;
    outbox_.set_ring(bytes);
    outbox_.post(Outbox::kRing);
}

// From which offset on what is readable is in the next ring.
uint64_t Appwrap::ring_ends_at() {
    return exchanging_ ? ring(reading_ + 1).from.load_relaxed() : kNoEnd;
}

// What comes before `offset` has been read. If the ring ends there it holds nothing else, and
// nothing is placed there any more.
void Appwrap::leave_ring(uint64_t offset) {
    if (offset < ring_ends_at()) return;
    Ring& done = ring(reading_);
    dominoes_ring_free(done.memory);
    done.memory = nullptr;
    ++reading_;
    exchanging_ = false;
}

int64_t Appwrap::copy_out(dominoes_iter* to, uint64_t from, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        const uint64_t offset = from + done;
        const uint64_t end = ring_ends_at();
        const Ring& here = ring(reading_ + (offset >= end));
        const size_t at = offset & (here.bytes - 1);
        size_t part = min<size_t>(bytes - done, here.bytes - at);
        if (offset < end) part = min<size_t>(part, end - offset);
        const int64_t put = dominoes_iter_put(to, here.memory + at, part);
        if (put <= 0) return done ? static_cast<int64_t>(done) : put;
        done += static_cast<size_t>(put);
        if (static_cast<size_t>(put) < part) break;
    }
    return static_cast<int64_t>(done);
}

bool Appwrap::at_end() const {
    return reads_shut_.load_acquire() || end_.load_acquire() == read_.load_relaxed();
}

// The connection is over, and what was received before that is being placed by replicas that are
// behind: the peer's FIN has come, so all of it will be there. Not so if it ended with an error.
bool Appwrap::rest_comes() const {
    const uint64_t end = end_.load_acquire();
    return end != kNoEnd && end != read_.load_acquire() && !broken_.load_acquire();
}

// Why a read has nothing: the end of the stream, an error, the end of the connection, or not yet.
int64_t Appwrap::nothing_to_read() {
    if (at_end()) return 0;
    const bool was_over = is_over() && !rest_comes();
    if (const uint32_t error = take_error()) return -static_cast<int64_t>(error);
    if (was_over) return 0;
    reader_waits_.set();
    return -int64_t{kEagain};
}

int64_t Appwrap::write(dominoes_iter* from, size_t bytes) {
    if (const uint32_t error = take_error()) return -static_cast<int64_t>(error);
    if (writes_shut() || is_over()) return -int64_t{kEpipe};
    if (bytes == 0) return 0;
    size_t fits = is_connected() ? room() : 0;
    if (fits == 0) {
        writer_waits_.set();
        fits = is_connected() ? room() : 0;
        if (fits == 0) return -int64_t{kEagain};
    }
    const uint64_t at = written_.load_relaxed();
    const int64_t taken = dominoes_sendbuf_write(send_buffer_, at, from, min(bytes, fits));
    if (taken <= 0) return taken;
    written_.store_release(at + static_cast<uint64_t>(taken));
    outbox_.post(Outbox::kSend);
    return taken;
}

uint64_t Appwrap::all_released() const {
    uint64_t least = written_.load_relaxed();
    for (const Released& replica : released_) least = min(least, replica.offset.load_acquire());
    return least;
}

size_t Appwrap::room() const {
    return dominoes_sendbuf_room(send_buffer_, written_.load_relaxed(), all_released());
}

// A writer that waited is woken when there is room worth waking for.
bool Appwrap::writable() const {
    return is_over() || (is_connected() && room() >= max(send_bytes_.load_acquire() / 4, 1u));
}

uint32_t Appwrap::poll() {
    reader_waits_.set();
    writer_waits_.set();
    uint32_t events = 0;
    const bool gone = is_over();
    const bool ended = at_end() || end_.load_acquire() != kNoEnd;
    if (unread() > 0 || at_end() || (gone && !rest_comes())) events |= SCOUT_IN;
    if (ended || gone) events |= SCOUT_RDHUP;
    if (gone && error_.load_acquire()) events |= SCOUT_ERR | SCOUT_IN | SCOUT_OUT;
    if (gone || (ended && writes_shut())) events |= SCOUT_HUP;
    if (gone || writes_shut() || (is_connected() && room() >= send_bytes_.load_acquire() / 4))
        events |= SCOUT_OUT;
    return events;
}

// Both directions are one change: whoever is woken sees both.
void Appwrap::shut(bool reads, bool writes) {
    if (reads) reads_shut_.store_release(1);
    if (writes && !writes_shut_.exchange_acq_rel(1)) outbox_.post(Outbox::kShutdown);
    user_.wake();
}

void Appwrap::close() {
    reads_shut_.store_release(1);
    const bool shut = writes_shut_.exchange_acq_rel(1);
    outbox_.post(shut ? Outbox::kCloseReads : Outbox::kCloseReads | Outbox::kShutdown);
}

}  // namespace scout
