// SPDX-License-Identifier: GPL-2.0
// What becomes of attempts to connect and of listeners, and how a program hears of events: poll()
// at the first wake, and SIGIO. As Linux's sockets have it all.
#include "abi_check.hh"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace dominoes::guest {

namespace {

constexpr int kLongMilliseconds = 20'000;
constexpr std::uint16_t kRefusedPort = 4;
const SocketAddress kRefused{kPeerAddress, kRefusedPort};

// Of poll(), asked for all but the right to write.
constexpr short kAllEvents = POLLIN | POLLOUT | POLLRDHUP;

// --- connect ---

void connect_says_success_once() {
    const PeerListener listener = peer_listen();
    const Descriptor ours = open_device(O_NONBLOCK);
    CHECK_EQUAL(connect_to(ours.get(), listener.address), -EINPROGRESS);
    await(ours.get(), POLLOUT);
    CHECK_EQUAL(connect_to(ours.get(), listener.address), 0);
    CHECK_EQUAL(connect_to(ours.get(), listener.address), -EISCONN);
}

// Before it is said, and after: as new.
void connect_says_failure_once() {
    const PeerListener listener = peer_listen();
    const Descriptor ours = open_device(O_NONBLOCK);
    char byte = 0;
    CHECK_EQUAL(connect_to(ours.get(), kRefused), -EINPROGRESS);
    await(ours.get(), POLLOUT);
    CHECK_EQUAL(poll_once(ours.get(), kAllEvents), kAllEvents | POLLERR | POLLHUP);
    CHECK_EQUAL(connect_to(ours.get(), kRefused), -ECONNREFUSED);
    CHECK_EQUAL(poll_once(ours.get(), kAllEvents), POLLOUT | POLLHUP);
    CHECK_EQUAL(read_from(ours.get(), &byte, 1), -ENOTCONN);
    CHECK_EQUAL(write_to(ours.get(), &byte, 1), -EPIPE);
    dominoes_address peer{};
    CHECK_EQUAL(call(ours.get(), DOMINOES_IOC_PEER, peer), -ENOTCONN);
    CHECK_EQUAL(local_of(ours.get()).port, 0);
    CHECK_EQUAL(connect_to(ours.get(), listener.address), -EINPROGRESS);
    await(ours.get(), POLLOUT);
    CHECK_EQUAL(connect_to(ours.get(), listener.address), 0);
    CHECK_EQUAL(write_to(ours.get(), &byte, 1), 1);
}

void connect_after_the_error_was_taken() {
    const PeerListener listener = peer_listen();
    const Descriptor ours = open_device(O_NONBLOCK);
    CHECK_EQUAL(connect_to(ours.get(), kRefused), -EINPROGRESS);
    await(ours.get(), POLLOUT);
    CHECK_EQUAL(get_option(ours.get(), DOMINOES_OPT_ERROR), ECONNREFUSED);
    CHECK_EQUAL(connect_to(ours.get(), listener.address), -ECONNABORTED);
    CHECK_EQUAL(fcntl(ours.get(), F_SETFL, 0), 0);
    CHECK_EQUAL(connect_to(ours.get(), listener.address), 0);
}

void connect_again_and_again() {
    const PeerListener listener = peer_listen();
    const Descriptor ours = open_device();
    CHECK_EQUAL(bind_to(ours.get(), {0, 7020}), 0);
    for (int i = 0; i < 50; ++i) CHECK_EQUAL(connect_to(ours.get(), kRefused), -ECONNREFUSED);
    CHECK_EQUAL(local_of(ours.get()).port, 7020);
    CHECK_EQUAL(connect_to(ours.get(), listener.address), 0);
    CHECK_EQUAL(local_of(ours.get()).port, 7020);
}

void connect_fails_then_listens() {
    const Descriptor ours = open_device();
    CHECK_EQUAL(bind_to(ours.get(), {kOurAddress, 7021}), 0);
    CHECK_EQUAL(connect_to(ours.get(), kRefused), -ECONNREFUSED);
    CHECK_EQUAL(listen_on(ours.get()), 0);
    const Descriptor theirs = peer_connect({kOurAddress, 7021});
    const Descriptor accepted(accept_from(ours.get()));
    CHECK(accepted.get() >= 0);
}

// What the handler below is about.
int interrupted = -1;
int full_listener = -1;
volatile sig_atomic_t established_in_handler;

// While a connect waits for a peer whose queue is full: makes room, and returns when the connection
// is there, so that connect() is restarted only then.
void on_alarm(int) {
    pollfd one{interrupted, POLLOUT, 0};
    if (established_in_handler || poll(&one, 1, 0) != 0) return;  // not begun
    const int room = accept(full_listener, nullptr, nullptr);
    if (room >= 0) close(room);
    if (poll(&one, 1, kLongMilliseconds) == 1) established_in_handler = 1;
}

// With a queue of one, in which one waits, Linux does not answer a SYN.
void signal_restarts_connecting() {
    const PeerListener listener = peer_listen();
    CHECK_EQUAL(listen(listener.socket.get(), 0), 0);
    const Descriptor waiting = open_device();
    CHECK_EQUAL(connect_to(waiting.get(), listener.address), 0);
    await(listener.socket.get(), POLLIN);
    const Descriptor ours = open_device();
    interrupted = ours.get();
    full_listener = listener.socket.get();
    established_in_handler = 0;
    struct sigaction action {};
    action.sa_handler = on_alarm;
    action.sa_flags = SA_RESTART;
    CHECK_EQUAL(sigaction(SIGALRM, &action, nullptr), 0);
    const itimerval every{{0, 20'000}, {0, 20'000}}, never{};
    CHECK_EQUAL(setitimer(ITIMER_REAL, &every, nullptr), 0);
    const int result = connect_to(ours.get(), listener.address);
    CHECK_EQUAL(setitimer(ITIMER_REAL, &never, nullptr), 0);
    CHECK_EQUAL(result, 0);
    CHECK_EQUAL(established_in_handler, 1);
}

// --- shutdown ---

// Until the process `pid` sleeps.
void await_sleep(pid_t pid) {
    char state = 0;
    do {
        std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
        std::string word;
        file >> word >> word >> state;
        sched_yield();
    } while (state == 'R' || state == 'D');
    CHECK_EQUAL(state, 'S');
}

int exit_of(pid_t child) {
    int status = -1;
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void end_of_a_listener() {
    const Descriptor listener = open_device();
    CHECK_EQUAL(bind_to(listener.get(), {kOurAddress, 7022}), 0);
    CHECK_EQUAL(listen_on(listener.get()), 0);
    CHECK_EQUAL(shut_down(listener.get(), SHUT_WR), 0);  // is nothing to a listener
    CHECK_EQUAL(poll_once(listener.get(), kAllEvents), 0);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) _exit(accept_from(listener.get()) == -EINVAL ? 0 : 1);
    await_sleep(child);
    CHECK_EQUAL(shut_down(listener.get(), SHUT_RD), 0);
    CHECK_EQUAL(exit_of(child), 0);
    CHECK_EQUAL(poll_once(listener.get(), kAllEvents), POLLOUT | POLLHUP);
    CHECK_EQUAL(shut_down(listener.get(), SHUT_RD), -ENOTCONN);
    const Descriptor peer = peer_socket(SOCK_STREAM);
    const sockaddr_in to = to_sockaddr({kOurAddress, 7022});
    CHECK_EQUAL(connect(peer.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)), -1);
    CHECK_EQUAL(errno, ECONNREFUSED);
    CHECK_EQUAL(listen_on(listener.get()), 0);
    const Descriptor theirs = peer_connect({kOurAddress, 7022});
    CHECK(Descriptor(accept_from(listener.get())).get() >= 0);
}

