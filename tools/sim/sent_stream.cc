// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/sent_stream.hh"

#include <algorithm>

#include "tools/sim/pattern.hh"

namespace sim {

SentStream::SentStream(uint64_t key) : keys_{key, Random::mixed(~key)} {}

void SentStream::send(uint64_t offset, uint32_t version, std::span<uint8_t> out) {
    fill_pattern(keys_[version], offset, out);
    sent_[version].add(offset, offset + out.size());
}

bool SentStream::was_sent(uint64_t offset, uint8_t byte) const {
    for (uint32_t i = 0; i < kVersions; ++i) {
        if (first_wrong(keys_[i], offset, {&byte, 1}) == 1 && sent_[i].contains(offset, offset + 1))
            return true;
    }
    return false;
}

size_t SentStream::first_unsent(uint64_t offset, std::span<const uint8_t> data) const {
    const bool plain = first_wrong(keys_[0], offset, data) == data.size();
    if (plain && sent_[0].contains(offset, offset + data.size())) return data.size();
    size_t i = 0;
    while (i < data.size() && was_sent(offset + i, data[i])) ++i;
    return i;
}

bool SentStream::may_end(uint64_t offset) const {
    return std::find(ends_.begin(), ends_.end(), offset) != ends_.end();
}

}  // namespace sim
