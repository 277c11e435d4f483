// SPDX-License-Identifier: GPL-2.0
//
// Outbox: the requests that an application, or the device, posts to a connection. All of them are
// idempotent ("written up to here", "read up to here", "no more"), so a post that finds the channel
// full is kept as a bit, and published when there is room: the application never loses one and
// never waits for the channel.
#pragma once

#include "dominoes/ring_channel.hh"
#include "dominoes/snapshot.hh"
#include "scout/tcp/event.hh"

namespace scout {

class Outbox : dominoes::Pinned {
public:
    // In the order in which those that are posted together are published.
    enum Post : uint32_t {
        kConnect = 1u << 0,
        kCloseReads = 1u << 1,
        kSend = 1u << 2,
        kRead = 1u << 3,
        kOption = 1u << 4,
        kShutdown = 1u << 5,
        kAbort = 1u << 6,
        kDebug = 1u << 7,
        kRing = 1u << 8,
        kLink = 1u << 9,
    };

    // `read` and `written` are the application's stream positions.
    Outbox(dominoes::RingChannel& channel, const dominoes::Atomic<uint64_t>& read,
           const dominoes::Atomic<uint64_t>& written);

    // Publishes a request for each of `posts` now, or as soon as the channel has room. Context:
    // any.
    void post(uint32_t posts);

    // What the posts of the same name carry; to be set before they are posted.
    // One caller at a time. `push`: as in OptionEvent.
    void set_options(const TcpOptions& options, bool push) {
        options_.publish(options);
        if (push) push_.store_release(1);
    }
    void set_abort(uint32_t error, bool silent) {
        uint64_t none = 0;  // the first reason stands
        abort_.compare_exchange_acq_rel(none, kAbortSet | uint64_t{silent} << 32 | error);
    }
    void set_corrupt(uint32_t replica) { corrupt_.store_release(replica); }
    void set_ring(uint32_t bytes) { ring_.store_release(bytes); }
    void set_link(uint32_t mtu, uint32_t max_piece) {
        link_.store_release(uint64_t{mtu} << 32 | max_piece);
    }

private:
    static constexpr uint64_t kAbortSet = uint64_t{1} << 63;

    static void space(void* context) { static_cast<Outbox*>(context)->flush(); }
    void flush();
    void flush_once();
    uint32_t try_posts(uint32_t posts);
    bool try_post(Post post);
    void fill(Post post, dominoes::Request& request);

    dominoes::RingChannel& channel_;
    const dominoes::Atomic<uint64_t>& read_;
    const dominoes::Atomic<uint64_t>& written_;
    dominoes::Atomic<uint32_t> wanted_;
    dominoes::Atomic<uint32_t> flushers_;  // how many have come since the one at it began a round
    dominoes::Snapshot<TcpOptions> options_;
    dominoes::Atomic<uint32_t> push_;
    dominoes::Atomic<uint64_t> abort_;
    dominoes::Atomic<uint32_t> corrupt_;
    dominoes::Atomic<uint32_t> ring_;
    dominoes::Atomic<uint64_t> link_;
};

}  // namespace scout