void end_of_a_listener_resets_who_waits() {
    const Descriptor listener = open_device();
    CHECK_EQUAL(listen_on(listener.get()), 0);
    const Descriptor theirs = peer_connect({kOurAddress, local_of(listener.get()).port});
    await(listener.get(), POLLIN);
    CHECK_EQUAL(shut_down(listener.get(), SHUT_RDWR), 0);
    await(theirs.get(), POLLERR | POLLHUP);
    CHECK_EQUAL(local_of(listener.get()).port, 0);
}

void end_of_an_attempt() {
    const Descriptor ours = open_device();
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        const int result = connect_to(ours.get(), {kAbsentAddress, 80});
        _exit(result == -ECONNRESET ? 0 : 1);
    }
    // The endpoint is at it, and nobody answers.
    while (shut_down(ours.get(), SHUT_WR) == -ENOTCONN) sched_yield();
    CHECK_EQUAL(exit_of(child), 0);
    const PeerListener listener = peer_listen();
    CHECK_EQUAL(connect_to(ours.get(), listener.address), 0);
}

// Whoever waits in a call for what another thread ends, and then makes something else of.
void end_wakes_whatever_comes_next(const Descriptor& ours, void (*wait)(int), void (*next)(int)) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        signal(SIGALRM, SIG_DFL);
        alarm(kLongMilliseconds / 1000);
        wait(ours.get());
        _exit(0);
    }
    await_sleep(child);
    next(ours.get());
    CHECK_EQUAL(exit_of(child), 0);
}

