// SPDX-License-Identifier: GPL-2.0
// read(), write(), poll(), signals, shutdown and close, as a socket would have them; and datagrams.
#include "abi_check.hh"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace dominoes::guest {

namespace {

using Block = std::array<char, 65536>;

// Sent by the peer, and there by the time it returns.
void peer_sends(const Pair& pair, const std::string& text) {
    CHECK_EQUAL(send(pair.theirs.get(), text.data(), text.size(), 0),
                static_cast<long long>(text.size()));
    await(pair.ours.get(), POLLIN);
}

std::string peer_receives(const Pair& pair, std::size_t bytes) {
    std::string text(bytes, '\0');
    std::size_t got = 0;
    while (got < bytes) {
        await(pair.theirs.get(), POLLIN);
        const ssize_t more = recv(pair.theirs.get(), text.data() + got, bytes - got, 0);
        if (more <= 0) break;
        got += static_cast<std::size_t>(more);
    }
    text.resize(got);
    return text;
}

// Writes until nothing fits any more; how many bytes that were.
std::size_t fill(int fd) {
    static const Block block{};
    std::size_t total = 0;
    long put;
    // What is sent makes room: done when there is none even after a while.
    do {
        while ((put = write_to(fd, block.data(), block.size())) > 0)
            total += static_cast<std::size_t>(put);
        CHECK_EQUAL(put, -EAGAIN);
    } while (poll_once(fd, POLLOUT, 500) & POLLOUT);
    return total;
}

// --- unconnected ---

void unconnected() {
    const Descriptor device = open_device();
    char byte = 0;
    CHECK_EQUAL(read_from(device.get(), &byte, 1), -ENOTCONN);
    CHECK_EQUAL(write_to(device.get(), &byte, 1), -EPIPE);
    CHECK_EQUAL(shut_down(device.get(), SHUT_RDWR), -ENOTCONN);
    dominoes_address argument{};
    CHECK_EQUAL(call(device.get(), DOMINOES_IOC_PEER, argument), -ENOTCONN);
    CHECK_EQUAL(lseek(device.get(), 0, SEEK_SET), -1);
    CHECK_EQUAL(errno, ESPIPE);
    const Descriptor listener = open_device();
    CHECK_EQUAL(bind_to(listener.get(), {kOurAddress, 0}), 0);
    CHECK_EQUAL(listen_on(listener.get()), 0);
    CHECK_EQUAL(read_from(listener.get(), &byte, 1), -ENOTCONN);
    CHECK_EQUAL(write_to(listener.get(), &byte, 1), -EPIPE);
}

// As Linux's TCP: no waiting, but for nothing good.
void unconnected_poll() { CHECK(poll_once(open_device().get(), POLLIN | POLLOUT) & POLLHUP); }

// --- reading and writing ---

void reading() {
    const Pair pair = connected_pair(O_NONBLOCK);
    char buffer[16] = "";
    CHECK_EQUAL(read_from(pair.ours.get(), buffer, sizeof(buffer)), -EAGAIN);
    CHECK_EQUAL(read_from(pair.ours.get(), buffer, 0), 0);
    CHECK_EQUAL(poll_once(pair.ours.get(), POLLIN | POLLOUT), POLLOUT);
    peer_sends(pair, "dominoes");
    CHECK_EQUAL(read_from(pair.ours.get(), buffer, 3), 3);
    CHECK(std::string(buffer, 3) == "dom");
    CHECK_EQUAL(poll_once(pair.ours.get(), POLLIN), POLLIN);
    CHECK_EQUAL(read_from(pair.ours.get(), buffer, sizeof(buffer)), 5);
    CHECK(std::string(buffer, 5) == "inoes");
    CHECK_EQUAL(poll_once(pair.ours.get(), POLLIN), 0);
    CHECK_EQUAL(read_from(pair.ours.get(), buffer, 1), -EAGAIN);
}

void writing() {
    const Pair pair = connected_pair();
    CHECK_EQUAL(write_to(pair.ours.get(), "", 0), 0);
    CHECK_EQUAL(write_to(pair.ours.get(), "ace", 3), 3);
    const iovec parts[] = {
        {const_cast<char*>(" of"), 3}, {nullptr, 0}, {const_cast<char*>(" clubs"), 6}};
    CHECK_EQUAL(writev(pair.ours.get(), parts, 3), 9);
    CHECK(peer_receives(pair, 12) == "ace of clubs");
}

int datagram_call(int fd, unsigned long request, void* data, std::size_t bytes,
                  const SocketAddress& peer = {}, std::uint32_t flags = 0,
                  std::uint64_t* length = nullptr) {
    dominoes_datagram argument{};
    argument.flags = flags;
    if (peer.address != 0) argument.peer = to_abi(peer);
    argument.data = reinterpret_cast<std::uint64_t>(data);
    argument.length = bytes;
    const int result = call(fd, request, argument);
    if (length != nullptr) *length = argument.length;
    return result;
}

void peeking() {
    const Pair pair = connected_pair(O_NONBLOCK);
    char text[32] = "";
    CHECK_EQUAL(datagram_call(pair.ours.get(), DOMINOES_IOC_RECVFROM, text, 5, {}, MSG_PEEK),
                -EAGAIN);
    peer_sends(pair, "hello");
    std::uint64_t length = 0;
    for (const int flags : {int{MSG_PEEK}, int{MSG_PEEK}, 0}) {
        std::memset(text, 0, sizeof(text));
        CHECK(datagram_call(pair.ours.get(), DOMINOES_IOC_RECVFROM, text, sizeof(text), {}, flags,
                            &length) >= 0);
        CHECK_EQUAL(length, 5);
        CHECK(std::string(text) == "hello");
    }
    CHECK_EQUAL(datagram_call(pair.ours.get(), DOMINOES_IOC_RECVFROM, text, 5), -EAGAIN);
}

void reading_in_parts() {
    const Pair pair = connected_pair();
    peer_sends(pair, "ace of clubs");
    char first[4] = "";
    char rest[20] = "";
    const iovec parts[] = {{first, 3}, {rest, sizeof(rest)}};
    CHECK_EQUAL(readv(pair.ours.get(), parts, 2), 12);
    CHECK(std::string(first) == "ace" && std::string(rest) == " of clubs");
}

void writing_until_full() {
    const Pair pair = connected_pair(O_NONBLOCK);
    const std::size_t total = fill(pair.ours.get());
    CHECK(total > 0);
    CHECK_EQUAL(poll_once(pair.ours.get(), POLLOUT), 0);
    CHECK_EQUAL(peer_receives(pair, total).size(), total);
    await(pair.ours.get(), POLLOUT);
    CHECK(write_to(pair.ours.get(), "x", 1) == 1);
    CHECK(peer_receives(pair, 1) == "x");
}

// More than any buffer holds, by one write() that waits, while a child reads.
void writing_waits() {
    const Pair pair = connected_pair();
    const std::size_t bytes = 16 << 20;
    std::string text(bytes, 'd');
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) _exit(peer_receives(pair, bytes) == text ? 0 : 1);
    CHECK_EQUAL(write_to(pair.ours.get(), text.data(), bytes), static_cast<long long>(bytes));
    int status = -1;
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK_EQUAL(status, 0);
}

