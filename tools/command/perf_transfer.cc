// SPDX-License-Identifier: GPL-2.0
// See perf_transfer.hh.
#include "perf_transfer.hh"

#include <algorithm>
#include <cerrno>
#include <random>

namespace dominoes::command::perf {

namespace {

using std::chrono::seconds;

// How many blocks are moved between two looks at the control connection.
constexpr int kBurst = 8;
// A test that moves nothing for so long has lost its peer.
constexpr seconds kIdleLimit(60);
// How long the peer may take to tell on the control connection why the data connection ended.
constexpr seconds kExplanationTime(5);
// How much longer than agreed a client may take to end the test.
constexpr seconds kGrace(60);
// How long reading what is left may take.
constexpr seconds kRestTime(2);

constexpr State kBusy = State::kAccessDenied;

double to_seconds(Clock::duration duration) {
    return std::chrono::duration<double>(duration).count();
}

double to_seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

rusage usage_now() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage;
}

}  // namespace

Transfer::Transfer(Stream& data, const Parameters& parameters, bool sending, double interval,
                   IntervalHook hook)
    : data_(data),
      sending_(sending),
      parameters_(parameters),
      limit_(parameters.bytes),
      interval_(
          std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(interval))),
      hook_(std::move(hook)),
      block_(parameters.block_bytes),
      omitting_(parameters.omit_seconds != 0),
      start_(Clock::now()),
      last_progress_(start_),
      usage_at_start_(usage_now()) {
    next_tick_ = interval_.count() == 0 ? Clock::time_point::max() : start_ + interval_;
    // Not zeros: nothing on the way shall be able to compress or merge it.
    std::minstd_rand random;
    for (std::byte& one : block_) one = static_cast<std::byte>(random());
    refresh_info();
}

double Transfer::seconds_at(Clock::time_point now) const { return to_seconds(now - start_); }

void Transfer::refresh_info() {
    try {
        const dominoes_info info = data_.info();
        // A connection that has ended may have forgotten its counts.
        if (info.bytes_received >= info_.bytes_received && info.bytes_sent >= info_.bytes_sent &&
            info.digest_checks >= info_.digest_checks)
            info_ = info;
    } catch (const std::system_error&) {
    }
}

// --- moving bytes ---

IoResult Transfer::move_block() {
    if (!sending_) return data_.read_some(block_);
    std::size_t length = block_.size() - block_at_;
    if (limit_ != 0) length = std::min<std::uint64_t>(length, limit_ - bytes_);
    const IoResult result = data_.write_some(std::span(block_).subspan(block_at_, length));
    block_at_ = (block_at_ + result.bytes) % block_.size();
    return result;
}

void Transfer::move() {
    try {
        for (int i = 0; i < kBurst && moving(); ++i) {
            const IoResult result = move_block();
            bytes_ += result.bytes;
            current_.bytes += result.bytes;
            data_ended_ = result.status == IoStatus::kEnd;
            if (result.bytes != 0 || data_ended_) last_progress_ = Clock::now();
            if (result.status != IoStatus::kDone) return;
        }
    } catch (const std::system_error& error) {
        // Kept, not thrown: the control connection may have a better explanation.
        data_error_ = std::string("data connection: ") + error.what();
        data_ended_ = true;
        last_progress_ = Clock::now();
    }
}

// --- intervals ---

void Transfer::end_interval(Clock::time_point now) {
    refresh_info();
    const std::uint64_t retransmits =
        std::max(retransmitted_segments(info_), retransmits_at_interval_);
    current_.end = seconds_at(now);
    current_.retransmits = retransmits - retransmits_at_interval_;
    current_.omitted = omitting_;
    current_.info = info_;
    hook_(current_);
    retransmits_at_interval_ = retransmits;
    current_ = Interval{.start = current_.end};
}

void Transfer::end_omitted_part(Clock::time_point now) {
    if (current_.bytes != 0 && interval_.count() != 0) end_interval(now);
    refresh_info();
    omitting_ = false;
    retransmits_at_start_ = retransmits_at_interval_ = retransmitted_segments(info_);
    start_ = now;
    usage_at_start_ = usage_now();
    bytes_ = 0;
    current_ = Interval{};
    if (interval_.count() != 0) next_tick_ = now + interval_;
}

void Transfer::tick(Clock::time_point now) {
    if (omitting_ && now >= start_ + seconds(parameters_.omit_seconds)) end_omitted_part(now);
    if (now < next_tick_) return;
    end_interval(now);
    while (next_tick_ <= now) next_tick_ += interval_;
}

