// SPDX-License-Identifier: GPL-2.0
//
// Frames into a whole nic, from raw bytes to segments that nearly belong to its connections, while
// its application writes, reads and closes, memory is short now and then, and time goes on.
#include "scout/ip/icmp.hh"
#include "scout/link/arp.hh"
#include "scout/net/checksum.hh"
#include "scout/tcp/header.hh"
#include "tools/fuzz/fuzz_host.hh"

namespace {

using namespace fuzz;
using scout::kAck;
using scout::kSyn;

constexpr uint16_t kServerPort = 80;
constexpr uint16_t kUdpPort = 53;
constexpr uint16_t kPeerPort = 7000;

class World {
public:
    explicit World(Input& input) : input_(input), machine_(1 + input.below(3)) {
        listener_ = machine_.create(scout::kTcp);
        const dominoes_sockaddr server = address(kOurIp, kServerPort);
        const dominoes_sockaddr udp = address(kOurIp, kUdpPort);
        require(scout_bind(listener_, &server) == 0 && scout_listen(listener_, 4) == 0, "listens");
        require(scout_bind(machine_.create(scout::kUdp), &udp) == 0, "binds");
        machine_.receive(framed(arp(scout::kArpReply), scout::kEtherArp));
        settle();
    }

    void run() {
        for (uint32_t i = 0; i < 256 && input_.more(); ++i) event();
        machine_.link.refuses = false;
        machine_.link.fail_builds = false;
    }

private:
    void event() {
        const uint8_t what = input_.byte();
        switch (what % 16) {
            case 0:
                return raw(what);
            case 1:
            case 2:
            case 3:
            case 4:
                return segment(what >> 4);
            case 5:
                return datagram();
            case 6:
                return what & 0x10 ? icmp_error() : icmp();
            case 7:
                return machine_.receive(framed(arp(what >> 4), scout::kEtherArp));
            case 8:
                return pass(uint64_t{input_.byte()} << (what >> 4) << 12);
            case 9:
                return connect();
            case 10:
                return what & 0x80 ? ask(what >> 4 & 7) : machine_.accept(listener_);
            case 11:
                machine_.write(endpoint(), input_.word());
                return;
            case 12:
                machine_.read(endpoint(), input_.word());
                return;
            case 13:
                scout_shutdown(endpoint(), what >> 4 & 3);
                return;
            case 14:
                return what >= 0xc0 ? close() : open();
            default:
                return what >= 0xe0 ? trouble(what) : settle();
        }
    }

    // --- what arrives ---

    void raw(uint8_t how) {
        const std::span<const uint8_t> some = input_.bytes(input_.byte());
        const Bytes bytes(some.begin(), some.end());
        if (how & 0x10) return machine_.receive(bytes);
        if (how & 0x20) return machine_.receive(framed(bytes));
        machine_.receive(framed(ip_packet(input_.byte(), bytes)));
    }

    // One of a few flows, with numbers that are nearly right, and options as they come.
    void segment(uint8_t kind) {
        static constexpr uint8_t kFlags[] = {kAck,        kAck,
                                             kSyn,        kSyn | kAck,
                                             kAck,        kAck | scout::kFin,
                                             scout::kRst, kAck | scout::kPsh};
        FlowKey key{kServerPort, static_cast<uint16_t>(kPeerPort + (kind & 1))};
        if (kind & 2) key = machine_.link.latest;
        const Flow flow = machine_.link.flows[key];
        Bytes bytes(scout::kTcpMinHeader);
        const std::span<const uint8_t> options = input_.bytes(input_.byte() & 0x1c);
        bytes.insert(bytes.end(), options.begin(), options.end());
        bytes.resize((bytes.size() + 3) & ~size_t{3});
        scout::store_be16(&bytes[0], key.second);
        scout::store_be16(&bytes[2], key.first);
        scout::store_be32(&bytes[4], flow.ack + static_cast<uint32_t>(input_.nearly()));
        scout::store_be32(&bytes[8], flow.next - static_cast<uint32_t>(input_.nearly()));
        bytes[12] = static_cast<uint8_t>(bytes.size() / 4 << 4);
        bytes[13] = kind & 8 ? input_.byte() : kFlags[input_.below(8)];
        scout::store_be16(&bytes[14], input_.byte() & 1 ? input_.word() : uint16_t{60000});
        bytes.resize(bytes.size() + input_.word() % (kind & 4 ? 60000 : 2000));  // merged, or not
        finish_transport(bytes, scout::kTcp, scout::kTcpChecksumOffset);
        machine_.receive(framed(ip_packet(scout::kTcp, bytes)));
    }

