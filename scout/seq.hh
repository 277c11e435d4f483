// SPDX-License-Identifier: GPL-2.0
//
// Sequence numbers extended to 64 bits, and small sorted sets of ranges of them.
//
// A connection's first sequence number becomes 2^32 + ISS, so that subtracting what can be subtracted
// never goes below zero, and comparisons are plain ones.
#pragma once

#include "dominoes/base.hh"

namespace scout {

inline constexpr uint64_t kSeqBase = uint64_t{1} << 32;

// The extended sequence number nearest to `near` whose low 32 bits are `wire`. `near` >= kSeqBase.
constexpr uint64_t extend_seq(uint32_t wire, uint64_t near) {
    return near + static_cast<uint64_t>(
                      static_cast<int64_t>(static_cast<int32_t>(wire - static_cast<uint32_t>(near))));
}

// a - b, or 0 if that is negative.
constexpr uint64_t minus(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

// [start, end).
struct SeqRange {
    uint64_t start;
    uint64_t end;
};

// Disjoint, not adjacent, ascending ranges; a bounded number of them. Plain data without padding.
// What is beyond `count` is zero, so that equal sets are equal bytes.
struct SeqRanges {
    static constexpr uint32_t kMost = 32;

    uint32_t count;
    uint32_t reserved;
    SeqRange ranges[kMost];

    bool empty() const { return count == 0; }
    const SeqRange& last() const { return ranges[count - 1]; }

    // Adds [start, end), joining what it touches. False, and nothing changed, if there is no room.
    bool add(uint64_t start, uint64_t end) {
        uint32_t first = 0;
        while (first < count && ranges[first].end < start) ++first;
        uint32_t beyond = first;  // the first range that [start, end) does not touch
        while (beyond < count && ranges[beyond].start <= end) ++beyond;
        if (beyond == first) {
            if (count == kMost) return false;
            for (uint32_t i = count; i > first; --i) ranges[i] = ranges[i - 1];
            ranges[first] = {start, end};
            ++count;
            return true;
        }
        ranges[first] = {dominoes::min(start, ranges[first].start),
                         dominoes::max(end, ranges[beyond - 1].end)};
        remove(first + 1, beyond);
        return true;
    }

    // Removes every range that starts at or before `seq`.
    void drop_through(uint64_t seq) {
        uint32_t beyond = 0;
        while (beyond < count && ranges[beyond].start <= seq) ++beyond;
        remove(0, beyond);
    }

    void clear() { remove(0, count); }

    // The range that holds `seq`, or nullptr.
    const SeqRange* find(uint64_t seq) const {
        for (uint32_t i = 0; i < count; ++i)
            if (ranges[i].start <= seq && seq < ranges[i].end) return &ranges[i];
        return nullptr;
    }

    // How many numbers of [start, end) are in the set.
    uint64_t covered(uint64_t start, uint64_t end) const {
        uint64_t total = 0;
        for (uint32_t i = 0; i < count; ++i)
            total += minus(dominoes::min(end, ranges[i].end), dominoes::max(start, ranges[i].start));
        return total;
    }

    // The first part of [start, end) that is not in the set; empty (start == end) if all of it is.
    SeqRange first_hole(uint64_t start, uint64_t end) const {
        for (uint32_t i = 0; i < count && start < end; ++i) {
            if (ranges[i].end <= start) continue;
            if (ranges[i].start > start) return {start, dominoes::min(end, ranges[i].start)};
            start = ranges[i].end;
        }
        return {dominoes::min(start, end), end};
    }

private:
    void remove(uint32_t from, uint32_t to) {
        const uint32_t gone = to - from;
        if (gone == 0) return;
        for (uint32_t i = to; i < count; ++i) ranges[i - gone] = ranges[i];
        for (uint32_t i = count - gone; i < count; ++i) ranges[i] = {};
        count -= gone;
    }
};

}  // namespace scout
