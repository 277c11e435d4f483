// SPDX-License-Identifier: GPL-2.0
//
// The whole core at work in userspace: two machines back to back, real threads, several replicas.
// What the end-to-end tests show of the kernel module is shown here of the core, under the
// sanitizers.
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <functional>

#include "kunit/packets.hh"
#include "tools/rig/cable.hh"

namespace rig {
namespace {

// A segment without data or options from host 10.0.0.`host`, whoever that is.
dominoes_packet* forged(uint8_t host, uint16_t port, uint8_t flags, uint32_t seq, uint32_t ack) {
    const auto source = scout::IpAddress::v4(0x0a000000u | host);
    const auto destination = scout::IpAddress::v4(0x0a000001);
    return make_packet(kunit::framed(kunit::ip_packet(
        scout::kTcp, kunit::tcp_segment({port, kPort}, flags, seq, ack, {}, source, destination),
        source, destination)));
}

dominoes_packet* forged_syn(uint8_t host, uint16_t port, uint32_t seq) {
    return forged(host, port, scout::kSyn, seq, 0);
}

void arrive(Machine& machine, dominoes_packet* packet) {
    if (!scout_receive(machine.nic(), packet)) dominoes_packet_free(packet);
}

// Of the frames that a link transmits.
const uint8_t* tcp_header(const dominoes_packet& packet) {
    return packet.data + scout::kEthHeaderBytes + scout::kIpHeaderBytes;
}
uint32_t tcp_sequence(const uint8_t* tcp) {
    return uint32_t{tcp[4]} << 24 | uint32_t{tcp[5]} << 16 | uint32_t{tcp[6]} << 8 | tcp[7];
}

class Exchange : public testing::TestWithParam<std::tuple<uint32_t, uint32_t>> {};

TEST_P(Exchange, both_ways) {
    const auto [replicas, policy] = GetParam();
    Cable cable(replicas);
    cable.start();
    Pair pair = connect(cable, {{DOMINOES_OPT_POLICY, policy}, {DOMINOES_OPT_DIGEST_INTERVAL, 1}});
    exchange(pair, 2'000'000);
    expect_consistent(*pair.client);
    expect_consistent(*pair.server);
}

INSTANTIATE_TEST_SUITE_P(Replicas, Exchange,
                         testing::Combine(testing::Values(1u, 2u, 4u, 7u),
                                          testing::Values(0u, 1u, 2u, 3u)));

TEST(Replication, loss_duplication_and_reordering) {
    Cable cable;
    cable.lose(0.02, 0.01, 2'000'000);
    cable.start();
    Pair pair = connect(cable, {{DOMINOES_OPT_DIGEST_INTERVAL, 4}});
    exchange(pair, 1'000'000);
    expect_consistent(*pair.client);
    expect_consistent(*pair.server);
}

TEST(Replication, large_pieces) {
    Cable cable(4, true);
    cable.start();
    Pair pair = connect(cable, {{DOMINOES_OPT_POLICY, 1}});
    exchange(pair, 8'000'000);
    expect_consistent(*pair.server);
}

// Rings are exchanged while replicas place bytes into them.
TEST(Replication, buffers_grow_under_traffic) {
    Cable cable;
    cable.start();
    Pair pair =
        connect(cable, {{DOMINOES_OPT_BUFLIMIT, 1 << 20}, {DOMINOES_OPT_DIGEST_INTERVAL, 1}});
    EXPECT_EQ(16'384u, pair.server->info().rcvbuf);
    EXPECT_EQ(1u << 20, pair.server->info().rcvbuf_limit);
    exchange(pair, 8'000'000);
    EXPECT_GT(pair.server->info().rcvbuf, 16'384u);
    EXPECT_GT(pair.client->info().sndbuf, 16'384u);
    expect_consistent(*pair.client);
    expect_consistent(*pair.server);
}

TEST(Replication, in_order_although_one_replica_is_delayed) {
    Cable cable;
    cable.start();
    Pair pair = connect(cable, {{DOMINOES_OPT_POLICY, 1}, {DOMINOES_OPT_DIGEST_INTERVAL, 8}});
    EXPECT_EQ(0, pair.client->set(DOMINOES_OPT_DEBUG_DELAY, int64_t{1} << 32 | 500));
    EXPECT_EQ(0, pair.server->set(DOMINOES_OPT_DEBUG_DELAY, int64_t{2} << 32 | 500));
    EXPECT_EQ(0, pair.server->set(DOMINOES_OPT_DEBUG_STALL, int64_t{3} << 32 | 50));
    exchange(pair, 1'000'000);
    expect_consistent(*pair.client);
    expect_consistent(*pair.server);
}

// Each payload is copied out of its packets by its one owner, and by nobody else.
TEST(Replication, work_is_shared_and_done_once) {
    Cable cable;
    cable.start();
    Pair pair = connect(cable, {{DOMINOES_OPT_POLICY, 1}});
    exchange(pair, 2'000'000);
    const auto info = pair.server->info();
    uint64_t delivered = 0;
    for (uint32_t i = 0; i < info.replicas; ++i) {
        EXPECT_GT(info.replica[i].delivered_bytes, 0u) << i;
        EXPECT_GT(info.replica[i].sent_segments, 0u) << i;
        delivered += info.replica[i].delivered_bytes;
    }
    EXPECT_EQ(2'000'000u, delivered);
}

// Few requests are left to the leader, but not for good: the others would keep their packets.
TEST(Replication, patience_ends_without_further_traffic) {
    Cable cable;
    cable.start();
    Pair pair = connect(cable);
    auto somebody_is_behind = [&] {
        const auto info = pair.server->info();
        return std::any_of(info.replica, info.replica + info.replicas,
                           [](const auto& replica) { return replica.lag != 0; });
    };
    std::vector<uint8_t> bytes(1000);
    for (int i = 0; i < 5; ++i) {
        ASSERT_EQ(1000, pair.client->write(bytes.data(), bytes.size()));
        ASSERT_EQ(1000, pair.server->read(bytes.data(), bytes.size()));
        while (somebody_is_behind()) std::this_thread::yield();
    }
}

TEST(Consistency, a_corrupted_replica_is_noticed) {
    Cable cable;
    cable.start();
    Pair pair = connect(cable, {{DOMINOES_OPT_DIGEST_INTERVAL, 1}});
    EXPECT_EQ(0, pair.server->set(DOMINOES_OPT_DEBUG_CORRUPT, 2));
    std::vector<uint8_t> bytes(100'000);
    int64_t error = 0;
    std::thread writer([&] {
        while (pair.client->write(bytes.data(), bytes.size()) > 0) {
        }
    });
    read_all(*pair.server, error);
    writer.join();
    EXPECT_EQ(-EIO, error);
    EXPECT_GE(cable.server().counter("digest_mismatches"), 1u);
}

// The server ends the connection with a reset. The peer's answer to it, which expected another
// number (data before it was lost), arrives before the reset has left, as on a veth pair: while the
// connection has not gone yet. Nobody else would tell the peer that it is over.
void challenge_the_reset(const std::function<void(Pair&)>& end) {
    constexpr uint32_t kExpected = 12345;
    Cable cable;
    std::atomic<int> answers = 0;
    std::atomic<bool> challenged = false;
    cable.link(0).on_transmit = [&](dominoes_packet& packet) {
        const uint8_t* tcp = tcp_header(packet);
        if (packet.bytes < 54 || !(tcp[13] & scout::kRst)) return MemoryLink::Fate{};
        if (tcp_sequence(tcp) == kExpected) ++answers;
        const auto port = static_cast<uint16_t>(tcp[2] << 8 | tcp[3]);
        if (!challenged.exchange(true))
            arrive(cable.server(), forged(2, port, scout::kAck, 0, kExpected));
        return MemoryLink::Fate{.lost = true};
    };
    cable.start();
    Pair pair = connect(cable, {{DOMINOES_OPT_DIGEST_INTERVAL, 1}});
    end(pair);
    while (answers == 0) std::this_thread::yield();
}

TEST(Consistency, the_challenge_to_its_reset_is_answered) {
    challenge_the_reset([](Pair& pair) {
        EXPECT_EQ(0, pair.server->set(DOMINOES_OPT_DEBUG_CORRUPT, 2));
        std::vector<uint8_t> bytes(100'000);
        while (pair.server->write(bytes.data(), bytes.size()) > 0) {
        }
    });
}

TEST(Connection, the_challenge_to_its_reset_is_answered) {
    challenge_the_reset([](Pair& pair) {
        EXPECT_EQ(0, pair.server->set(DOMINOES_OPT_LINGER, 0));
        pair.server.reset();
    });
}

class Datagrams : public testing::TestWithParam<uint32_t> {};

// Numbers in datagrams, some of which are spoiled on the way, and some dropped when a replica falls
// behind. The sender does not run away from those who take them.
TEST_P(Datagrams, in_order_through_replicas) {
    constexpr uint32_t kCount = 8'000, kSpoiled = 50, kAhead = 400, kEnd = ~0u;
    Cable cable;
    std::atomic<uint32_t> next = 0;
    cable.link(1).on_transmit = [&](dominoes_packet& packet) {
        if (packet.bytes < 800) return MemoryLink::Fate{};  // ARP
        uint32_t number;
        std::memcpy(&number, packet.data + packet.bytes - sizeof number, sizeof number);
        if (number % kSpoiled == kSpoiled - 1) packet.data[packet.bytes - 1] ^= 1;
        return MemoryLink::Fate{};
    };
    cable.start();
    Socket server(cable.server().stack(), Socket::kUdp),
        client(cable.client().stack(), Socket::kUdp);
    ASSERT_EQ(0, server.set(DOMINOES_OPT_POLICY, GetParam()));
    ASSERT_EQ(0, server.bind(address("10.0.0.1", kPort)));
    EXPECT_EQ(4u, server.info().replicas);  // the device's number
    ASSERT_EQ(0, client.connect(address("10.0.0.1", kPort)));

    auto counted = [&] {
        return cable.server().counter("udp_in") + cable.server().counter("drop_udp_full") +
               cable.server().counter("drop_udp_checksum");
    };
    auto send = [&](uint32_t number) {
        std::vector<uint32_t> words(200, number);
        EXPECT_EQ(800, client.write(words.data(), 800));
    };
    std::atomic<bool> done = false;
    std::thread sender([&] {
        for (; next < kCount; ++next) {
            send(next);
            const uint32_t ahead = next ? kAhead : 0;  // with the first comes the address
            while (counted() + ahead <= next) std::this_thread::yield();
        }
        while (!done) {
            send(kEnd);
            std::this_thread::yield();
        }
    });
    uint32_t got[200], came = 0, wrong = 0;
    for (int64_t last = -1; server.read(got, sizeof got) == 800 && got[0] != kEnd; ++came) {
        wrong += got[0] <= last || got[0] % kSpoiled == kSpoiled - 1 || got[199] != got[0];
        last = got[0];
    }
    done = true;
    sender.join();
    EXPECT_EQ(0u, wrong);
    EXPECT_EQ(kEnd, got[0]);
    EXPECT_GE(came, kAhead);
    EXPECT_LE(cable.server().counter("drop_udp_checksum"), kCount / kSpoiled);
    EXPECT_GE(cable.server().counter("udp_in"), came);
}

INSTANTIATE_TEST_SUITE_P(Policies, Datagrams, testing::Values(0u, 1u, 2u, 3u));

// --- SYN cookies (RFC 4987) ---

TEST(Listener, cookies_let_in_who_is_there) {
    Cable cable(2);
    cable.start();
    Socket listener(cable.server().stack());
    EXPECT_EQ(0, listener.bind(address("10.0.0.1", kPort)));
    EXPECT_EQ(0, listener.listen(2));
    for (uint16_t i = 0; i < 2; ++i) arrive(cable.server(), forged_syn(77, 5000 + i, i));
    while (cable.server().counter("tcp_passive_opens") < 2) std::this_thread::yield();
    for (int i = 0; i < 5; ++i) {
        Pair pair{std::make_unique<Socket>(cable.client().stack()), nullptr};
        ASSERT_EQ(0, pair.client->connect(address("10.0.0.1", kPort))) << i;
        int error = 0;
        pair.server = listener.accept(error);
        ASSERT_EQ(0, error);
        exchange(pair, 200'000);
        EXPECT_EQ(7u, pair.server->info().options);  // timestamps, scaling and SACK
        EXPECT_EQ(pair.client->info().mss, pair.server->info().mss);
    }
    // Not all five where that takes seconds: attempts nobody answers for are given up, and make
    // room.
    EXPECT_GE(cable.server().counter("tcp_cookies_in"), 1u);
    EXPECT_EQ(0u, cable.server().counter("tcp_cookies_wrong"));
    EXPECT_EQ(0u, cable.server().counter("tcp_resets_out"));
}

// Two get a cookie, and there is room for one. The other's data and FIN are dropped, not reset, and
// come again.
TEST(Listener, cookie_without_room_may_come_again) {
    constexpr uint16_t kLatePort = 6000;
    Cable cable(2);
    std::atomic<bool> held = true;
    cable.link(1).on_transmit = [&](dominoes_packet& packet) {
        const uint8_t* tcp = tcp_header(packet);
        const bool late = packet.bytes >= 54 && (tcp[0] << 8 | tcp[1]) == kLatePort;
        return MemoryLink::Fate{late && !(tcp[13] & scout::kSyn) && held, false, 0};
    };
    cable.start();
    Socket listener(cable.server().stack());
    ASSERT_EQ(0, listener.bind(address("10.0.0.1", kPort)));
    ASSERT_EQ(0, listener.listen(1));
    arrive(cable.server(), forged_syn(77, 5000, 1));
    while (cable.server().counter("tcp_passive_opens") < 1) std::this_thread::yield();

    Socket late(cable.client().stack()), first(cable.client().stack());
    ASSERT_EQ(0, late.bind(address("10.0.0.2", kLatePort)));
    ASSERT_EQ(0, late.connect(address("10.0.0.1", kPort)));
    ASSERT_EQ(0, first.connect(address("10.0.0.1", kPort)));
    while (cable.server().counter("tcp_cookies_in") < 1) std::this_thread::yield();
    held = false;
    EXPECT_EQ(5, late.write("words", 5));
    while (cable.server().counter("drop_tcp_backlog") < 1) std::this_thread::yield();
    EXPECT_EQ(0, late.shutdown(SHUT_WR));
    while (cable.server().counter("tcp_cookies_wrong") < 1) std::this_thread::yield();

    int error = 0;
    ASSERT_NE(nullptr, listener.accept(error));
    const std::unique_ptr<Socket> server = listener.accept(error);
    ASSERT_NE(nullptr, server);
    char got[16];
    EXPECT_EQ(5, server->read(got, sizeof(got)));
    EXPECT_EQ(0, server->read(got, sizeof(got)));
    EXPECT_EQ(0u, cable.server().counter("tcp_resets_out"));
}

TEST(Listener, survives_a_flood_of_syns) {
    constexpr uint32_t kBacklog = 16;
    Cable cable(2);
    cable.start();
    Pair pair = connect(cable);
    Socket listener(cable.server().stack());
    EXPECT_EQ(0, listener.set(DOMINOES_OPT_REUSEADDR, 1));
    EXPECT_EQ(0, listener.set(DOMINOES_OPT_RCVBUF, 16384));
    EXPECT_EQ(0, listener.set(DOMINOES_OPT_SNDBUF, 16384));
    ASSERT_EQ(0, listener.bind(address("10.0.0.1", kPort)));
    ASSERT_EQ(0, listener.listen(kBacklog));
    std::thread flood([&] {
        std::mt19937 chance(1);
        for (uint32_t i = 0; i < 100'000; ++i)
            arrive(cable.server(),
                   forged_syn(static_cast<uint8_t>(100 + chance() % 100),
                              static_cast<uint16_t>(1024 + chance() % 60000), chance()));
    });
    exchange(pair, 3'000'000);
    flood.join();
    EXPECT_LE(scout_connections(cable.server().nic()), kBacklog + 1);
    EXPECT_GT(cable.server().counter("tcp_cookies_out"), 100u);
    Socket late(cable.client().stack());
    EXPECT_EQ(0, late.connect(address("10.0.0.1", kPort)));
    int error = 0;
    EXPECT_NE(nullptr, listener.accept(error));
}

TEST(Host, detach_ends_every_connection) {
    for (int round = 0; round < 10; ++round) {
        Cable cable;
        cable.start();
        Pair pair = connect(cable);
        std::thread writer([&] {
            const std::vector<uint8_t> bytes(100'000);
            while (pair.server->write(bytes.data(), bytes.size()) > 0) {
            }
        });
        char first;
        EXPECT_EQ(1, pair.client->read(&first, 1));
        cable.stop();
        cable.server().detach();
        writer.join();
        char byte;
        while (pair.server->read(&byte, 1) > 0) {
        }
        EXPECT_EQ(-EPIPE, pair.server->write(&byte, 1));
    }
}

TEST(Host, addresses_are_checked) {
    MemoryLink link;
    EXPECT_THROW(Machine(link, {.address = "224.0.0.1"}), std::invalid_argument);
    EXPECT_THROW(Machine(link, {.address = "10.0.0.255"}), std::invalid_argument);
    EXPECT_THROW(Machine(link, {.replicas = 17}), std::invalid_argument);
    Machine good(link, {});
    Socket one(good.stack()), two(good.stack());
    EXPECT_EQ(-EADDRNOTAVAIL, one.bind(address("10.0.0.9", 1)));
    EXPECT_EQ(0, one.bind(address("10.0.0.1", 1)));
    EXPECT_EQ(-EINVAL, one.bind(address("10.0.0.1", 2)));
    EXPECT_EQ(-EADDRINUSE, two.bind(address("10.0.0.1", 1)));
}

}  // namespace
}  // namespace rig
