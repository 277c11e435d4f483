// SPDX-License-Identifier: GPL-2.0
//
// The TCP router in a whole stack: whom an ICMP error reaches, what follows a SYN cookie's ACK, how
// a SYN is answered, and what a broadcast is worth.
#include "scout/connection/tcp_router.hh"

#include <algorithm>
#include <string>

#include "kunit/socket/tcp_host.hh"

namespace kunit {
namespace {

using namespace one_device;

constexpr uint8_t kPortUnreachable = 3;
constexpr uint8_t kProtocolUnreachable = 2;

// An attempt to connect that nobody answers.
struct Attempt {
    Attempt(TcpHost& machine, uint16_t port) : socket(machine.stack) {
        const auto to = address("192.0.2.2", 80);
        begun = socket.bind(address("192.0.2.1", port)) == 0 &&
                scout_connect(socket.get(), &to) == -int{kEinprogress};
        syn = machine.link.wait_for(port, 80);
    }
    // Waits for it to end.
    int outcome() {
        const uint64_t end_ns = dominoes_now_ns() + 20 * kSecond;
        while (!(scout_poll(socket.get()) & SCOUT_OUT) && dominoes_now_ns() < end_ns)
            dominoes_thread_yield();
        return scout_take_error(socket.get());
    }

    Socket socket;
    bool begun;
    Bytes syn;
};

// Had the first error reached the other connection, too, that would have ended with its code.
void icmp_error__reaches_the_connection_it_quotes(Check& check) {
    TcpHost machine;
    REQUIRE(machine.nic);
    Attempt one(machine, 5000), other(machine, 5001);
    REQUIRE(one.begun && other.begun && !one.syn.empty() && !other.syn.empty());
    machine.receive_error(kPortUnreachable, one.syn);
    EXPECT_EQ(one.outcome(), kEconnrefused);
    EXPECT(machine.counts(Counter::icmp_errors_in, 1));
    machine.receive_error(kProtocolUnreachable, other.syn);
    EXPECT_EQ(other.outcome(), kEnoprotoopt);
    EXPECT(machine.counts(Counter::icmp_errors_in, 2));
}

// About the same but for one part of the key.
void icmp_error__about_no_connection(Check& check) {
    TcpHost machine;
    REQUIRE(machine.nic);
    Attempt attempt(machine, 5000);
    REQUIRE(attempt.begun && !attempt.syn.empty());
    constexpr size_t kPeerIpAt = 16, kOurPortAt = kIpHeaderBytes, kPeerPortAt = kOurPortAt + 2;
    uint32_t unmatched = 0;
    for (size_t at : {kPeerIpAt + 2, kOurPortAt, kPeerPortAt}) {
        Bytes wrong = attempt.syn;
        wrong[at + 1] ^= 1;
        put16(wrong, 10, 0);
        put16(wrong, 10, checksum(wrong.data(), kIpHeaderBytes));
        machine.receive_error(kPortUnreachable, wrong);
        EXPECT(machine.counts(Counter::drop_icmp_unmatched, ++unmatched));
    }
    EXPECT_EQ(machine.count(Counter::icmp_errors_in), 0);
    machine.receive_error(kProtocolUnreachable, attempt.syn);
    EXPECT_EQ(attempt.outcome(), kEnoprotoopt);
}

// Had what follows come before the SYN that the cookie stands for, it would have been in LISTEN,
// and been answered by a reset.
void cookie__data_on_the_heels_of_its_ack(Check& check) {
    constexpr uint16_t kFirst = 5000, kConnections = 300;
    constexpr uint32_t kIss = 1000;
    TcpHost machine;
    REQUIRE(machine.nic);
    Socket listener(machine.stack);
    REQUIRE(listener.bind(address("192.0.2.1", 80)) == 0 && listener.listen(1) == 0);
    machine.receive(segment_frame(kFirst - 1, kSyn, kIss, 0));  // this is all there is room for
    for (uint16_t port = kFirst; port < kFirst + kConnections; ++port) {
        const Bytes answer = answer_to(machine, segment_frame(port, kSyn, kIss, 0), port);
        REQUIRE(!answer.empty());
        const uint32_t ack = load_be32(answer.data() + kIpHeaderBytes + 4) + 1;
        const Bytes data = segment_frame(port, kAck | kPsh, kIss + 1, ack, "x");
        machine.receive(segment_frame(port, kAck, kIss + 1, ack));
        REQUIRE(eventually([&] {
            machine.receive(data);
            return machine.count(Counter::tcp_cookies_in) == port - kFirst + 1u;
        }));
        int error = 0;
        const auto socket = listener.accept(error);
        REQUIRE(socket);
        machine.receive(data);  // it was lost where there was no connection yet
        char got = 0;
        EXPECT_EQ(socket->read(&got, 1), 1);
        EXPECT_EQ(got, 'x');
    }
    EXPECT_EQ(machine.count(Counter::tcp_cookies_in), kConnections);
    EXPECT_EQ(machine.link.resets(), 0);
}

// A peer whose SYN is answered with a cookie, and who then says "hello" in two segments, and FIN.
struct Greeter {
    static constexpr uint32_t kIss = 1000;
    enum { kBareAck, kHe, kLlo, kFinAlone, kAll, kSegments = kAll };

