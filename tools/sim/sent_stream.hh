// SPDX-License-Identifier: GPL-2.0
//
// SentStream: all that a peer has ever sent of a stream. It may have sent different bytes for the
// same offset, and ends at several: whoever reads must have read one of those.
#pragma once

#include <span>
#include <vector>

#include "tools/sim/range_set.hh"

namespace sim {

class SentStream {
public:
    explicit SentStream(uint64_t key);

    // Fills in what is now sent from `offset` on, in one of its versions, and remembers that.
    static constexpr uint32_t kVersions = 2;
    void send(uint64_t offset, uint32_t version, std::span<uint8_t> out);
    void end(uint64_t offset) { ends_.push_back(offset); }

    // The index of the first byte that was never sent there; data.size() if all were.
    size_t first_unsent(uint64_t offset, std::span<const uint8_t> data) const;
    bool may_end(uint64_t offset) const;

private:
    bool was_sent(uint64_t offset, uint8_t byte) const;

    uint64_t keys_[kVersions];
    RangeSet sent_[kVersions];
    std::vector<uint64_t> ends_;
};

}  // namespace sim
