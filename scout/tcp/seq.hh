// SPDX-License-Identifier: GPL-2.0
//
// Sequence numbers extended to 64 bits, and small sorted sets of ranges of them.
//
// A connection's first sequence number becomes 2^32 + ISS, so that subtracting what can be
// subtracted never goes below zero, and comparisons are plain ones.
#pragma once

#include "dominoes/base.hh"

namespace scout {

inline constexpr uint64_t kSeqBase = uint64_t{1} << 32;

// The extended sequence number nearest to `near` whose low 32 bits are `wire`. `near` >= kSeqBase.
constexpr uint64_t extend_seq(uint32_t wire, uint64_t near) {
    return near + static_cast<uint64_t>(static_cast<int64_t>(
                      static_cast<int32_t>(wire - static_cast<uint32_t>(near))));
}

// a - b, or 0 if that is negative.
constexpr uint64_t minus(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

// [start, end).
struct SeqRange {
    uint64_t start;
    uint64_t end;
};

// Disjoint, not adjacent, ascending ranges; a bounded number of them. Plain data without padding,
// and small: only the low 32 bits are kept, so what is asked for must lie within 2^31 of what is in
// the set. What is beyond `count` is zero, so that equal sets are equal bytes.
template <uint32_t kCapacity>
class SeqSet {
public:
    static constexpr uint32_t kMax = kCapacity;

    bool empty() const { return count_ == 0; }
    uint32_t count() const { return count_; }
    // The `i`-th range, extended next to `near`.
    SeqRange at(uint32_t i, uint64_t near) const {
        return {extend_seq(ranges_[i].start, near), extend_seq(ranges_[i].end, near)};
    }
    SeqRange last(uint64_t near) const { return at(count_ - 1, near); }

    // Adds [start, end), joining what it touches. False, and nothing changed, if there is no room.
    bool add(uint64_t start, uint64_t end) {
        uint32_t first = 0;
        while (first < count_ && after(ranges_[first].end, start) < 0) ++first;
        uint32_t beyond = first;  // the first range that [start, end) does not touch
        while (beyond < count_ && after(ranges_[beyond].start, end) <= 0) ++beyond;
        if (beyond == first) {
            if (count_ == kMax) return false;
            for (uint32_t i = count_; i > first; --i) ranges_[i] = ranges_[i - 1];
            ++count_;
        } else {
            start = dominoes::min(start, at(first, start).start);
            end = dominoes::max(end, at(beyond - 1, end).end);
            remove(first + 1, beyond);
        }
        ranges_[first] = {static_cast<uint32_t>(start), static_cast<uint32_t>(end)};
        return true;
    }

    // Takes [start, end) out. False, and nothing changed, if that cuts a range in two and there is
    // no room for one more.
    bool subtract(uint64_t start, uint64_t end) {
        uint32_t first = 0;
        while (first < count_ && after(ranges_[first].end, start) <= 0) ++first;
        uint32_t beyond = first;  // the first range that [start, end) does not cut
        while (beyond < count_ && after(ranges_[beyond].start, end) < 0) ++beyond;
        if (beyond == first) return true;
        const bool head = after(ranges_[first].start, start) < 0;
        const bool tail = after(ranges_[beyond - 1].end, end) > 0;
        if (head && tail && beyond - first == 1) {
            if (count_ == kMax) return false;
            for (uint32_t i = count_; i > first; --i) ranges_[i] = ranges_[i - 1];
            ++count_;
            ++beyond;
        }
        if (head) ranges_[first].end = static_cast<uint32_t>(start);
        if (tail) ranges_[beyond - 1].start = static_cast<uint32_t>(end);
        remove(first + head, beyond - tail);
        return true;
    }

    void clear() { remove(0, count_); }

    // Removes every range that starts at or before `seq`.
    void drop_through(uint64_t seq) {
        uint32_t beyond = 0;
        while (beyond < count_ && after(ranges_[beyond].start, seq) <= 0) ++beyond;
        remove(0, beyond);
    }

    // Which range holds `seq`; kMax if none does.
    uint32_t find(uint64_t seq) const {
        for (uint32_t i = 0; i < count_; ++i)
            if (after(ranges_[i].start, seq) <= 0 && after(ranges_[i].end, seq) > 0) return i;
        return kMax;
    }

    // The first part of [start, end) that is not in the set; empty (start == end) if all of it is.
    SeqRange first_hole(uint64_t start, uint64_t end) const {
        for (uint32_t i = 0; i < count_ && start < end; ++i) {
            const SeqRange range = at(i, start);
            if (range.end <= start) continue;
            if (range.start > start) return {start, dominoes::min(end, range.start)};
            start = range.end;
        }
        return {dominoes::min(start, end), end};
    }

    // Whether any of [start, end) is in the set.
    bool touches(uint64_t start, uint64_t end) const {
        for (uint32_t i = 0; i < count_; ++i)
            if (after(ranges_[i].start, end) < 0 && after(ranges_[i].end, start) > 0) return true;
        return false;
    }
    // Whether all of [start, end), which is not empty, is.
    bool covers(uint64_t start, uint64_t end) const { return first_hole(start, end).start == end; }

    // For tests: whether the unused entries are zero.
    bool tidy() const {
        for (uint32_t i = count_; i < kMax; ++i)
            if (ranges_[i].start != 0 || ranges_[i].end != 0) return false;
        return count_ <= kMax;
    }

private:
    struct Entry {
        uint32_t start;
        uint32_t end;
    };

    // How far `wire` is after `seq`; negative: before.
    static int64_t after(uint32_t wire, uint64_t seq) {
        return static_cast<int32_t>(wire - static_cast<uint32_t>(seq));
    }

    void remove(uint32_t from, uint32_t to) {
        const uint32_t gone = to - from;
        if (gone == 0) return;
        for (uint32_t i = to; i < count_; ++i) ranges_[i - gone] = ranges_[i];
        for (uint32_t i = count_ - gone; i < count_; ++i) ranges_[i] = {};
        count_ -= gone;
    }

    uint32_t count_;
    Entry ranges_[kMax];
};

// What has been received out of order: with so many TcpState fits a page.
using SeqRanges = SeqSet<104>;

}  // namespace scout
