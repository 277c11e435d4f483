// SPDX-License-Identifier: GPL-2.0
//
// What a receiver must not mind: reserved bits that are set (RFC 9293 section 3.1, RFC 791 section
// 3.1), options it does not know (RFC 9293 section 3.2, MUST-6; RFC 1122 section 3.2.1.8), and what
// Ethernet puts behind a short packet (RFC 894). On whole connections, so in every kind of segment.
#include "kunit/socket/tcp_host.hh"
#include "kunit/udp/open.hh"

namespace kunit {
namespace {

using namespace one_device;

// What the peer's segments have beside what they say.
struct Extra {
    const char* name;
    uint8_t reserved = 0;   // the four bits behind TCP's data offset
    bool evil = false;      // the bit before IP's DF, which RFC 3514 named
    Bytes ip_options = {};  // 4 divides the length of both
    Bytes tcp_options = {};
    Bytes padding = {};
    bool vouched = false;  // hardware has verified the checksum
};

// Kinds of options: 94, 158, 253, 254 are for experiments, 69 is MD5's neighbour TCP-AO's, 30
// multipath's.
const Extra kExtras[] = {
    {.name = "reserved bits", .reserved = 15},
    {.name = "accurate ECN's bit", .reserved = 1},
    {.name = "evil bit", .evil = true},
    {.name = "IP options", .ip_options = {1, 94, 6, 0xff, 0xff, 0xff, 0xff, 158, 2, 1, 1, 0}},
    {.name = "TCP options", .tcp_options = {253, 5, 1, 2, 3, 30, 4, 0, 0, 254, 2, 0}},
    {.name = "padding", .padding = Bytes(6, 0xa5)},
    {.name = "odd padding", .padding = Bytes(5, 0xa5)},
    {.name = "padding, checksum verified", .padding = Bytes(6, 0xa5), .vouched = true},
    {.name = "long padding", .padding = Bytes(1000, 0xa5)},
    {.name = "everything",
     .reserved = 15,
     .evil = true,
     .ip_options = {158, 4, 0, 0},
     .tcp_options = {1, 1, 253, 2},
     .padding = Bytes(3, 0xa5)},
};

Bytes with_tcp_extra(Bytes segment, const Extra& extra) {
    const size_t header = kTcpMinHeader + extra.tcp_options.size();
    segment.insert(segment.begin() + kTcpMinHeader, extra.tcp_options.begin(),
                   extra.tcp_options.end());
    segment[12] = static_cast<uint8_t>(header / 4 << 4 | extra.reserved);
    put16(segment, kTcpChecksumOffset, 0);
    ChecksumSum sum(pseudo_sum(kPeerIp, kOurIp, kTcp, static_cast<uint32_t>(segment.size())));
    sum.add(segment.data(), segment.size());
    put16(segment, kTcpChecksumOffset, sum.checksum());
    return segment;
}

Bytes with_ip_extra(Bytes packet, const Extra& extra) {
    const size_t header = kIpHeaderBytes + extra.ip_options.size();
    packet.insert(packet.begin() + kIpHeaderBytes, extra.ip_options.begin(),
                  extra.ip_options.end());
    packet[0] = static_cast<uint8_t>(4 << 4 | header / 4);
    put16(packet, 2, static_cast<uint16_t>(packet.size()));
    if (extra.evil) packet[6] |= 0x80;
    put16(packet, 10, 0);
    put16(packet, 10, checksum(packet.data(), header));
    return packet;
}

// A connection with the peer's `port`, whose segments all have the extra.
class Conversation {
public:
    Conversation(TcpHost& machine, const Extra& extra, TcpPorts ports)
        : machine_(machine), extra_(extra), ports_(ports) {}

