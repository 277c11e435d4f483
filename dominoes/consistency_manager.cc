// SPDX-License-Identifier: GPL-2.0
//
// A post is one word: 48 bits of the digest, and 16 that tell which lap of the table it is from.
// The first replica at a position puts its post by CAS; the CAS of every other fails or finds the
// lap there, so it compares. Any two replicas are thereby compared with the same third, or with
// each other. The word carries nothing but itself, so its orders are relaxed: one variable's
// modification order is enough.
#include "dominoes/consistency_manager.hh"

namespace dominoes {

namespace {

constexpr uint64_t kPrime1 = 0x9e3779b97f4a7c15;
constexpr uint64_t kPrime2 = 0xd6e8feb86659fd93;
constexpr uint64_t kLapMask = 0xffff;

uint64_t word_at(const uint8_t* bytes) {
    uint64_t word;
    __builtin_memcpy(&word, bytes, sizeof word);
    return word;
}

// Each step of this is a bijection of what it is given, so no single difference is ever lost.
uint64_t mix(uint64_t hash, uint64_t prime) {
    hash *= prime;
    return hash ^ hash >> 32;
}

}  // namespace

// Two lanes: a multiplication takes three or four cycles, and the next one of a lane waits for it.
uint64_t digest(const void* data, size_t bytes) {
    const auto* at = static_cast<const uint8_t*>(data);
    uint64_t even = bytes;
    uint64_t odd = kPrime1;
    size_t left = bytes / 8;
    for (; left >= 2; left -= 2, at += 16) {
        even = mix(even ^ word_at(at), kPrime1);
        odd = mix(odd ^ word_at(at + 8), kPrime2);
    }
    if (left) even = mix(even ^ word_at(at), kPrime1);
    return mix(mix(mix(even, kPrime2) + odd, kPrime1), kPrime2);
}

ConsistencyManager* ConsistencyManager::create(uint32_t interval, uint32_t lag_bound) {
    DOMINOES_ASSERT(interval == 0 || is_power_of_two(interval));
    Atomic<uint64_t>* posts = nullptr;
    uint32_t count = 0;
    if (interval) {
        // One more than fit into the bound, so that nobody overwrites what another has yet to
        // compare.
        count = static_cast<uint32_t>(round_up_to_power_of_two(lag_bound / interval + 2));
        posts = static_cast<Atomic<uint64_t>*>(dominoes_alloc(sizeof *posts * count));
        if (!posts) return nullptr;
        for (uint32_t i = 0; i < count; ++i) new (&posts[i]) Atomic<uint64_t>;
    }
    auto* manager = make<ConsistencyManager>(interval, lag_bound, posts, count);
    if (!manager) dominoes_free(posts);
    return manager;
}

bool ConsistencyManager::post(uint64_t position, uint64_t digest) {
    const uint64_t turn = position / interval_;
    const uint64_t lap = (turn / count_ + 1) & kLapMask;  // an unused word is of lap 0
    const uint64_t mine = (mix(digest, kPrime2) & ~kLapMask) | lap;
    Atomic<uint64_t>& post = posts_[turn & (count_ - 1)];
    for (uint64_t found = post.load_relaxed();;) {  // again only if another has posted
        const auto ahead = static_cast<int16_t>((found & kLapMask) - lap);
        if (ahead > 0) return true;  // cannot be, while the bound holds
        if (ahead == 0) {
            checks_.fetch_add_relaxed(1);
            return found == mine || mismatches_.fetch_add_relaxed(1) != 0;
        }
        if (post.compare_exchange_relaxed(found, mine)) return true;
    }
}

bool ConsistencyManager::stalls(uint32_t replica, uint64_t cursor, uint64_t lag, uint64_t now_ns) {
    if (lag < stall_lag() || stalled(replica)) return false;
    Watched& watched = watched_[replica];
    if (moved(watched, cursor, now_ns)) return false;
    // Who asks may have taken its time before another wrote this one.
    const auto still = static_cast<int64_t>(now_ns - watched.since_ns.load_relaxed());
    if (still < static_cast<int64_t>(kStallNs)) return false;
    uint32_t not_yet = 0;
    return watched.stalled.compare_exchange_relaxed(not_yet, 1);
}

// Whether it is elsewhere than when it was last looked at; that is noted. (1) release: whoever
// finds the new cursor (2) counts from the time that belongs to it, or a later one.
bool ConsistencyManager::moved(Watched& watched, uint64_t cursor, uint64_t now_ns) {
    const bool known = watched.cursor.load_acquire() == cursor;  // (2)
    if (known && watched.since_ns.load_relaxed() != 0) return false;
    watched.since_ns.store_relaxed(now_ns);
    watched.cursor.store_release(cursor);  // (1)
    return true;
}

void ConsistencyManager::goes_on(uint32_t replica, uint64_t lag) {
    if (lag < lag_bound_ / 2) watched_[replica].stalled.store_relaxed(0);
}

}  // namespace dominoes
