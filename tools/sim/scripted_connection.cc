// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/scripted_connection.hh"

#include <algorithm>

#include "tools/sim/pattern.hh"

namespace sim {
namespace {

using scout::kAck;
using scout::kFin;
using scout::kRst;
using scout::kSyn;

constexpr uint8_t kAllOptions =
    scout::kHasMss | scout::kHasWindowScale | scout::kHasSackPermitted | scout::kHasTimestamps;
constexpr uint32_t kMaxPiece = 1400;
constexpr uint64_t kMinPatienceNs = 300 * kMillisecond;
// More than the host takes to give up.
constexpr uint32_t kMaxTries = 20;

void put(std::vector<uint8_t>& options, std::initializer_list<uint32_t> bytes) {
    for (uint32_t byte : bytes) options.push_back(static_cast<uint8_t>(byte));
}

void put_be32(std::vector<uint8_t>& options, uint32_t value) {
    put(options, {value >> 24, value >> 16, value >> 8, value});
}

}  // namespace

ScriptedConnection::ScriptedConnection(const Place& place)
    : place_(place),
      own_(place.plan.sides[place.plan.client_host == 1 ? 0 : 1]),
      client_(place.plan.client_host == 1),
      random_(place.seed, 200 + 2 * place.connection),
      stream_(pattern_key(place.seed, place.connection, client_ ? 0 : 1)),
      options_(
          static_cast<uint8_t>(random_.one_in(2) ? kAllOptions : random_.next() & kAllOptions)),
      scale_(static_cast<uint8_t>(random_.below(random_.one_in(4) ? 15 : 4))),
      mss_(static_cast<uint16_t>(random_.between(88, 1460))),
      crosses_(!client_ && random_.one_in(8)),
      clock_(static_cast<uint32_t>(random_.next())),
      iss_(static_cast<uint32_t>(random_.next())) {}

// --- beginning and end ---

void ScriptedConnection::begin_at(uint16_t port, uint64_t at_ns) {
    ports_ = {port, 7000};
    due_ns_ = at_ns;
    state_ = State::kOpening;
}

void ScriptedConnection::expect(uint16_t host_port) { ports_ = {7000, host_port}; }

void ScriptedConnection::be_honest(bool writes) {
    manners = {};
    honest_ = true;
    writes_ = writes;
    if (open()) go_on();
}

void ScriptedConnection::end(bool answers) {
    state_ = State::kOver;
    answers_ = answers;
    due_ns_ = UINT64_MAX;
}

void ScriptedConnection::send_syn() {
    const bool answers = known_ && (!crosses_ || tries_ > 0);
    send({.flags = static_cast<uint8_t>(answers ? kSyn | kAck : kSyn),
          .seq = 0,
          .ack = 1,
          .window = 60'000,
          .options = syn_options()});
    wait_for_answer();
}

void ScriptedConnection::wait_for_answer() {
    patience_ns_ = std::max(kMinPatienceNs, patience_ns_);
    due_ns_ = place_.scheduler.now_ns() + patience_ns_;
}

void ScriptedConnection::act() {
    due_ns_ = UINT64_MAX;
    if (++tries_ > kMaxTries) return end(false);
    patience_ns_ = std::min(2 * patience_ns_, 3 * kSecond);
    if (state_ == State::kOpening) return send_syn();
    send_oldest();
    wait_for_answer();
}

// Honest, and open: sends what it may, and waits for what it must.
void ScriptedConnection::go_on() {
    constexpr uint32_t kPieces = 20;
    if (!acked_fin_ && next_ - una_ < kPieces * piece_) send_next(kPieces);
    const uint64_t end = std::max(stream_end(), next_ - 1);
    if (!fin_sent_ && next_ - 1 == end) {
        fin_sent_ = true;
        send_fin(next_++);
    }
    const bool waits = una_ < next_ || !fin_sent_;
    if (!waits) due_ns_ = UINT64_MAX;
    if (waits && due_ns_ == UINT64_MAX) wait_for_answer();
}

// --- what comes ---

uint64_t ScriptedConnection::number_of(uint32_t wire) const {
    const uint64_t near = received_.prefix();
    const auto difference = static_cast<int32_t>(wire - host_number(near));
    const int64_t number = static_cast<int64_t>(near) + difference;
    return number < 0 ? 0 : static_cast<uint64_t>(number);
}

void ScriptedConnection::receive(const SegmentView& view) {
    if (over()) {
        if (!answers_ || view.has(kRst)) return;
        return send({.flags = kRst, .seq = view.event.ack - iss_, .ack = 0, .window = 0});
    }
    if (view.has(kRst)) {
        if (known_) end(false);
        return;
    }
    if (view.has(kSyn)) {
        if (known_ && view.event.seq != irs_) return end(false);  // another connection by now
        learn(view);
    }
    if (!known_) return;
    if (view.has(kAck)) take_acknowledgement(view);
    if (view.event.options & scout::kHasTimestamps) echo_ = view.event.ts_val;
    take_data(view);
    if (state_ != State::kOpen) {
        if (una_ == 0) return send_syn();
        state_ = State::kOpen;
        due_ns_ = UINT64_MAX;
        tries_ = 0;
    }
    answer(view);
}

void ScriptedConnection::learn(const SegmentView& view) {
    if (known_) return;
    known_ = true;
    irs_ = view.event.seq;
    options_ &= view.event.options;
    host_scale_ = options_ & scout::kHasWindowScale ? view.event.window_scale : 0;
    if (view.event.options & scout::kHasMss) piece_ = view.event.mss;
    piece_ = std::min(piece_, kMaxPiece) - (options_ & scout::kHasTimestamps ? 12 : 0);
    if (state_ == State::kIdle) state_ = State::kOpening;
}

void ScriptedConnection::take_acknowledgement(const SegmentView& view) {
    const auto beyond = static_cast<int32_t>(view.event.ack - iss_ - static_cast<uint32_t>(una_));
    if (beyond < 0) return;
    const uint64_t ack = una_ + static_cast<uint32_t>(beyond);
    if (ack > una_) {
        tries_ = 0;
        patience_ns_ = kMinPatienceNs;
        due_ns_ = UINT64_MAX;
    }
    una_ = ack;
    // It has sent pieces of its stream that are not next, too.
    next_ = std::max(next_, una_);
    acked_fin_ = fin_sent_ && una_ == next_;
    edge_ =
        std::max(edge_, ack + (uint64_t{view.event.window} << (view.has(kSyn) ? 0 : host_scale_)));
}

void ScriptedConnection::take_data(const SegmentView& view) {
    const uint64_t seq = number_of(view.event.seq);
    received_.add(seq, seq + view.length());
    if (view.has(kFin)) fin_ = seq + view.length() - 1;
}

void ScriptedConnection::answer(const SegmentView& view) {
    // What takes no place in the stream and is old is a probe (RFC 9293 section 3.8.6.1).
    const bool wants = view.length() > 0 || number_of(view.event.seq) < received_.prefix();
    if (wants && manners.acknowledges) acknowledge();
    if (honest_) go_on();
}

// --- what it says ---

uint32_t ScriptedConnection::now_on_clock() const {
    if (manners.clock) return *manners.clock;
    return clock_ + static_cast<uint32_t>(place_.scheduler.now_ns() / kMillisecond);
}

std::vector<uint8_t> ScriptedConnection::syn_options() const {
    std::vector<uint8_t> options;
    if (options_ & scout::kHasMss) put(options, {2, 4, uint32_t{mss_} >> 8, mss_});
    if (options_ & scout::kHasWindowScale) put(options, {1, 3, 3, scale_});
    if (options_ & scout::kHasSackPermitted) put(options, {1, 1, 4, 2});
    if (options_ & scout::kHasTimestamps) {
        put(options, {1, 1, 8, 10});
        put_be32(options, now_on_clock());
        put_be32(options, echo_);
    }
    return options;
}

std::vector<uint8_t> ScriptedConnection::options_of(const Segment& segment) const {
    std::vector<uint8_t> options;
    if (options_ & scout::kHasTimestamps) {
        put(options, {1, 1, 8, 10});
        put_be32(options, now_on_clock());
        put_be32(options, manners.echo.value_or(echo_));
    }
    if (segment.sack.empty()) return options;
    const size_t blocks = std::min<size_t>(segment.sack.size(), options.empty() ? 4 : 3);
    put(options, {1, 1, 5, static_cast<uint32_t>(2 + 8 * blocks)});
    for (size_t i = 0; i < blocks; ++i) {
        put_be32(options, segment.sack[i].start);
        put_be32(options, segment.sack[i].end);
    }
    return options;
}

ScriptedConnection::Segment ScriptedConnection::right() {
    if (manners.acknowledges) acknowledged_ = received();
    return {.flags = kAck, .seq = next_, .ack = acknowledged_, .window = manners.window};
}

void ScriptedConnection::send(const Segment& segment) {
    const bool scaled = options_ & scout::kHasWindowScale && !(segment.flags & kSyn);
    const uint64_t window = segment.window >> (scaled ? std::min<uint32_t>(scale_, 14) : 0);
    place_.transmit(make_frame({
        .from_host = 1,
        .ports = ports_,
        .flags = static_cast<uint8_t>(segment.flags | manners.flags),
        .seq = iss_ + static_cast<uint32_t>(segment.seq),
        .ack = segment.flags & kAck ? host_number(segment.ack) : 0,
        .window = static_cast<uint16_t>(std::min<uint64_t>(window, 65535)),
        .urgent = segment.urgent,
        .options = segment.options.empty() ? options_of(segment) : segment.options,
        .payload = segment.payload,
    }));
}

void ScriptedConnection::acknowledge_to(uint64_t number) {
    acknowledged_ = number;
    acknowledge();
}

void ScriptedConnection::send_data(uint64_t offset, uint32_t bytes, uint32_t version, uint8_t flags,
                                   uint16_t urgent) {
    uint8_t data[kMaxPiece];
    const std::span<uint8_t> piece(data, std::min(bytes, kMaxPiece));
    stream_.send(offset, version, piece);
    Segment segment = right();
    segment.flags |= flags;
    segment.seq = offset + 1;
    segment.urgent = urgent;
    segment.payload = piece;
    send(segment);
}

void ScriptedConnection::send_next(uint32_t pieces) {
    for (; pieces > 0; --pieces) {
        const uint64_t end = std::min(stream_end() + 1, edge_);
        if (next_ >= end || fin_sent_) return;
        const auto bytes = static_cast<uint32_t>(std::min<uint64_t>(end - next_, piece_));
        send_data(next_ - 1, bytes);
        next_ += bytes;
    }
}

// What has waited longest for its acknowledgement; a probe if that is nothing.
void ScriptedConnection::send_oldest() {
    const uint64_t data_end = fin_sent_ ? next_ - 1 : next_;
    if (una_ < data_end) {
        send_data(una_ - 1, static_cast<uint32_t>(std::min<uint64_t>(data_end - una_, piece_)));
    } else if (fin_sent_) {
        send_fin(una_);
    } else {
        send_data(una_ - 1, 1);  // a probe of a window that is shut
    }
}

void ScriptedConnection::send_fin(uint64_t number) {
    stream_.end(number - 1);
    Segment segment = right();
    segment.flags |= kFin;
    segment.seq = number;
    send(segment);
}

}  // namespace sim