    void datagram() {
        Bytes bytes(8);
        const std::span<const uint8_t> payload = input_.bytes(input_.byte());
        bytes.insert(bytes.end(), payload.begin(), payload.end());
        scout::store_be16(&bytes[0], kPeerPort);
        scout::store_be16(&bytes[2], input_.byte() & 1 ? input_.word() : kUdpPort);
        scout::store_be16(&bytes[4], static_cast<uint16_t>(bytes.size()));
        finish_transport(bytes, scout::kUdp, 6);
        machine_.receive(framed(ip_packet(scout::kUdp, bytes)));
    }

    void icmp() { finish_icmp(Bytes{input_.byte(), input_.byte(), 0, 0, 1, 2, 3, 4}, {}); }
    // About what we sent last.
    void icmp_error() {
        const Bytes& last = machine_.link.last;
        const std::span<const uint8_t> quote(last.data(), last.size());
        const size_t header = std::min<size_t>(quote.size(), scout::kEthHeaderBytes);
        const size_t length = std::min<size_t>(quote.size() - header, 20 + input_.below(64));
        Bytes message{input_.byte(), input_.byte(), 0, 0, 0, 0, input_.byte(), input_.byte()};
        finish_icmp(std::move(message), quote.subspan(header, length));
    }
    void finish_icmp(Bytes message, std::span<const uint8_t> quote) {
        message.insert(message.end(), quote.begin(), quote.end());
        scout::store_be16(&message[2], scout::checksum(message.data(), message.size()));
        machine_.receive(framed(ip_packet(scout::kIcmp, message)));
    }

    Bytes arp(uint16_t operation) {
        Bytes bytes(scout::kArpBytes);
        const auto peer = scout::IpAddress::v4(kPeerIp + (operation & 4 ? input_.byte() : 0));
        const auto ours = scout::IpAddress::v4(kOurIp);
        scout::write_arp(bytes.data(), {operation, kPeerMac, peer, kOurMac, ours});
        return bytes;
    }

    // --- what the application does ---

    scout_endpoint* endpoint() {
        return machine_.endpoints[input_.byte() % machine_.endpoints.size()];
    }
    void connect() {
        const dominoes_sockaddr peer = address(kPeerIp, kPeerPort);
        scout_connect(endpoint(), &peer);
    }
    void open() {
        if (machine_.endpoints.size() < 8) machine_.create(input_.byte() & 1 ? 6 : 17);
    }
    // All but the listener.
    void close() {
        if (machine_.endpoints.size() > 1)
            machine_.close(1 + input_.byte() % (machine_.endpoints.size() - 1));
    }

    // What changes little, at any time.
    void ask(uint8_t what) {
        struct dominoes_info info;
        int64_t value;
        dominoes_sockaddr address;
        switch (what) {
            case 0:
                scout_poll(endpoint());
                return;
            case 1:
                scout_info(endpoint(), &info);
                return;
            case 2:
                scout_info_at(machine_.stack, input_.byte(), &info);
                return;
            case 3:
                scout_drained(endpoint());
                return;
            case 4:
                scout_get_option(endpoint(), input_.below(16), &value);
                return;
            case 5:
                scout_peer(endpoint(), &address);
                return;
            default:
                return set_option();
        }
    }
    // Buffers as small as they were, and replicas that agree; but late ones.
    void set_option() {
        constexpr uint32_t kDebugDelay = 1000, kDebugStall = 1002;
        static constexpr uint32_t kOptions[] = {3, 4, 5, 8, 9, 10, 11, kDebugDelay, kDebugStall};
        const uint32_t option = kOptions[input_.below(9)];
        const uint64_t replica = option < kDebugDelay ? 0 : input_.below(4);
        const auto value = static_cast<int64_t>(replica << 32 | input_.byte());
        scout_set_option(endpoint(), option, value);
    }

    // --- the world ---

    void trouble(uint8_t which) {
        if (which & 0x10) {
            machine_.link.refuses = input_.byte() & 1;
            machine_.link.fail_builds = input_.byte() & 1;
        } else {
            rig::fail_allocations(input_.byte());
        }
    }

    Input& input_;
    FuzzHost machine_;
    scout_endpoint* listener_;
};

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    run_as_driver([&] {
        Input input(data, size);
        World world(input);
        world.run();
    });
    return 0;
}
