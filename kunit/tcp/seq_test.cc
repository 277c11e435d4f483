// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/seq.hh"
#include "kunit/test.hh"

namespace scout {
namespace {

using kunit::Check;

void extend_seq__nearest(Check& check) {
    const uint64_t near = kSeqBase + 0xfffffff0;
    EXPECT_EQ(extend_seq(0xfffffff0, near), near);
    EXPECT_EQ(extend_seq(5, near), near + 21);
    EXPECT_EQ(extend_seq(0xffffffe0, near), near - 16);
    EXPECT_EQ(extend_seq(0xffffffff, kSeqBase), kSeqBase - 1);
}

// The model is a bit for each number.
void ranges__as_a_bit_map(Check& check) {
    constexpr uint64_t kAt = 3 * kSeqBase - 120;  // across a wrap
    SeqRanges set = {};
    uint8_t model[256] = {};
    uint64_t chance = 7;
    for (uint32_t round = 0; round < check.scale(20000, 1000); ++round) {
        chance = chance * 6364136223846793005 + 1442695040888963407;
        const uint32_t start = static_cast<uint32_t>(chance >> 56);
        const uint32_t end =
            dominoes::min(256u, start + 1 + static_cast<uint32_t>(chance >> 40) % 9);
        if (round % 50 == 49) {
            set.drop_through(kAt + start);
            const bool inside = model[start];
            for (uint32_t i = 0; i < 256 && (i <= start || (inside && model[i])); ++i) model[i] = 0;
        } else if (round % 5 == 4) {
            const bool all = set.covers(kAt + start, kAt + end);
            const bool any = set.touches(kAt + start, kAt + end);
            bool is_all = true, is_any = false;
            for (uint32_t i = start; i < end; ++i) {
                is_all &= model[i] != 0;
                is_any |= model[i] != 0;
            }
            EXPECT(all == is_all && any == is_any);
            if (set.subtract(kAt + start, kAt + end))
                for (uint32_t i = start; i < end; ++i) model[i] = 0;
        } else if (set.add(kAt + start, kAt + end)) {
            for (uint32_t i = start; i < end; ++i) model[i] = 1;
        }
        for (uint32_t i = 0; i < 256; ++i)
            EXPECT_EQ(set.find(kAt + i) != SeqRanges::kMax, model[i]);
        EXPECT(set.tidy());
        const SeqRange hole = set.first_hole(kAt + 3, kAt + 256);
        uint32_t first = 3;
        while (first < 256 && model[first]) ++first;
        EXPECT_EQ(hole.start - kAt, first);
        if (check.failed()) return;
    }
}

void ranges__full_set_still_joins(Check& check) {
    SeqRanges set = {};
    for (uint64_t i = 0; i < SeqRanges::kMax; ++i)
        EXPECT(set.add(kSeqBase + 10 * i, kSeqBase + 10 * i + 5));
    EXPECT(!set.add(kSeqBase + 7, kSeqBase + 8));
    EXPECT_EQ(set.count(), SeqRanges::kMax);
    EXPECT(set.add(kSeqBase + 5, kSeqBase + 10));
    EXPECT_EQ(set.count(), SeqRanges::kMax - 1);
}

void ranges__full_set_is_not_cut_in_two(Check& check) {
    using Few = SeqSet<2>;
    Few set = {};
    EXPECT(set.add(kSeqBase, kSeqBase + 10) && set.add(kSeqBase + 20, kSeqBase + 30));
    EXPECT(!set.subtract(kSeqBase + 4, kSeqBase + 6));
    EXPECT(set.covers(kSeqBase, kSeqBase + 10) && !set.touches(kSeqBase + 10, kSeqBase + 20));
    EXPECT(set.subtract(kSeqBase + 5, kSeqBase + 25));
    EXPECT(set.covers(kSeqBase, kSeqBase + 5) && set.covers(kSeqBase + 25, kSeqBase + 30));
    EXPECT(!set.touches(kSeqBase + 5, kSeqBase + 25));
    EXPECT(set.subtract(kSeqBase, kSeqBase + 30) && set.empty() && set.tidy());
}

constexpr kunit::Test kTests[] = {
    TEST(extend_seq__nearest),
    TEST(ranges__as_a_bit_map),
    TEST(ranges__full_set_still_joins),
    TEST(ranges__full_set_is_not_cut_in_two),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_seq_suite = SUITE("tcp_seq", scout::kTests);

}  // namespace kunit