void end_of_an_attempt_that_listens() {
    for (int i = 0; i < 5; ++i) {
        const Descriptor ours = open_device(O_NONBLOCK);
        CHECK_EQUAL(connect_to(ours.get(), {kAbsentAddress, 80}), -EINPROGRESS);
        CHECK_EQUAL(fcntl(ours.get(), F_SETFL, 0), 0);
        end_wakes_whatever_comes_next(
            ours,
            [](int fd) {
                char byte = 0;
                write_to(fd, &byte, 1);
            },
            [](int fd) {
                CHECK_EQUAL(shut_down(fd, SHUT_WR), 0);
                CHECK_EQUAL(listen_on(fd), 0);
            });
    }
}

void end_of_a_listener_that_connects() {
    static const PeerListener listener = peer_listen();
    for (int i = 0; i < 10; ++i) {
        const Descriptor ours = open_device();
        CHECK_EQUAL(listen_on(ours.get()), 0);
        end_wakes_whatever_comes_next(
            ours, [](int fd) { accept_from(fd); },
            [](int fd) {
                CHECK_EQUAL(shut_down(fd, SHUT_RD), 0);
                CHECK_EQUAL(connect_to(fd, listener.address), 0);
            });
        peer_accept(listener);
    }
}

// --- poll ---

// A reset is one change: not the error first, and then the end.
void end_shows_at_the_first_wake() {
    for (int i = 0; i < 20; ++i) {
        Pair pair = connected_pair();
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            pair.theirs = Descriptor();
            constexpr short kBoth = POLLIN | POLLRDHUP;
            const short seen = poll_once(pair.ours.get(), kBoth, kLongMilliseconds);
            _exit(seen == (kBoth | POLLERR | POLLHUP) ? 0 : 1);
        }
        await_sleep(child);
        peer_reset(std::move(pair.theirs));
        CHECK_EQUAL(exit_of(child), 0);
    }
}

// --- SIGIO ---

// Signals of a descriptor's events, with what they are about. They are blocked, and waited for.
class Signals {
public:
    explicit Signals(const Descriptor& descriptor, int signal = SIGRTMIN + 1)
        : fd_(descriptor.get()), signal_(signal) {
        sigemptyset(&set_);
        sigaddset(&set_, signal);
        CHECK_EQUAL(sigprocmask(SIG_BLOCK, &set_, nullptr), 0);
        CHECK_EQUAL(fcntl(fd_, F_SETOWN, getpid()), 0);
        if (signal != SIGIO) CHECK_EQUAL(fcntl(fd_, F_SETSIG, signal), 0);
        CHECK_EQUAL(fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_ASYNC), 0);
        forget();
    }
    ~Signals() {
        fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) & ~O_ASYNC);
        forget();
        sigprocmask(SIG_UNBLOCK, &set_, nullptr);
    }
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    // One that tells of `event`, whatever others come before.
    void await(short event) {
        const timespec limit{kLongMilliseconds / 1000, 0};
        siginfo_t info{};
        do {
            if (sigtimedwait(&set_, &info, &limit) < 0)
                fail_check(__FILE__, __LINE__, "no signal of event " + std::to_string(event));
        } while (signal_ != SIGIO && !(info.si_fd == fd_ && (info.si_band & event)));
    }
    bool pending() {
        sigset_t set;
        sigpending(&set);
        return sigismember(&set, signal_) == 1;
    }
    void forget() {
        const timespec now{};
        while (sigtimedwait(&set_, nullptr, &now) >= 0) {
        }
    }

