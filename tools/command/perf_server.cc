// SPDX-License-Identifier: GPL-2.0
// The server of perf tests: takes one client at a time through the states of a test.
#include "perf.hh"
#include "perf_report.hh"

#include <iostream>

namespace dominoes::command::perf {

namespace {

class ServerTest {
public:
    ServerTest(const PerfArguments& arguments, Transport& transport, Waiter& waiter,
               Listener& listener, std::unique_ptr<Stream> control, Report& report)
        : arguments_(arguments),
          transport_(transport),
          waiter_(waiter),
          listener_(listener),
          report_(report),
          control_stream_(std::move(control)),
          control_(*control_stream_, waiter) {}

    void run() {
        try {
            control_stream_->set_nodelay(true);
            cookie_ = control_.receive_cookie();
            report_.connected(control_stream_->peer(), cookie_);
            agree();
            control_.send(State::kCreateStreams);
            accept_data();
            control_.send(State::kTestStart);
            control_.send(State::kTestRunning);
            test();
            conclude();
        } catch (const Interrupted&) {
            control_.send(State::kServerTerminate);
            throw;
        }
    }

private:
    void agree() {
        control_.send(State::kParamExchange);
        try {
            parameters_ = parse_parameters(control_.receive_json());
        } catch (const Unsupported& error) {
            control_.send_error(error.code, 0);
            throw;
        }
    }

    // The data connection is the one that shows the same cookie.
    void accept_data() {
        const auto deadline = Clock::now() + kControlTimeout;
        for (;;) {
            auto stream =
                transport_.accept(listener_, arguments_.connection.options, waiter_, deadline);
            ControlConnection candidate(*stream, waiter_);
            if (candidate.receive_cookie() == cookie_) {
                if (parameters_.nodelay) stream->set_nodelay(true);
                data_ = std::move(stream);
                return;
            }
            candidate.send(State::kAccessDenied);
        }
    }

    void test() {
        report_.started(parameters_, *data_);
        Transfer transfer(*data_, parameters_, parameters_.reverse, arguments_.interval,
                          [this](const Interval& interval) { report_.interval(interval); });
        std::optional<State> state;
        std::exception_ptr failure;
        try {
            state = transfer.run_as_server(control_, waiter_, listener_);
        } catch (const std::exception&) {
            failure = std::current_exception();
        }
        if (state == State::kTestEnd) transfer.take_rest(waiter_);
        mine_ = transfer.finish();
        info_ = transfer.info();
        if (state == State::kTestEnd) return;
        // No results from the client, then; show what is known here.
        report_.finished(mine_, std::nullopt, info_, transport_.name());
        if (failure) std::rethrow_exception(failure);
        if (state == State::kClientTerminate) throw std::runtime_error("the client has terminated");
        throw std::runtime_error("the client sent state " +
                                 std::to_string(static_cast<int>(*state)) + " out of order");
    }

    void conclude() {
        data_.reset();
        control_.send(State::kExchangeResults);
        const Results theirs = parse_results(control_.receive_json());
        control_.send_json(to_json(mine_));
        control_.send(State::kDisplayResults);
        report_.finished(mine_, theirs, info_, transport_.name());
        // The test is complete; a client that leaves without its kIperfDone does no harm.
        try {
            (void)control_.receive();
        } catch (const std::runtime_error&) {
        }
    }

    const PerfArguments& arguments_;
    Transport& transport_;
    Waiter& waiter_;
    Listener& listener_;
    Report& report_;
    std::unique_ptr<Stream> control_stream_;
    ControlConnection control_;
    Cookie cookie_{};
    Parameters parameters_;
    std::unique_ptr<Stream> data_;
    Results mine_;
    dominoes_info info_{};
};

void announce(const PerfArguments& arguments, unsigned test) {
    if (arguments.json) return;
    const std::string rule(59, '-');
    std::cout << rule << "\nServer listening on " << arguments.address.port << " (test #" << test
              << ")\n"
              << rule << std::endl;
}

void serve(const PerfArguments& arguments, Transport& transport, Waiter& waiter, Listener& listener,
           std::unique_ptr<Stream> control) {
    Report report(std::cout, arguments.json, Role::kServer);
    try {
        ServerTest(arguments, transport, waiter, listener, std::move(control), report).run();
    } catch (const std::exception& error) {
        report.failed(error.what());
        report.close();
        throw;
    }
    report.close();
}

}  // namespace

int run_server(const PerfArguments& arguments) {
    const auto transport = arguments.connection.make_transport();
    Waiter waiter;
    const auto listener = about("listening on " + to_string(arguments.address), [&] {
        return transport->listen(arguments.address, arguments.connection.options);
    });
    for (unsigned test = 1;; ++test) {
        announce(arguments, test);
        std::unique_ptr<Stream> control;
        try {
            control = transport->accept(*listener, {}, waiter, Clock::time_point::max());
        } catch (const Interrupted&) {
            return 0;  // between tests, that is how a server ends
        }
        try {
            serve(arguments, *transport, waiter, *listener, std::move(control));
        } catch (const Interrupted&) {
            throw;
        } catch (const std::exception& error) {
            if (arguments.one_off) throw;
            std::cerr << "dominoes perf: " << error.what() << '\n';
        }
        if (arguments.one_off) return 0;
    }
}

}  // namespace dominoes::command::perf
