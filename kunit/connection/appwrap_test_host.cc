// SPDX-License-Identifier: GPL-2.0
#include "scout/connection/appwrap.hh"

#include <vector>

#include "kunit/packets.hh"
#include "scout/net/errors.hh"
#include "scout/stack.h"
#include "tools/rig/port_memory.hh"
#include "tools/rig/rig.hh"

namespace kunit {
namespace {

using namespace scout;

// An application's end whose replicas are the test.
struct End {
    explicit End(rig::User* user = nullptr)
        : appwrap(Appwrap::create(*channel, {16384, 65536}, {16384, 65536}, user)) {}

    dominoes::Owned<dominoes::RingChannel> channel{dominoes::RingChannel::create(16)};
    dominoes::Owned<Appwrap> appwrap;
    // The latest ring.
    uint32_t ring = 0;
    uint64_t ring_from = 0;

    void deliver(uint64_t serial, uint64_t offset, uint64_t readable,
                 std::span<const uint8_t> bytes) {
        dominoes_packet* packet = rig::make_packet(bytes);
        appwrap->deliver(packet, {.serial = serial,
                                  .stream_offset = offset,
                                  .readable = readable,
                                  .packet_offset = 0,
                                  .bytes = dominoes_packet_bytes(packet),
                                  .ring_from = ring_from,
                                  .ring = ring,
                                  .reserved = 0});
        dominoes_packet_free(packet);
    }
    void deliver(uint64_t serial, uint64_t offset, uint64_t readable, const char* bytes) {
        deliver(serial, offset, readable,
                {reinterpret_cast<const uint8_t*>(bytes), __builtin_strlen(bytes)});
    }
    // [from, to) of a stream in which every byte tells its offset.
    void deliver(uint64_t serial, uint64_t from, uint64_t to) {
        std::vector<uint8_t> bytes;
        for (uint64_t at = from; at < to; ++at) bytes.push_back(byte(at));
        deliver(serial, from, to, bytes);
    }
    static uint8_t byte(uint64_t offset) { return static_cast<uint8_t>(offset * 0x9e3779b1 >> 13); }
    // Whether [from, to) is what is read next; and with `peek`, without taking it.
    bool reads(uint64_t from, uint64_t to, bool peek = false) {
        std::vector<uint8_t> bytes(to - from);
        dominoes_iter iter(static_cast<void*>(bytes.data()), bytes.size());
        if (appwrap->read(&iter, bytes.size(), peek) != static_cast<int64_t>(bytes.size()))
            return false;
        for (uint64_t at = from; at < to; ++at)
            if (bytes[at - from] != byte(at)) return false;
        return true;
    }
    int64_t writes(size_t bytes) {
        std::vector<uint8_t> from(bytes);
        dominoes_iter iter(static_cast<const void*>(from.data()), from.size());
        return appwrap->write(&iter, bytes);
    }
    int64_t read() {
        char bytes[64];
        dominoes_iter iter(static_cast<void*>(bytes), sizeof bytes);
        return appwrap->read(&iter, sizeof bytes);
    }
};

// The leader may be through with a connection while another replica has yet to place what it owns.
void read__waits_for_replicas_that_are_behind(Check& check) {
    End end;
    end.appwrap->established();
    end.deliver(1, 5, 10, "world");
    end.appwrap->end_of_stream(10);
    end.appwrap->over();
    EXPECT_EQ(end.read(), -int64_t{kEagain});
    EXPECT(!(end.appwrap->poll() & SCOUT_IN));
    end.deliver(0, 0, 10, "hello");
    EXPECT(end.appwrap->poll() & SCOUT_IN);
    EXPECT_EQ(end.read(), 10);
    EXPECT_EQ(end.read(), 0);
}

void read__does_not_wait_after_an_error(Check& check) {
    End end;
    end.appwrap->established();
    end.appwrap->end_of_stream(10);
    end.appwrap->fail(kEio);
    end.appwrap->over();
    EXPECT_EQ(end.read(), -int64_t{kEio});
    EXPECT_EQ(end.read(), 0);
}

// What holds when the program is woken.
struct Woken final : rig::User {
    void wake() override { events.push_back(appwrap->poll()); }
    Appwrap* appwrap = nullptr;
    std::vector<uint32_t> events;
};

// An error comes to be known by the end that it explains, in one.
void over__tells_of_the_error_and_the_end(Check& check) {
    constexpr uint32_t kAll = SCOUT_IN | SCOUT_OUT | SCOUT_ERR | SCOUT_HUP | SCOUT_RDHUP;
    Woken user;
    End end(&user);
    user.appwrap = end.appwrap.get();
    end.appwrap->established();
    EXPECT_EQ(end.read(), -int64_t{kEagain});
    user.events.clear();
    end.appwrap->fail(kEconnreset);
    EXPECT(user.events.empty());
    EXPECT_EQ(end.appwrap->poll(), SCOUT_OUT);
    EXPECT_EQ(end.read(), -int64_t{kEagain});
    EXPECT_EQ(end.writes(1), 1);
    EXPECT_EQ(end.appwrap->take_error(), 0);
    end.appwrap->over();
    REQUIRE(user.events.size() == 1);
    EXPECT_EQ(user.events[0], kAll);
    EXPECT_EQ(end.read(), -int64_t{kEconnreset});
    EXPECT_EQ(end.appwrap->poll(), kAll & ~uint32_t{SCOUT_ERR});
}

void shut__of_both_directions_is_one_change(Check& check) {
    constexpr uint32_t kBoth = SCOUT_IN | SCOUT_OUT | SCOUT_HUP | SCOUT_RDHUP;
    Woken user;
    End end(&user);
    user.appwrap = end.appwrap.get();
    end.appwrap->established();
    user.events.clear();
    end.appwrap->shut(true, true);
    REQUIRE(user.events.size() == 1);
    EXPECT_EQ(user.events[0], kBoth);
}

// shutdown(SHUT_RD) ends the stream after what is there, as on Linux.
void shut_reads__leaves_what_is_there(Check& check) {
    End end;
    end.appwrap->established();
    EXPECT_EQ(end.read(), -int64_t{kEagain});
    end.deliver(0, 0, 5, "hello");
    end.appwrap->shut_reads();
    EXPECT_EQ(end.read(), 5);
    EXPECT_EQ(end.read(), 0);
    EXPECT(end.appwrap->poll() & SCOUT_IN);
    end.deliver(1, 5, 10, "world");
    EXPECT_EQ(end.read(), 5);
    EXPECT_EQ(end.read(), 0);
}

// From the right edge on, 16394 here, there is a larger ring; the old one goes when it is read.
void read__goes_on_in_the_larger_ring(Check& check) {
    End end;
    end.appwrap->established();
    end.deliver(0, 0, 10);
    end.appwrap->want_ring(65536);
    const size_t before = rig::live_allocations();
    EXPECT(end.reads(0, 10));
    EXPECT_EQ(rig::live_allocations(), before + 1);
    end.ring = 1;
    end.ring_from = 10 + 16384;
    end.deliver(1, 10, 16000);
    end.deliver(2, 16000, 17000);  // in both
    EXPECT(end.reads(10, 5000));
    end.deliver(3, 17000, 60'000);
    EXPECT_EQ(rig::live_allocations(), before + 1);
    EXPECT(end.reads(5000, 60'000));
    EXPECT_EQ(rig::live_allocations(), before);
    end.deliver(4, 60'000, 100'000);  // and round it
    EXPECT(end.reads(60'000, 100'000));
}

// Stream offsets have 64 bits, and so the ring's places go on where 32 bits end. Each block of the
// stream tells its offset; those around that place are looked at byte by byte.
void read__beyond_4_gb(Check& check) {
    constexpr uint64_t kChunk = 16384, kBlock = 512, kWrap = uint64_t{1} << 32;
    if (check.skips_long()) return;
    End end;
    end.appwrap->established();
    dominoes_packet* packet = rig::make_packet(Bytes(kChunk));
    const auto payload = rig::bytes_of(*packet);
    for (uint64_t at = 0; at < kChunk; ++at) payload[at] = End::byte(at);
    Bytes read(kChunk);
    uint64_t wrong = 0;
    // Not all begin where the ring does.
    for (uint64_t from = 0, serial = 0; from < kWrap + 4 * kChunk && !wrong; ++serial) {
        const uint64_t bytes = serial ? kChunk : kChunk - 100;
        for (uint64_t at = 0; at < kChunk; at += kBlock)
            store_be32(&payload[at], static_cast<uint32_t>((from + at) >> 8));
        end.appwrap->deliver(packet, {.serial = serial,
                                      .stream_offset = from,
                                      .readable = from + bytes,
                                      .packet_offset = 0,
                                      .bytes = static_cast<uint32_t>(bytes),
                                      .ring_from = 0,
                                      .ring = 0,
                                      .reserved = 0});
        dominoes_iter iter(static_cast<void*>(read.data()), bytes);
        wrong += end.appwrap->read(&iter, bytes) != static_cast<int64_t>(bytes);
        const bool near = from + 2 * kChunk > kWrap;
        for (uint64_t at = 0; at < bytes; at += near ? 1 : kBlock) wrong += read[at] != payload[at];
        for (uint64_t at = 0; at + 4 <= bytes; at += kBlock)
            wrong += load_be32(&read[at]) != load_be32(&payload[at]);
        from += bytes;
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(end.appwrap->unread(), 0);
    EXPECT(end.appwrap->read_position() > kWrap);
    dominoes_packet_free(packet);
}

// So are those of what is written, and of what is released.
void write__beyond_4_gb(Check& check) {
    constexpr uint64_t kWrap = uint64_t{1} << 32;
    if (check.skips_long()) return;
    End end;
    end.appwrap->established();
    const Bytes block(16384, 7);
    end.appwrap->pin(0, 0);
    uint64_t written = 0;
    while (written < kWrap + 1000) {
        dominoes_iter iter(block.data(), block.size());
        const int64_t taken = end.appwrap->write(&iter, block.size() - (written == 0));
        REQUIRE(taken > 0);
        written += static_cast<uint64_t>(taken);
        EXPECT_EQ(end.appwrap->unacknowledged(), taken);
        end.appwrap->released(0, written);
    }
    EXPECT_EQ(end.appwrap->unacknowledged(), 0);
}

// A look at what is in both rings leaves the old one.
void read__peeks_into_the_larger_ring(Check& check) {
    End end;
    end.appwrap->established();
    end.deliver(0, 0, 10);
    end.appwrap->want_ring(32768);
    EXPECT(end.reads(0, 10, true));
    EXPECT(end.reads(0, 10));
    end.ring = 1;
    end.ring_from = 10 + 16384;
    end.deliver(1, 10, 20'000);
    const size_t before = rig::live_allocations();
    EXPECT(end.reads(10, 20'000, true));
    EXPECT_EQ(rig::live_allocations(), before);
    EXPECT_EQ(end.appwrap->unread(), 20'000 - 10);
    EXPECT(end.reads(10, 20'000));
    EXPECT_EQ(rig::live_allocations(), before - 1);
}

// Nobody can tell yet where the larger one begins.
void read__up_to_the_end_of_the_old_ring(Check& check) {
    End end;
    end.appwrap->established();
    end.deliver(0, 0, 16384);
    end.appwrap->want_ring(32768);
    EXPECT(end.reads(0, 16383));
    end.ring = 1;
    end.ring_from = 16384;
    EXPECT(end.reads(16383, 16384));
    EXPECT_EQ(end.read(), -int64_t{kEagain});
    end.deliver(1, 16384, 40'000);
    EXPECT(end.reads(16384, 40'000));
}

// A second exchange while there is one would take the first ring's place.
void want_ring__one_at_a_time(Check& check) {
    End end;
    end.appwrap->established();
    end.deliver(0, 0, 100);
    const size_t before = rig::live_allocations();
    for (uint32_t bytes : {32768u, 65536u}) {
        end.appwrap->want_ring(bytes);
        EXPECT(bytes == 32768 ? end.reads(0, 50) : end.reads(50, 60));
        EXPECT_EQ(rig::live_allocations(), before + 1);
    }
    end.ring = 1;
    end.ring_from = 16384 + 50;
    end.deliver(1, 100, 40'000);
    EXPECT(end.reads(60, 40'000));
    EXPECT_EQ(rig::live_allocations(), before);
    end.appwrap->want_ring(32768);  // has come late
    end.deliver(2, 40'000, 40'010);
    EXPECT(end.reads(40'000, 40'010));
    EXPECT_EQ(rig::live_allocations(), before);
}

void want_ring__goes_without_when_memory_is_short(Check& check) {
    End end;
    end.appwrap->established();
    end.deliver(0, 0, 100);
    end.appwrap->want_ring(32768);
    rig::fail_allocations(1);
    EXPECT(end.reads(0, 50));
    const size_t before = rig::live_allocations();
    EXPECT(end.reads(50, 60));
    EXPECT_EQ(rig::live_allocations(), before);  // not tried at every read
    end.appwrap->want_ring(32768);
    EXPECT(end.reads(60, 100));
    EXPECT_EQ(rig::live_allocations(), before + 1);
}

void admit__makes_room(Check& check) {
    End end;
    end.appwrap->established();
    end.appwrap->pin(0, 0);
    EXPECT_EQ(end.writes(20'000), 16384);
    EXPECT_EQ(end.writes(1), -int64_t{kEagain});
    end.appwrap->set_limit(32768);
    EXPECT_EQ(end.writes(20'000), 16384);
    EXPECT_EQ(end.writes(1), -int64_t{kEagain});
}

void uses__keeps_what_others_have_released(Check& check) {
    End end;
    end.appwrap->established();
    end.appwrap->pin(0, 0);
    EXPECT_EQ(end.writes(16384), 16384);
    end.appwrap->released(0, 16384);
    EXPECT_EQ(end.writes(1000), 1000);
    end.appwrap->pin(1, 0);  // behind, and more than the buffer holds
    EXPECT_EQ(end.writes(1), -int64_t{kEagain});
    EXPECT(!(end.appwrap->poll() & SCOUT_OUT));
    end.appwrap->unpin(1);
    EXPECT(end.appwrap->poll() & SCOUT_OUT);
    EXPECT_EQ(end.writes(20'000), 15384);
}

constexpr Test kTests[] = {
    TEST(read__waits_for_replicas_that_are_behind),
    TEST(read__does_not_wait_after_an_error),
    TEST(over__tells_of_the_error_and_the_end),
    TEST(shut__of_both_directions_is_one_change),
    TEST(shut_reads__leaves_what_is_there),
    TEST(read__goes_on_in_the_larger_ring),
    TEST(read__beyond_4_gb),
    TEST(write__beyond_4_gb),
    TEST(read__peeks_into_the_larger_ring),
    TEST(read__up_to_the_end_of_the_old_ring),
    TEST(want_ring__one_at_a_time),
    TEST(want_ring__goes_without_when_memory_is_short),
    TEST(admit__makes_room),
    TEST(uses__keeps_what_others_have_released),
};

}  // namespace

extern const Suite appwrap_host_suite = SUITE("appwrap_host", kTests);

}  // namespace kunit
