// SPDX-License-Identifier: GPL-2.0
//
// Small conversations through the interface, as packetdrill has them, with the library as it loads
// it.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tools/packetdrill/interface.h"

namespace {

constexpr uint16_t kPeerPort = 8080;
constexpr uint32_t kPeerIsn = 1000;
constexpr long long kMillisecond = 1000;  // in microseconds

uint32_t sum_of(const void* bytes, size_t count, uint32_t sum = 0) {
    const auto* at = static_cast<const uint8_t*>(bytes);
    for (size_t i = 0; i < count; ++i) sum += i % 2 ? at[i] : uint32_t{at[i]} << 8;
    return sum;
}

uint16_t folded(uint32_t sum) {
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

// packetdrill goes on beside a call that blocks when its thread sleeps. Here also when it has
// ended.
bool runs(pid_t thread) {
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
    std::string stat;
    std::getline(file, stat);
    const size_t name_ends = stat.rfind(") ");
    return name_ends != std::string::npos && stat[name_ends + 2] != 'S';
}

sockaddr_in address_of(const char* ip, uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, ip, &address.sin_addr);
    return address;
}

// A segment that the stack has sent; flags as in a TCP header.
struct Sent {
    long long at_us = 0;
    size_t bytes = 0;  // of the packet
    ip header{};
    tcphdr tcp{};
    bool checksum_ok = false;
    std::string data;
    uint32_t seq() const { return ntohl(tcp.th_seq); }
    uint32_t ack() const { return ntohl(tcp.th_ack); }
};

uint16_t tcp_checksum(const ip& header, const void* segment, size_t bytes) {
    uint32_t sum = sum_of(&header.ip_src, 8) + IPPROTO_TCP + static_cast<uint32_t>(bytes);
    return folded(sum_of(segment, bytes, sum));
}

class PacketdrillTest : public testing::Test {
protected:
    void load(const char* flags) {
        library_ = dlopen(DOMINOES_PACKETDRILL_LIBRARY,
                          RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | RTLD_DEEPBIND);
        ASSERT_NE(library_, nullptr) << dlerror();
        const auto init = reinterpret_cast<decltype(&packetdrill_interface_init)>(
            dlsym(library_, "packetdrill_interface_init"));
        ASSERT_NE(init, nullptr);
        init(flags, &table_);
        self_ = table_.userdata;
    }

    void TearDown() override {
        if (self_) table_.free(self_);
        if (library_) dlclose(library_);
    }

    long long now_us() {
        timeval now{};
        EXPECT_EQ(table_.gettimeofday(self_, &now, nullptr), 0);
        return now.tv_sec * 1'000'000LL + now.tv_usec;
    }

    Sent receive() {
        Sent sent;
        std::vector<uint8_t> packet(65536);
        sent.bytes = packet.size();
        EXPECT_EQ(table_.netdev_receive(self_, packet.data(), &sent.bytes, &sent.at_us), 0);
        if (sent.bytes < sizeof sent.header + sizeof sent.tcp) return sent;
        std::memcpy(&sent.header, packet.data(), sizeof sent.header);
        std::memcpy(&sent.tcp, packet.data() + sizeof sent.header, sizeof sent.tcp);
        const uint8_t* const segment = packet.data() + sizeof sent.header;
        const size_t segment_bytes = sent.bytes - sizeof sent.header;
        sent.checksum_ok = tcp_checksum(sent.header, segment, segment_bytes) == 0;
        sent.data.assign(segment + sent.tcp.th_off * 4, segment + segment_bytes);
        return sent;
    }