private:
    int fd_;
    int signal_;
    sigset_t set_;
};

// Nobody has tried to read, nor polled; and again without a read in between.
void signal_io_of_data() {
    const Pair pair = connected_pair();
    Signals signals(pair.ours);
    for (int i = 0; i < 3; ++i) {
        CHECK_EQUAL(send(pair.theirs.get(), "x", 1, 0), 1);
        signals.await(POLLIN);
    }
    // A signal may have told of what the one before had told of, and the last byte be on its way.
    char bytes[4];
    for (long got = 0; got < 3;) {
        const long more = read_from(pair.ours.get(), bytes, sizeof(bytes));
        CHECK(more > 0);
        got += more;
    }
    signals.forget();
    CHECK_EQUAL(send(pair.theirs.get(), "x", 1, 0), 1);
    signals.await(POLLIN);
}

void signal_io_by_default() {
    const Pair pair = connected_pair();
    Signals signals(pair.ours, SIGIO);
    CHECK_EQUAL(send(pair.theirs.get(), "x", 1, 0), 1);
    signals.await(POLLIN);
}

void signal_io_of_connect() {
    const PeerListener listener = peer_listen();
    const Descriptor ours = open_device(O_NONBLOCK);
    Signals signals(ours);
    CHECK_EQUAL(connect_to(ours.get(), listener.address), -EINPROGRESS);
    signals.await(POLLOUT);
    CHECK_EQUAL(connect_to(ours.get(), listener.address), 0);
    const Descriptor theirs = peer_accept(listener);
    CHECK_EQUAL(send(theirs.get(), "x", 1, 0), 1);
    signals.await(POLLIN);
}

void signal_io_of_refusal() {
    const Descriptor ours = open_device(O_NONBLOCK);
    Signals signals(ours);
    CHECK_EQUAL(connect_to(ours.get(), kRefused), -EINPROGRESS);
    signals.await(POLLERR);
    CHECK_EQUAL(connect_to(ours.get(), kRefused), -ECONNREFUSED);
}

void signal_io_of_accept() {
    const Descriptor listener = open_device();
    CHECK_EQUAL(bind_to(listener.get(), {kOurAddress, 0}), 0);
    Signals signals(listener);
    CHECK_EQUAL(listen_on(listener.get()), 0);
    const Descriptor theirs = peer_connect({kOurAddress, local_of(listener.get()).port});
    signals.await(POLLIN);
    const Descriptor accepted(accept_from(listener.get()));
    CHECK(accepted.get() >= 0);
    CHECK(!(fcntl(accepted.get(), F_GETFL) & O_ASYNC));
    Signals of_accepted(accepted, SIGRTMIN + 2);
    CHECK_EQUAL(send(theirs.get(), "x", 1, 0), 1);
    of_accepted.await(POLLIN);
}

// After a write that found none, it is told of once there is.
void signal_io_of_room() {
    static const std::array<char, 65536> block{};
    static std::array<char, 65536> sink;
    const Pair pair = connected_pair(O_NONBLOCK);
    Signals signals(pair.ours);
    for (int round = 0; round < 3; ++round) {
        long put;
        do put = write_to(pair.ours.get(), block.data(), block.size());
        while (put > 0);
        CHECK_EQUAL(put, -EAGAIN);
        while (recv(pair.theirs.get(), sink.data(), sink.size(), MSG_DONTWAIT) > 0) {
        }
        // What is under way still comes, and makes room.
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            while (recv(pair.theirs.get(), sink.data(), sink.size(), 0) > 0) {
            }
            _exit(0);
        }
        signals.await(POLLOUT);
        CHECK_EQUAL(kill(child, SIGKILL), 0);
        exit_of(child);
    }
}

void signal_io_of_the_end() {
    Pair pair = connected_pair();
    Signals signals(pair.ours);
    CHECK_EQUAL(shutdown(pair.theirs.get(), SHUT_WR), 0);
    signals.await(POLLIN);
    Pair other = connected_pair();
    Signals of_other(other.ours, SIGRTMIN + 2);
    peer_reset(std::move(other.theirs));
    of_other.await(POLLERR);
}