    Bytes frame(uint8_t flags, const Bytes& payload = {}) const {
        const Bytes segment = tcp_segment(ports_, flags, seq_, ack_, payload);
        const Bytes packet = ip_packet(kTcp, with_tcp_extra(segment, extra_));
        return framed(with_ip_extra(packet, extra_)) + extra_.padding;
    }
    void says(uint8_t flags, const Bytes& payload = {}) {
        machine_.receive(frame(flags, payload), extra_.vouched);
        seq_ += static_cast<uint32_t>(payload.size()) + ((flags & (kSyn | kFin)) != 0);
    }
    // Answers the SYN that `ours` is, or takes it for the answer to its own.
    void takes_syn(const Bytes& ours) { ack_ = load_be32(ours.data() + kIpHeaderBytes + 4) + 1; }
    // The stack has what was said so far.
    bool acknowledged() const {
        return eventually(
            [&] { return machine_.link.acknowledged(ports_.destination, ports_.source) == seq_; });
    }
    void acknowledges(uint32_t bytes) {
        ack_ += bytes;
        says(kAck);
    }

private:
    TcpHost& machine_;
    const Extra& extra_;
    const TcpPorts ports_;
    uint32_t seq_ = 1000;
    uint32_t ack_ = 0;
};

// Says which of the extras it was that failed; that is enough.
bool failed(Check& check, const Extra& extra) {
    if (check.failed()) check.expect(false, __FILE__, __LINE__, extra.name);
    return check.failed();
}

std::unique_ptr<Socket> opened(TcpHost& machine, Socket& listener, Conversation& peer,
                               uint16_t port) {
    peer.says(kSyn);
    const Bytes answer = machine.link.wait_for(80, port);
    if (answer.empty()) return nullptr;
    peer.takes_syn(answer);
    peer.says(kAck);
    int error = 0;
    return listener.accept(error);
}

// Whether just `wanted` is read: at most that comes with one read.
bool reads(Socket& socket, const Bytes& wanted) {
    Bytes found(wanted.size() + 100);
    size_t got = 0;
    while (got < wanted.size()) {
        const int64_t part = socket.read(found.data() + got, found.size() - got);
        if (part <= 0) return false;
        got += static_cast<size_t>(part);
    }
    found.resize(got);
    return found == wanted;
}

void converse(Check& check, TcpHost& machine, Socket& listener, const Extra& extra, uint16_t port) {
    Conversation peer(machine, extra, {port, 80});
    const auto socket = opened(machine, listener, peer, port);
    REQUIRE(socket);
    peer.says(kAck | kPsh, text("hello"));
    EXPECT(reads(*socket, text("hello")));
    peer.says(kAck);
    peer.says(kAck | kPsh, text("x"));
    EXPECT(reads(*socket, text("x")));
    peer.says(kAck | kPsh, Bytes(20'000, 'y'));  // merged as it arrived
    EXPECT(reads(*socket, Bytes(20'000, 'y')));
    EXPECT(peer.acknowledged());
    EXPECT_EQ(socket->write("answer", 6), 6);
    peer.acknowledges(6);
    EXPECT(eventually([&] { return socket->info().bytes_acked == 6; }));
    peer.says(kAck | kFin);
    char end;
    EXPECT_EQ(socket->read(&end, 1), 0);
    EXPECT(peer.acknowledged());
    EXPECT(eventually([&] { return socket->info().bytes_received == 20'006; }));
    EXPECT_EQ(socket->shutdown(1), 0);
    peer.acknowledges(1);
    EXPECT(eventually([&] { return scout_poll(socket->get()) & SCOUT_HUP; }));
    EXPECT_EQ(scout_take_error(socket->get()), 0);
}

void connection__from_its_beginning_to_its_end(Check& check) {
    TcpHost machine;
    REQUIRE(machine.nic);
    Socket listener(machine.stack);
    REQUIRE(listener.bind(address("192.0.2.1", 80)) == 0 && listener.listen() == 0);
    uint16_t port = 5000;
    for (const Extra& extra : kExtras) {
        converse(check, machine, listener, extra, port++);
        if (failed(check, extra)) return;
    }
    EXPECT_EQ(machine.link.resets(), 0);
    // All went to their connections but ARP and the SYNs.
    EXPECT_EQ(machine.count(Counter::rx_packets),
              machine.count(Counter::tcp_segments_in) + 1 + std::size(kExtras));
}

void connection__opened_by_us(Check& check) {
    TcpHost machine;
    REQUIRE(machine.nic);
    uint16_t port = 6000;
    for (const Extra& extra : kExtras) {
        Socket socket(machine.stack);
        const auto to = address("192.0.2.2", 80);
        REQUIRE(socket.bind(address("192.0.2.1", port)) == 0);
        REQUIRE(scout_connect(socket.get(), &to) == -int{kEinprogress});
        Conversation peer(machine, extra, {80, port});
        const Bytes syn = machine.link.wait_for(port++, 80);
        REQUIRE(!syn.empty());
        peer.takes_syn(syn);
        peer.says(kSyn | kAck);
        EXPECT(eventually([&] { return scout_poll(socket.get()) & SCOUT_OUT; }));
        EXPECT_EQ(scout_take_error(socket.get()), 0);
        peer.says(kAck | kPsh, text("welcome"));
        EXPECT(reads(socket, text("welcome")));
        peer.says(kRst | kAck);
        char end;
        EXPECT_EQ(socket.read(&end, 1), -int64_t{kEconnreset});
        if (failed(check, extra)) return;
    }
}

// Data behind IP's total length is none, whatever length UDP tells of itself.
void udp__ends_with_the_datagram(Check& check) {
    Bed bed;
    Open open;
    REQUIRE(open.endpoint);
    EXPECT_EQ(open->bind(*bed.udp, 53), 0);
    Bytes got;
    for (const Extra& extra : kExtras) {
        const Bytes datagram = udp_datagram(4000, 53, text("one"));
        const Bytes packet = with_ip_extra(ip_packet(kUdp, datagram), extra);
        EXPECT(bed.receive(framed(packet) + extra.padding) == Verdict::kTake);
        EXPECT_EQ(open.receive(got), 3);
        EXPECT(got == text("one"));
        // One that claims the padding as well is none.
        Bytes longer = udp_datagram(4000, 53, text("one") + extra.padding);
        longer.resize(longer.size() - extra.padding.size());
        const Bytes cut = with_ip_extra(ip_packet(kUdp, longer), extra);
        const bool whole = extra.padding.empty();
        EXPECT_EQ(bed.receive(framed(cut) + extra.padding) == Verdict::kTake, whole);
        if (whole) open.receive(got);
        if (failed(check, extra)) return;
    }
}

void echo__returns_no_padding(Check& check) {
    Bed bed;
    bed.learn();
    for (const Extra& extra : kExtras) {
        const Bytes request = icmp_message(kIcmpEchoRequest, 0, 7, text("ping"));
        const Bytes packet = with_ip_extra(ip_packet(kIcmp, request), extra);
        EXPECT(bed.handle(framed(packet) + extra.padding) == Verdict::kTake);
        const Sent reply(bed.take());
        REQUIRE(reply.is_ip);
        EXPECT_EQ(reply.payload[0], kIcmpEchoReply);
        EXPECT(reply.payload_from(kIcmpHeaderBytes) == text("ping"));
        if (failed(check, extra)) return;
    }
}

constexpr Test kTests[] = {
    TEST(connection__from_its_beginning_to_its_end),
    TEST(connection__opened_by_us),
    TEST(udp__ends_with_the_datagram),
    TEST(echo__returns_no_padding),
};

}  // namespace

extern const Suite tolerance_host_suite = SUITE("tolerance_host", kTests);

}  // namespace kunit
