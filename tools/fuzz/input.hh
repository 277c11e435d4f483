// SPDX-License-Identifier: GPL-2.0
//
// Input: the fuzzer's bytes, taken from the front as numbers. Where they have run out there are
// zeros, so that every prefix of an input is one as well.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>

namespace fuzz {

class Input {
public:
    Input(const uint8_t* data, size_t size) : rest_(data, size) {}

    bool more() const { return !rest_.empty(); }
    size_t left() const { return rest_.size(); }
    uint8_t byte() { return take<uint8_t>(); }
    uint16_t word() { return take<uint16_t>(); }
    uint32_t dword() { return take<uint32_t>(); }
    uint64_t qword() { return take<uint64_t>(); }
    uint32_t below(uint32_t limit) { return byte() % limit; }
    // Mostly small, of either sign: what is added to a number that would be right.
    int32_t nearly() {
        const uint8_t kind = byte();
        if (kind < 128) return 0;
        if (kind < 192) return static_cast<int8_t>(byte());
        if (kind < 240) return static_cast<int16_t>(word());
        return static_cast<int32_t>(dword());
    }
    // At most `most` of what is left.
    std::span<const uint8_t> bytes(size_t most) {
        const std::span<const uint8_t> front = rest_.first(most < left() ? most : left());
        rest_ = rest_.subspan(front.size());
        return front;
    }
    template <typename T>
    T take() {
        T value{};
        const std::span<const uint8_t> front = bytes(sizeof value);
        if (!front.empty()) std::memcpy(static_cast<void*>(&value), front.data(), front.size());
        return value;
    }

private:
    std::span<const uint8_t> rest_;
};

// What must hold; else the input is a finding.
inline void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "finding: %s\n", what);
    std::abort();
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
