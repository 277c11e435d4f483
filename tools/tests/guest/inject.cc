// SPDX-License-Identifier: GPL-2.0
// Puts frames on the wire that no stack would send.
#include "inject_frame.hh"
#include "inject_kinds.hh"

#include "../../lib/address.hh"
#include "../../lib/descriptor.hh"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <map>
#include <random>
#include <stdexcept>
#include <string>

namespace dominoes::guest {

namespace {

constexpr const char* kUsage =
    "usage: inject each DEV MAC FROM:PORT TO:PORT\n"
    "           some of each kind of wrong frame; prints 'COUNTER FRAMES' for each counter\n"
    "       inject garbage DEV MAC FROM:PORT TO:PORT COUNT SEED\n"
    "           frames of random bytes, and valid ones with random changes\n"
    "       inject syns DEV MAC FROM:PORT TO:PORT COUNT\n"
    "           openings of connections that will never be complete\n"
    "       inject storm DEV MAC FROM:PORT TO:PORT COUNT\n"
    "           openings of one connection, again and again, which may be open already\n"
    "       inject spoof DEV MAC FROM:PORT TO:PORT\n"
    "           waits for a segment that TO sends to FROM, then sends what an attacker who sees "
    "the\n"
    "           connection might, but nothing that may end it; prints 'COUNTER FRAMES'\n"
    "MAC is that of the receiver.\n";

class PacketSocket {
public:
    explicit PacketSocket(const std::string& device)
        : socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL))) {
        if (!socket_) throw_error(errno, "packet socket");
        ifreq request{};
        std::snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device.c_str());
        if (ioctl(socket_.get(), SIOCGIFHWADDR, &request) < 0) throw_error(errno, device);
        std::memcpy(mac_.data(), request.ifr_hwaddr.sa_data, mac_.size());
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(ETH_P_ALL);
        address.sll_ifindex = static_cast<int>(if_nametoindex(device.c_str()));
        if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) < 0)
            throw_error(errno, "binding to " + device);
    }

    [[nodiscard]] const Mac& mac() const { return mac_; }

    void send(const Bytes& frame) {
        // A full queue is not what is tested here.
        while (::send(socket_.get(), frame.data(), frame.size(), 0) < 0)
            if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
                throw_error(errno, "sending a frame");
    }

    Bytes receive() {
        Bytes frame(65536 + 64);
        const ssize_t got = ::recv(socket_.get(), frame.data(), frame.size(), 0);
        if (got < 0) throw_error(errno, "receiving a frame");
        frame.resize(static_cast<std::size_t>(got));
        return frame;
    }

private:
    Descriptor socket_;
    Mac mac_{};
};

Mac parse_mac(const std::string& text) {
    Mac mac{};
    if (std::sscanf(text.c_str(), "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2],
                    &mac[3], &mac[4], &mac[5]) != 6)
        throw std::invalid_argument("not a MAC address: " + text);
    return mac;
}

SocketAddress parse_end(const std::string& text) {
    const auto colon = text.find(':');
    if (colon == text.npos) throw std::invalid_argument("expected ADDRESS:PORT: " + text);
    return {parse_address(text.substr(0, colon)), parse_port(text.substr(colon + 1))};
}

using Tally = std::map<std::string, unsigned>;

void print(const Tally& tally) {
    for (const auto& [counter, frames] : tally) std::cout << counter << ' ' << frames << '\n';
}

// Different numbers of each, so that what is counted in the wrong place does not pass for right.
void each(PacketSocket& wire, const Ends& ends) {
    Tally tally;
    unsigned frames = 1;
    for (const Kind& kind : kinds()) {
        frames = frames % 7 + 1;
        for (unsigned i = 0; i < frames; ++i) wire.send(kind.build(ends));
        tally[kind.counter] += frames;
    }
    print(tally);
}

// --- garbage ---

class Garbage {
public:
    Garbage(const Ends& ends, std::uint64_t seed) : ends_(ends), random_(seed) {}

    Bytes next() {
        switch (below(4)) {
            case 0:
                return noise();
            case 1:
                return changed(noise_in_ip());
            case 2:
                return changed(valid());
            default:
                return changed_and_cut(valid());
        }
    }

private:
    std::uint32_t below(std::uint32_t limit) {
        return static_cast<std::uint32_t>(random_() % limit);
    }

