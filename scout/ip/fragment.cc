// SPDX-License-Identifier: GPL-2.0
#include "scout/ip/fragment.hh"

#include "scout/net/participants.hh"

namespace scout {

namespace {

bool length_possible(const FragmentRange& range) {
    return range.last || (range.end - range.begin) % 8 == 0;
}

bool within_reach(const FragmentRange& range, const IpHeader& header) {
    return header.header_bytes + range.end <= kIpMaxBytes;
}

// A TCP header in two fragments only serves to get past filters (RFC 1858, RFC 3128): no link has
// so small an MTU. Other headers are no longer than the unit of fragmentation.
bool header_in_one(const FragmentRange& range, const IpHeader& header) {
    constexpr uint32_t kTcpHeaderBytes = 20;  // without options
    if (header.protocol != kTcp) return true;
    const uint32_t edge = range.begin == 0 ? range.end : range.begin;
    return edge >= kTcpHeaderBytes;
}

}  // namespace

FragmentCheck check_fragment(const IpHeader& header) {
    const FragmentRange range = FragmentRange::of(header);
    if (range.begin == range.end) return FragmentCheck::kEmpty;
    if (!length_possible(range)) return FragmentCheck::kLength;
    if (!within_reach(range, header)) return FragmentCheck::kReach;
    return header_in_one(range, header) ? FragmentCheck::kOk : FragmentCheck::kTiny;
}

// A last fragment ends where all end; another one before that.
bool FragmentList::contradicts(const FragmentRange& range) const {
    if (!range.last) return total_ != 0 && range.end >= total_;
    if (total_ != 0) return range.end != total_;
    return count_ != 0 && ranges_[count_ - 1].end >= range.end;
}

// Most come in order: the search begins at the end.
FragmentList::Result FragmentList::add(const FragmentRange& range) {
    if (contradicts(range)) return Result::kContradict;
    uint32_t at = count_;
    while (at > 0 && ranges_[at - 1].begin > range.begin) --at;
    if (at > 0) {
        const Range& before = ranges_[at - 1];
        if (before.begin == range.begin && before.end == range.end) return Result::kDuplicate;
        if (before.end > range.begin) return Result::kOverlap;
    }
    if (at < count_ && ranges_[at].begin < range.end) return Result::kOverlap;
    if (count_ == kMax) return Result::kFull;
    insert(at, range);
    return Result::kAdded;
}

void FragmentList::insert(uint32_t at, const FragmentRange& range) {
    for (uint32_t i = count_; i > at; --i) ranges_[i] = ranges_[i - 1];
    ranges_[at] = {static_cast<uint16_t>(range.begin), static_cast<uint16_t>(range.end)};
    ++count_;
    bytes_ += range.end - range.begin;
    if (range.last) total_ = range.end;
}

}  // namespace scout