    Greeter(TcpHost& machine, uint16_t port) : machine_(machine), port_(port) {
        const Bytes answer = answer_to(machine, segment_frame(port, kSyn, kIss, 0), port);
        if (answer.empty()) return;
        const uint32_t ack = load_be32(answer.data() + kIpHeaderBytes + 4) + 1;
        segments[kBareAck] = segment_frame(port, kAck, kIss + 1, ack);
        segments[kHe] = segment_frame(port, kAck, kIss + 1, ack, "he");
        segments[kLlo] = segment_frame(port, kAck | kPsh, kIss + 3, ack, "llo");
        segments[kFinAlone] = segment_frame(port, kAck | kFin, kIss + 6, ack);
        segments[kAll] = segment_frame(port, kAck | kPsh | kFin, kIss + 1, ack, "hello");
    }
    // Says `segment` again, as a peer does that has no answer, until there is a connection.
    std::unique_ptr<Socket> opens(Socket& listener, int segment) {
        const uint64_t before = machine_.count(Counter::tcp_cookies_in);
        int error = 0;
        eventually([&] {
            machine_.receive(segments[segment]);
            return machine_.count(Counter::tcp_cookies_in) > before;
        });
        return listener.accept(error);
    }
    // All in their order, until the FIN is acknowledged.
    bool repeats() {
        return eventually([&] {
            for (int i = kBareAck; i < kSegments; ++i) machine_.receive(segments[i]);
            return machine_.link.acknowledged(80, port_) == kIss + 7;
        });
    }

