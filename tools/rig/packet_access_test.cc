// SPDX-License-Identifier: GPL-2.0
//
// Who reads the memory of received packets: the demultiplexer, and after it for each payload its
// one owner, however many replicas there are. The core has no other way to a packet's memory than
// two of the port's functions, and this program is linked so that their calls come by here first.
#include <atomic>

#include "tools/rig/cable.hh"

namespace {

// Set in what stands for the device's interrupt.
constinit thread_local bool demultiplexing = false;

std::atomic<uint64_t> bytes_copied;  // by others
std::atomic<uint64_t> checksums_checked;
std::atomic<uint64_t> checksums_demultiplexed;

// The sequencer, of what it is about to send.
bool is_tcp_header(uint32_t offset, uint32_t bytes) { return offset == 14 + 20 && bytes == 20; }

}  // namespace

extern "C" {

void __real_dominoes_packet_copy(const dominoes_packet*, uint32_t, void*, uint32_t);
bool __real_dominoes_packet_checksum_ok(dominoes_packet*, uint32_t, uint32_t, uint16_t);

void __wrap_dominoes_packet_copy(const dominoes_packet* packet, uint32_t offset, void* out,
                                 uint32_t bytes) {
    if (!demultiplexing && !is_tcp_header(offset, bytes)) bytes_copied += bytes;
    __real_dominoes_packet_copy(packet, offset, out, bytes);
}

bool __wrap_dominoes_packet_checksum_ok(dominoes_packet* packet, uint32_t offset, uint32_t bytes,
                                        uint16_t pseudo) {
    ++(demultiplexing ? checksums_demultiplexed : checksums_checked);
    return __real_dominoes_packet_checksum_ok(packet, offset, bytes, pseudo);
}

}  // extern "C"

namespace rig {
namespace {

void mark_demultiplexing(MemoryLink& link) {
    link.on_receive = [receive = link.on_receive](dominoes_packet* packet) {
        demultiplexing = true;
        const bool taken = receive(packet);
        demultiplexing = false;
        return taken;
    };
}

class PacketAccess : public testing::TestWithParam<uint32_t> {};

TEST_P(PacketAccess, only_the_owner_reads_a_payload) {
    constexpr size_t kBytes = 2'000'000;
    Cable cable(4);
    for (int i : {0, 1}) mark_demultiplexing(cable.link(i));
    cable.start();
    Pair pair = connect(cable, {{DOMINOES_OPT_POLICY, GetParam()}});
    bytes_copied = 0;  // connecting is the control thread's work, too
    checksums_checked = 0;
    const auto sent = random_bytes(kBytes, 1);
    std::thread writer([&] { pair.client->write(sent.data(), sent.size()); });
    std::vector<uint8_t> got(kBytes);
    for (size_t done = 0; done < kBytes;) {
        const int64_t part = pair.server->read(got.data() + done, kBytes - done);
        if (part <= 0) break;
        done += static_cast<size_t>(part);
    }
    writer.join();
    EXPECT_TRUE(got == sent);
    EXPECT_EQ(kBytes, bytes_copied);
    EXPECT_EQ(0u, checksums_checked);
}

// Not even the demultiplexer computes a datagram's checksum, and only one of the replicas does.
TEST_P(PacketAccess, only_the_owner_verifies_a_datagram) {
    constexpr uint32_t kCount = 300;
    Cable cable(4);
    for (int i : {0, 1}) mark_demultiplexing(cable.link(i));
    cable.start();
    Socket server(cable.server().stack(), Socket::kUdp),
        client(cable.client().stack(), Socket::kUdp);
    ASSERT_EQ(0, server.set(DOMINOES_OPT_POLICY, GetParam()));
    ASSERT_EQ(0, server.bind(address("10.0.0.1", kPort)));
    ASSERT_EQ(0, client.connect(address("10.0.0.1", kPort)));
    char byte = 'x';
    ASSERT_EQ(1, client.write(&byte, 1));  // ARP is the control thread's work
    ASSERT_EQ(1, server.read(&byte, 1));
    bytes_copied = 0;
    checksums_checked = 0;
    checksums_demultiplexed = 0;
    for (uint32_t i = 0; i < kCount; ++i) {
        EXPECT_EQ(1, client.write(&byte, 1));
        EXPECT_EQ(1, server.read(&byte, 1));
    }
    EXPECT_EQ(kCount, bytes_copied);
    EXPECT_EQ(kCount, checksums_checked);
    EXPECT_EQ(0u, checksums_demultiplexed);
}

INSTANTIATE_TEST_SUITE_P(Policies, PacketAccess, testing::Values(0u, 1u, 2u, 3u));

}  // namespace
}  // namespace rig