void bad_memory() {
    const Pair pair = connected_pair(O_NONBLOCK);
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    auto* memory = static_cast<char*>(
        mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK(memory != MAP_FAILED);
    CHECK_EQUAL(mprotect(memory + page, page, PROT_NONE), 0);
    std::memset(memory, 'm', page);
    CHECK_EQUAL(write_to(pair.ours.get(), memory + page, 10), -EFAULT);
    CHECK_EQUAL(write_to(pair.ours.get(), memory + page - 4, 10), 4);
    CHECK(peer_receives(pair, 4) == "mmmm");
    peer_sends(pair, "0123456789");
    CHECK_EQUAL(read_from(pair.ours.get(), memory + page, 10), -EFAULT);
    CHECK_EQUAL(read_from(pair.ours.get(), memory + page - 4, 10), 4);
    CHECK(std::string(memory + page - 4, 4) == "0123");
    char rest[8] = "";
    CHECK_EQUAL(read_from(pair.ours.get(), rest, sizeof(rest)), 6);
    CHECK(std::string(rest) == "456789");
    munmap(memory, 2 * page);
}

// --- the end ---

void peer_ends() {
    Pair pair = connected_pair(O_NONBLOCK);
    CHECK_EQUAL(send(pair.theirs.get(), "last", 4, 0), 4);
    CHECK_EQUAL(shutdown(pair.theirs.get(), SHUT_WR), 0);
    await(pair.ours.get(), POLLRDHUP);
    CHECK_EQUAL(poll_once(pair.ours.get(), POLLIN | POLLOUT | POLLRDHUP),
                POLLIN | POLLOUT | POLLRDHUP);
    char buffer[8];
    CHECK_EQUAL(read_from(pair.ours.get(), buffer, sizeof(buffer)), 4);
    CHECK_EQUAL(read_from(pair.ours.get(), buffer, sizeof(buffer)), 0);
    CHECK_EQUAL(read_from(pair.ours.get(), buffer, sizeof(buffer)), 0);
    CHECK_EQUAL(write_to(pair.ours.get(), "on", 2), 2);
    CHECK(peer_receives(pair, 2) == "on");
}

void we_end() {
    const Pair pair = connected_pair();
    CHECK_EQUAL(write_to(pair.ours.get(), "bye", 3), 3);
    CHECK_EQUAL(shut_down(pair.ours.get(), SHUT_WR), 0);
    CHECK_EQUAL(write_to(pair.ours.get(), "more", 4), -EPIPE);
    CHECK(peer_receives(pair, 10) == "bye");  // and the end
    peer_sends(pair, "still here");
    char buffer[16];
    CHECK_EQUAL(read_from(pair.ours.get(), buffer, sizeof(buffer)), 10);
    CHECK_EQUAL(shut_down(pair.ours.get(), 3), -EINVAL);
}

void both_end() {
    const Pair pair = connected_pair();
    CHECK_EQUAL(shutdown(pair.theirs.get(), SHUT_WR), 0);
    await(pair.ours.get(), POLLRDHUP);
    CHECK_EQUAL(shut_down(pair.ours.get(), SHUT_WR), 0);
    await(pair.ours.get(), POLLHUP);
    CHECK_EQUAL(get_option(pair.ours.get(), DOMINOES_OPT_ERROR), 0);
}

void we_stop_reading() {
    const Pair pair = connected_pair();
    CHECK_EQUAL(shut_down(pair.ours.get(), SHUT_RD), 0);
    char byte;
    CHECK_EQUAL(read_from(pair.ours.get(), &byte, 1), 0);
    CHECK_EQUAL(write_to(pair.ours.get(), "x", 1), 1);
    CHECK(peer_receives(pair, 1) == "x");
}

void peer_resets() {
    Pair pair = connected_pair();
    peer_reset(std::move(pair.theirs));
    await(pair.ours.get(), POLLHUP);
    CHECK(poll_once(pair.ours.get(), POLLIN) & POLLERR);
    char byte = 0;
    CHECK_EQUAL(read_from(pair.ours.get(), &byte, 1), -ECONNRESET);
    CHECK_EQUAL(read_from(pair.ours.get(), &byte, 1), 0);
    CHECK_EQUAL(write_to(pair.ours.get(), &byte, 1), -EPIPE);
}

// How the peer sees that we are gone. While Linux is about to take a reset, its poll() may report
// that as an error or the end alone, before it reports that a read would not wait.
int peer_sees_end(const Descriptor& theirs) {
    await(theirs.get(), POLLIN | POLLERR | POLLHUP);
    char byte;
    const ssize_t got = recv(theirs.get(), &byte, 1, 0);
    return got < 0 ? -errno : static_cast<int>(got);
}

void close_ends() {
    Pair pair = connected_pair();
    pair.ours = Descriptor();
    CHECK_EQUAL(peer_sees_end(pair.theirs), 0);
}

void close_with_linger_0_resets() {
    Pair pair = connected_pair();
    CHECK_EQUAL(set_option(pair.ours.get(), DOMINOES_OPT_LINGER, 0), 0);
    pair.ours = Descriptor();
    CHECK_EQUAL(peer_sees_end(pair.theirs), -ECONNRESET);
}

void close_with_unread_data_resets() {
    Pair pair = connected_pair();
    peer_sends(pair, "not for you");
    pair.ours = Descriptor();
    CHECK_EQUAL(peer_sees_end(pair.theirs), -ECONNRESET);
}

// More than may go before an acknowledgement comes: had close() not waited, it would not be there.
void all_has_arrived_when_closed(Pair pair) {
    const std::string text(40'000, 'l');
    CHECK_EQUAL(write_to(pair.ours.get(), text.data(), text.size()),
                static_cast<long long>(text.size()));
    pair.ours = Descriptor();
    int arrived = 0;
    CHECK_EQUAL(ioctl(pair.theirs.get(), FIONREAD, &arrived), 0);
    CHECK_EQUAL(arrived, static_cast<int>(text.size()));
    CHECK(peer_receives(pair, text.size()) == text);
    CHECK_EQUAL(peer_sees_end(pair.theirs), 0);
}

void close_waits_with_linger() {
    Pair pair = connected_pair();
    CHECK_EQUAL(set_option(pair.ours.get(), DOMINOES_OPT_LINGER, 10), 0);
    all_has_arrived_when_closed(std::move(pair));
}

void close_waits_with_the_listeners_linger() {
    const Descriptor listener = open_device();
    CHECK_EQUAL(set_option(listener.get(), DOMINOES_OPT_LINGER, 10), 0);
    CHECK_EQUAL(bind_to(listener.get(), {kOurAddress, 0}), 0);
    CHECK_EQUAL(listen_on(listener.get()), 0);
    Descriptor theirs = peer_connect({kOurAddress, local_of(listener.get()).port});
    all_has_arrived_when_closed({Descriptor(accept_from(listener.get())), std::move(theirs)});
}

void close_in_one_of_two_processes() {
    Pair pair = connected_pair();
    int ready[2];
    CHECK_EQUAL(pipe(ready), 0);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {  // the child writes after its parent has closed
        char byte;
        close(ready[1]);
        _exit(read(ready[0], &byte, 1) == 0 && write_to(pair.ours.get(), "child", 5) == 5 ? 0 : 1);
    }
    pair.ours = Descriptor();
    close(ready[0]);
    close(ready[1]);
    CHECK(peer_receives(pair, 5) == "child");
    int status = -1;
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK_EQUAL(status, 0);
    CHECK_EQUAL(peer_sees_end(pair.theirs), 0);
}

void closed_listener_refuses() {
    SocketAddress address{kOurAddress, 0};
    {
        const Descriptor listener = open_device();
        CHECK_EQUAL(bind_to(listener.get(), {kOurAddress, 0}), 0);
        CHECK_EQUAL(listen_on(listener.get()), 0);
        address.port = local_of(listener.get()).port;
    }
    const Descriptor peer = peer_socket(SOCK_STREAM);
    const sockaddr_in to = to_sockaddr(address);
    CHECK_EQUAL(connect(peer.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)), -1);
    CHECK_EQUAL(errno, ECONNREFUSED);
}

// --- signals ---

void signal_ends_reading() {
    const Pair pair = connected_pair();
    const Interruptions interruptions;
    char byte;
    CHECK_EQUAL(read_from(pair.ours.get(), &byte, 1), -EINTR);
}

void signal_ends_writing() {
    const Pair pair = connected_pair(O_NONBLOCK);
    fill(pair.ours.get());
    CHECK_EQUAL(fcntl(pair.ours.get(), F_SETFL, 0), 0);
    const Interruptions interruptions;
    static const Block block{};
    long put;
    do put = write_to(pair.ours.get(), block.data(), block.size());
    while (put > 0);  // the peer's buffer grows now and then
    CHECK_EQUAL(put, -EINTR);
}

void signal_ends_connecting() {
    const Descriptor ours = open_device();
    const Interruptions interruptions;
    CHECK_EQUAL(connect_to(ours.get(), {kAbsentAddress, 80}), -EINTR);
    CHECK_EQUAL(connect_to(ours.get(), {kAbsentAddress, 80}), -EINTR);  // waits again
}

void signal_ends_accepting() {
    const Descriptor listener = open_device();
    CHECK_EQUAL(bind_to(listener.get(), {kOurAddress, 0}), 0);
    CHECK_EQUAL(listen_on(listener.get()), 0);
    const Interruptions interruptions;
    CHECK_EQUAL(accept_from(listener.get()), -EINTR);
}

// --- datagrams ---

Descriptor udp_device(int flags = 0) {
    Descriptor device = open_device(flags);
    CHECK_EQUAL(set_option(device.get(), DOMINOES_OPT_PROTOCOL, IPPROTO_UDP), 0);
    return device;
}

void datagrams_refuse() {
    char text[] = "text";
    const Descriptor udp = udp_device(O_NONBLOCK);
    CHECK_EQUAL(datagram_call(udp.get(), DOMINOES_IOC_SENDTO, text, 4), -EDESTADDRREQ);
    CHECK_EQUAL(bind_to(udp.get(), {kOurAddress, 7100}), 0);
    CHECK_EQUAL(datagram_call(udp.get(), DOMINOES_IOC_RECVFROM, text, 4), -EAGAIN);
    CHECK_EQUAL(datagram_call(udp.get(), DOMINOES_IOC_SENDTO, text, 4, {0x08080808, 9}),
                -ENETUNREACH);
    CHECK_EQUAL(datagram_call(udp.get(), DOMINOES_IOC_SENDTO, text, 65536, {kPeerAddress, 9}),
                -EMSGSIZE);
    CHECK_EQUAL(datagram_call(udp.get(), DOMINOES_IOC_SENDTO, nullptr, 4, {kPeerAddress, 9}),
                -EFAULT);
    CHECK_EQUAL(datagram_call(udp.get(), DOMINOES_IOC_SENDTO, text, 4, {kPeerAddress, 9}, 1u << 30),
                -EINVAL);
    CHECK(listen_on(udp.get()) < 0);
    CHECK(accept_from(udp.get()) < 0);
    const Descriptor tcp = open_device(O_NONBLOCK);
    CHECK(datagram_call(tcp.get(), DOMINOES_IOC_SENDTO, text, 4, {kPeerAddress, 9}) < 0);
    CHECK(datagram_call(tcp.get(), DOMINOES_IOC_RECVFROM, text, 4) < 0);
    const Descriptor same = udp_device();
    CHECK_EQUAL(bind_to(same.get(), {kOurAddress, 7100}), -EADDRINUSE);
}

void datagrams_are_whole() {
    const Descriptor udp = udp_device();
    CHECK_EQUAL(bind_to(udp.get(), {kOurAddress, 7101}), 0);
    const Descriptor peer = peer_socket(SOCK_DGRAM);
    const sockaddr_in to = to_sockaddr({kOurAddress, 7101});
    for (const char* text : {"one", "twenty-two"}) {
        CHECK(sendto(peer.get(), text, std::strlen(text), 0, reinterpret_cast<const sockaddr*>(&to),
                     sizeof(to)) > 0);
        await(udp.get(), POLLIN);  // or the second might overtake the first, from another CPU
    }
    char text[32] = "";
    std::uint64_t length = 0;
    CHECK(datagram_call(udp.get(), DOMINOES_IOC_RECVFROM, text, sizeof(text), {}, MSG_PEEK,
                        &length) >= 0);
    CHECK_EQUAL(length, 3);
    CHECK(datagram_call(udp.get(), DOMINOES_IOC_RECVFROM, text, sizeof(text), {}, 0, &length) >= 0);
    CHECK_EQUAL(length, 3);
    CHECK(std::string(text) == "one");
    await(udp.get(), POLLIN);
    CHECK(datagram_call(udp.get(), DOMINOES_IOC_RECVFROM, text, 6, {}, 0, &length) >= 0);
    CHECK_EQUAL(length, 10);  // more than there was room for
    CHECK(std::string(text, 6) == "twenty");
    CHECK_EQUAL(datagram_call(udp.get(), DOMINOES_IOC_RECVFROM, text, 6, {}, MSG_DONTWAIT, &length),
                -EAGAIN);
}

void datagram_to_closed_port() {
    const Descriptor udp = udp_device();
    CHECK_EQUAL(connect_to(udp.get(), {kPeerAddress, 4}), 0);
    char text[] = "text";
    CHECK(datagram_call(udp.get(), DOMINOES_IOC_SENDTO, text, 4) >= 0);
    await(udp.get(), POLLERR);
    CHECK_EQUAL(datagram_call(udp.get(), DOMINOES_IOC_RECVFROM, text, 4), -ECONNREFUSED);
}

}  // namespace

