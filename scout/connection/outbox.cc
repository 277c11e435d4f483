// SPDX-License-Identifier: GPL-2.0
#include "scout/connection/outbox.hh"

namespace scout {

using dominoes::Request;

Outbox::Outbox(dominoes::RingChannel& channel, const dominoes::Atomic<uint64_t>& read,
               const dominoes::Atomic<uint64_t>& written)
    : channel_(channel), read_(read), written_(written) {
    channel_.on_space(&Outbox::space, this);
}

void Outbox::post(uint32_t posts) {
    wanted_.fetch_or_acq_rel(posts);
    flush();
}

// One at a time. Whoever finds another at it only counts itself in, and the other goes round again:
// else the channel could tell of its space while the posts are in the hands of one who has just
// found none, and nobody would publish them. acq_rel: read-modify-writes of one variable, so that
// the last round sees the posts of all who came. While the one at it is preempted, the posts of
// others wait with it, and they themselves go on.
void Outbox::flush() {
    if (flushers_.fetch_add_acq_rel(1) != 0) return;
    uint32_t counted = 1;
    do flush_once();
    while (!flushers_.compare_exchange_acq_rel(counted, 0));
}

void Outbox::flush_once() {
    for (bool announced = false;;) {
        const uint32_t posts = wanted_.exchange_acq_rel(0);
        const uint32_t refused = posts ? try_posts(posts) : 0;
        if (!refused) return;
        wanted_.fetch_or_acq_rel(refused);
        if (announced || channel_.closed()) return;
        channel_.want_space();  // then once more: space made before this call would go unnoticed
        announced = true;
    }
}

// In the order of the bits, which is the order in which they make sense together: what was written
// goes before the end of writing, and first of all it is seen whether close() must reset. Returns
// those for which there was no room.
uint32_t Outbox::try_posts(uint32_t posts) {
    if (posts & kShutdown) posts |= kSend;
    for (uint32_t bit = 1; bit <= kLink; bit <<= 1) {
        if (!(posts & bit)) continue;
        if (!try_post(static_cast<Post>(bit))) return posts & ~(bit - 1);
    }
    return 0;
}

bool Outbox::try_post(Post post) {
    // Bulk posts leave room for what makes room: acknowledgements and timeouts.
    const uint32_t headroom = post == kSend   ? channel_.capacity() / 4
                              : post == kRead ? channel_.capacity() / 8
                                              : 0;
    Request* request = channel_.claim(headroom);
    if (!request) return false;
    fill(post, *request);
    channel_.publish(*request);
    return true;
}

// What a request carries is read once its place in the order is claimed, so that the latest value
// has the last word.
void Outbox::fill(Post post, Request& request) {
    request.now_ns = dominoes_now_ns();
    const Event stamp{.app_read = read_.load_acquire()};
    auto set = [&request](EventKind kind) { request.kind = static_cast<uint32_t>(kind); };
    switch (post) {
        case kConnect:
            set(EventKind::kConnect);
            request.as<Event>() = stamp;
            break;
        case kSend:
            set(EventKind::kSend);
            request.as<SendEvent>() = SendEvent{stamp, written_.load_acquire()};
            break;
        case kRead:
            set(EventKind::kRead);
            request.as<Event>() = stamp;
            break;
        case kOption: {
            // First this, which acquires: the options are then at least those that came with it.
            const uint32_t push = push_.exchange_acq_rel(0);
            set(EventKind::kOption);
            request.as<OptionEvent>() = OptionEvent{stamp, options_.read(), push, 0};
            break;
        }
        case kShutdown:
            set(EventKind::kShutdown);
            request.as<Event>() = stamp;
            break;
        case kCloseReads:
            set(EventKind::kCloseReads);
            request.as<Event>() = stamp;
            break;
        case kAbort: {
            const uint64_t abort = abort_.load_acquire();
            set(EventKind::kAbort);
            request.as<AbortEvent>() = AbortEvent{stamp, static_cast<uint32_t>(abort),
                                                  static_cast<uint32_t>(abort >> 32) & 1};
            break;
        }
        case kDebug:
            set(EventKind::kDebug);
            request.as<DebugEvent>() = DebugEvent{stamp, corrupt_.load_acquire(), 0};
            break;
        case kRing:
            set(EventKind::kRing);
            request.as<RingEvent>() = RingEvent{stamp, ring_.load_acquire(), 0};
            break;
        case kLink: {
            const uint64_t link = link_.load_acquire();
            set(EventKind::kLink);
            request.as<LinkEvent>() =
                LinkEvent{stamp, static_cast<uint32_t>(link >> 32), static_cast<uint32_t>(link)};
            break;
        }
    }
}

}  // namespace scout