    // What the peer sends in answer to `to`.
    void send(const Sent& to, uint8_t flags, uint32_t seq, uint32_t ack,
              const std::string& data = "") {
        struct {
            ip header;
            tcphdr tcp;
            char data[100];
        } packet{};
        const size_t bytes = sizeof packet.header + sizeof packet.tcp + data.size();
        packet.header.ip_v = 4;
        packet.header.ip_hl = 5;
        packet.header.ip_len = htons(static_cast<uint16_t>(bytes));
        packet.header.ip_ttl = 64;
        packet.header.ip_p = IPPROTO_TCP;
        packet.header.ip_src = to.header.ip_dst;
        packet.header.ip_dst = to.header.ip_src;
        packet.header.ip_sum = htons(folded(sum_of(&packet.header, sizeof packet.header)));
        packet.tcp.th_sport = to.tcp.th_dport;
        packet.tcp.th_dport = to.tcp.th_sport;
        packet.tcp.th_seq = htonl(seq);
        packet.tcp.th_ack = htonl(ack);
        packet.tcp.th_off = 5;
        packet.tcp.th_flags = flags;
        packet.tcp.th_win = htons(65535);
        std::memcpy(packet.data, data.data(), data.size());
        packet.tcp.th_sum =
            htons(tcp_checksum(packet.header, &packet.tcp, bytes - sizeof packet.header));
        EXPECT_EQ(table_.netdev_send(self_, &packet, bytes), 0);
    }

    int open_socket() {
        const int fd = table_.socket(self_, AF_INET, SOCK_STREAM, IPPROTO_TCP);
        EXPECT_GE(fd, 0);
        return fd;
    }

    int connect_to_peer(int fd) {
        const sockaddr_in peer = address_of("192.0.2.1", kPeerPort);
        return table_.connect(self_, fd, reinterpret_cast<const sockaddr*>(&peer), sizeof peer);
    }

