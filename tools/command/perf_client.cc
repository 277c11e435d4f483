// SPDX-License-Identifier: GPL-2.0
// The client of a perf test: it does what the server's states ask for, in their order.
#include "perf.hh"
#include "perf_report.hh"

#include <iostream>

namespace dominoes::command::perf {

namespace {

class ClientTest {
public:
    ClientTest(const PerfArguments& arguments, Transport& transport, Waiter& waiter, Report& report)
        : arguments_(arguments),
          transport_(transport),
          waiter_(waiter),
          report_(report),
          cookie_(make_cookie()),
          control_stream_(connect_control()),
          control_(*control_stream_, waiter) {}

    void run() {
        control_.send_cookie(cookie_);
        try {
            for (State state = control_.receive(); state != State::kDisplayResults;)
                state = handle(state);
        } catch (const Interrupted&) {
            control_.send(State::kClientTerminate);
            throw;
        }
        transfer_->refresh_info();
        report_.finished(mine_, theirs_, transfer_->info(), transport_.name());
        control_.send(State::kIperfDone);
    }

private:
    std::unique_ptr<Stream> connect_control() {
        ConnectionOptions
            options;  // a few bytes now and then: no use for replicas or large buffers
        options.replicas = 1;
        options.nodelay = true;
        auto stream = connect(options);
        report_.connected(arguments_.address, cookie_);
        return stream;
    }

    std::unique_ptr<Stream> connect(const ConnectionOptions& options) {
        return about(arguments_.host + " port " + std::to_string(arguments_.address.port), [&] {
            return transport_.connect(arguments_.address, options, waiter_,
                                      Clock::now() + kConnectTimeout);
        });
    }

    // Does what the server's state asks for and gives the next one.
    State handle(State state) {
        switch (state) {
            case State::kParamExchange:
                control_.send_json(to_json(arguments_.parameters));
                break;
            case State::kCreateStreams:
                data_ = connect(arguments_.connection.options);
                write_all(*data_, std::as_bytes(std::span(cookie_)), waiter_,
                          Clock::now() + kControlTimeout);
                break;
            case State::kTestStart:
                break;
            case State::kTestRunning:
                return test();
            case State::kExchangeResults:
                control_.send_json(to_json(mine_));
                theirs_ = parse_results(control_.receive_json());
                break;
            default:
                refuse(state);
        }
        return control_.receive();
    }

    State test() {
        if (!data_) refuse(State::kTestRunning);
        report_.started(arguments_.parameters, *data_);
        transfer_.emplace(*data_, arguments_.parameters, !arguments_.parameters.reverse,
                          arguments_.interval,
                          [this](const Interval& interval) { report_.interval(interval); });
        std::optional<State> state;
        try {
            state = transfer_->run_as_client(control_, waiter_);
        } catch (const Interrupted&) {
            std::cerr << "dominoes perf: interrupted: ending the test early\n";
        }
        mine_ = transfer_->finish();
        if (state) refuse_with_results(*state);
        control_.send(State::kTestEnd);
        return transfer_->discard_until_state(control_, waiter_);
    }

    [[noreturn]] void refuse_with_results(State state) {
        report_.finished(mine_, std::nullopt, transfer_->info(), transport_.name());
        refuse(state);
    }

    [[noreturn]] void refuse(State state) {
        switch (state) {
            case State::kAccessDenied:
                throw std::runtime_error("the server is busy running a test; try again later");
            case State::kServerTerminate:
                throw std::runtime_error("the server has terminated");
            case State::kServerError:
                throw std::runtime_error(control_.receive_error());
            default:
                throw std::runtime_error("the server sent state " +
                                         std::to_string(static_cast<int>(state)) + " out of order");
        }
    }

    const PerfArguments& arguments_;
    Transport& transport_;
    Waiter& waiter_;
    Report& report_;
    const Cookie cookie_;
    std::unique_ptr<Stream> control_stream_;
    ControlConnection control_;
    std::unique_ptr<Stream> data_;
    std::optional<Transfer> transfer_;
    Results mine_;
    std::optional<Results> theirs_;
};

}  // namespace

int run_client(const PerfArguments& arguments) {
    const auto transport = arguments.connection.make_transport();
    Waiter waiter;
    Report report(std::cout, arguments.json, Role::kClient);
    try {
        ClientTest(arguments, *transport, waiter, report).run();
    } catch (const std::exception& error) {
        report.failed(error.what());
        report.close();
        throw;
    }
    report.close();
    if (!arguments.json) std::cout << "\ndominoes perf: done." << std::endl;
    return 0;
}

}  // namespace dominoes::command::perf
