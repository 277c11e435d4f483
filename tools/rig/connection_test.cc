// SPDX-License-Identifier: GPL-2.0
//
// A connection between two machines back to back, as programs see it: how it begins and ends, whom
// its end waits for, and what its options do.
#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "scout/socket/stack.hh"
#include "tools/rig/cable.hh"

namespace rig {
namespace {

TEST(Connection, refused) {
    Cable cable;
    cable.start();
    Socket client(cable.client().stack());
    EXPECT_EQ(-ECONNREFUSED, client.connect(address("10.0.0.1", 9)));
}

TEST(Connection, reset_by_the_peer) {
    Cable cable;
    cable.start();
    Pair pair = connect(cable);
    EXPECT_EQ(0, pair.client->set(DOMINOES_OPT_LINGER, 0));
    pair.client.reset();
    char byte;
    EXPECT_EQ(-ECONNRESET, pair.server->read(&byte, 1));
    EXPECT_EQ(0, pair.server->read(&byte, 1));
    EXPECT_EQ(-EPIPE, pair.server->write(&byte, 1));
}

// The data are there, but the leader has not seen them when the program closes.
TEST(Connection, is_reset_by_close_with_data_on_the_way) {
    Cable cable;
    cable.start();
    Pair pair = connect(cable, {{DOMINOES_OPT_REPLICAS, 1}});
    EXPECT_EQ(0, pair.server->set(DOMINOES_OPT_DEBUG_STALL, 500));  // with the next request
    char bytes[1000] = {};
    EXPECT_EQ(1000, pair.client->write(bytes, sizeof bytes));
    while (pair.server->info().replica[0].lag == 0) std::this_thread::yield();
    pair.server.reset();
    EXPECT_EQ(-ECONNRESET, pair.client->read(bytes, 1));
}

// Peers that do not read keep what was written to them, and close() does not wait for it; but not
// more connections than a limit.
TEST(Connection, orphans_are_limited) {
    Cable cable;
    cable.start();
    auto& shared = reinterpret_cast<scout::Stack*>(cable.server().stack())->shared();
    shared.max_orphans = 2;
    std::vector<Pair> pairs;
    std::vector<char> bytes(60'000);
    for (int i = 0; i < 3; ++i) {
        pairs.push_back(connect(cable, {{DOMINOES_OPT_RCVBUF, 4096},
                                        {DOMINOES_OPT_SNDBUF, 65536},
                                        {DOMINOES_OPT_REUSEADDR, 1}}));
        Pair& pair = pairs.back();
        EXPECT_EQ(60'000, pair.server->write(bytes.data(), bytes.size()));
        pair.server.reset();
        EXPECT_EQ(static_cast<uint32_t>(std::min(i + 1, 2)), shared.orphans());
    }
    EXPECT_EQ(1u, cable.server().counter("tcp_orphans_reset"));
    int64_t error = 0;
    read_all(*pairs[2].client, error);
    EXPECT_EQ(-ECONNRESET, error);
    for (int i : {0, 1}) {  // they end in order, and are none any longer
        EXPECT_EQ(60'000u, read_all(*pairs[i].client, error).size());
        EXPECT_EQ(0, error);
        pairs[i].client.reset();
    }
    while (shared.orphans() > 0) std::this_thread::yield();
    // One that has ended when its program leaves never was one.
    Pair last = connect(cable, {{DOMINOES_OPT_REUSEADDR, 1}});
    last.client.reset();
    while (last.server->info().state != 8) std::this_thread::yield();  // CLOSE-WAIT
    EXPECT_EQ(0, last.server->shutdown(1));
    while (last.server->info().state != 7) std::this_thread::yield();  // CLOSED
    last.server.reset();
    EXPECT_EQ(0u, shared.orphans());
}

// Set while it lives: the connection must hear of it.
TEST(Connection, user_timeout) {
    Cable cable;
    std::atomic<bool> cut = false;
    cable.link(1).on_transmit = [&](dominoes_packet&) { return MemoryLink::Fate{.lost = cut}; };
    cable.start();
    Pair pair = connect(cable);
    EXPECT_EQ(0, pair.client->set(DOMINOES_OPT_USER_TIMEOUT, 300));
    char byte = 'x';
    EXPECT_EQ(1, pair.client->write(&byte, 1));
    EXPECT_EQ(1, pair.server->read(&byte, 1));
    cut = true;
    EXPECT_EQ(1, pair.client->write(&byte, 1));
    EXPECT_EQ(-ETIMEDOUT, pair.client->read(&byte, 1));
}

// What the step says of ECT gets into the IP header, and the peer's marks back out of it.
TEST(Connection, ecn) {
    Cable cable;
    std::atomic<uint32_t> capable = 0;
    cable.link(1).on_transmit = [&](dominoes_packet& packet) {
        uint8_t* ip = packet.data + 14;
        if ((ip[1] & 3) != 2 || ++capable != 10) return MemoryLink::Fate{};
        ip[1] |= 3;  // as a router that is congested; one more in the header's sum
        const uint32_t sum = (ip[10] << 8 | ip[11]) - 1u;
        ip[10] = static_cast<uint8_t>(sum >> 8);
        ip[11] = static_cast<uint8_t>(sum);
        return MemoryLink::Fate{};
    };
    cable.start();
    Pair pair = connect(cable, {{DOMINOES_OPT_ECN, 1}});
    EXPECT_EQ(8u, pair.client->info().options & 8u);  // DOMINOES_INFO_ECN
    EXPECT_EQ(8u, pair.server->info().options & 8u);
    exchange(pair, 500'000);
    EXPECT_GT(capable, 10u);
    EXPECT_EQ(1u, cable.client().counter("tcp_ecn_reductions"));
}

TEST(Connection, linger_waits_until_all_is_acknowledged) {
    Cable cable;
    cable.start();
    Pair pair = connect(cable, {{DOMINOES_OPT_RCVBUF, 16384}, {DOMINOES_OPT_SNDBUF, 131072}});
    const auto sent = random_bytes(100'000, 4);
    EXPECT_EQ(100'000, pair.client->write(sent.data(), sent.size()));
    pair.client->set_time_limit(std::chrono::seconds(1));
    EXPECT_FALSE(pair.client->linger());  // nobody reads
    pair.client->set_time_limit(std::chrono::seconds(60));
    std::vector<uint8_t> got;
    int64_t error = -1;
    std::thread reader([&] { got = read_all(*pair.server, error); });
    EXPECT_TRUE(pair.client->linger());
    EXPECT_EQ(100'000u, pair.client->info().bytes_acked);
    reader.join();
    EXPECT_TRUE(got == sent);
    EXPECT_EQ(0, error);
}

// Which will be a reset.
TEST(Connection, linger_does_not_wait_with_unread_data) {
    Cable cable;
    cable.start();
    Pair pair = connect(cable);
    char byte = 'x';
    EXPECT_EQ(1, pair.server->write(&byte, 1));
    while (pair.client->info().recv_queue == 0) std::this_thread::yield();
    EXPECT_TRUE(pair.client->linger());
    EXPECT_EQ(1u, pair.client->info().state);  // still ESTABLISHED
    pair.client.reset();
    EXPECT_EQ(-ECONNRESET, pair.server->read(&byte, 1));
}

TEST(Connection, slow_reader_closes_and_reopens_the_window) {
    Cable cable;
    cable.start();
    Pair pair = connect(cable, {{DOMINOES_OPT_RCVBUF, 16384}, {DOMINOES_OPT_SNDBUF, 65536}});
    const auto sent = random_bytes(500'000, 3);
    std::thread writer([&] {
        pair.client->write(sent.data(), sent.size());
        pair.client->shutdown(1);
    });
    while (pair.server->info().recv_queue < 10'000) std::this_thread::yield();
    int64_t error = 0;
    EXPECT_TRUE(read_all(*pair.server, error) == sent);
    EXPECT_EQ(0, error);
    writer.join();
}

TEST(Connection, half_close) {
    Cable cable;
    cable.start();
    Pair pair = connect(cable);
    EXPECT_EQ(0, pair.client->shutdown(1));
    char byte = 'x';
    EXPECT_EQ(0, pair.server->read(&byte, 1));
    EXPECT_EQ(1, pair.server->write(&byte, 1));
    EXPECT_EQ(1, pair.client->read(&byte, 1));
    EXPECT_EQ(-EPIPE, pair.client->write(&byte, 1));
}

// The peer closes second, and comes again from the same port (RFC 6191). Its own connection has
// ended by then, ours is in TIME-WAIT.
TEST(Connection, reopened_from_time_wait) {
    Cable cable(1);
    cable.start();
    Socket listener(cable.server().stack());
    EXPECT_EQ(0, listener.bind(address("10.0.0.1", kPort)));
    EXPECT_EQ(0, listener.listen());
    for (int i = 0; i < 5; ++i) {
        Socket client(cable.client().stack());
        ASSERT_EQ(0, client.bind(address("10.0.0.2", 6000))) << i;
        ASSERT_EQ(0, client.connect(address("10.0.0.1", kPort))) << i;
        int error = 0;
        auto server = listener.accept(error);
        ASSERT_EQ(0, error);
        char byte = static_cast<char>(i);
        EXPECT_EQ(1, server->write(&byte, 1));
        EXPECT_EQ(0, server->shutdown(1));
        EXPECT_EQ(1, client.read(&byte, 1));
        EXPECT_EQ(i, byte);
        EXPECT_EQ(0, client.read(&byte, 1));
        EXPECT_EQ(0, client.shutdown(1));
        EXPECT_EQ(0, server->read(&byte, 1));
        while (scout_connections(cable.client().nic()) != 0) std::this_thread::yield();
        while (server->info().state != 6) std::this_thread::yield();  // TIME-WAIT
    }
    EXPECT_EQ(5u, cable.server().counter("tcp_passive_opens"));
}

// A port in TIME-WAIT is not picked again: with this peer it would be the same connection.
TEST(Connection, many_to_the_same_port) {
    Cable cable(1);
    cable.start();
    Socket listener(cable.server().stack());
    EXPECT_EQ(0, listener.bind(address("10.0.0.1", kPort)));
    EXPECT_EQ(0, listener.listen(512));
    std::set<uint16_t> ports;
    for (int i = 0; i < 300; ++i) {
        std::unique_ptr<Socket> server;
        Socket client(cable.client().stack());  // closes first, and so comes to TIME-WAIT
        ASSERT_EQ(0, client.set(DOMINOES_OPT_RCVBUF, 16384));
        ASSERT_EQ(0, client.connect(address("10.0.0.1", kPort))) << i;
        EXPECT_TRUE(ports.insert(ntohs(client.info().local.port)).second);
        int error = 0;
        server = listener.accept(error);
        EXPECT_EQ(0, error);
    }
}

}  // namespace
}  // namespace rig