// Acknowledgements are nothing to read.
void signal_io_not_of_acknowledgements() {
    const Pair pair = connected_pair();
    Signals signals(pair.ours);
    CHECK_EQUAL(send(pair.theirs.get(), "x", 1, 0), 1);
    signals.await(POLLIN);
    dominoes_info info{};
    for (std::uint64_t bytes = 1; bytes <= 20; ++bytes) {
        CHECK_EQUAL(write_to(pair.ours.get(), "y", 1), 1);
        do CHECK_EQUAL(call(pair.ours.get(), DOMINOES_IOC_INFO, info), 0);
        while (info.bytes_acked < bytes);
        if (bytes == 1) signals.forget();  // of what is still under way
    }
    CHECK(!signals.pending());
}

// As on Linux: a datagram is told of, whatever else waits to be heard.
void signal_io_of_a_datagram_behind_an_error() {
    const SocketAddress closed{kPeerAddress, 7998};
    const Descriptor ours = open_device();
    CHECK_EQUAL(set_option(ours.get(), DOMINOES_OPT_PROTOCOL, IPPROTO_UDP), 0);
    CHECK_EQUAL(connect_to(ours.get(), closed), 0);
    Signals signals(ours);
    CHECK_EQUAL(write_to(ours.get(), "x", 1), 1);
    signals.await(POLLERR);
    const Descriptor theirs = peer_socket(SOCK_DGRAM);
    const sockaddr_in from = to_sockaddr(closed), to = to_sockaddr(local_of(ours.get()));
    CHECK_EQUAL(bind(theirs.get(), reinterpret_cast<const sockaddr*>(&from), sizeof(from)), 0);
    CHECK_EQUAL(sendto(theirs.get(), "y", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to)),
                1);
    signals.await(POLLIN);
}

// Not once it is no longer wanted, nor when the file is closed.
void signal_io_ends() {
    Pair pair = connected_pair();
    Signals signals(pair.ours);
    CHECK_EQUAL(fcntl(pair.ours.get(), F_SETFL, 0), 0);
    CHECK_EQUAL(send(pair.theirs.get(), "x", 1, 0), 1);
    await(pair.ours.get(), POLLIN);
    CHECK(!signals.pending());
    CHECK_EQUAL(fcntl(pair.ours.get(), F_SETFL, O_ASYNC), 0);
    pair.ours = Descriptor();
    await(pair.theirs.get(), POLLERR | POLLHUP | POLLIN);
    CHECK(!signals.pending());
}

}  // namespace

const std::vector<Check>& event_checks() {
    static const std::vector<Check> all{
        {"connect_success_once", connect_says_success_once},
        {"connect_failure_once_then_anew", connect_says_failure_once},
        {"connect_after_the_error_was_taken", connect_after_the_error_was_taken},
        {"connect_again_and_again", connect_again_and_again},
        {"connect_fails_then_listens", connect_fails_then_listens},
        {"signal_restarts_connecting", signal_restarts_connecting},
        {"end_of_a_listener", end_of_a_listener},
        {"end_of_a_listener_resets", end_of_a_listener_resets_who_waits},
        {"end_of_an_attempt", end_of_an_attempt},
        {"end_of_an_attempt_that_listens", end_of_an_attempt_that_listens},
        {"end_of_a_listener_that_connects", end_of_a_listener_that_connects},
        {"end_shows_at_the_first_wake", end_shows_at_the_first_wake},
        {"signal_io_of_data", signal_io_of_data},
        {"signal_io_by_default", signal_io_by_default},
        {"signal_io_of_connect", signal_io_of_connect},
        {"signal_io_of_refusal", signal_io_of_refusal},
        {"signal_io_of_accept", signal_io_of_accept},
        {"signal_io_of_room", signal_io_of_room},
        {"signal_io_of_the_end", signal_io_of_the_end},
        {"signal_io_not_of_acknowledgements", signal_io_not_of_acknowledgements},
        {"signal_io_of_a_datagram_behind_an_error", signal_io_of_a_datagram_behind_an_error},
        {"signal_io_ends", signal_io_ends},
    };
    return all;
}

}  // namespace dominoes::guest
