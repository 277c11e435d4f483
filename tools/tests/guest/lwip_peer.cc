// SPDX-License-Identifier: GPL-2.0
// A host beside Linux's own on one device, whose TCP is lwIP's: receives one file, or sends one.
#include "../../lib/descriptor.hh"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <lwip/api.h>
#include <lwip/etharp.h>
#include <lwip/netif.h>
#include <lwip/tcpip.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netif/ethernet.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace dominoes::guest {

namespace {

constexpr const char* kUsage =
    "usage: lwip-peer DEVICE ADDRESS STATE receive PORT        accept a connection; what it "
    "brings to stdout\n"
    "       lwip-peer DEVICE ADDRESS STATE send ADDRESS PORT   connect, and send stdin\n"
    "STATE gets a line 'listening', and 'ended' when both ends have closed, or else 'failed'. When "
    "it has\n"
    "ended, the host goes on answering until it is killed: its last acknowledgement may be lost.\n";

// Locally administered; the device's own address stays that of Linux.
constexpr std::array<std::uint8_t, ETH_ALEN> kMac{0x02, 0, 0, 0x6c, 0x77, 0x70};
constexpr std::size_t kMaxFrameBytes = 65536;

void checked_lwip(err_t result, const char* what) {
    if (result != ERR_OK) throw std::runtime_error(std::string(what) + ": " + lwip_strerr(result));
}

// All frames of a device, also those that are not for Linux.
Descriptor open_wire(const std::string& device) {
    Descriptor wire(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
    if (!wire) throw_error(errno, "packet socket");
    const int index = static_cast<int>(if_nametoindex(device.c_str()));
    packet_mreq all{};
    all.mr_ifindex = index;
    all.mr_type = PACKET_MR_PROMISC;
    const int yes = 1;
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = index;
    if (::setsockopt(wire.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes)) < 0 ||
        ::setsockopt(wire.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) < 0 ||
        ::bind(wire.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0)
        throw_error(errno, device);
    return wire;
}

int wire_of(const netif* device) { return static_cast<const Descriptor*>(device->state)->get(); }

// A device that is full loses the frame, as a wire would.
err_t transmit(netif* device, pbuf* frame) {
    std::vector<char> bytes(frame->tot_len);
    pbuf_copy_partial(frame, bytes.data(), frame->tot_len, 0);
    (void)!::send(wire_of(device), bytes.data(), bytes.size(), MSG_DONTWAIT);
    return ERR_OK;
}

err_t initialize(netif* device) {
    device->name[0] = 'd';
    device->name[1] = 'm';
    device->mtu = ETH_DATA_LEN;
    device->hwaddr_len = ETH_ALEN;
    std::copy(kMac.begin(), kMac.end(), device->hwaddr);
    device->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_UP |
                    NETIF_FLAG_LINK_UP;
    device->output = etharp_output;
    device->linkoutput = transmit;
    return ERR_OK;
}

[[noreturn]] void receive_frames(netif* device) {
    std::vector<char> bytes(kMaxFrameBytes);
    for (;;) {
        const ssize_t count = ::recv(wire_of(device), bytes.data(), bytes.size(), 0);
        if (count <= 0) continue;
        const auto length = static_cast<u16_t>(std::min<ssize_t>(count, UINT16_MAX));
        // Not PBUF_POOL: in Debian's library its buffers are smaller than it believes.
        pbuf* frame = pbuf_alloc(PBUF_RAW, length, PBUF_RAM);
        if (!frame) continue;
        pbuf_take(frame, bytes.data(), length);
        if (device->input(frame, device) != ERR_OK) pbuf_free(frame);
    }
}

ip4_addr_t parse_address(const std::string& text) {
    ip4_addr_t address;
    if (!ip4addr_aton(text.c_str(), &address)) throw std::invalid_argument(text + " is no address");
    return address;
}

// Brings up the stack, and gives it a thread that receives. Both live as long as the process.
void start_stack(const std::string& device, const std::string& address) {
    static Descriptor wire = open_wire(device);
    static netif interface;
    static std::binary_semaphore up(0);
    static ip4_addr_t own = parse_address(address);
    // lwIP's initial ports are rand()'s, and would be the same in every run.
    std::srand(static_cast<unsigned>(::getpid()));
    // Called by lwIP's own thread, which is where its devices are to be configured.
    const auto add = [](void*) {
        ip4_addr_t netmask;
        ip4_addr_t gateway;
        IP4_ADDR(&netmask, 255, 255, 255, 0);
        ip4_addr_set_zero(&gateway);
        netif_add(&interface, &own, &netmask, &gateway, &wire, initialize, tcpip_input);
        netif_set_default(&interface);
        netif_set_up(&interface);
        up.release();
    };
    tcpip_init(add, nullptr);
    up.acquire();
    std::thread(receive_frames, &interface).detach();
}

// Up to the other end's FIN; an error ends it otherwise.
void receive_all(netconn* connection) {
    for (;;) {
        netbuf* buffer = nullptr;
        const err_t result = netconn_recv(connection, &buffer);
        if (result == ERR_CLSD) return;
        checked_lwip(result, "receiving");
        do {
            void* bytes = nullptr;
            u16_t length = 0;
            checked_lwip(netbuf_data(buffer, &bytes, &length), "netbuf_data");
            std::cout.write(static_cast<const char*>(bytes), length);
        } while (netbuf_next(buffer) >= 0);
        netbuf_delete(buffer);
    }
}

void send_all(netconn* connection) {
    std::array<char, 65536> bytes;
    ssize_t count = 0;
    while ((count = ::read(STDIN_FILENO, bytes.data(), bytes.size())) > 0) {
        checked_lwip(
            netconn_write(connection, bytes.data(), static_cast<std::size_t>(count), NETCONN_COPY),
            "sending");
    }
    checked_lwip(netconn_shutdown(connection, 0, 1), "shutting down");
}

netconn* make_connection() {
    netconn* made = netconn_new(NETCONN_TCP);
    if (!made) throw std::bad_alloc();
    return made;
}

void receive_file(std::uint16_t port, std::ofstream& state) {
    netconn* listener = make_connection();
    checked_lwip(netconn_bind(listener, IP4_ADDR_ANY, port), "binding");
    checked_lwip(netconn_listen(listener), "listening");
    state << "listening" << std::endl;
    netconn* connection = nullptr;
    checked_lwip(netconn_accept(listener, &connection), "accepting");
    receive_all(connection);
    std::cout.flush();
    // netconn_close would fail if both ends have closed already.
    netconn_delete(connection);
}

void send_file(const std::string& address, std::uint16_t port) {
    netconn* connection = make_connection();
    ip_addr_t to;
    ip_addr_copy_from_ip4(to, parse_address(address));
    checked_lwip(netconn_connect(connection, &to, port), "connecting");
    send_all(connection);
    receive_all(connection);
    netconn_delete(connection);
}

int run(const std::vector<std::string>& words) {
    const bool receives = words.size() == 5 && words[3] == "receive";
    const bool sends = words.size() == 6 && words[3] == "send";
    if (!receives && !sends) {
        std::cerr << kUsage;
        return 2;
    }
    std::ofstream state(words[2]);
    const auto port = static_cast<std::uint16_t>(std::stoul(words.back()));
    try {
        start_stack(words[0], words[1]);
        if (receives)
            receive_file(port, state);
        else
            send_file(words[4], port);
    } catch (...) {
        state << "failed" << std::endl;
        throw;
    }
    state << "ended" << std::endl;
    for (;;) ::pause();
}

}  // namespace

}  // namespace dominoes::guest

int main(int argc, char** argv) try {
    return dominoes::guest::run({argv + 1, argv + argc});
} catch (const std::exception& error) {
    std::cerr << "lwip-peer: " << error.what() << '\n';
    // Not through destructors: lwIP's threads still run.
    std::_Exit(1);
}
