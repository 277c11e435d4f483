// SPDX-License-Identifier: GPL-2.0
//
// Scoreboard: what became of the bytes in flight. It cuts [snd_una, snd_nxt) into runs of bytes
// that were sent at one time and have fared alike, which is what loss detection by time (RFC 8985)
// and selective acknowledgement (RFC 2018, RFC 6675) need to know of each segment.
//
// Plain data, and bounded: where it would not have room for one more run, neighbours that fared
// alike are joined and count as sent when the earlier was, and at last a selective acknowledgement
// is forgotten, which the peer has to repeat anyway (RFC 2018 section 4). It holds only the low 32
// bits of sequence numbers, so every call says where the flight begins.
#pragma once

#include "scout/tcp/seq.hh"

namespace scout {

struct SentRun {
    enum Flag : uint32_t {
        kSacked = 1,  // selectively acknowledged
        kLost = 2,    // thought to be lost, and not sent again since
        kResent = 4,  // sent more than once; sent_ns is the latest time
    };
    uint64_t sent_ns;
    uint32_t end;  // sequence number after it; it begins where the one before ends
    uint32_t flags;

    bool is(uint32_t flag) const { return flags & flag; }
};

class Scoreboard {
public:
    static constexpr uint32_t kMax = 128;

    uint32_t count() const { return count_; }
    const SentRun& run(uint32_t i) const { return runs_[(first_ + i) % kMax]; }
    // Bytes with that flag. What is sacked is never lost.
    uint64_t sacked_bytes() const { return sacked_bytes_; }
    uint64_t lost_bytes() const { return lost_bytes_; }

    // New data up to `end` was sent. What was sent less than `grain_ns` after the run before it may
    // be counted to that.
    void sent(uint64_t una, uint64_t end, uint64_t now_ns, uint64_t grain_ns);
    // [start, end) was sent again.
    void resent(uint64_t una, uint64_t start, uint64_t end, uint64_t now_ns);
    void lose(uint64_t una, uint64_t start, uint64_t end);
    // Each run that is in the network and for which lost(run, end).
    template <typename Lost>
    void lose_if(uint64_t una, Lost lost) {
        for_runs(una, una, ~uint64_t{0}, [&](SentRun& run, uint64_t from, uint64_t to) {
            if (run.is(SentRun::kSacked | SentRun::kLost) || !lost(run, to)) return;
            set_flags(run, to - from, run.flags | SentRun::kLost);
        });
    }

    // Everything before `ack`, which is beyond `una`, is acknowledged. Calls delivered(run, end)
    // for each run or part of one of which that is news.
    template <typename Delivered>
    void acknowledge(uint64_t una, uint64_t ack, Delivered delivered) {
        while (count_ > 0) {
            SentRun& head = at(0);
            const uint64_t end = extend_seq(head.end, una);
            if (!head.is(SentRun::kSacked)) delivered(head, dominoes::min(end, ack));
            account(head, dominoes::min(end, ack) - una, false);
            if (end > ack) return;
            una = end;
            first_ = (first_ + 1) % kMax;
            --count_;
            if (una == ack) return;
        }
    }

    // [start, end), within the flight, is selectively acknowledged; likewise.
    template <typename Delivered>
    void sack(uint64_t una, uint64_t start, uint64_t end, Delivered delivered) {
        if (!cut(una, start) || !cut(una, end)) return;
        for_runs(una, start, end, [&](SentRun& run, uint64_t from, uint64_t to) {
            if (run.is(SentRun::kSacked)) return;
            delivered(run, to);
            set_flags(run, to - from, (run.flags & ~uint32_t{SentRun::kLost}) | SentRun::kSacked);
        });
        join();
    }

    // The peer has taken back what it acknowledged selectively (RFC 2018 section 8), or may have.
    void forget_sacked(uint64_t una);
    // Nothing is lost after all.
    void forget_lost(uint64_t una);

    // The first bytes that are lost; empty if none are.
    SeqRange first_lost(uint64_t una) const;
    // Where the last run begins; `una` if there is none.
    uint64_t last_start(uint64_t una) const;

    // For tests: whether it covers [una, nxt), and its sums are right.
    bool consistent(uint64_t una, uint64_t nxt) const;

private:
    SentRun& at(uint32_t i) { return runs_[(first_ + i) % kMax]; }

    // Calls visit(run, start, end) for each run within [start, end), whose ends are cuts.
    template <typename Visit>
    void for_runs(uint64_t una, uint64_t start, uint64_t end, Visit visit) {
        uint64_t from = una;
        for (uint32_t i = 0; i < count_ && from < end; ++i) {
            const uint64_t to = extend_seq(at(i).end, una);
            if (from >= start && to <= end) visit(at(i), from, to);
            from = to;
        }
    }

    bool cut(uint64_t una, uint64_t seq);
    void join(bool whenever = false);
    void make_room(uint64_t una);
    void account(const SentRun& run, uint64_t bytes, bool more);
    void set_flags(SentRun& run, uint64_t bytes, uint32_t flags);

    uint64_t sacked_bytes_;
    uint64_t lost_bytes_;
    uint32_t first_;
    uint32_t count_;
    SentRun runs_[kMax];
};

}  // namespace scout
