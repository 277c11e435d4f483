// SPDX-License-Identifier: GPL-2.0
//
// The userspace port's packets (tools/rig/port_packet.cc) and links (tools/rig/memory_link.cc).
#include <algorithm>
#include <cerrno>

#include "kunit/packets.hh"
#include "scout/link/driver.hh"
#include "tools/rig/memory_link.hh"

namespace kunit {
namespace {

using namespace scout;

constexpr uint32_t kTcpHeader = 20;

// A TCP message of `bytes` from a send buffer's offset 100, cut into `mss`.
struct TcpSample {
    TcpSample(rig::Link& link, uint32_t bytes, uint32_t mss) {
        Bytes data(bytes);
        for (uint32_t i = 0; i < bytes; ++i) data[i] = static_cast<uint8_t>(i * 13 + i / 251);
        buffer = dominoes_sendbuf_create(65536, 65536);
        dominoes_iter iter(data.data(), data.size());
        dominoes_sendbuf_write(buffer, kOffset, &iter, data.size());
        Msg msg;
        msg.set_payload(buffer, kOffset, bytes);
        msg.set_segment_bytes(mss);
        uint8_t* tcp = msg.prepend(kTcpHeader);
        store_be32(tcp + 4, 0xfffffff0);  // wraps around
        tcp[12] = 5 << 4;
        tcp[13] = 0x80 | 0x10 | 0x08 | 0x01;  // CWR, ACK, PSH, FIN
        store_be16(tcp + 16, pseudo_sum(kOurIp, kPeerIp, kTcp, kTcpHeader + bytes));
        msg.want_checksum(16);
        IpHeader ip{};
        ip.total_bytes = kIpHeaderBytes + kTcpHeader + bytes;
        ip.dont_fragment = true;
        ip.protocol = kTcp;
        ip.source = kOurIp;
        ip.destination = kPeerIp;
        write_ip(msg.prepend(kIpHeaderBytes), ip);
        write_eth(msg.prepend(kEthHeaderBytes), {kPeerMac, kOurMac, kEtherIp});
        packet = dominoes_packet_build(&link, &msg.tx());
        payload = data;
    }
    ~TcpSample() { dominoes_sendbuf_destroy(buffer); }

