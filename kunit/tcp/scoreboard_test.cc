// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/scoreboard.hh"

#include "kunit/framework.hh"

namespace scout {
namespace {

using kunit::Check;

constexpr uint64_t kUna = kSeqBase + 0xfffff000;  // the flight goes through the wrap
constexpr uint64_t kMs = 1'000'000;

struct Board {
    Scoreboard board{};
    uint64_t una = kUna;
    uint64_t nxt = kUna;

    void send(uint64_t bytes, uint64_t at_ms, uint64_t grain_ms = 0) {
        nxt += bytes;
        board.sent(una, nxt, at_ms * kMs, grain_ms * kMs);
    }
    // Returns how many bytes were news.
    uint64_t sack(uint64_t start, uint64_t end) {
        const uint64_t before = board.sacked_bytes();
        board.sack(una, kUna + start, kUna + end, [](const SentRun&, uint64_t) {});
        return board.sacked_bytes() - before;
    }
    void acknowledge(uint64_t ack) {
        board.acknowledge(una, kUna + ack, [](const SentRun&, uint64_t) {});
        una = kUna + ack;
    }
    void lose(uint64_t start, uint64_t end) { board.lose(una, kUna + start, kUna + end); }
    void resend(uint64_t start, uint64_t end, uint64_t at_ms) {
        board.resent(una, kUna + start, kUna + end, at_ms * kMs);
    }
    bool consistent() const { return board.consistent(una, nxt); }
};

void sent__one_run_for_one_time(Check& check) {
    Board b;
    b.send(1000, 1);
    b.send(1000, 1);
    EXPECT_EQ(b.board.count(), 1);
    b.send(1000, 2);
    EXPECT_EQ(b.board.count(), 2);
    b.send(1000, 3, 1);  // within the grain of the run before
    EXPECT_EQ(b.board.count(), 2);
    EXPECT_EQ(b.board.run(1).sent_ns, 2 * kMs);
    EXPECT(b.consistent());
}

void last_start__of_what_was_sent_last(Check& check) {
    Board b;
    EXPECT_EQ(b.board.last_start(b.una), kUna);
    b.send(3000, 1);
    EXPECT_EQ(b.board.last_start(b.una), kUna);
    b.send(1, 2);
    EXPECT_EQ(b.board.last_start(b.una), kUna + 3000);
    b.acknowledge(3000);
    EXPECT_EQ(b.board.last_start(b.una), kUna + 3000);
}

void sack__splits_and_joins(Check& check) {
    Board b;
    b.send(10000, 1);
    EXPECT_EQ(b.sack(2000, 3000), 1000);
    EXPECT_EQ(b.board.count(), 3);
    EXPECT_EQ(b.sack(2000, 4000), 1000);
    EXPECT_EQ(b.board.count(), 3);
    EXPECT_EQ(b.sack(2500, 3500), 0);
    EXPECT(b.consistent());
}

void acknowledge__tells_what_is_news(Check& check) {
    Board b;
    b.send(3000, 1);
    b.send(3000, 2);
    b.sack(1000, 2000);
    uint64_t calls = 0, last = 0;
    b.board.acknowledge(b.una, kUna + 4000, [&](const SentRun&, uint64_t end) {
        ++calls;
        last = end;
    });
    b.una = kUna + 4000;
    EXPECT_EQ(calls, 3);  // not of what was known
    EXPECT_EQ(last, kUna + 4000);
    EXPECT_EQ(b.board.sacked_bytes(), 0);
    EXPECT(b.consistent());
    b.acknowledge(6000);
    EXPECT_EQ(b.board.count(), 0);
    EXPECT(b.consistent());
}

void lose__and_send_again(Check& check) {
    Board b;
    b.send(10000, 1);
    b.sack(4000, 10000);
    b.lose(0, 4000);
    EXPECT_EQ(b.board.lost_bytes(), 4000);
    b.resend(0, 1000, 5);
    EXPECT_EQ(b.board.lost_bytes(), 3000);
    const SeqRange rest = b.board.first_lost(b.una);
    EXPECT_EQ(rest.start, kUna + 1000);
    EXPECT_EQ(rest.end, kUna + 4000);
    EXPECT_EQ(b.board.run(0).sent_ns, 5 * kMs);
    EXPECT(b.board.run(0).is(SentRun::kResent));
    b.sack(1000, 2000);  // it was late
    EXPECT_EQ(b.board.lost_bytes(), 2000);
    EXPECT(b.consistent());
}

void lose__spares_what_is_sacked(Check& check) {
    Board b;
    b.send(3000, 1);
    b.sack(1000, 2000);
    b.lose(0, 3000);
    EXPECT_EQ(b.board.lost_bytes(), 2000);
    b.board.forget_sacked(b.una);
    EXPECT_EQ(b.board.sacked_bytes(), 0);
    b.board.forget_lost(b.una);
    EXPECT_EQ(b.board.lost_bytes(), 0);
    EXPECT(b.consistent());
}

void sent__full_of_times(Check& check) {
    Board b;
    for (uint32_t i = 0; i < 10 * Scoreboard::kMax; ++i) {
        b.send(1000, i);
        EXPECT(b.board.count() <= Scoreboard::kMax);
    }
    EXPECT(b.consistent());
    // Joined, they count as sent when the first was.
    EXPECT_EQ(b.board.run(0).sent_ns, 0);
}

void sent__full_of_holes(Check& check) {
    Board b;
    for (uint32_t i = 0; i < 2 * Scoreboard::kMax; ++i) {
        b.send(1000, 1);
        if (i % 2) b.sack(1000 * i, 1000 * i + 1000);
        EXPECT(b.consistent());
    }
    EXPECT_EQ(b.board.count(), Scoreboard::kMax);
    b.sack(500, 700);  // no room to remember it
    EXPECT(b.consistent());
    b.lose(0, b.nxt - b.una);
    EXPECT(b.board.lost_bytes() > 0);
    b.resend(0, 1000, 9);
    EXPECT(b.consistent());
    b.acknowledge(1000);
    EXPECT(b.consistent());
}

// What is sent again is exactly that, or the rest of its run would wait for a timeout: the smallest
// selective acknowledgement makes room.
void resent__makes_room(Check& check) {
    Board b;
    for (uint32_t i = 0; i < Scoreboard::kMax / 2; ++i) {
        const uint64_t start = b.nxt - b.una, sacked = i == 9 ? 500 : 1000;
        b.send(3000 + sacked, 1);
        b.sack(start + 3000, start + 3000 + sacked);
    }
    b.lose(0, b.nxt - b.una);
    REQUIRE_EQ(b.board.count(), Scoreboard::kMax);
    const uint64_t lost = b.board.lost_bytes(), sacked = b.board.sacked_bytes();
    b.resend(0, 1000, 5);
    EXPECT_EQ(b.board.first_lost(b.una).start, kUna + 1000);
    EXPECT_EQ(b.board.sacked_bytes(), sacked - 500);
    EXPECT_EQ(b.board.lost_bytes(), lost - 1000 + 500);
    EXPECT(b.consistent());
    // From now on what was sent again is joined, at the price of when.
    b.resend(1000, 2000, 6);
    EXPECT_EQ(b.board.first_lost(b.una).start, kUna + 2000);
    EXPECT_EQ(b.board.sacked_bytes(), sacked - 500);
    EXPECT(b.consistent());
}

// Against a byte by byte picture.
void everything__as_a_byte_map(Check& check) {
    static constexpr uint32_t kBytes = 600;
    kunit::Dice dice(7);
    for (uint32_t round = 0; round < check.scale(300, 10); ++round) {
        Board b;
        uint8_t flags[kBytes] = {};
        b.send(kBytes, 1);
        uint64_t una = 0;
        for (uint32_t i = 0; i < 60 && una < kBytes; ++i) {
            const uint64_t start = una + dice.below(kBytes - una);
            const uint64_t end = start + 1 + dice.below(kBytes - start);
            const uint64_t what = dice.below(8);
            for (uint64_t at = start; what < 6 && at < end; ++at) {
                if (what < 3) flags[at] = SentRun::kSacked;
                if (what >= 3 && !(flags[at] & SentRun::kSacked)) flags[at] = SentRun::kLost;
            }
            if (what < 3) b.sack(start, end);
            if (what >= 3 && what < 6) b.lose(start, end);
            if (what == 6) b.acknowledge(una = start + 1);
            uint64_t sacked = 0, lost = 0;
            for (uint64_t at = una; at < kBytes; ++at) {
                sacked += flags[at] == SentRun::kSacked;
                lost += flags[at] == SentRun::kLost;
            }
            EXPECT_EQ(b.board.sacked_bytes(), sacked);
            EXPECT_EQ(b.board.lost_bytes(), lost);
            EXPECT(b.consistent());
        }
    }
}

constexpr kunit::Test kTests[] = {
    TEST(sent__one_run_for_one_time), TEST(last_start__of_what_was_sent_last),
    TEST(sack__splits_and_joins),     TEST(acknowledge__tells_what_is_news),
    TEST(lose__and_send_again),       TEST(lose__spares_what_is_sacked),
    TEST(sent__full_of_times),        TEST(sent__full_of_holes),
    TEST(resent__makes_room),         TEST(everything__as_a_byte_map),
};

}  // namespace
}  // namespace scout

namespace kunit {

extern const Suite tcp_scoreboard_suite = SUITE("tcp_scoreboard", scout::kTests);

}  // namespace kunit
