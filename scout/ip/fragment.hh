// SPDX-License-Identifier: GPL-2.0
//
// Fragments of IP datagrams, as far as they are numbers: whether one may be, and whether those of a
// datagram fit together (RFC 791 section 3.2, RFC 815). Where their bytes go is in
// scout/ip/reassembly.hh.
#pragma once

#include "scout/ip/header.hh"

namespace scout {

// Whether the fragment with this header can be part of any datagram.
enum class FragmentCheck {
    kOk,
    kEmpty,   // carries nothing
    kLength,  // not the last, and no multiple of 8 bytes
    kReach,   // the datagram would be longer than its length field can say
    kTiny,    // the transport's header is cut in two
};
FragmentCheck check_fragment(const IpHeader& header);

// Of which bytes of a datagram's payload a fragment consists.
struct FragmentRange {
    uint32_t begin;
    uint32_t end;
    bool last;  // nothing follows

    static constexpr FragmentRange of(const IpHeader& header) {
        const uint32_t bytes = header.total_bytes - header.header_bytes;
        return {header.fragment_bytes, header.fragment_bytes + bytes, !header.more_fragments};
    }
};

// What has come of one datagram.
class FragmentList {
public:
    // 64 KB through the smallest MTU that is met (576) are 119.
    static constexpr uint32_t kMax = 128;

    enum class Result {
        kAdded,
        kDuplicate,   // it is there already
        kOverlap,     // it shares bytes with others: RFC 5722 says why the datagram must go
        kContradict,  // the end of the datagram would be at two places
        kFull,
    };
    Result add(const FragmentRange& range);

    // Nothing is missing.
    bool complete() const { return total_ != 0 && bytes_ == total_; }
    // Of the datagram's payload; 0 while the last fragment is missing.
    uint32_t total_bytes() const { return total_; }

private:
    struct Range {
        uint16_t begin;
        uint16_t end;
    };

    bool contradicts(const FragmentRange& range) const;
    void insert(uint32_t at, const FragmentRange& range);

    Range ranges_[kMax];  // in order
    uint32_t count_ = 0;
    uint32_t bytes_ = 0;
    uint32_t total_ = 0;
};

}  // namespace scout