    static constexpr uint64_t kOffset = 65536 * 3 - 1000;  // the ring wraps around in it
    dominoes_sendbuf* buffer;
    dominoes_packet* packet;
    Bytes payload;
};

void build__completes_the_checksum(Check& check) {
    CaptureLink link;
    TcpSample sample(link, 5000, 0);
    EXPECT(dominoes_packet_transmit(&link, sample.packet));
    const Sent sent(link.take());
    REQUIRE(sent.is_ip);
    EXPECT(sent.checksum_right());
    EXPECT(sent.payload_from(kTcpHeader) == sample.payload);
}

void build__leaves_the_checksum_to_hardware(Check& check) {
    CaptureLink link;
    link.checksum_offload = true;
    TcpSample sample(link, 500, 0);
    EXPECT_EQ(load_be16(sample.packet->data + 34 + 16), pseudo_sum(kOurIp, kPeerIp, kTcp, 520));
    EXPECT(dominoes_packet_checksum_ok(sample.packet, 34, 520, 0));  // vouched for
    dominoes_packet_free(sample.packet);
}

void transmit__cuts_where_hardware_does_not(Check& check) {
    CaptureLink link;
    constexpr uint32_t kMss = 1460;
    TcpSample sample(link, 4 * kMss + 100, kMss);
    EXPECT(dominoes_packet_transmit(&link, sample.packet));
    REQUIRE_EQ(link.sent.size(), 5);
    Bytes all;
    for (uint32_t i = 0; i < 5; ++i) {
        const Sent sent(link.take());
        REQUIRE(sent.is_ip);
        EXPECT(sent.checksum_right());
        EXPECT_EQ(sent.ip.id, 0);
        EXPECT_EQ(load_be32(&sent.payload[4]), 0xfffffff0 + i * kMss);
        const uint8_t flags = sent.payload[13];
        EXPECT_EQ(flags & 0x80, i == 0 ? 0x80 : 0);
        EXPECT_EQ(flags & 0x10, 0x10);
        EXPECT_EQ(flags & 0x09, i == 4 ? 0x09 : 0);
        all = all + sent.payload_from(kTcpHeader);
    }
    EXPECT(all == sample.payload);
}

void transmit__whole_to_a_link_that_can(Check& check) {
    CaptureLink link;
    link.gso = true;
    TcpSample sample(link, 20000, 1460);
    EXPECT(dominoes_packet_transmit(&link, sample.packet));
    REQUIRE_EQ(link.sent.size(), 1);
    const Sent sent(link.take());
    EXPECT(sent.checksum_right());
    EXPECT(sent.payload_from(kTcpHeader) == sample.payload);
}

void checksum_ok__notices_a_flipped_bit(Check& check) {
    CaptureLink link;
    TcpSample sample(link, 501, 0);
    const uint16_t pseudo = pseudo_sum(kOurIp, kPeerIp, kTcp, 521);
    EXPECT(dominoes_packet_checksum_ok(sample.packet, 34, 521, pseudo));
    sample.packet->data[200] ^= 2;
    EXPECT(!dominoes_packet_checksum_ok(sample.packet, 34, 521, pseudo));
    dominoes_packet_free(sample.packet);
}

void create__holds_what_is_written(Check& check) {
    dominoes_packet* packet = dominoes_packet_create(100);
    REQUIRE(packet);
    EXPECT_EQ(dominoes_packet_bytes(packet), 100);
    const Bytes front(40, 1), back(60, 2);
    dominoes_packet_write(packet, 40, back.data(), 60);
    dominoes_packet_write(packet, 0, front.data(), 40);
    Bytes read(100);
    dominoes_packet_copy(packet, 0, read.data(), 100);
    EXPECT(read == front + back);
    EXPECT(!dominoes_packet_checksum_ok(packet, 0, 100, 0));  // nobody vouches for it
    dominoes_packet_free(packet);
}

void set_destination__writes_it(Check& check) {
    dominoes_packet* packet = rig::make_packet(Bytes(20));
    dominoes_packet_set_destination(packet, kOtherMac.bytes);
    EXPECT(std::equal(packet->data, packet->data + 6, kOtherMac.bytes));
    EXPECT_EQ(packet->data[6], 0);
    dominoes_packet_free(packet);
}

void sendbuf__room(Check& check) {
    dominoes_sendbuf* buffer = dominoes_sendbuf_create(4096, 4096);
    EXPECT_EQ(dominoes_sendbuf_room(buffer, 0, 0), 4096);
    EXPECT_EQ(dominoes_sendbuf_room(buffer, 5000, 4000), 3096);
    EXPECT_EQ(dominoes_sendbuf_room(buffer, 4096, 0), 0);
    EXPECT_EQ(dominoes_sendbuf_room(buffer, 5000, 0), 0);
    dominoes_sendbuf_destroy(buffer);
}

void sendbuf__room_is_what_is_admitted(Check& check) {
    dominoes_sendbuf* buffer = dominoes_sendbuf_create(16384, 4096);
    EXPECT_EQ(dominoes_sendbuf_room(buffer, 5000, 4000), 3096);
    dominoes_sendbuf_set_limit(buffer, 8192);
    EXPECT_EQ(dominoes_sendbuf_room(buffer, 5000, 4000), 7192);
    dominoes_sendbuf_destroy(buffer);
}

void sendbuf__write_stops_at_a_fault(Check& check) {
    dominoes_sendbuf* buffer = dominoes_sendbuf_create(4096, 4096);
    const Bytes data(1000, 1);
    dominoes_iter iter(data.data(), data.size());
    iter.fault_after(600);
    EXPECT_EQ(dominoes_sendbuf_write(buffer, 4000, &iter, 1000), 600);
    EXPECT_EQ(dominoes_sendbuf_write(buffer, 4600, &iter, 400), -int64_t{EFAULT});
    EXPECT_EQ(dominoes_sendbuf_write(buffer, 4600, &iter, 0), 0);
    dominoes_sendbuf_destroy(buffer);
}

void iter__goes_over_spans(Check& check) {
    Bytes one(3), two(0), three(5);
    const dominoes_iter::Span spans[] = {std::as_writable_bytes(std::span(one)),
                                         std::as_writable_bytes(std::span(two)),
                                         std::as_writable_bytes(std::span(three))};
    dominoes_iter to{std::span<const dominoes_iter::Span>(spans)};
    EXPECT_EQ(dominoes_iter_put(&to, "abcd", 4), 4);
    EXPECT_EQ(dominoes_iter_put(&to, "efghij", 6), 4);  // no more room
    EXPECT_EQ(dominoes_iter_put(&to, "k", 1), -int64_t{EFAULT});
    EXPECT(one == text("abc") && three == text("defgh"));
    dominoes_iter from{std::span<const dominoes_iter::Span>(spans)};
    Bytes out(8);
    EXPECT_EQ(dominoes_iter_take(&from, out.data(), 8), 8);
    EXPECT(out == text("abcdefgh"));
}

// --- MemoryLink ---

struct Pair {
    Pair() {
        rig::MemoryLink::connect(one, two);
        two.on_receive = [this](dominoes_packet* packet) {
            received.emplace_back(packet->data, packet->data + packet->bytes);
            return false;
        };
        two.now_ns = [this] { return now; };
        one.now_ns = two.now_ns;
    }
    void send(const char* characters) { one.transmit(rig::make_packet(text(characters))); }