void Transfer::check_progress(Clock::time_point now) const {
    if (data_ended_ && now >= last_progress_ + kExplanationTime)
        throw std::runtime_error(data_error_);
    if (now >= last_progress_ + kIdleLimit)
        throw std::runtime_error("data connection: nothing moved for " +
                                 std::to_string(kIdleLimit.count()) + " s");
}

// --- the loop ---

std::optional<State> Transfer::run(ControlConnection& control, Waiter& waiter, Listener* listener,
                                   Clock::time_point end) {
    for (;;) {
        const short wanted = sending_ ? POLLOUT : POLLIN;
        pollfd polled[] = {{control.fd(), POLLIN, 0},
                           {moving() ? data_.fd() : -1, wanted, 0},
                           {listener != nullptr ? listener->fd() : -1, POLLIN, 0}};
        auto wake = std::min({end, next_tick_, Clock::now() + seconds(1)});
        if (omitting_) wake = std::min(wake, start_ + seconds(parameters_.omit_seconds));
        waiter.wait(polled, wake);
        if (polled[0].revents != 0)
            if (const auto state = control.try_receive()) return state;
        if (polled[1].revents != 0) move();
        if (polled[2].revents != 0)
            if (const auto stranger = listener->accept())
                (void)stranger->write_some(std::as_bytes(std::span(&kBusy, 1)));
        const auto now = Clock::now();
        if (now >= end || (listener == nullptr && reached_limit())) return std::nullopt;
        tick(now);
        check_progress(now);
    }
}

std::optional<State> Transfer::run_as_client(ControlConnection& control, Waiter& waiter) {
    const auto length = seconds(parameters_.omit_seconds + parameters_.seconds);
    const bool endless = parameters_.seconds == 0;
    return run(control, waiter, nullptr, endless ? Clock::time_point::max() : start_ + length);
}

State Transfer::run_as_server(ControlConnection& control, Waiter& waiter, Listener& listener) {
    const auto length = seconds(parameters_.omit_seconds + parameters_.seconds) + kGrace;
    const bool endless = parameters_.seconds == 0;
    const auto state =
        run(control, waiter, &listener, endless ? Clock::time_point::max() : start_ + length);
    if (!state) throw std::runtime_error("the client did not end the test in time");
    return *state;
}

void Transfer::take_rest(Waiter& waiter) {
    // What is on its way is waited for only where it is known to come.
    const auto deadline = Clock::now() + (limit_ != 0 ? kRestTime : seconds(0));
    const auto give_up = Clock::now() + kRestTime;
    while (!sending_ && moving() && !(limit_ != 0 && reached_limit()) && Clock::now() < give_up) {
        pollfd one{data_.fd(), POLLIN, 0};
        if (waiter.wait({&one, 1}, deadline) == 0) return;
        move();
    }
}

Results Transfer::finish() {
    const auto now = Clock::now();
    // A last sliver of an interval without data is no news.
    if (interval_.count() != 0 &&
        (current_.bytes != 0 || seconds_at(now) - current_.start > 0.1 * to_seconds(interval_)))
        end_interval(now);
    refresh_info();

    Results results;
    results.bytes = bytes_;
    results.seconds = seconds_at(now);
    if (sending_) results.retransmits = retransmitted_segments(info_) - retransmits_at_start_;
    const rusage usage = usage_now();
    const double percent = 100 / std::max(results.seconds, 1e-6);
    results.cpu_user =
        percent * (to_seconds(usage.ru_utime) - to_seconds(usage_at_start_.ru_utime));
    results.cpu_system =
        percent * (to_seconds(usage.ru_stime) - to_seconds(usage_at_start_.ru_stime));
    results.cpu_total = results.cpu_user + results.cpu_system;
    return results;
}

State Transfer::discard_until_state(ControlConnection& control, Waiter& waiter) {
    const auto deadline = Clock::now() + kControlTimeout;
    for (;;) {
        pollfd polled[] = {{control.fd(), POLLIN, 0},
                           {!sending_ && !data_ended_ ? data_.fd() : -1, POLLIN, 0}};
        if (waiter.wait(polled, deadline) == 0)
            throw std::runtime_error("control connection: the server does not answer");
        if (polled[0].revents != 0)
            if (const auto state = control.try_receive()) return *state;
        if (polled[1].revents != 0) move();
    }
}

}  // namespace dominoes::command::perf
