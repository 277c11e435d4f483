// SPDX-License-Identifier: GPL-2.0
// Every ioctl as a call: sizes, tails and pointers; and what the administrative ones refuse.
#include "abi_check.hh"

#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace dominoes::guest {

namespace {

struct Call {
    const char* name;
    unsigned long request;
    bool writes;  // a result into the struct
};

const std::vector<Call>& calls() {
    static const std::vector<Call> all{
        {"VERSION", DOMINOES_IOC_VERSION, true},
        {"REASON", DOMINOES_IOC_REASON, true},
        {"ATTACH", DOMINOES_IOC_ATTACH, false},
        {"DETACH", DOMINOES_IOC_DETACH, false},
        {"INTERFACE", DOMINOES_IOC_INTERFACE, true},
        {"STATS", DOMINOES_IOC_STATS, false},
        {"CONNECTION", DOMINOES_IOC_CONNECTION, false},
        {"CONNECT", DOMINOES_IOC_CONNECT, false},
        {"BIND", DOMINOES_IOC_BIND, false},
        {"LISTEN", DOMINOES_IOC_LISTEN, false},
        {"ACCEPT", DOMINOES_IOC_ACCEPT, false},
        {"SHUTDOWN", DOMINOES_IOC_SHUTDOWN, false},
        {"SETOPT", DOMINOES_IOC_SETOPT, false},
        {"GETOPT", DOMINOES_IOC_GETOPT, false},
        {"LOCAL", DOMINOES_IOC_LOCAL, true},
        {"PEER", DOMINOES_IOC_PEER, false},
        {"INFO", DOMINOES_IOC_INFO, false},
        {"SENDTO", DOMINOES_IOC_SENDTO, false},
        {"RECVFROM", DOMINOES_IOC_RECVFROM, false},
    };
    return all;
}

std::size_t size_of(const Call& one) { return _IOC_SIZE(one.request); }

// What it was in the first version.
std::size_t first_size_of(const Call& one) {
    switch (one.request) {
        case DOMINOES_IOC_ATTACH:
            return offsetof(dominoes_attach, flags);
        case DOMINOES_IOC_INTERFACE:
            return offsetof(dominoes_interface, flags);
        case DOMINOES_IOC_CONNECTION:
        case DOMINOES_IOC_INFO:
            return offsetof(dominoes_info, rcvbuf);
        default:
            return size_of(one);
    }
}

// The request as a program built with another size of the struct would make it.
unsigned long resized(const Call& one, std::size_t bytes) {
    return _IOC(_IOC_DIR(one.request), _IOC_TYPE(one.request), _IOC_NR(one.request), bytes);
}

// Zeros but for the size: no call of them all changes anything, or waits.
int call_with_size(const Call& one, std::size_t bytes, std::uint8_t tail = 0) {
    const Descriptor device = open_device(O_NONBLOCK);
    std::vector<std::uint8_t> argument(std::max<std::size_t>(bytes, 4096));
    const auto size = static_cast<std::uint32_t>(bytes);
    std::memcpy(argument.data(), &size, sizeof(size));
    if (bytes > size_of(one)) argument[bytes - 1] = tail;
    return raw_call(device.get(), resized(one, bytes), argument.data());
}

void expect_for_each(const char* what, bool (*good)(const Call&)) {
    std::string bad;
    for (const Call& one : calls())
        if (!good(one)) bad += std::string(" ") + one.name;
    if (!bad.empty()) fail_check(__FILE__, __LINE__, std::string(what) + ":" + bad);
}

// --- every call ---

void unknown_calls() {
    const Descriptor device = open_device();
    dominoes_version version{};
    CHECK_EQUAL(call(device.get(), DOMINOES_IOC(0x7f, dominoes_version), version), -ENOTTY);
    CHECK_EQUAL(call(device.get(), DOMINOES_IOC(0x07, dominoes_version), version), -ENOTTY);
    CHECK_EQUAL(call(device.get(), DOMINOES_IOC(0x1c, dominoes_version), version), -ENOTTY);
    CHECK_EQUAL(raw_call(device.get(), TCGETS, &version), -ENOTTY);
    CHECK_EQUAL(raw_call(device.get(), 0, &version), -ENOTTY);
}

void short_struct() {
    expect_for_each("a size below the first version's is not EINVAL", [](const Call& one) {
        return call_with_size(one, first_size_of(one) - 1) == -EINVAL &&
               call_with_size(one, 4) == -EINVAL && call_with_size(one, 0) == -EINVAL;
    });
}

void long_struct_with_words() {
    expect_for_each("a non-zero tail is not E2BIG", [](const Call& one) {
        return call_with_size(one, size_of(one) + 8, 1) == -E2BIG &&
               call_with_size(one, size_of(one) + 1, 0x80) == -E2BIG;
    });
}

void long_struct_with_zeros() {
    expect_for_each("a zero tail is not taken as if it were absent", [](const Call& one) {
        const int plain = call_with_size(one, size_of(one));
        return plain != -E2BIG && call_with_size(one, size_of(one) + 8) == plain &&
               call_with_size(one, 2048) == plain;
    });
}

// Only the struct's own size member counts.
void size_beyond_reason() {
    expect_for_each("a size of 4 GB is taken", [](const Call& one) {
        const Descriptor device = open_device(O_NONBLOCK);
        std::vector<std::uint8_t> argument(4096);
        std::memset(argument.data(), 0xff, 4);
        const int result = raw_call(device.get(), one.request, argument.data());
        return result == -E2BIG || result == -EINVAL || result == -EFAULT;
    });
}

class Pages {
public:
    // Two pages, of which only the first can be touched, with these rights.
    explicit Pages(int rights) : bytes_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
        memory_ = static_cast<std::uint8_t*>(
            mmap(nullptr, 2 * bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        CHECK(memory_ != MAP_FAILED);
        CHECK(mprotect(memory_ + bytes_, bytes_, PROT_NONE) == 0);
        rights_ = rights;
    }
    ~Pages() { munmap(memory_, 2 * bytes_); }
    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;

    std::uint8_t* end() { return memory_ + bytes_; }
    void seal() { CHECK(mprotect(memory_, bytes_, rights_) == 0); }

private:
    std::size_t bytes_;
    std::uint8_t* memory_;
    int rights_;
};

void bad_pointers() {
    expect_for_each("a bad pointer is not EFAULT", [](const Call& one) {
        const Descriptor device = open_device(O_NONBLOCK);
        Pages pages(PROT_READ | PROT_WRITE);
        // The size can be read, but not what it promises.
        std::uint8_t* cut = pages.end() - 4;
        const auto size = static_cast<std::uint32_t>(size_of(one));
        std::memcpy(cut, &size, sizeof(size));
        return raw_call(device.get(), one.request, nullptr) == -EFAULT &&
               raw_call(device.get(), one.request, reinterpret_cast<void*>(-4096)) == -EFAULT &&
               raw_call(device.get(), one.request, pages.end()) == -EFAULT &&
               raw_call(device.get(), one.request, cut) == -EFAULT;
    });
}

void read_only_memory() {
    expect_for_each("a result into read-only memory is not EFAULT", [](const Call& one) {
        if (!one.writes) return true;
        const Descriptor device = open_device(O_NONBLOCK);
        Pages pages(PROT_READ);
        std::uint8_t* argument = pages.end() - size_of(one);
        const auto size = static_cast<std::uint32_t>(size_of(one));
        std::memcpy(argument, &size, sizeof(size));
        pages.seal();
        return raw_call(device.get(), one.request, argument) == -EFAULT;
    });
}

void exact_fit() {
    const Descriptor device = open_device();
    Pages pages(PROT_READ | PROT_WRITE);
    auto* version = reinterpret_cast<dominoes_version*>(pages.end() - sizeof(dominoes_version));
    CHECK_EQUAL(call(device.get(), DOMINOES_IOC_VERSION, *version), 0);
    CHECK_EQUAL(version->abi, DOMINOES_ABI_VERSION);
}

// What must be zero, by its place in the struct.
struct Reserved {
    const char* name;
    unsigned long request;
    std::size_t offset;
    const char* reason = "reserved is not zero";
};

#define RESERVED(name, type, member) \
    Reserved { #name "." #member, DOMINOES_IOC_##name, offsetof(type, member) }
// Of an IPv4 address that is given.
#define TAIL(name, type, member)                                                         \
    Reserved {                                                                           \
#name "." #member ".addr", DOMINOES_IOC_##name, offsetof(type, member.addr[15]), \
            "addr is longer than an IPv4 address"                                        \
    }

const std::vector<Reserved>& reserved_members() {
    static const std::vector<Reserved> all{
        RESERVED(ATTACH, dominoes_attach, reserved),
        RESERVED(ATTACH, dominoes_attach, address.reserved),
        RESERVED(ATTACH, dominoes_attach, gateway.reserved),
        TAIL(ATTACH, dominoes_attach, address),
        TAIL(ATTACH, dominoes_attach, gateway),
        RESERVED(INTERFACE, dominoes_interface, reserved),
        RESERVED(STATS, dominoes_stats, reserved),
        RESERVED(CONNECTION, dominoes_info, reserved),
        RESERVED(INFO, dominoes_info, reserved),
        RESERVED(CONNECT, dominoes_address, reserved),
        RESERVED(CONNECT, dominoes_address, address.reserved),
        TAIL(CONNECT, dominoes_address, address),
        RESERVED(BIND, dominoes_address, reserved),
        RESERVED(BIND, dominoes_address, address.reserved),
        TAIL(BIND, dominoes_address, address),
        RESERVED(LOCAL, dominoes_address, reserved),
        RESERVED(PEER, dominoes_address, reserved),
        RESERVED(SENDTO, dominoes_datagram, peer.reserved),
        TAIL(SENDTO, dominoes_datagram, peer),
    };
    return all;
}

// An IPv4 address in each that is given, so that nothing else is wrong with it.
void give_addresses(unsigned long request, std::uint8_t* argument) {
    const dominoes_sockaddr some = to_abi({kPeerAddress, 9});
    const auto at = [&](std::size_t offset) { std::memcpy(argument + offset, &some, sizeof some); };
    if (request == DOMINOES_IOC_ATTACH) {
        at(offsetof(dominoes_attach, address));
        at(offsetof(dominoes_attach, gateway));
    } else if (request == DOMINOES_IOC_CONNECT || request == DOMINOES_IOC_BIND) {
        at(offsetof(dominoes_address, address));
    } else if (request == DOMINOES_IOC_SENDTO) {
        at(offsetof(dominoes_datagram, peer));
    }
}

void reserved_is_zero() {
    for (const Reserved& one : reserved_members()) {
        const Descriptor device = open_device(O_NONBLOCK);
        std::vector<std::uint8_t> argument(_IOC_SIZE(one.request));
        const auto size = static_cast<std::uint32_t>(argument.size());
        std::memcpy(argument.data(), &size, sizeof(size));
        give_addresses(one.request, argument.data());
        argument[one.offset] = 1;
        dominoes_reason reason{};
        const int result = raw_call(device.get(), one.request, argument.data());
        CHECK_EQUAL(call(device.get(), DOMINOES_IOC_REASON, reason), 0);
        if (result != -EINVAL || std::string(reason.text) != one.reason)
            fail_check(__FILE__, __LINE__,
                       std::string(one.name) + ": " + std::to_string(result) + ", " + reason.text);
    }
}

// What a call gives back can be given again.
void reserved_comes_back_zero() {
    const Pair pair = connected_pair();
    const Descriptor device = open_device();
    dominoes_interface interface {};
    dominoes_address name{};
    dominoes_info info{};
    for (int i = 0; i < 2; ++i) {
        CHECK_EQUAL(call(device.get(), DOMINOES_IOC_INTERFACE, interface), 0);
        CHECK_EQUAL(call(pair.ours.get(), DOMINOES_IOC_INFO, info), 0);
        std::memset(&name.address, 0xff, sizeof(name.address));  // for the call to fill in
        CHECK_EQUAL(call(pair.ours.get(), DOMINOES_IOC_LOCAL, name), 0);
        CHECK_EQUAL(name.address.reserved, 0);
        std::memset(&name.address, 0xff, sizeof(name.address));
        CHECK_EQUAL(call(pair.ours.get(), DOMINOES_IOC_PEER, name), 0);
        CHECK_EQUAL(name.address.reserved, 0);
        for (std::size_t at = 4; at < sizeof(name.address.addr); ++at)
            CHECK_EQUAL(name.address.addr[at], 0);
    }
    CHECK_EQUAL(call(pair.ours.get(), DOMINOES_IOC_CONNECT, name), -EISCONN);
}

void reason_is_told() {
    const Descriptor device = open_device();
    dominoes_reason reason{};
    CHECK_EQUAL(call(device.get(), DOMINOES_IOC_REASON, reason), 0);
    CHECK_EQUAL(reason.text[0], 0);
    CHECK(connect_to(device.get(), {kHostAddress + 0x01000000, 1}) < 0);
    CHECK_EQUAL(call(device.get(), DOMINOES_IOC_REASON, reason), 0);
    CHECK(std::memchr(reason.text, 0, sizeof(reason.text)) != nullptr);
    CHECK(std::string(reason.text).find('\n') == std::string::npos);
}

// --- administration ---

dominoes_attach attachment() {
    dominoes_attach one{};
    one.ifindex = if_nametoindex("dm0");
    one.address = to_abi({kOurAddress, 0});
    one.prefix_len = 24;
    return one;
}

int attach_as(const dominoes_attach& wanted) {
    const Descriptor device = open_device();
    dominoes_attach argument = wanted;
    return call(device.get(), DOMINOES_IOC_ATTACH, argument);
}

void attach_refuses() {
    const auto with = [](auto change) {
        dominoes_attach one = attachment();
        change(one);
        return attach_as(one);
    };
    CHECK_EQUAL(attach_as(attachment()), -EBUSY);
    CHECK_EQUAL(with([](auto& one) { one.ifindex = 99999; }), -ENODEV);
    CHECK_EQUAL(with([](auto& one) { one.ifindex = 0; }), -ENODEV);
    CHECK_EQUAL(with([](auto& one) { one.ifindex = if_nametoindex("lo"); }), -EINVAL);
}

// On a device that could be attached, were all else right.
void attach_refuses_words() {
    const Descriptor device = open_device();
    dominoes_detach detach{0, if_nametoindex("dm0")};
    CHECK_EQUAL(call(device.get(), DOMINOES_IOC_DETACH, detach), 0);
    CHECK_EQUAL(call(device.get(), DOMINOES_IOC_DETACH, detach), -ENODEV);
    const auto with = [](auto change) {
        dominoes_attach one = attachment();
        change(one);
        return attach_as(one);
    };
    const auto address = [](std::uint32_t ip) { return to_abi({ip, 0}); };
    CHECK_EQUAL(with([&](auto& one) { one.address = {}; }), -EINVAL);
    CHECK_EQUAL(with([&](auto& one) { one.address.family = AF_INET6; }), -EINVAL);
    CHECK_EQUAL(with([&](auto& one) { one.address = address(0); }), -EINVAL);
    CHECK_EQUAL(with([&](auto& one) { one.address = address(0x0a4d00ff); }), -EINVAL);
    CHECK_EQUAL(with([&](auto& one) { one.address = address(0xe0000001); }), -EINVAL);
    CHECK_EQUAL(with([&](auto& one) { one.address = address(0x7f000001); }), -EINVAL);
    CHECK_EQUAL(with([&](auto& one) { one.address = address(0xffffffff); }), -EINVAL);
    CHECK_EQUAL(with([&](auto& one) { one.address.reserved = 1; }), -EINVAL);
    CHECK_EQUAL(with([&](auto& one) { one.address = address(kHostAddress); }), -EADDRINUSE);
    CHECK_EQUAL(with([&](auto& one) { one.prefix_len = 0; }), -EINVAL);
    CHECK_EQUAL(with([&](auto& one) { one.prefix_len = 33; }), -EINVAL);
    CHECK_EQUAL(with([&](auto& one) { one.gateway = address(0x08080808); }), -EINVAL);
    CHECK_EQUAL(with([&](auto& one) { one.gateway = address(kOurAddress); }), -EINVAL);
    CHECK_EQUAL(with([&](auto& one) { one.replicas = DOMINOES_MAX_REPLICAS + 1; }), -EINVAL);
    CHECK_EQUAL(with([&](auto& one) { one.cpus[DOMINOES_CPU_WORDS - 1] = 1; }), -EINVAL);
    CHECK_EQUAL(with([&](auto& one) { one.cpus[1] = 1; }), -EINVAL);
    CHECK_EQUAL(with([&](auto& one) { one.flags = 2; }), -EINVAL);
    CHECK_EQUAL(with([&](auto& one) { one.reserved = 1; }), -EINVAL);
    {
        const Interruptions interruptions;  // nothing stays attached
        CHECK_EQUAL(with([&](auto& one) { one.flags = DOMINOES_ATTACH_DAD; }), -EINTR);
    }
    CHECK_EQUAL(with([&](auto& one) {
                    one.cpus[0] = 1;
                    one.replicas = 3;
                }),
                0);
}

void administration_needs_rights() {
    unprivileged([]() {
        const Descriptor device = open_device();
        dominoes_attach attach = attachment();
        if (call(device.get(), DOMINOES_IOC_ATTACH, attach) != -EPERM) return 1;
        dominoes_detach detach{0, if_nametoindex("dm0")};
        if (call(device.get(), DOMINOES_IOC_DETACH, detach) != -EPERM) return 2;
        if (set_option(device.get(), DOMINOES_OPT_DEBUG_CORRUPT, 0) != -EPERM) return 3;
        if (set_option(device.get(), DOMINOES_OPT_DEBUG_DELAY, 0) != -EPERM) return 4;
        if (set_option(device.get(), DOMINOES_OPT_DEBUG_STALL, 0) != -EPERM) return 5;
        return 0;
    });
}

void interfaces_in_turn() {
    const Descriptor device = open_device();
    dominoes_interface one{};
    CHECK_EQUAL(call(device.get(), DOMINOES_IOC_INTERFACE, one), 0);
    CHECK_EQUAL(one.ifindex, if_nametoindex("dm0"));
    CHECK(std::string(one.name) == "dm0");
    CHECK_EQUAL(one.prefix_len, 24);
    CHECK_EQUAL(one.mtu, 1500);
    CHECK(from_abi(one.address).address == kOurAddress);
    CHECK_EQUAL(one.gateway.family, AF_UNSPEC);
    ++one.ifindex;
    CHECK_EQUAL(call(device.get(), DOMINOES_IOC_INTERFACE, one), -ENOENT);
}

int stats_call(int fd, unsigned ifindex, std::uint64_t* values, std::uint32_t count,
               std::uint32_t& known) {
    dominoes_stats argument{0, ifindex, count, 0, reinterpret_cast<std::uint64_t>(values)};
    const int result = call(fd, DOMINOES_IOC_STATS, argument);
    known = argument.count;
    return result;
}

void counters_in_any_number() {
    const Descriptor device = open_device();
    const unsigned ifindex = if_nametoindex("dm0");
    std::uint32_t known = 0;
    CHECK_EQUAL(stats_call(device.get(), ifindex, nullptr, 0, known), 0);
    CHECK(known > 50);
    std::vector<std::uint64_t> values(known + 2, 77);
    const std::uint32_t all = known;
    CHECK_EQUAL(stats_call(device.get(), ifindex, values.data(), 2, known), 0);
    CHECK_EQUAL(known, all);
    CHECK_EQUAL(values[2], 77);
    CHECK_EQUAL(stats_call(device.get(), ifindex, values.data(), all + 2, known), 0);
    CHECK_EQUAL(known, all);
    CHECK_EQUAL(values[all], 77);
    CHECK_EQUAL(stats_call(device.get(), ifindex, nullptr, all, known), -EFAULT);
    CHECK_EQUAL(stats_call(device.get(), 99999, values.data(), all, known), -ENODEV);
    CHECK_EQUAL(stats_call(device.get(), if_nametoindex("lo"), values.data(), all, known), -ENODEV);
}

void connections_in_turn() {
    const Pair pair = connected_pair();
    const Descriptor device = open_device();
    dominoes_info one{};
    CHECK_EQUAL(call(device.get(), DOMINOES_IOC_CONNECTION, one), 0);
    bool found = false;
    do {
        found = found || from_abi(one.local) == local_of(pair.ours.get());
        ++one.id;
    } while (call(device.get(), DOMINOES_IOC_CONNECTION, one) == 0);
    CHECK(found);
    CHECK_EQUAL(call(device.get(), DOMINOES_IOC_CONNECTION, one), -ENOENT);
}

}  // namespace

const std::vector<Check>& call_checks() {
    static const std::vector<Check> all{
        {"call_unknown", unknown_calls},
        {"call_short_struct", short_struct},
        {"call_long_struct_with_words", long_struct_with_words},
        {"call_long_struct_with_zeros", long_struct_with_zeros},
        {"call_size_beyond_reason", size_beyond_reason},
        {"call_bad_pointers", bad_pointers},
        {"call_read_only_memory", read_only_memory},
        {"call_exact_fit", exact_fit},
        {"call_reserved_is_zero", reserved_is_zero},
        {"call_reserved_comes_back_zero", reserved_comes_back_zero},
        {"call_reason", reason_is_told},
        {"admin_attach_refuses", attach_refuses},
        {"admin_needs_rights", administration_needs_rights},
        {"admin_interfaces", interfaces_in_turn},
        {"admin_counters", counters_in_any_number},
        {"admin_connections", connections_in_turn},
        {"admin_attach_refuses_words", attach_refuses_words},  // detaches, and attaches again
    };
    return all;
}

}  // namespace dominoes::guest
