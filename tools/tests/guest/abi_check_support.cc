// SPDX-License-Identifier: GPL-2.0
#include "abi_check.hh"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <chrono>
#include <sstream>
#include <stdexcept>

namespace dominoes::guest {

namespace {

constexpr int kLongMilliseconds = 20'000;
constexpr char kPeerNamespace[] = "/run/netns/peer";

long checked(long result, const char* what) {
    if (result < 0) throw_error(errno, what);
    return result;
}

Descriptor open_namespace(const char* path) {
    return Descriptor(static_cast<int>(checked(open(path, O_RDONLY | O_CLOEXEC), path)));
}

void enter(const Descriptor& space) { checked(setns(space.get(), CLONE_NEWNET), "setns"); }

}  // namespace

void fail_check(const char* file, int line, const std::string& what) {
    const std::string path = file;
    throw std::runtime_error(path.substr(path.rfind('/') + 1) + ":" + std::to_string(line) + ": " +
                             what);
}

void check_equal(const char* file, int line, const char* text, long long got, long long wanted) {
    if (got == wanted) return;
    fail_check(
        file, line,
        std::string(text) + ": " + std::to_string(got) + " is not " + std::to_string(wanted));
}

// --- the device ---

Descriptor open_device(int flags) {
    return Descriptor(static_cast<int>(
        checked(open(DOMINOES_DEVICE, O_RDWR | O_CLOEXEC | flags), DOMINOES_DEVICE)));
}

int raw_call(int fd, unsigned long request, void* argument) {
    const int result = ioctl(fd, request, argument);
    return result < 0 ? -errno : result;
}

int address_call(int fd, unsigned long request, const SocketAddress& address) {
    dominoes_address argument{0, 0, to_abi(address)};
    return call(fd, request, argument);
}

int connect_to(int fd, const SocketAddress& peer) {
    return address_call(fd, DOMINOES_IOC_CONNECT, peer);
}

int bind_to(int fd, const SocketAddress& local) {
    return address_call(fd, DOMINOES_IOC_BIND, local);
}

int listen_on(int fd, std::uint32_t backlog) {
    dominoes_listen argument{0, backlog};
    return call(fd, DOMINOES_IOC_LISTEN, argument);
}

int accept_from(int fd, std::uint32_t flags) {
    dominoes_accept argument{};
    argument.flags = flags;
    return call(fd, DOMINOES_IOC_ACCEPT, argument);
}

int shut_down(int fd, std::uint32_t how) {
    dominoes_shutdown argument{0, how};
    return call(fd, DOMINOES_IOC_SHUTDOWN, argument);
}

int set_option(int fd, std::uint32_t option, std::int64_t value) {
    dominoes_option_value argument{0, option, value};
    return call(fd, DOMINOES_IOC_SETOPT, argument);
}

std::int64_t get_option(int fd, std::uint32_t option) {
    dominoes_option_value argument{0, option, 0};
    CHECK_EQUAL(call(fd, DOMINOES_IOC_GETOPT, argument), 0);
    return argument.value;
}

SocketAddress local_of(int fd) {
    dominoes_address argument{};
    CHECK_EQUAL(call(fd, DOMINOES_IOC_LOCAL, argument), 0);
    return from_abi(argument.address);
}

long read_from(int fd, void* into, std::size_t bytes) {
    const ssize_t got = read(fd, into, bytes);
    return got < 0 ? -errno : got;
}

long write_to(int fd, const void* from, std::size_t bytes) {
    const ssize_t put = write(fd, from, bytes);
    return put < 0 ? -errno : put;
}

short poll_once(int fd, short events, int milliseconds) {
    pollfd one{fd, events, 0};
    checked(poll(&one, 1, milliseconds), "poll");
    return one.revents;
}

void await(int fd, short events) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::milliseconds(kLongMilliseconds);
    short reported = 0;
    // poll() reports errors unasked, and they may come before what is awaited.
    do {
        if (reported) sched_yield();
        reported = poll_once(fd, events, kLongMilliseconds);
    } while (!(reported & events) && Clock::now() < end);
    if (reported & events) return;
    std::ostringstream what;
    what << std::hex << "waited for events 0x" << events << ", poll() reported 0x" << reported;
    fail_check(__FILE__, __LINE__, what.str());
}

// --- the peer ---

Descriptor peer_socket(int type) {
    const Descriptor home = open_namespace("/proc/self/ns/net");
    enter(open_namespace(kPeerNamespace));
    const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    const int error = errno;
    enter(home);
    if (fd < 0) throw_error(error, "socket");
    return Descriptor(fd);
}

PeerListener peer_listen() {
    PeerListener listener{peer_socket(SOCK_STREAM), {}};
    checked(listen(listener.socket.get(), 16), "listen");
    sockaddr_in address{};
    socklen_t length = sizeof(address);
    checked(getsockname(listener.socket.get(), reinterpret_cast<sockaddr*>(&address), &length),
            "getsockname");
    listener.address = {kPeerAddress, ntohs(address.sin_port)};
    return listener;
}

Descriptor peer_accept(const PeerListener& listener) {
    await(listener.socket.get(), POLLIN);
    return Descriptor(
        static_cast<int>(checked(accept(listener.socket.get(), nullptr, nullptr), "accept")));
}

Descriptor peer_connect(const SocketAddress& to) {
    Descriptor one = peer_socket(SOCK_STREAM);
    const sockaddr_in address = to_sockaddr(to);
    checked(connect(one.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
            "connect");
    return one;
}

void peer_reset(Descriptor socket) {
    const linger at_once{1, 0};
    checked(setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), "linger");
}

Pair connected_pair(int flags) {
    const PeerListener listener = peer_listen();
    Pair pair{open_device(), {}};
    CHECK_EQUAL(connect_to(pair.ours.get(), listener.address), 0);
    pair.theirs = peer_accept(listener);
    if (flags & O_NONBLOCK) checked(fcntl(pair.ours.get(), F_SETFL, O_NONBLOCK), "O_NONBLOCK");
    return pair;
}

// --- signals and rights ---

Interruptions::Interruptions() {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    checked(sigaction(SIGALRM, &action, nullptr), "sigaction");
    const itimerval every{{0, 20'000}, {0, 20'000}};
    checked(setitimer(ITIMER_REAL, &every, nullptr), "setitimer");
}

Interruptions::~Interruptions() {
    const itimerval never{};
    setitimer(ITIMER_REAL, &never, nullptr);
}

void unprivileged(int (*body)()) {
    const pid_t child = fork();
    checked(child, "fork");
    if (child == 0) {
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        __user_cap_data_struct data[2]{};
        if (syscall(SYS_capset, &header, data) < 0) _exit(99);
        _exit(body());
    }
    int status = 0;
    checked(waitpid(child, &status, 0), "waitpid");
    CHECK_EQUAL(status, 0);
}

}  // namespace dominoes::guest
