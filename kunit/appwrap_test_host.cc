// SPDX-License-Identifier: GPL-2.0
#include "scout/appwrap.hh"

#include "kunit/packets.hh"
#include "scout/errors.hh"
#include "scout/stack.h"

namespace kunit {
namespace {

using namespace scout;

// An application's end whose replicas are the test.
struct End {
    dominoes::Owned<dominoes::RingChannel> channel{dominoes::RingChannel::create(16)};
    dominoes::Owned<Appwrap> appwrap{Appwrap::create(*channel, 16384, 16384, nullptr)};

    void deliver(uint64_t serial, uint64_t offset, uint64_t readable, const char* bytes) {
        dominoes_packet* packet =
            rig::make_packet({reinterpret_cast<const uint8_t*>(bytes), __builtin_strlen(bytes)});
        appwrap->deliver(packet, {.serial = serial,
                                  .stream_offset = offset,
                                  .readable = readable,
                                  .packet_offset = 0,
                                  .bytes = dominoes_packet_bytes(packet)});
        dominoes_packet_free(packet);
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

constexpr Test kTests[] = {
    TEST(read__waits_for_replicas_that_are_behind),
    TEST(read__does_not_wait_after_an_error),
    TEST(shut_reads__leaves_what_is_there),
};

}  // namespace

extern const Suite appwrap_host_suite = SUITE("appwrap_host", kTests);

}  // namespace kunit
