// SPDX-License-Identifier: GPL-2.0
//
// A replica that stands still holds up nobody but, in the end, those who publish: it is seen while
// it does, and nothing is lost for good.
#include <arpa/inet.h>

#include <atomic>

#include "kunit/packets.hh"
#include "tools/rig/cable.hh"

namespace rig {
namespace {

constexpr int64_t kStalled = 3;  // owns nothing where ownership is pinned, to replica 0
constexpr uint32_t kPinned = 2;

// Bytes from the client to the server, in small segments, until end().
class Stream {
public:
    explicit Stream(Pair& pair) : pair_(pair) {}

    // Ends it, and checks that every byte has arrived.
    void end() {
        done_ = true;
        writer_.join();
        reader_.join();
        EXPECT_EQ(0, error_);
        EXPECT_EQ(sent_, received_);
    }

private:
    void write() {
        for (; !done_; sent_ += bytes_.size()) {
            const auto size = static_cast<int64_t>(bytes_.size());
            if (pair_.client->write(bytes_.data(), bytes_.size()) != size) break;
        }
        EXPECT_EQ(0, pair_.client->shutdown(1));
    }
    void read() {
        std::vector<uint8_t> part(bytes_.size());
        while ((error_ = pair_.server->read(part.data(), part.size())) > 0) {
            for (int64_t i = 0; i < error_; ++i, ++received_) {
                if (part[static_cast<size_t>(i)] == bytes_[received_ % bytes_.size()]) continue;
                ADD_FAILURE() << "byte " << received_ << " is wrong";
                return;
            }
        }
    }

    Pair& pair_;
    const std::vector<uint8_t> bytes_ = random_bytes(65521, 1);
    uint64_t sent_ = 0;
    uint64_t received_ = 0;
    int64_t error_ = 0;
    std::atomic<bool> done_ = false;
    std::thread writer_{[this] { write(); }};
    std::thread reader_{[this] { read(); }};
};

Pair connect_pinned(Cable& cable) {
    return connect(cable, {{DOMINOES_OPT_POLICY, kPinned},
                           {DOMINOES_OPT_MSS, 536},
                           {DOMINOES_OPT_DIGEST_INTERVAL, 1}});
}

// Holds up a replica of the server until `seen()`. False: that takes too long.
template <typename Seen>
bool stall_until(Pair& pair, Seen seen) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!seen()) {
        if (std::chrono::steady_clock::now() > end) return false;
        EXPECT_EQ(0, pair.server->set(DOMINOES_OPT_DEBUG_STALL, kStalled << 32 | 500));
        std::this_thread::yield();
    }
    return true;
}

TEST(Stall, is_seen_and_reported_while_it_lasts) {
    Cable cable;
    cable.start();
    Pair pair = connect_pinned(cable);
    Stream stream(pair);
    uint32_t lag = 0;
    EXPECT_TRUE(stall_until(pair,
                            [&] {
                                lag = pair.server->info().replica[kStalled].lag;
                                return cable.server().counter("replica_stalls") > 0 && lag >= 768;
                            }))
        << "replica_stalls " << cable.server().counter("replica_stalls") << ", lag " << lag;
    stream.end();
    expect_consistent(*pair.server);
}

// What does not fit is lost as on a network, and comes again.
TEST(Stall, a_full_channel_loses_nothing_for_good) {
    Cable cable;
    cable.start();
    Pair pair = connect_pinned(cable);
    Stream stream(pair);
    EXPECT_TRUE(
        stall_until(pair, [&] { return cable.server().counter("drop_tcp_channel_full") > 0; }));
    stream.end();
    expect_consistent(*pair.server);
}

// It may have claimed something to send before it stood still: that is kept, whatever the leader
// has seen acknowledged since.
TEST(Stall, what_it_may_send_is_kept_while_it_is_in_a_batch) {
    Cable cable;
    cable.start();
    Pair pair = connect(cable);
    std::vector<uint8_t> bytes(100);
    uint64_t written = 0;
    EXPECT_TRUE(stall_until(pair, [&] {
        EXPECT_EQ(100, pair.server->write(bytes.data(), bytes.size()));
        EXPECT_EQ(100, pair.client->read(bytes.data(), bytes.size()));
        written += 100;
        const auto info = pair.server->info();
        return info.send_queue > written - info.bytes_acked;
    }));
}

// "Host unreachable", about a segment of the server's connection.
std::vector<uint8_t> icmp_error(const struct dominoes_info& info) {
    const auto server = scout::IpAddress::v4(0x0a000001), client = scout::IpAddress::v4(0x0a000002);
    const auto quoted =
        kunit::ip_packet(scout::kTcp,
                         kunit::tcp_segment({ntohs(info.local.port), ntohs(info.peer.port)},
                                            scout::kAck, 0, 0, {}, server, client),
                         server, client);
    return kunit::framed(
        kunit::ip_packet(scout::kIcmp, kunit::icmp_message(3, 1, 0, quoted), client, server));
}

// It counts as about something of ours; that there is no room for it is another thing.
TEST(Stall, an_icmp_error_finds_its_connection_although_the_channel_is_full) {
    Cable cable;
    cable.start();
    Pair pair = connect_pinned(cable);
    const auto frame = icmp_error(pair.server->info());
    Stream stream(pair);
    EXPECT_TRUE(
        stall_until(pair, [&] { return cable.server().counter("drop_tcp_channel_full") > 0; }));
    const uint64_t full = cable.server().counter("drop_tcp_channel_full");
    auto found = [&] { return cable.server().counter("icmp_errors_in"); };
    auto not_found = [&] { return cable.server().counter("drop_icmp_unmatched"); };
    for (uint64_t sent = 1; sent <= 100; ++sent) {
        dominoes_packet* packet = make_packet(frame);
        if (!scout_receive(cable.server().nic(), packet)) dominoes_packet_free(packet);
        while (found() + not_found() < sent) std::this_thread::yield();
    }
    EXPECT_EQ(0u, not_found());
    EXPECT_GT(cable.server().counter("drop_tcp_channel_full"), full);
    stream.end();
    expect_consistent(*pair.server);
}

}  // namespace
}  // namespace rig
