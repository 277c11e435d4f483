// SPDX-License-Identifier: GPL-2.0
//
// The data part of a perf test: moves bytes over one connection, measures, and meanwhile listens
// to the control connection. One thread, one poll.
#pragma once

#include "perf_protocol.hh"

#include <sys/resource.h>
#include <functional>
#include <vector>

namespace dominoes::command::perf {

// The transfer in one interval; times in seconds since the part of the test that counts began
// (since the test began, for the intervals that are omitted).
struct Interval {
    double start = 0;
    double end = 0;
    std::uint64_t bytes = 0;
    std::uint64_t retransmits = 0;
    bool omitted = false;
    dominoes_info info{};  // the connection's state at its end
};

class Transfer {
public:
    using IntervalHook = std::function<void(const Interval&)>;

    // The clock starts now. interval: seconds between calls of hook; 0: none.
    Transfer(Stream& data, const Parameters& parameters, bool sending, double interval,
             IntervalHook hook);

    // The client's part: runs until time or bytes are reached (nullopt), or the server says
    // something (its state). Throws if the data connection fails and the server does not say why.
    std::optional<State> run_as_client(ControlConnection& control, Waiter& waiter);
    // The server's part: runs until the client says something. Others that knock on the listener
    // are turned away meanwhile.
    State run_as_server(ControlConnection& control, Waiter& waiter, Listener& listener);

    // Reads and counts what the client had sent when it ended the test.
    void take_rest(Waiter& waiter);
    // Ends the measurement.
    Results finish();
    // Waits for the next state while throwing away what still arrives, after finish().
    State discard_until_state(ControlConnection& control, Waiter& waiter);

    [[nodiscard]] const dominoes_info& info() const { return info_; }
    // Reads the connection's state once more, if it still has one.
    void refresh_info();

private:
    std::optional<State> run(ControlConnection& control, Waiter& waiter, Listener* listener,
                             Clock::time_point end);
    void move();
    IoResult move_block();
    void tick(Clock::time_point now);
    void end_interval(Clock::time_point now);
    void end_omitted_part(Clock::time_point now);
    void check_progress(Clock::time_point now) const;
    [[nodiscard]] bool reached_limit() const { return limit_ != 0 && bytes_ >= limit_; }
    [[nodiscard]] bool moving() const { return !data_ended_ && !(sending_ && reached_limit()); }
    [[nodiscard]] double seconds_at(Clock::time_point now) const;

    Stream& data_;
    const bool sending_;
    const Parameters parameters_;
    const std::uint64_t limit_;
    const Clock::duration interval_;
    const IntervalHook hook_;

    std::vector<std::byte> block_;
    std::size_t block_at_ = 0;  // how much of the block has been sent
    bool data_ended_ = false;   // by the peer, or by a failure
    std::string data_error_ = "data connection: the peer closed it before the test was over";

    bool omitting_;
    Clock::time_point start_;
    Clock::time_point next_tick_;
    Clock::time_point last_progress_;
    rusage usage_at_start_{};
    std::uint64_t bytes_ = 0;
    std::uint64_t retransmits_at_start_ = 0;  // the connection's count when the test's began
    std::uint64_t retransmits_at_interval_ = 0;
    Interval current_;
    dominoes_info info_{};
};

}  // namespace dominoes::command::perf