    Bytes segments[kAll + 1];

private:
    TcpHost& machine_;
    const uint16_t port_;
};

// A listener with room for nothing but cookies.
struct Flooded {
    Flooded() : listener(machine.stack) {
        ready =
            machine.nic && listener.bind(address("192.0.2.1", 80)) == 0 && listener.listen(1) == 0;
        if (ready) machine.receive(segment_frame(4999, kSyn, 1, 0));
    }
    TcpHost machine;
    Socket listener;
    bool ready;
};

void expect_hello(Check& check, Socket& socket) {
    char got[16];
    std::string all;
    int64_t bytes;
    while ((bytes = socket.read(got, sizeof got)) > 0) all.append(got, static_cast<size_t>(bytes));
    EXPECT_EQ(bytes, 0);
    EXPECT(all == "hello");
    EXPECT(eventually([&] { return socket.info().bytes_received == 5; }));
}

// The cookie's ACK is lost, or has data, or a FIN: nothing of that is taken from it, and all is
// when it comes again, once.
void cookie__comes_back_with_data(Check& check) {
    Flooded flooded;
    REQUIRE(flooded.ready);
    uint16_t port = 5000;
    for (int first : {Greeter::kBareAck, Greeter::kHe, Greeter::kAll}) {
        Greeter peer(flooded.machine, port++);
        const auto socket = peer.opens(flooded.listener, first);
        REQUIRE(socket);
        EXPECT(!(scout_poll(socket->get()) & (SCOUT_HUP | SCOUT_ERR)));
        REQUIRE(peer.repeats());
        expect_hello(check, *socket);
    }
    Greeter peer(flooded.machine, port);
    const auto socket = peer.opens(flooded.listener, Greeter::kAll);
    REQUIRE(socket);
    flooded.machine.receive(peer.segments[Greeter::kAll]);
    expect_hello(check, *socket);
    EXPECT_EQ(flooded.machine.link.resets(), 0);
}

// In any order: what overtakes the cookie's ACK, or comes where that was lost, is not reset.
void cookie__races_with_data(Check& check) {
    Flooded flooded;
    REQUIRE(flooded.ready);
    int order[] = {Greeter::kBareAck, Greeter::kHe, Greeter::kLlo, Greeter::kFinAlone};
    uint16_t port = 5000;
    do {
        Greeter peer(flooded.machine, port++);
        for (int segment : order) flooded.machine.receive(peer.segments[segment]);
        REQUIRE(peer.repeats());
        int error = 0;
        const auto socket = flooded.listener.accept(error);
        REQUIRE(socket);
        expect_hello(check, *socket);
        EXPECT_EQ(flooded.machine.link.resets(), 0);
        if (check.failed()) return;
    } while (std::next_permutation(std::begin(order), std::end(order)));
    EXPECT_EQ(port, 5024);
}

// Of what a cookie's peer may have sent an ACK alone is none: nobody has such a connection.
void cookie__a_wrong_one_is_reset(Check& check) {
    Flooded flooded;
    REQUIRE(flooded.ready);
    Greeter peer(flooded.machine, 5000);
    EXPECT(eventually([&] {  // copies of the SYN may still fill the queue
        flooded.machine.receive(segment_frame(5000, kAck, Greeter::kIss + 2, 77));
        return flooded.machine.link.resets() > 0;
    }));
    EXPECT(flooded.machine.count(Counter::tcp_cookies_wrong) > 0);
}

// What the answer says to the SYN that comes from `peer_port`.
struct Answer {
    Answer(TcpHost& machine, uint16_t peer_port) {
        const Bytes bytes = answer_to(machine, segment_frame(peer_port, kSyn, 1000, 0), peer_port);
        const auto length = static_cast<uint32_t>(bytes.size());
        if (parse_ip(bytes.data(), length, length, ip) != IpResult::kOk) return;
        const uint32_t left = length - ip.header_bytes;
        there = tcp_parse(bytes.data() + ip.header_bytes, left, left, segment) == TcpParse::kOk;
    }
    bool there = false;
    IpHeader ip{};
    SegmentEvent segment{};
};

void set_option__of_a_listener(Check& check) {
    constexpr uint32_t kReplicas = 4, kMss = 11, kTtl = 18, kTos = 19;
    TcpHost machine;
    REQUIRE(machine.nic);
    Socket listener(machine.stack);
    REQUIRE(listener.bind(address("192.0.2.1", 80)) == 0 && listener.listen(2) == 0);
    const Answer before(machine, 5000);
    REQUIRE(before.there);
    EXPECT_EQ(before.ip.ttl, 64);
    EXPECT_EQ(before.segment.mss, 1460);
    EXPECT_EQ(listener.set(kMss, 10), -int{kEinval});
    EXPECT_EQ(listener.set(kMss, 1000), 0);
    EXPECT_EQ(listener.set(kTtl, 9), 0);
    EXPECT_EQ(listener.set(kTos, 0xbb), 0);
    EXPECT_EQ(listener.set(kReplicas, 5), 0);
    EXPECT_EQ(listener.info().replicas, 5);
    for (uint16_t port : {5001, 5002}) {  // the second gets a cookie
        const Answer after(machine, port);
        REQUIRE(after.there);
        EXPECT_EQ(after.ip.ttl, 9);
        EXPECT_EQ(after.ip.dscp, 0xbb >> 2);
        EXPECT_EQ(after.ip.ecn, 0);
        EXPECT_EQ(after.segment.mss, 1000);
    }
    // One for each time it was asked; counted when it has left.
    EXPECT(eventually([&] { return machine.count(Counter::tcp_cookies_out) > 0; }));
}

// The same to everyone on the link.
Bytes to_everyone(Bytes frame) {
    __builtin_memcpy(frame.data(), kBroadcastMac.bytes, 6);
    return frame;
}

// RFC 9293 MUST-57, RFC 1122 section 3.3.6. The control thread takes frames in their order: when it
// has answered the last one, it would have answered the one before.
void broadcast__opens_nothing(Check& check) {
    TcpHost machine;
    REQUIRE(machine.nic);
    Socket listener(machine.stack);
    REQUIRE(listener.bind(address("192.0.2.1", 80)) == 0 && listener.listen(16) == 0);
    machine.receive(to_everyone(segment_frame(5000, kSyn, 1000, 0)));
    machine.receive(to_everyone(segment_frame(5001, kAck, 1000, 1)));
    machine.receive(segment_frame(5002, kAck, 1000, 1));
    EXPECT(eventually([&] { return machine.link.resets() == 1; }));
    EXPECT(machine.link.syn(80, 5000).empty());
    EXPECT_EQ(machine.count(Counter::tcp_passive_opens), 0);
    EXPECT_EQ(machine.count(Counter::drop_tcp_broadcast), 2);
    EXPECT_EQ(machine.count(Counter::drop_tcp_unmatched), 1);
}

void broadcast__says_nothing_to_a_connection(Check& check) {
    TcpHost machine;
    REQUIRE(machine.nic);
    Socket listener(machine.stack);
    REQUIRE(listener.bind(address("192.0.2.1", 80)) == 0 && listener.listen(16) == 0);
    const Bytes answer = answer_to(machine, segment_frame(5000, kSyn, 1000, 0), 5000);
    REQUIRE(!answer.empty());
    const uint32_t ack = load_be32(answer.data() + kIpHeaderBytes + 4) + 1;
    machine.receive(segment_frame(5000, kAck, 1001, ack));
    int error = 0;
    const auto socket = listener.accept(error);
    REQUIRE(socket);
    machine.receive(to_everyone(segment_frame(5000, kAck | kPsh, 1001, ack, "forged")));
    machine.receive(to_everyone(segment_frame(5000, kRst, 1001, 0)));
    machine.receive(segment_frame(5000, kAck | kPsh, 1001, ack, "honest"));
    char got[6] = {};
    EXPECT_EQ(socket->read(got, sizeof got), sizeof got);
    EXPECT(Bytes(got, got + sizeof got) == text("honest"));
    EXPECT_EQ(machine.count(Counter::drop_tcp_broadcast), 2);
}

constexpr Test kTests[] = {
    TEST(icmp_error__reaches_the_connection_it_quotes),
    TEST(icmp_error__about_no_connection),
    TEST(cookie__data_on_the_heels_of_its_ack),
    TEST(cookie__comes_back_with_data),
    TEST(cookie__races_with_data),
    TEST(cookie__a_wrong_one_is_reset),
    TEST(set_option__of_a_listener),
    TEST(broadcast__opens_nothing),
    TEST(broadcast__says_nothing_to_a_connection),
};

}  // namespace

extern const Suite tcp_router_host_suite = SUITE("tcp_router_host", kTests);

}  // namespace kunit
