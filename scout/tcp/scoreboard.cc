// SPDX-License-Identifier: GPL-2.0
#include "scout/tcp/scoreboard.hh"

namespace scout {

void Scoreboard::sent(uint64_t una, uint64_t end, uint64_t now_ns, uint64_t grain_ns) {
    if (count_ > 0) {
        SentRun& last = at(count_ - 1);
        if (last.flags == 0 && now_ns - last.sent_ns <= grain_ns) {
            last.end = static_cast<uint32_t>(end);
            return;
        }
    }
    if (count_ == kMax) join(true);
    if (count_ == kMax) {
        // Every second run is a hole: what the peer says of the last is forgotten.
        const uint64_t from = extend_seq(at(count_ - 2).end, una);
        SentRun& last = at(count_ - 1);
        set_flags(last, extend_seq(last.end, una) - from, 0);
        last.end = static_cast<uint32_t>(end);
        return;
    }
    ++count_;
    at(count_ - 1) = {now_ns, static_cast<uint32_t>(end), 0};
}

void Scoreboard::resent(uint64_t una, uint64_t start, uint64_t end, uint64_t now_ns) {
    if (count_ == kMax) make_room(una);
    // Without room for the second cut all that is lost there counts as sent again: what was not is
    // found lost once more, by what is sent later or by a timeout.
    if (!cut(una, start) || !cut(una, end)) {
        const SeqRange lost = first_lost(una);
        if (lost.start != start) return;
        end = lost.end;
    }
    for_runs(una, start, end, [&](SentRun& run, uint64_t from, uint64_t to) {
        if (run.is(SentRun::kSacked)) return;
        set_flags(run, to - from, (run.flags & ~uint32_t{SentRun::kLost}) | SentRun::kResent);
        run.sent_ns = now_ns;
    });
    join();
}

void Scoreboard::lose(uint64_t una, uint64_t start, uint64_t end) {
    if (!cut(una, start) || !cut(una, end)) return;
    for_runs(una, start, end, [&](SentRun& run, uint64_t from, uint64_t to) {
        if (!run.is(SentRun::kSacked)) set_flags(run, to - from, run.flags | SentRun::kLost);
    });
}

void Scoreboard::forget_sacked(uint64_t una) {
    for_runs(una, una, ~uint64_t{0}, [&](SentRun& run, uint64_t from, uint64_t to) {
        set_flags(run, to - from, run.flags & ~uint32_t{SentRun::kSacked});
    });
}

void Scoreboard::forget_lost(uint64_t una) {
    for_runs(una, una, ~uint64_t{0}, [&](SentRun& run, uint64_t from, uint64_t to) {
        set_flags(run, to - from, run.flags & ~uint32_t{SentRun::kLost});
    });
}

SeqRange Scoreboard::first_lost(uint64_t una) const {
    uint64_t from = una;
    SeqRange lost{una, una};
    for (uint32_t i = 0; i < count_; ++i) {
        const uint64_t to = extend_seq(run(i).end, una);
        if (run(i).is(SentRun::kLost)) {
            if (lost.start == lost.end) lost.start = from;
            lost.end = to;
        } else if (lost.start != lost.end) {
            break;
        }
        from = to;
    }
    return lost;
}

uint64_t Scoreboard::last_start(uint64_t una) const {
    return count_ > 1 ? extend_seq(run(count_ - 2).end, una) : una;
}

bool Scoreboard::consistent(uint64_t una, uint64_t nxt) const {
    uint64_t sacked = 0, lost = 0, from = una;
    for (uint32_t i = 0; i < count_; ++i) {
        const uint64_t to = extend_seq(run(i).end, una);
        if (to <= from) return false;
        if (run(i).is(SentRun::kSacked)) sacked += to - from;
        if (run(i).is(SentRun::kLost)) lost += to - from;
        if (run(i).is(SentRun::kSacked) && run(i).is(SentRun::kLost)) return false;
        from = to;
    }
    return count_ <= kMax && from == nxt && sacked == sacked_bytes_ && lost == lost_bytes_;
}

// Makes `seq` the beginning of a run. False: there is no room.
bool Scoreboard::cut(uint64_t una, uint64_t seq) {
    if (seq == una) return true;
    uint32_t i = 0;
    while (i < count_ && extend_seq(at(i).end, una) < seq) ++i;
    if (i == count_ || extend_seq(at(i).end, una) == seq) return true;
    if (count_ == kMax) {
        join(true);
        if (count_ == kMax) return false;
        return cut(una, seq);
    }
    ++count_;
    for (uint32_t j = count_ - 1; j > i; --j) at(j) = at(j - 1);
    at(i).end = static_cast<uint32_t>(seq);
    return true;
}

// Joins neighbours that fared alike and were sent at the same time; or whenever they were.
void Scoreboard::join(bool whenever) {
    uint32_t kept = 0;
    for (uint32_t i = 1; i < count_; ++i) {
        SentRun& last = at(kept);
        const SentRun next = at(i);
        const bool together = next.sent_ns == last.sent_ns || whenever;
        if (next.flags == last.flags && together) {
            last.end = next.end;
            last.sent_ns = dominoes::min(last.sent_ns, next.sent_ns);
        } else {
            at(++kept) = next;
        }
    }
    if (count_ > 0) count_ = kept + 1;
}

// Joins runs, or else forgets the smallest selective acknowledgement after what fared otherwise:
// those bytes count as that does, and may be sent in vain.
void Scoreboard::make_room(uint64_t una) {
    join(true);
    if (count_ < kMax) return;
    uint32_t least = 0;
    uint64_t min_bytes = ~uint64_t{0};
    for (uint32_t i = 1; i < count_; ++i) {
        const uint64_t bytes = extend_seq(at(i).end, una) - extend_seq(at(i - 1).end, una);
        if (!at(i).is(SentRun::kSacked) || at(i - 1).is(SentRun::kSacked) || bytes >= min_bytes)
            continue;
        least = i;
        min_bytes = bytes;
    }
    if (least == 0) return;
    set_flags(at(least), min_bytes, at(least - 1).flags);
    join(true);
}

void Scoreboard::account(const SentRun& run, uint64_t bytes, bool more) {
    const uint64_t change = more ? bytes : -bytes;
    if (run.is(SentRun::kSacked)) sacked_bytes_ += change;
    if (run.is(SentRun::kLost)) lost_bytes_ += change;
}

void Scoreboard::set_flags(SentRun& run, uint64_t bytes, uint32_t flags) {
    account(run, bytes, false);
    run.flags = flags;
    account(run, bytes, true);
}

}  // namespace scout
