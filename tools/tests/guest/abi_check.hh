// SPDX-License-Identifier: GPL-2.0
// What the checks of the ABI are written with: raw calls, a peer in the namespace "peer",
// expectations.
#pragma once

#include "../../lib/address.hh"
#include "../../lib/descriptor.hh"

#include <poll.h>
#include <cstdint>
#include <string>
#include <vector>

namespace dominoes::guest {

inline constexpr std::uint32_t kOurAddress = 0x0a4d0001;   // 10.77.0.1
inline constexpr std::uint32_t kPeerAddress = 0x0a4d0002;  // 10.77.0.2
inline constexpr std::uint32_t kHostAddress = 0x0a4d0003;  // 10.77.0.3
inline constexpr std::uint32_t kAbsentAddress = 0x0a4d0063;

// A check fails by throwing; the message says what and where.
[[noreturn]] void fail_check(const char* file, int line, const std::string& what);
#define CHECK(condition) \
    ((condition) ? void() : ::dominoes::guest::fail_check(__FILE__, __LINE__, #condition))
// The two are equal; errnos and others are shown as numbers.
void check_equal(const char* file, int line, const char* text, long long got, long long wanted);
#define CHECK_EQUAL(got, wanted) \
    ::dominoes::guest::check_equal(__FILE__, __LINE__, #got " == " #wanted, (got), (wanted))

struct Check {
    const char* name;
    void (*run)();
};
const std::vector<Check>& call_checks();
const std::vector<Check>& event_checks();
const std::vector<Check>& option_checks();
const std::vector<Check>& stream_checks();

// --- the device; results are a count or -errno ---

Descriptor open_device(int flags = 0);
int raw_call(int fd, unsigned long request, void* argument);
template <typename Argument>
int call(int fd, unsigned long request, Argument& argument) {
    argument.size = sizeof(argument);
    return raw_call(fd, request, &argument);
}
int address_call(int fd, unsigned long request, const SocketAddress& address);
int connect_to(int fd, const SocketAddress& peer);
int bind_to(int fd, const SocketAddress& local);
int listen_on(int fd, std::uint32_t backlog = 0);
int accept_from(int fd, std::uint32_t flags = 0);
int shut_down(int fd, std::uint32_t how);
int set_option(int fd, std::uint32_t option, std::int64_t value);
// The value; throws on failure.
std::int64_t get_option(int fd, std::uint32_t option);
SocketAddress local_of(int fd);
long read_from(int fd, void* into, std::size_t bytes);
long write_to(int fd, const void* from, std::size_t bytes);
// What poll() reports of all it knows; waits up to `milliseconds` for any of `events`, errors
// included.
short poll_once(int fd, short events, int milliseconds = 0);
// Waits until one of `events` is reported; the check fails if it takes very long, or if poll()
// reports something else only.
void await(int fd, short events);

// --- the peer: Linux's stack in the other namespace ---

// A socket there. `type` is SOCK_STREAM or SOCK_DGRAM.
Descriptor peer_socket(int type);
struct PeerListener {
    Descriptor socket;
    SocketAddress address;
};
PeerListener peer_listen();
Descriptor peer_accept(const PeerListener& listener);
Descriptor peer_connect(const SocketAddress& to);
void peer_reset(Descriptor socket);

// Connected ends: ours through Dominoes, and the peer's.
struct Pair {
    Descriptor ours;
    Descriptor theirs;
};
Pair connected_pair(int flags = 0);

// --- signals ---

// While one lives, SIGALRM interrupts this thread every few milliseconds; without SA_RESTART.
class Interruptions {
public:
    Interruptions();
    ~Interruptions();
    Interruptions(const Interruptions&) = delete;
    Interruptions& operator=(const Interruptions&) = delete;
};

// Runs `body` in a child without CAP_NET_ADMIN; it must return 0.
void unprivileged(int (*body)());

}  // namespace dominoes::guest