    rig::MemoryLink one, two;
    uint64_t now = 1000;
    std::vector<Bytes> received;
};

void memory_link__delivers_in_order_when_told(Check& check) {
    Pair pair;
    int notices = 0;
    pair.two.on_arrival = [&notices] { ++notices; };
    pair.send("a");
    pair.send("b");
    EXPECT(pair.received.empty());
    EXPECT_EQ(notices, 2);
    EXPECT_EQ(pair.two.deliver(), 2);
    EXPECT(pair.received == (std::vector<Bytes>{text("a"), text("b")}));
    EXPECT_EQ(pair.two.deliver(), 0);
    EXPECT_EQ(pair.two.next_arrival_ns(), rig::MemoryLink::kNever);
}

void memory_link__loses_duplicates_and_delays(Check& check) {
    Pair pair;
    pair.one.on_transmit = [](dominoes_packet& packet) -> rig::MemoryLink::Fate {
        switch (packet.data[0]) {
            case 'l':
                return {.lost = true};
            case 'd':
                return {.duplicated = true};
            case 'w':
                return {.delay_ns = 500};
            default:
                return {};
        }
    };
    for (const char* packet : {"w", "l", "d", "x"}) pair.send(packet);
    EXPECT_EQ(pair.two.deliver(), 3);
    EXPECT_EQ(pair.two.next_arrival_ns(), 1500);
    EXPECT_EQ(pair.two.deliver(), 0);
    pair.now = 1500;
    EXPECT_EQ(pair.two.deliver(), 1);
    EXPECT(pair.received == (std::vector<Bytes>{text("d"), text("d"), text("x"), text("w")}));
}

void memory_link__refuses_when_full(Check& check) {
    Pair pair;
    pair.two.queue_limit = 1;
    EXPECT(pair.one.transmit(rig::make_packet(text("a"))));
    EXPECT(!pair.one.transmit(rig::make_packet(text("b"))));
}

constexpr Test kTests[] = {
    TEST(build__completes_the_checksum),
    TEST(build__leaves_the_checksum_to_hardware),
    TEST(transmit__cuts_where_hardware_does_not),
    TEST(transmit__whole_to_a_link_that_can),
    TEST(checksum_ok__notices_a_flipped_bit),
    TEST(create__holds_what_is_written),
    TEST(set_destination__writes_it),
    TEST(sendbuf__room),
    TEST(sendbuf__room_is_what_is_admitted),
    TEST(sendbuf__write_stops_at_a_fault),
    TEST(iter__goes_over_spans),
    TEST(memory_link__delivers_in_order_when_told),
    TEST(memory_link__loses_duplicates_and_delays),
    TEST(memory_link__refuses_when_full),
};

}  // namespace

extern const Suite port_packet_host_suite = SUITE("port_packet_host", kTests);

}  // namespace kunit