const std::vector<Check>& stream_checks() {
    static const std::vector<Check> all{
        {"stream_unconnected", unconnected},
        {"stream_unconnected_poll", unconnected_poll},
        {"stream_reading", reading},
        {"stream_reading_in_parts", reading_in_parts},
        {"stream_peeking", peeking},
        {"stream_writing", writing},
        {"stream_writing_until_full", writing_until_full},
        {"stream_writing_waits", writing_waits},
        {"stream_bad_memory", bad_memory},
        {"end_of_peer", peer_ends},
        {"end_of_ours", we_end},
        {"end_of_both", both_end},
        {"end_of_reading", we_stop_reading},
        {"end_by_reset", peer_resets},
        {"close_ends", close_ends},
        {"close_with_linger_0", close_with_linger_0_resets},
        {"close_with_unread_data", close_with_unread_data_resets},
        {"close_waits_with_linger", close_waits_with_linger},
        {"close_waits_with_the_listeners_linger", close_waits_with_the_listeners_linger},
        {"close_in_one_of_two_processes", close_in_one_of_two_processes},
        {"close_of_listener", closed_listener_refuses},
        {"signal_ends_reading", signal_ends_reading},
        {"signal_ends_writing", signal_ends_writing},
        {"signal_ends_connecting", signal_ends_connecting},
        {"signal_ends_accepting", signal_ends_accepting},
        {"datagram_refuses", datagrams_refuse},
        {"datagram_whole", datagrams_are_whole},
        {"datagram_to_closed_port", datagram_to_closed_port},
    };
    return all;
}

}  // namespace dominoes::guest
