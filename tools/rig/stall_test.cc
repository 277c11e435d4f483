// SPDX-License-Identifier: GPL-2.0
//
// A replica that stands still holds up nobody but, in the end, those who publish: it is seen while
// it does, and nothing is lost for good.
#include <atomic>

#include "tools/rig/wire.hh"

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

Pair connect_pinned(Wire& wire) {
    return connect(wire, {{kOptPolicy, kPinned}, {kOptMss, 536}, {kOptDigestInterval, 1}});
}

// Holds up a replica of the server until `seen()`. False: that takes too long.
template <typename Seen>
bool stall_until(Pair& pair, Seen seen) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!seen()) {
        if (std::chrono::steady_clock::now() > end) return false;
        EXPECT_EQ(0, pair.server->set(kOptDebugStall, kStalled << 32 | 500));
        std::this_thread::yield();
    }
    return true;
}

TEST(Stall, is_seen_and_reported_while_it_lasts) {
    Wire wire;
    wire.start();
    Pair pair = connect_pinned(wire);
    Stream stream(pair);
    uint32_t lag = 0;
    EXPECT_TRUE(stall_until(pair,
                            [&] {
                                lag = pair.server->info().replica[kStalled].lag;
                                return wire.server().counter("replica_stalls") > 0 && lag >= 768;
                            }))
        << "replica_stalls " << wire.server().counter("replica_stalls") << ", lag " << lag;
    stream.end();
    expect_consistent(*pair.server);
}

// What does not fit is lost as on a network, and comes again.
TEST(Stall, a_full_channel_loses_nothing_for_good) {
    Wire wire;
    wire.start();
    Pair pair = connect_pinned(wire);
    Stream stream(pair);
    EXPECT_TRUE(
        stall_until(pair, [&] { return wire.server().counter("drop_tcp_channel_full") > 0; }));
    stream.end();
    expect_consistent(*pair.server);
}

}  // namespace
}  // namespace rig
