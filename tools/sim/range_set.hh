// SPDX-License-Identifier: GPL-2.0
//
// RangeSet: which parts of a stream somebody has seen.
#pragma once

#include <cstdint>
#include <vector>

namespace sim {

// Disjoint ranges of sequence numbers, in order.
class RangeSet {
public:
    void add(uint64_t start, uint64_t end);
    bool contains(uint64_t start, uint64_t end) const;
    // The end of the range that begins at 0; 0: there is none.
    uint64_t prefix() const {
        return ranges_.empty() || ranges_.front().start ? 0 : ranges_.front().end;
    }
    // The end of the last one.
    uint64_t end() const { return ranges_.empty() ? 0 : ranges_.back().end; }

private:
    struct Range {
        uint64_t start;
        uint64_t end;
    };
    std::vector<Range> ranges_;
};

}  // namespace sim
