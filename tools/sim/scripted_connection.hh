// SPDX-License-Identifier: GPL-2.0
//
// ScriptedConnection: one end of a connection without a TCP behind it. It knows what it has sent
// and what it has been told, no more than is needed to keep to the rules if it wants to: windows
// are obeyed, one piece at a time is sent again, what comes is acknowledged at once. A Script uses
// the same knowledge to break them.
//
// Numbers count from each end's SYN, which is 0; a stream's offset is one less.
#pragma once

#include <functional>
#include <optional>

#include "tools/sim/frame.hh"
#include "tools/sim/report.hh"
#include "tools/sim/scenario.hh"
#include "tools/sim/sent_stream.hh"

namespace sim {

class ScriptedConnection {
public:
    struct Place {
        Scheduler& scheduler;
        Report& report;
        const ConnectionPlan& plan;
        uint64_t seed;
        uint32_t connection;
        std::function<void(dominoes_packet* packet)> transmit;  // owns the packet
    };

    // How it says what it says, until it is told otherwise.
    struct Manners {
        bool acknowledges = true;  // what comes, or it answers nothing
        uint64_t window = 60'000;
        uint8_t flags = 0;                // on every segment
        std::optional<uint32_t> clock{};  // at which it stands
        std::optional<uint32_t> echo{};   // instead of the latest timestamp
    };
    Manners manners{};

    // A segment. What an honest peer would say now is right().
    struct Segment {
        uint8_t flags;
        uint64_t seq;
        uint64_t ack;
        uint64_t window;
        uint16_t urgent = 0;
        std::vector<scout::SackBlock> sack{};  // as on the wire
        std::span<const uint8_t> payload{};
        std::vector<uint8_t> options{};  // instead of those that are agreed on
    };

    explicit ScriptedConnection(const Place& place);

    // The client: with this port of its own.
    void begin_at(uint16_t port, uint64_t at_ns);
    // The server: the host's application is about to connect from there.
    void expect(uint16_t host_port);
    // Keeps to the rules from now on: sends what is left of its plan, if it is to, and reads to the
    // end.
    void be_honest(bool writes);
    // Says nothing any more; or only that there is nobody.
    void end(bool answers);

    void receive(const SegmentView& view);
    uint64_t due_ns() const { return due_ns_; }
    // Opens, or repeats what was not answered.
    void act();

    uint16_t port() const { return ports_.source; }
    uint16_t host_port() const { return ports_.destination; }
    bool begun() const { return state_ != State::kIdle; }
    bool open() const { return state_ == State::kOpen; }
    bool over() const { return state_ == State::kOver; }
    // An honest one has nothing left to do.
    bool complete() const { return acked_fin_ && has_read_all(); }
    bool active() const { return begun() && !over() && !complete(); }
    SentStream& stream() { return stream_; }
    const SentStream& stream() const { return stream_; }

    // --- what it knows ---
    uint64_t unacknowledged() const { return una_; }
    uint64_t next() const { return next_; }
    uint64_t right_edge() const { return edge_; }
    uint64_t acknowledged() const { return acknowledged_; }  // of the host's
    uint64_t received() const { return received_.prefix(); }
    uint64_t max_received() const { return received_.end(); }
    bool has_read_all() const { return fin_ && received_.prefix() > *fin_; }
    bool host_has_ended() const { return fin_.has_value(); }
    bool has_ended() const { return fin_sent_; }
    uint32_t host_number(uint64_t number) const { return irs_ + static_cast<uint32_t>(number); }

    // --- what it can do ---
    Segment right();
    void send(const Segment& segment);
    void acknowledge() { send(right()); }
    void acknowledge_to(uint64_t number);
    // Any bytes of its stream, in any version.
    void send_data(uint64_t offset, uint32_t bytes, uint32_t version = 0, uint8_t flags = 0,
                   uint16_t urgent = 0);
    // As much as the window has room for, in at most so many pieces.
    void send_next(uint32_t pieces);
    void send_oldest();
    void send_fin(uint64_t number);
    // Its clock (RFC 7323), and how far that is wrong from now on.
    uint32_t now_on_clock() const;
    void shift_clock(uint32_t ms) { clock_ += ms; }

private:
    enum class State { kIdle, kOpening, kOpen, kOver };

    void learn(const SegmentView& view);
    void take_acknowledgement(const SegmentView& view);
    void take_data(const SegmentView& view);
    void answer(const SegmentView& view);
    void send_syn();
    void go_on();
    void wait_for_answer();
    std::vector<uint8_t> options_of(const Segment& segment) const;
    std::vector<uint8_t> syn_options() const;
    uint64_t number_of(uint32_t wire) const;
    uint64_t stream_end() const { return writes_ ? own_.bytes : next_ - 1; }

    const Place place_;
    const SidePlan& own_;
    const bool client_;
    Random random_;
    SentStream stream_;
    State state_ = State::kIdle;
    uint64_t due_ns_ = UINT64_MAX;
    uint64_t patience_ns_ = 0;
    uint32_t tries_ = 0;
    scout::TcpPorts ports_{};
    bool answers_ = false;  // although it is over
    bool honest_ = false;
    bool writes_ = true;

    // Options: what it offers, and once both have, what holds.
    uint8_t options_;
    const uint8_t scale_;
    const uint16_t mss_;
    const bool crosses_;  // it answers a SYN with one (RFC 9293 section 3.5, figure 7)
    uint8_t host_scale_ = 0;
    uint32_t piece_ = 536;
    uint32_t echo_ = 0;
    uint32_t clock_;

    // What it sends.
    const uint32_t iss_;
    uint64_t una_ = 0;
    uint64_t next_ = 1;
    uint64_t edge_ = 1;
    bool fin_sent_ = false;
    bool acked_fin_ = false;

    // What it gets.
    bool known_ = false;
    uint32_t irs_ = 0;
    RangeSet received_;
    uint64_t acknowledged_ = 0;
    std::optional<uint64_t> fin_{};
};

}  // namespace sim