    // A connection that does not block, and its SYN.
    int connected(Sent& syn) {
        const int fd = open_socket();
        EXPECT_EQ(table_.fcntl(self_, fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
        EXPECT_EQ(connect_to_peer(fd), -1);
        EXPECT_EQ(errno, EINPROGRESS);
        syn = receive();
        send(syn, TH_SYN | TH_ACK, kPeerIsn, syn.seq() + 1);
        const Sent ack = receive();
        EXPECT_EQ(ack.tcp.th_flags, TH_ACK);
        EXPECT_EQ(ack.ack(), kPeerIsn + 1);
        return fd;
    }

    packetdrill_interface table_{};
    void* self_ = nullptr;

private:
    void* library_ = nullptr;
};

TEST_F(PacketdrillTest, ConnectionFromItsSynToItsFin) {
    for (const char* flags : {"replicas=1,local=192.168.7.7", "replicas=3,local=192.168.7.7"}) {
        load(flags);
        Sent syn;
        const int fd = connected(syn);
        char source[INET_ADDRSTRLEN];
        inet_ntop(AF_INET, &syn.header.ip_src, source, sizeof source);
        EXPECT_STREQ(source, "192.168.7.7");
        EXPECT_EQ(syn.tcp.th_flags, TH_SYN);
        EXPECT_TRUE(syn.checksum_ok);
        // Of Linux's order: MSS, SACK permitted and timestamps, then the scale, in 20 bytes.
        EXPECT_EQ(syn.bytes, 60u);

        EXPECT_EQ(table_.write(self_, fd, "hello", 5), 5);
        const Sent data = receive();
        EXPECT_EQ(data.data, "hello");
        EXPECT_TRUE(data.checksum_ok);
        send(syn, TH_ACK, kPeerIsn + 1, syn.seq() + 6, "yes");
        EXPECT_EQ(receive().ack(), kPeerIsn + 4);
        char answer[10];
        EXPECT_EQ(table_.read(self_, fd, answer, sizeof answer), 3);
        EXPECT_EQ(table_.read(self_, fd, answer, sizeof answer), -1);
        EXPECT_EQ(errno, EAGAIN);

        EXPECT_EQ(table_.close(self_, fd), 0);
        const Sent fin = receive();
        EXPECT_EQ(fin.tcp.th_flags & TH_FIN, TH_FIN);
        EXPECT_EQ(fin.ack(), kPeerIsn + 4);
        EXPECT_EQ(table_.close(self_, fd), -1);
        EXPECT_EQ(errno, EBADF);
        table_.free(self_);
        self_ = nullptr;
    }
}

// RFC 3168 section 6.1.1: ECE and CWR.
TEST_F(PacketdrillTest, EcnIsAskedForByFlag) {
    load("ecn=1");
    Sent syn;
    connected(syn);
    EXPECT_EQ(syn.tcp.th_flags, TH_SYN | 0x40 | 0x80);
}

TEST_F(PacketdrillTest, ClockGoesOnWhenAskedAndWhenSlept) {
    load(nullptr);
    const long long before = now_us();
    const long long after = now_us();
    EXPECT_GT(after, before);
    EXPECT_LT(after, before + kMillisecond);
    EXPECT_EQ(table_.usleep(self_, 500'000), 0);
    const long long slept = now_us() - after;
    EXPECT_GE(slept, 500'000);
    EXPECT_LT(slept, 501'000);
}

// RFC 6298 section 2: the first retransmission is a second after the SYN.
TEST_F(PacketdrillTest, ReceivingLetsTimePassUntilAPacketIsSent) {
    load(nullptr);
    const int fd = open_socket();
    table_.fcntl(self_, fd, F_SETFL, O_RDWR | O_NONBLOCK);
    connect_to_peer(fd);
    const Sent first = receive();
    const Sent second = receive();
    EXPECT_EQ(second.seq(), first.seq());
    EXPECT_NEAR(static_cast<double>(second.at_us - first.at_us), 1'000'000, 1000);
    EXPECT_GE(now_us(), second.at_us);
}

// A stack that is silent must not keep packetdrill waiting for ever.
TEST_F(PacketdrillTest, ReceivingEndsWhereNothingIsSent) {
    load(nullptr);
    EXPECT_EQ(receive().bytes, 0u);
}

// As many calls do in packetdrill, from its second thread.
TEST_F(PacketdrillTest, CallThatBlocksReturnsAtTheTimeOfWhatItWaitsFor) {
    load(nullptr);
    const int fd = open_socket();
    std::atomic<pid_t> caller = 0;
    int result = -1;
    long long returned_us = 0;
    std::thread other([&] {
        caller = gettid();
        result = connect_to_peer(fd);
        returned_us = now_us();
    });
    while (caller == 0 || runs(caller)) std::this_thread::yield();
    const Sent syn = receive();
    ASSERT_NE(syn.bytes, 0u);
    table_.usleep(self_, 100'000);
    const long long answered_us = now_us();
    send(syn, TH_SYN | TH_ACK, kPeerIsn, syn.seq() + 1);
    table_.usleep(self_, 100'000);
    other.join();
    EXPECT_EQ(result, 0);
    EXPECT_NEAR(static_cast<double>(returned_us - answered_us), 0, 100);
}

TEST_F(PacketdrillTest, CallOfTheMainThreadThatBlocksTakesVirtualTime) {
    load(nullptr);
    Sent syn;
    const int fd = connected(syn);
    const timeval limit{.tv_sec = 2, .tv_usec = 0};
    EXPECT_EQ(table_.setsockopt(self_, fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    table_.fcntl(self_, fd, F_SETFL, O_RDWR);
    const long long before = now_us();
    char byte;
    EXPECT_EQ(table_.read(self_, fd, &byte, 1), -1);
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_NEAR(static_cast<double>(now_us() - before), 2'000'000, 100);
}

TEST_F(PacketdrillTest, OptionsAreThoseOfTheCore) {
    load(nullptr);
    const int fd = open_socket();
    const int yes = 7;
    EXPECT_EQ(table_.setsockopt(self_, fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes), 0);
    int value = 0;
    socklen_t bytes = sizeof value;
    EXPECT_EQ(table_.getsockopt(self_, fd, IPPROTO_TCP, TCP_NODELAY, &value, &bytes), 0);
    EXPECT_EQ(value, 1);
    EXPECT_EQ(table_.setsockopt(self_, fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
    EXPECT_EQ(table_.setsockopt(self_, fd, IPPROTO_TCP, TCP_CONGESTION, "vegas", 5), -1);
    EXPECT_EQ(errno, ENOENT);
    EXPECT_EQ(table_.setsockopt(self_, fd, IPPROTO_TCP, TCP_MD5SIG, &yes, sizeof yes), -1);
    EXPECT_EQ(errno, ENOPROTOOPT);
}

// RFC 9293 section 3.7.1: a peer that names no MSS takes 536 bytes.
TEST_F(PacketdrillTest, ConnectionHasAnMssOfItsOwnAndKeepsItsBuffers) {
    load(nullptr);
    Sent syn;
    const int fd = connected(syn);
    int value = 0;
    socklen_t bytes = sizeof value;
    EXPECT_EQ(table_.getsockopt(self_, fd, IPPROTO_TCP, TCP_MAXSEG, &value, &bytes), 0);
    EXPECT_EQ(value, 536);
    const int size = 100'000;
    EXPECT_EQ(table_.setsockopt(self_, fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    EXPECT_EQ(table_.getsockopt(self_, fd, SOL_SOCKET, SO_SNDBUF, &value, &bytes), 0);
    EXPECT_EQ(value, 1 << 20);
}

TEST_F(PacketdrillTest, NullIsABadAddress) {
    load(nullptr);
    Sent syn;
    const int fd = connected(syn);
    EXPECT_EQ(table_.write(self_, fd, nullptr, 10), -1);
    EXPECT_EQ(errno, EFAULT);
    EXPECT_EQ(table_.read(self_, fd, nullptr, 10), -1);
    EXPECT_EQ(errno, EFAULT);
    EXPECT_EQ(table_.write(self_, fd, nullptr, 0), 0);
}

// epoll(7): with EPOLLET once for each arrival, else as long as there is something.
TEST_F(PacketdrillTest, EpollTellsOfArrivals) {
    load(nullptr);
    Sent syn;
    const int fd = connected(syn);
    const int epoll = table_.epoll_create(self_, 1);
    ASSERT_GE(epoll, 0);
    epoll_event event{EPOLLIN | EPOLLET, {.fd = fd}};
    EXPECT_EQ(table_.epoll_ctl(self_, epoll, EPOLL_CTL_ADD, fd, &event), 0);
    epoll_event seen{};
    EXPECT_EQ(table_.epoll_wait(self_, epoll, &seen, 1, 0), 0);
    for (uint32_t i = 0; i < 2; ++i) {
        send(syn, TH_ACK, kPeerIsn + 1 + 3 * i, syn.seq() + 1, "yes");
        EXPECT_EQ(table_.epoll_wait(self_, epoll, &seen, 1, 0), 1);
        EXPECT_EQ(seen.events, EPOLLIN);
        EXPECT_EQ(seen.data.fd, fd);
        EXPECT_EQ(table_.epoll_wait(self_, epoll, &seen, 1, 0), 0);
    }
    event.events = EPOLLIN;
    EXPECT_EQ(table_.epoll_ctl(self_, epoll, EPOLL_CTL_MOD, fd, &event), 0);
    EXPECT_EQ(table_.epoll_wait(self_, epoll, &seen, 1, 0), 1);
    EXPECT_EQ(table_.epoll_wait(self_, epoll, &seen, 1, 0), 1);
    EXPECT_EQ(table_.close(self_, epoll), 0);
    EXPECT_EQ(table_.epoll_wait(self_, epoll, &seen, 1, 0), -1);
    EXPECT_EQ(errno, EBADF);
}

// As packetdrill does at its end with what a script has left open.
TEST_F(PacketdrillTest, DescriptorIsTheSystemsAsWell) {
    load(nullptr);
    const int fd = open_socket();
    EXPECT_EQ(::close(fd), 0);
}

}  // namespace