    Bytes bytes(std::size_t count) {
        Bytes all(count);
        for (auto& one : all) one = static_cast<std::uint8_t>(random_());
        return all;
    }

    // Of any EtherType, ARP and IP among them.
    Bytes noise() {
        static constexpr std::uint16_t kTypes[] = {0x0800, 0x0806, 0x86dd, 0x8100, 0x0005};
        return ethernet_frame(ends_, kTypes[below(5)], bytes(below(200)));
    }

    Bytes noise_in_ip() {
        static constexpr std::uint8_t kProtocols[] = {1, 6, 17, 0};
        return ip_frame(ends_, kProtocols[below(4)], bytes(below(120)), bytes(4 * below(4)));
    }

    Bytes valid() {
        Ends ends = ends_;
        if (below(2)) ends.destination_port = static_cast<std::uint16_t>(random_());
        if (below(2)) ends.source_port = static_cast<std::uint16_t>(random_());
        switch (below(4)) {
            case 0:
                return arp_frame(ends, static_cast<std::uint16_t>(1 + below(2)));
            case 1:
                return icmp_frame(ends, static_cast<std::uint8_t>(below(16)),
                                  static_cast<std::uint8_t>(below(5)), bytes(4 + below(60)));
            case 2:
                return udp_frame(ends, bytes(below(300)));
            default:
                return tcp_frame(ends, {.seq = static_cast<std::uint32_t>(random_()),
                                        .ack = static_cast<std::uint32_t>(random_()),
                                        .flags = static_cast<std::uint8_t>(random_()),
                                        .options = bytes(4 * below(11)),
                                        .payload = bytes(below(300))});
        }
    }

    // A few bytes behind the Ethernet header; the checksums are made right afterwards, mostly.
    Bytes changed(Bytes frame) {
        for (std::uint32_t left = below(4); left > 0 && frame.size() > kIpAt; --left) {
            const std::size_t at = kIpAt + below(static_cast<std::uint32_t>(frame.size() - kIpAt));
            if (!is_sender(frame, at)) frame[at] = static_cast<std::uint8_t>(random_());
        }
        if (below(4)) fix_ip_checksum(frame);
        if (below(4)) fix_transport_checksum(frame);
        return frame;
    }

    // ARP's sender addresses: to overwrite them would poison the caches of both sides, as ARP
    // allows.
    static bool is_sender(const Bytes& frame, std::size_t at) {
        return get16(frame, 12) == 0x0806 && at >= kIpAt + 8 && at < kIpAt + 18;
    }

    Bytes changed_and_cut(Bytes frame) {
        frame = changed(std::move(frame));
        frame.resize(
            std::max<std::size_t>(kIpAt, below(static_cast<std::uint32_t>(frame.size() + 1))));
        return frame;
    }

    const Ends ends_;
    std::mt19937_64 random_;
};

void garbage(PacketSocket& wire, const Ends& ends, std::uint64_t count, std::uint64_t seed) {
    Garbage source(ends, seed);
    for (std::uint64_t i = 0; i < count; ++i) wire.send(source.next());
}

// --- spoofing ---

struct Position {
    std::uint32_t next;    // what the victim expects: its ACK field
    std::uint32_t unsent;  // what it will send next
};

// The position of the connection, from a segment that the victim sends.
Position watch(PacketSocket& wire, const Ends& ends) {
    for (;;) {
        const Bytes frame = wire.receive();
        if (frame.size() < kTransportAt + 20 || get16(frame, 12) != 0x0800 || frame[kIpAt + 9] != 6)
            continue;
        if (get32(frame, kIpAt + 12) != ends.destination || get32(frame, kIpAt + 16) != ends.source)
            continue;
        if (get16(frame, kTransportAt) != ends.destination_port ||
            get16(frame, kTransportAt + 2) != ends.source_port)
            continue;
        const std::uint8_t flags = frame[kTransportAt + 13];
        if (!(flags & kAck) || (flags & (kSyn | kRst))) continue;
        const std::size_t header = (frame[kTransportAt + 12] >> 4) * 4u;
        const std::uint32_t payload =
            static_cast<std::uint32_t>(get16(frame, kIpAt + 2) - 20 - header);
        return {get32(frame, kTransportAt + 8), get32(frame, kTransportAt + 4) + payload};
    }
}

