// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/script.hh"

#include <algorithm>

namespace sim {
namespace {

using scout::kAck;
using scout::kFin;
using scout::kRst;
using scout::kSyn;

// An honest end that has not come to one by then has been made impossible.
constexpr uint64_t kMaxEndNs = 120 * kSecond;

}  // namespace

const Script::Attack Script::kAttacks[] = {
    {"keeps to the rules", &Script::keeps_to_the_rules},
    {"acknowledges what was not sent", &Script::acknowledges_the_unsent},
    {"divides acknowledgements", &Script::divides_acknowledgements},
    {"repeats acknowledgements", &Script::repeats_acknowledgements},
    {"reneges", &Script::reneges},
    {"acknowledges nonsense", &Script::acknowledges_nonsense},
    {"shrinks its window", &Script::shrinks_its_window},
    {"shuts its window", &Script::shuts_its_window},
    {"opens its window by bytes", &Script::opens_it_by_bytes},
    {"sends small pieces", &Script::sends_small_pieces},
    {"contradicts itself", &Script::contradicts_itself},
    {"sends old data", &Script::sends_old_data},
    {"sends beyond the window", &Script::sends_beyond_the_window},
    {"ends at random", &Script::ends_at_random},
    {"sends SYNs", &Script::sends_syns},
    {"sends resets", &Script::sends_resets},
    {"turns its clock", &Script::turns_its_clock},
    {"echoes what was never sent", &Script::echoes_what_was_never_sent},
    {"sends urgent data", &Script::sends_urgent_data},
    {"sees congestion", &Script::sees_congestion},
    {"answers nothing", &Script::answers_nothing},
};

Script::Script(ScriptedConnection& connection, Scheduler& scheduler, Report& report, Random random)
    : connection_(connection),
      scheduler_(scheduler),
      report_(report),
      random_(random),
      attacks_left_(random_.between(1, 5)) {
    constexpr Stage kStages[] = {Stage::kOpening,   Stage::kOpen,   Stage::kHostEnding,
                                 Stage::kHostEnded, Stage::kEnding, Stage::kBothEnding};
    if (random_.one_in(4)) resets_at_ = random_.pick(kStages);
}

// --- how it goes on ---

Script::Stage Script::stage() const {
    if (!connection_.begun()) return Stage::kNowhere;
    if (!connection_.open()) return Stage::kOpening;
    if (connection_.has_ended())
        return connection_.host_has_ended() ? Stage::kBothEnding : Stage::kEnding;
    if (!connection_.host_has_ended()) return Stage::kOpen;
    return connection_.has_read_all() && connection_.acknowledged() == connection_.received()
               ? Stage::kHostEnded
               : Stage::kHostEnding;
}

void Script::look() {
    if (connection_.over()) {
        due_ns_ = UINT64_MAX;
        return;
    }
    const Stage now = stage();
    if (now == resets_at_ && now != Stage::kNowhere) return reset();
    if (begun_ || !connection_.open()) return;
    begun_ = true;
    begin_attack();
}

void Script::act() {
    due_ns_ = UINT64_MAX;
    if (connection_.over()) return;
    if (finishing_) return connection_.end(random_.one_in(2));
    wait(300 * kMillisecond);  // unless the attack has another idea
    (this->*attack_->turn)();
    ++turn_;
    if (turns_left_-- > 0) return look();
    if (!random_.one_in(4)) connection_.manners = {};
    if (attacks_left_ == 0) return finish();
    begin_attack();
    look();
}

void Script::wait(uint64_t max_ns) { due_ns_ = scheduler_.now_ns() + random_.any_size(max_ns); }

void Script::begin_attack() {
    --attacks_left_;
    attack_ = &random_.pick(kAttacks);
    turn_ = 0;
    turns_left_ = random_.below(8);
    report_.note(scheduler_.now_ns(), "the peer at port %u %s", connection_.port(), attack_->name);
    wait(100 * kMillisecond);
}

void Script::finish() {
    report_.note(scheduler_.now_ns(), "the peer at port %u comes to its end", connection_.port());
    finishing_ = true;
    due_ns_ = scheduler_.now_ns() + kMaxEndNs;
    switch (random_.below(4)) {
        case 0:
            return connection_.end(false);
        case 1:
            return reset();
        case 2:
            return connection_.be_honest(true);
        case 3:  // half-closed, it goes on reading
            connection_.be_honest(false);
            if (random_.one_in(2)) connection_.manners.window = 1 + random_.any_size(3000);
            return;
    }
}

void Script::reset() {
    ScriptedConnection::Segment segment = connection_.right();
    segment.flags = random_.one_in(2) ? kRst : kRst | kAck;
    if (!connection_.open()) segment.seq = segment.flags & kAck ? 0 : 1, segment.ack = 1;
    connection_.send(segment);
    connection_.end(random_.one_in(2));
    due_ns_ = UINT64_MAX;
}

// In a window, often; or anything.
uint32_t Script::near_number(uint64_t number) {
    if (random_.one_in(8)) return static_cast<uint32_t>(random_.next());
    const uint64_t distance = random_.any_size(70'000);
    return static_cast<uint32_t>(random_.one_in(2) ? number + distance : number - distance);
}

// --- acknowledgements ---

void Script::keeps_to_the_rules() {
    connection_.send_next(static_cast<uint32_t>(random_.between(1, 6)));
    if (connection_.unacknowledged() < connection_.next()) connection_.send_oldest();
    connection_.acknowledge();
}

void Script::acknowledges_the_unsent() {
    for (uint64_t i = random_.between(1, 5); i > 0; --i) {
        auto segment = connection_.right();
        segment.ack = beyond(connection_.max_received(), 200'000);
        connection_.send(segment);
    }
}

void Script::divides_acknowledgements() {
    connection_.manners.acknowledges = false;
    for (uint64_t i = random_.between(1, 20); i > 0; --i) {
        const uint64_t next = connection_.acknowledged() + random_.between(1, 100);
        connection_.acknowledge_to(std::min(next, connection_.received()));
    }
}

void Script::repeats_acknowledgements() {
    connection_.manners.acknowledges = false;
    for (uint64_t i = random_.between(3, 30); i > 0; --i) connection_.acknowledge();
}

// It had something, selectively acknowledges it, and then knows nothing of it (RFC 2018 section 8).
void Script::reneges() {
    connection_.manners.acknowledges = false;
    const uint64_t from = connection_.acknowledged(), to = connection_.max_received();
    auto segment = connection_.right();
    if (to > from + 2) {
        const uint64_t start = from + random_.between(1, to - from - 2);
        if (turn_ % 2 == 0) {
            segment.sack.push_back({connection_.host_number(start), connection_.host_number(to)});
        } else {
            segment.ack = std::min(start, connection_.received());
        }
    }
    for (uint64_t i = random_.between(1, 4); i > 0; --i) connection_.send(segment);
}

void Script::acknowledges_nonsense() {
    for (uint64_t i = random_.between(1, 5); i > 0; --i) {
        auto segment = connection_.right();
        for (uint64_t blocks = random_.between(1, 4); blocks > 0; --blocks) {
            const uint32_t start =
                connection_.host_number(0) + near_number(connection_.acknowledged());
            const auto bytes = static_cast<uint32_t>(random_.any_size(20'000));
            segment.sack.push_back({start, random_.one_in(4) ? start - bytes : start + bytes});
        }
        if (random_.one_in(2)) {  // a duplicate, as it were (RFC 2883)
            const uint32_t end = connection_.host_number(segment.ack);
            segment.sack.insert(segment.sack.begin(), {end - 1 - near_number(0) % 100, end});
        }
        connection_.send(segment);
    }
}

// --- windows ---

void Script::shrinks_its_window() {
    connection_.manners.window = random_.any_size(connection_.manners.window);
    connection_.acknowledge();
}

void Script::shuts_its_window() {
    connection_.manners.window = 0;
    if (turn_ == 0) connection_.manners.acknowledges = random_.one_in(2);
    connection_.acknowledge();
    wait(60 * kSecond);
    if (turns_left_ > 0) return;
    connection_.manners = {};
    connection_.acknowledge();
}

void Script::opens_it_by_bytes() {
    connection_.manners.window = 1;
    for (uint64_t i = random_.between(1, 10); i > 0; --i) {
        connection_.acknowledge();
        connection_.manners.window += random_.below(3);
    }
}

// --- data ---

void Script::sends_small_pieces() {
    for (uint64_t i = random_.between(1, 10); i > 0; --i)
        connection_.send_data(connection_.next() - 1 + i, 1);
    connection_.send_data(connection_.next() - 1, 1);
}

void Script::contradicts_itself() {
    const uint64_t from = connection_.unacknowledged() - 1;
    for (uint64_t i = random_.between(1, 8); i > 0; --i) {
        const uint64_t at = from + random_.any_size(3000);
        const uint64_t early = random_.any_size(std::min<uint64_t>(at, 300));
        connection_.send_data(at - early, static_cast<uint32_t>(1 + random_.any_size(1000)),
                              static_cast<uint32_t>(random_.below(SentStream::kVersions)));
    }
}

void Script::sends_old_data() {
    const uint64_t all = connection_.unacknowledged() - 1;
    const uint64_t from = random_.below(all + 1);
    const auto bytes = static_cast<uint32_t>(std::min<uint64_t>(all - from, 1400));
    if (bytes > 0)
        connection_.send_data(from, bytes,
                              static_cast<uint32_t>(random_.below(SentStream::kVersions)));
}

void Script::sends_beyond_the_window() {
    const uint64_t edge = connection_.right_edge() - 1;
    for (uint64_t i = random_.between(1, 4); i > 0; --i) {
        const uint64_t at = random_.one_in(2) ? edge + random_.any_size(100'000)
                                              : edge - random_.any_size(std::min(edge, 1000ul));
        connection_.send_data(at, static_cast<uint32_t>(random_.between(1, 1400)));
    }
}

void Script::ends_at_random() {
    const uint64_t near = random_.one_in(4) ? connection_.right_edge() : connection_.next();
    const uint64_t number = near + random_.any_size(random_.one_in(2) ? 3 : 5000);
    if (random_.one_in(2)) connection_.send_fin(number);
    if (random_.one_in(2)) {
        const auto bytes = static_cast<uint32_t>(random_.between(1, 500));
        connection_.stream().end(number - 1 + bytes);
        connection_.send_data(number - 1, bytes, 0, kFin);
    }
    if (random_.one_in(2)) connection_.send_data(number, 100);
}

// --- the rest of the header ---

void Script::sends_syns() {
    auto segment = connection_.right();
    segment.flags = random_.one_in(3) ? kSyn | kAck : kSyn;
    segment.seq = random_.one_in(4)   ? 0
                  : random_.one_in(3) ? connection_.next()
                                      : near_number(connection_.next());
    segment.options = {2, 4, static_cast<uint8_t>(random_.below(8)), 100, 1,
                       3, 3, static_cast<uint8_t>(random_.below(20))};
    connection_.send(segment);
}

void Script::sends_resets() {
    auto segment = connection_.right();
    segment.flags = random_.one_in(2) ? kRst : kRst | kAck;
    segment.seq = near_number(connection_.next());
    connection_.send(segment);
}

void Script::turns_its_clock() {
    switch (random_.below(4)) {
        case 0:
            connection_.manners.clock = connection_.now_on_clock();
            break;
        case 1:
            connection_.shift_clock(uint32_t{1} << 31);
            break;
        case 2:
            connection_.shift_clock(-static_cast<uint32_t>(random_.any_size(1 << 30)));
            break;
        case 3:
            connection_.shift_clock(static_cast<uint32_t>(random_.any_size(1 << 30)));
            break;
    }
    keeps_to_the_rules();
}

void Script::echoes_what_was_never_sent() {
    connection_.manners.echo =
        random_.one_in(4) ? 0 : static_cast<uint32_t>(random_.any_size(~uint32_t{0}));
    keeps_to_the_rules();
}

void Script::sends_urgent_data() {
    const uint64_t at = connection_.unacknowledged() - 1 + random_.any_size(100);
    connection_.send_data(at, static_cast<uint32_t>(random_.between(1, 200)), 0, scout::kUrg,
                          static_cast<uint16_t>(random_.any_size(65535)));
}

void Script::sees_congestion() {
    connection_.manners.flags = random_.one_in(4) ? scout::kEce | scout::kCwr : scout::kEce;
    keeps_to_the_rules();
}

void Script::answers_nothing() {
    connection_.manners.acknowledges = false;
    wait(20 * kSecond);
}

}  // namespace sim
