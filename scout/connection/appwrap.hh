// SPDX-License-Identifier: GPL-2.0
//
// Appwrap: the application's end of a connection (dissertation 4.5). Shared by all replicas and the
// application, and so made of what may be shared: the receive ring and its Ordering Manager, the
// send buffer, stream positions with one writer each, and flags.
//
//     replicas ── deliver() ──► receive ring ── read() ──► application
//     replicas ◄── builds ───── send buffer ◄── write() ── application
#pragma once

#include "dominoes/ordering_manager.hh"
#include "scout/connection/outbox.hh"
#include "scout/net/attributes.hh"
#include "scout/net/user.hh"
#include "scout/tcp/effect.hh"

namespace scout {

class Appwrap : dominoes::Pinned {
public:
    // nullptr when memory is short. Context: process.
    [[nodiscard]] static Appwrap* create(dominoes::RingChannel& channel, BufferSize receive,
                                         BufferSize send, void* user);
    Appwrap(dominoes::RingChannel& channel, BufferSize send, void* user);
    ~Appwrap();

    // --- for replicas; context: thread ---

    // Puts the payload in its place, once and for all, and says so.
    void deliver(const dominoes_packet* packet, const DeliverEffect& effect);
    void established();
    void end_of_stream(uint64_t offset);
    // Why the connection will be over(), which tells of it: the error and the end are one change.
    void fail(uint32_t error);
    // The connection is gone.
    void over();
    // What the application has written is kept from the least offset on that a replica uses. The
    // leader uses all that it has not seen acknowledged, which it may have to send, up to what it
    // says it has released(); so does every replica under a policy that gives each its own work.
    // Replicas woken lazily send only what they are the first to claim, and use what they have not
    // seen acknowledged just from pin() to unpin(), around a batch. That is enough: what the leader
    // has claimed first they leave alone; and what they have claimed first, after pin(), the leader
    // has found claimed, which acquires (Request::try_own()), before it releases a byte of it, as
    // it sees that byte acknowledged in a later request.
    void pin(uint32_t replica, uint64_t offset) { released_[replica].offset.store_release(offset); }
    void released(uint32_t replica, uint64_t offset);
    void unpin(uint32_t replica) { released(replica, kGone); }
    // The reader is to come with a receive ring of so many bytes (scout/tcp/tuning.hh).
    void want_ring(uint32_t bytes) { ring_wanted_.store_release(bytes); }
    // The writer may be so far ahead of what is acknowledged.
    void set_limit(uint32_t bytes);

    dominoes_sendbuf* send_buffer() { return send_buffer_; }
    uint64_t read_position() const { return read_.load_acquire(); }

    // --- for the application, as in scout/stack.h; context: process ---

    // `peek`: what was read will be there again.
    int64_t read(dominoes_iter* to, size_t bytes, bool peek = false);
    int64_t write(dominoes_iter* from, size_t bytes);
    uint32_t poll();
    // What is there, and still comes, can be read, as on Linux; but nobody waits for it.
    void shut_reads() { shut(true, false); }
    void shut_writes() { shut(false, true); }
    void shut(bool reads, bool writes);
    // Nothing more will be read or written. What has arrived may not have been seen here yet:
    // step() finds whether something was not read, and the connection must be reset.
    void close();
    bool is_connected() const { return connected_.load_acquire() != 0; }
    bool is_over() const { return over_.load_acquire() != 0; }
    bool writes_shut() const { return writes_shut_.load_acquire() != 0; }
    uint32_t take_error() { return is_over() ? error_.exchange_acq_rel(0) : 0; }
    uint64_t unread() const { return ordering_->readable() - read_.load_acquire(); }
    uint64_t unacknowledged() const { return written_.load_acquire() - all_released(); }

    User& user() { return user_; }
    Outbox& outbox() { return outbox_; }

private:
    static constexpr uint64_t kGone = ~uint64_t{0};
    static constexpr uint64_t kNoEnd = ~uint64_t{0};

    // A receive ring; each replaces the one before, for all from stream offset `from` on.
    struct Ring {
        uint8_t* memory = nullptr;
        uint32_t bytes = 0;
        dominoes::Atomic<uint64_t> from;
    };

    bool allocate(dominoes::RingChannel& channel, BufferSize receive, BufferSize send);
    Ring& ring(uint32_t number) { return rings_[number & 1]; }
    static void place(Ring& ring, const dominoes_packet* packet, uint32_t packet_offset,
                      uint64_t stream_offset, uint32_t bytes);
    static void readable_moved(void* context);
    int64_t copy_out(dominoes_iter* to, uint64_t from, size_t bytes);
    uint64_t ring_ends_at();
    void leave_ring(uint64_t offset);
    void bring_ring();
    void wake_writer();
    int64_t nothing_to_read();
    bool at_end() const;
    bool rest_comes() const;
    uint64_t all_released() const;
    size_t room() const;
    bool writable() const;

    // Filled in by the reader; used by replicas once they have seen kRing.
    Ring rings_[2];
    dominoes_sendbuf* send_buffer_ = nullptr;
    dominoes::OrderingManager* ordering_ = nullptr;

    // Written by the application only.
    alignas(dominoes::kCacheLine) dominoes::Atomic<uint64_t> read_;
    uint64_t read_said_ = 0;
    uint32_t reading_ = 0;     // the number of the ring that is being read
    bool exchanging_ = false;  // there is the one after it, too
    dominoes::Atomic<uint64_t> written_;

    // Written by replicas.
    alignas(dominoes::kCacheLine) dominoes::Atomic<uint32_t> connected_;
    dominoes::Atomic<uint32_t> over_;
    dominoes::Atomic<uint32_t> error_;   // holds once over_ does
    dominoes::Atomic<uint32_t> broken_;  // there was one
    dominoes::Atomic<uint64_t> end_{kNoEnd};
    dominoes::Atomic<uint32_t> reads_shut_;
    dominoes::Atomic<uint32_t> writes_shut_;
    dominoes::Atomic<uint32_t> ring_wanted_;  // bytes; 0: none
    dominoes::Atomic<uint32_t> send_bytes_;

    WaitFlag reader_waits_;
    WaitFlag writer_waits_;
    User user_;
    Outbox outbox_;

    struct alignas(dominoes::kCacheLine) Released {
        dominoes::Atomic<uint64_t> offset{kGone};
    };
    Released released_[dominoes::kMaxReplicas];
};

}  // namespace scout
