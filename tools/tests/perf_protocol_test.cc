// SPDX-License-Identifier: GPL-2.0
// iperf3's control protocol: what goes over the wire, and what is made of what comes.
#include "../command/perf_protocol.hh"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

namespace dominoes::command::perf {
namespace {

// One end of a socket pair.
class PairStream : public Stream {
public:
    explicit PairStream(int fd) : fd_(fd) {}
    int fd() const override { return fd_.get(); }
    void shutdown_write() override { ::shutdown(fd(), SHUT_WR); }
    void set_nodelay(bool) override {}
    int take_error() override { return 0; }
    SocketAddress local() const override { return {}; }
    SocketAddress peer() const override { return {}; }
    dominoes_info info() const override { return {}; }

private:
    Descriptor fd_;
};

class Control : public testing::Test {
protected:
    Control() {
        int fds[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        ours_ = std::make_unique<PairStream>(fds[0]);
        theirs_ = std::make_unique<PairStream>(fds[1]);
        control_ = std::make_unique<ControlConnection>(*ours_, waiter_);
    }
    void send_raw(const std::string& bytes) {
        ASSERT_EQ(::write(theirs_->fd(), bytes.data(), bytes.size()), ssize_t(bytes.size()));
    }
    std::string receive_raw() {
        char bytes[4096];
        const ssize_t got = ::read(theirs_->fd(), bytes, sizeof(bytes));
        return std::string(bytes, got < 0 ? 0 : static_cast<std::size_t>(got));
    }

    Waiter waiter_;
    std::unique_ptr<PairStream> ours_;
    std::unique_ptr<PairStream> theirs_;
    std::unique_ptr<ControlConnection> control_;
};

TEST_F(Control, states__are_single_signed_bytes) {
    control_->send(State::kAccessDenied);
    control_->send(State::kParamExchange);
    EXPECT_EQ(receive_raw(), "\xff\x09");
    send_raw("\x0d\xfe");
    EXPECT_EQ(control_->receive(), State::kExchangeResults);
    EXPECT_EQ(control_->try_receive(), State::kServerError);
    EXPECT_EQ(control_->try_receive(), std::nullopt);
}

TEST_F(Control, json__has_a_big_endian_length) {
    control_->send_json({{"a", 1}});
    EXPECT_EQ(receive_raw(), std::string("\0\0\0\x07{\"a\":1}", 11));
    send_raw(std::string("\0\0\0\x08", 4));
    send_raw("{\"b\": 2}");
    EXPECT_EQ(control_->receive_json()["b"], 2);
}

TEST_F(Control, json__of_absurd_length_is_refused) {
    send_raw("HTTP/1.1 400");
    EXPECT_THROW((void)control_->receive_json(), std::runtime_error);
}

TEST_F(Control, json__that_is_none_is_refused) {
    send_raw(std::string("\0\0\0\x02{{", 6));
    EXPECT_THROW((void)control_->receive_json(), Json::exception);
}

TEST_F(Control, cookie__is_37_bytes_with_a_nul) {
    const Cookie cookie = make_cookie();
    control_->send_cookie(cookie);
    const std::string wire = receive_raw();
    EXPECT_EQ(wire.size(), 37u);
    EXPECT_EQ(wire.find('\0'), 36u);
    EXPECT_NE(make_cookie(), cookie);
}

TEST_F(Control, cookie__without_nul_is_terminated) {
    send_raw(std::string(37, 'x'));
    EXPECT_EQ(control_->receive_cookie().back(), '\0');
}

TEST_F(Control, errors__carry_two_numbers) {
    control_->send_error(13, 0);
    EXPECT_EQ(receive_raw(), std::string("\xfe\0\0\0\x0d\0\0\0\0", 9));
    send_raw(std::string("\0\0\0\x67\0\0\0\x6f", 8));
    EXPECT_EQ(control_->receive_error(),
              "the server failed (iperf3 error 103, Connection refused)");
}

TEST_F(Control, receive__says_when_the_peer_is_gone) {
    theirs_.reset();
    EXPECT_THROW((void)control_->receive(), std::runtime_error);
    EXPECT_THROW((void)control_->try_receive(), std::runtime_error);
}

// As iperf 3.12 sent it.
const char* const kIperfParameters = R"({"tcp":true,"omit":0,"time":1,"num":0,"blockcount":0,
  "parallel":1,"reverse":true,"len":131072,"pacing_timer":1000,"client_version":"3.12"})";

TEST(Parameters, parse__takes_those_of_iperf3) {
    const Parameters parameters = parse_parameters(Json::parse(kIperfParameters));
    EXPECT_EQ(parameters.seconds, 1u);
    EXPECT_EQ(parameters.bytes, 0u);
    EXPECT_EQ(parameters.block_bytes, 131072u);
    EXPECT_TRUE(parameters.reverse);
    EXPECT_FALSE(parameters.nodelay);
}

TEST(Parameters, to_json__comes_back_the_same) {
    Parameters parameters;
    parameters.seconds = 0;
    parameters.bytes = 1ull << 40;
    parameters.block_bytes = 1000;
    parameters.nodelay = true;
    const Parameters back = parse_parameters(to_json(parameters));
    EXPECT_EQ(back.seconds, 0u);
    EXPECT_EQ(back.bytes, 1ull << 40);
    EXPECT_EQ(back.block_bytes, 1000u);
    EXPECT_TRUE(back.nodelay);
    // iperf3 looks for the presence of the name only.
    EXPECT_FALSE(to_json(parameters).contains("reverse"));
}

TEST(Parameters, parse__refuses_what_is_not_served) {
    const auto refused = [](const char* name, Json value) {
        Json json = Json::parse(kIperfParameters);
        json[name] = std::move(value);
        EXPECT_THROW(parse_parameters(json), Unsupported) << name;
    };
    refused("tcp", false);
    refused("parallel", 2);
    refused("bidirectional", true);
    refused("bandwidth", 1000000);
    refused("len", 0);
    refused("len", 2 << 20);
}

TEST(Results, parse__takes_iperf3s_unsigned_minus_one) {
    const Results results = parse_results(Json::parse(
        R"({"cpu_util_total":38.8,"cpu_util_user":0.7,"cpu_util_system":38.1,
        "sender_has_retransmits":18446744073709551615,"congestion_used":"bbr","streams":[{"id":1,
        "bytes":2219048854,"retransmits":1.8446744073709552e+19,"jitter":0,"errors":0,"packets":0,
        "start_time":0,"end_time":1.000027}]})"));
    EXPECT_EQ(results.bytes, 2219048854u);
    EXPECT_EQ(results.retransmits, std::nullopt);
    EXPECT_DOUBLE_EQ(results.seconds, 1.000027);
}

TEST(Results, to_json__comes_back_the_same) {
    Results results;
    results.bytes = 5;
    results.retransmits = 3;
    results.seconds = 1.5;
    const Results back = parse_results(to_json(results));
    EXPECT_EQ(back.bytes, 5u);
    EXPECT_EQ(back.retransmits, 3u);
    EXPECT_DOUBLE_EQ(back.seconds, 1.5);
    results.retransmits.reset();
    EXPECT_EQ(parse_results(to_json(results)).retransmits, std::nullopt);
}

TEST(Results, parse__refuses_what_is_incomplete) {
    EXPECT_THROW(parse_results(Json::object()), Json::exception);
    Json no_streams = to_json(Results{});
    no_streams["streams"] = Json::array();
    EXPECT_THROW(parse_results(no_streams), Json::exception);
}

}  // namespace
}  // namespace dominoes::command::perf
