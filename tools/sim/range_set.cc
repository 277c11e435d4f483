// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/range_set.hh"

#include <algorithm>

namespace sim {

void RangeSet::add(uint64_t start, uint64_t end) {
    if (start >= end) return;
    auto first = std::lower_bound(ranges_.begin(), ranges_.end(), start,
                                  [](const Range& range, uint64_t at) { return range.end < at; });
    auto last = first;
    for (; last != ranges_.end() && last->start <= end; ++last) {
        start = std::min(start, last->start);
        end = std::max(end, last->end);
    }
    if (first == last) {
        ranges_.insert(first, {start, end});
    } else {
        *first = {start, end};
        ranges_.erase(first + 1, last);
    }
}

bool RangeSet::contains(uint64_t start, uint64_t end) const {
    return std::any_of(ranges_.begin(), ranges_.end(), [=](const Range& range) {
        return range.start <= start && end <= range.end;
    });
}

}  // namespace sim