// What a receiver must not mind: reserved bits of IP and TCP, options it does not know, and what
// Ethernet puts behind a short packet, which would be the next byte of the stream.
Bytes tolerated(const Ends& ends, const Position& at) {
    constexpr std::uint8_t kReserved = 0x0f, kEvil = 0x80;
    Bytes frame = tcp_frame(
        ends, {.seq = at.next, .ack = at.unsent, .options = {253, 4, 1, 2, 1, 1, 254, 2}});
    frame[kIpAt + 6] |= kEvil;
    frame[kTransportAt + 12] |= kReserved;
    fix_ip_checksum(frame);
    fix_transport_checksum(frame);
    frame.resize(frame.size() + 7, 0xa5);
    return frame;
}

// RFC 5961: none of these may do more than provoke a challenge ACK, of which there are 10 in 5
// seconds.
void spoof(PacketSocket& wire, const Ends& ends) {
    std::cout << "ready" << std::endl;
    const Position at = watch(wire, ends);
    const TcpFields challenged[] = {
        {.seq = at.next + 1, .ack = at.unsent, .flags = kRst},  // section 3.2: not exactly next
        {.seq = at.next + 1000, .ack = at.unsent, .flags = kRst | kAck},
        {.seq = at.next, .ack = at.unsent, .flags = kSyn},  // section 4.2
        {.seq = at.next + 1, .ack = at.unsent, .flags = kSyn | kAck},
        {.seq = at.next,
         .ack = at.unsent + 100000,
         .payload = {'x'}},  // section 5.2: of the future
        {.seq = at.next, .ack = at.unsent - 0x40000000, .payload = {'x'}},  // and of the far past
    };
    const TcpFields ignored[] = {
        {.seq = at.next - 1, .ack = at.unsent, .flags = kRst},  // before the window
        {.seq = at.next + 0x40000000, .ack = at.unsent, .flags = kRst},
        {.seq = at.next + 0x40000000, .ack = at.unsent, .payload = {'x'}},
        {.seq = at.next - 1,
         .ack = at.unsent,
         .payload = {'x'}},  // an old byte, with other contents
    };
    for (const TcpFields& fields : challenged) wire.send(tcp_frame(ends, fields));
    for (const TcpFields& fields : ignored) wire.send(tcp_frame(ends, fields));
    wire.send(tolerated(ends, at));
    print({{"tcp_challenge_acks", static_cast<unsigned>(std::size(challenged))}});
}

// Openings of connections, each from an address and port of its own, where nobody is.
void syns(PacketSocket& wire, Ends ends, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
        ends.source = (ends.source & ~0xffu) | static_cast<std::uint32_t>(100 + i % 100);
        ends.source_port = static_cast<std::uint16_t>(20000 + i);
        wire.send(tcp_frame(ends, {.ack = 0, .flags = kSyn, .options = {2, 4, 5, 0xb4}}));
    }
}

void storm(PacketSocket& wire, const Ends& ends, std::uint64_t count) {
    const Bytes syn = tcp_frame(ends, {.ack = 0, .flags = kSyn, .options = {2, 4, 5, 0xb4}});
    for (std::uint64_t i = 0; i < count; ++i) wire.send(syn);
}

void run(const std::vector<std::string>& words) {
    if (words.size() < 5) throw std::invalid_argument(kUsage);
    PacketSocket wire(words[1]);
    const SocketAddress from = parse_end(words[3]);
    const SocketAddress to = parse_end(words[4]);
    const Ends ends{wire.mac(), parse_mac(words[2]), from.address, to.address, from.port, to.port};
    if (words[0] == "each")
        each(wire, ends);
    else if (words[0] == "garbage" && words.size() == 7)
        garbage(wire, ends, parse_number(words[5], UINT32_MAX), parse_number(words[6], UINT32_MAX));
    else if (words[0] == "syns" && words.size() == 6)
        syns(wire, ends, parse_number(words[5], UINT32_MAX));
    else if (words[0] == "storm" && words.size() == 6)
        storm(wire, ends, parse_number(words[5], UINT32_MAX));
    else if (words[0] == "spoof")
        spoof(wire, ends);
    else
        throw std::invalid_argument(kUsage);
}

}  // namespace

}  // namespace dominoes::guest

int main(int argc, char** argv) {
    try {
        dominoes::guest::run({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        std::cerr << "inject: " << error.what() << std::endl;
        return 1;
    }
    return 0;
}
