// SPDX-License-Identifier: GPL-2.0
#include "scout/connection/outbox.hh"

#include "kunit/framework.hh"
#include "scout/net/errors.hh"

namespace kunit {
namespace {

using namespace scout;

constexpr uint32_t kCapacity = 16;

// An application's outbox, whose connection is the test.
struct Box {
    TestContext context;
    Owned<RingChannel> channel;
    Atomic<uint64_t> read, written;
    Owned<Outbox> outbox;

    explicit Box(uint32_t capacity = kCapacity)
        : channel(RingChannel::create(capacity)),
          outbox(channel ? make<Outbox>(*channel, read, written) : nullptr) {}
    bool ready() const { return context.running() && outbox; }
};

// Takes what was published, in its order.
class Taker {
public:
    explicit Taker(Box& box) : channel_(*box.channel), reader_(*box.context, *box.channel) {
        ready = reader_.activate(0);
    }
    // The next, if it is of that kind.
    template <typename T>
    bool take(EventKind kind, T& event) {
        const Request* next = channel_.peek(*reader_, 0);
        if (!next) return false;
        const bool right = kind_of(*next) == kind && next->now_ns != 0;
        event = next->as<T>();
        channel_.advance(*reader_, 1);
        return right;
    }
    bool take(EventKind kind) {
        Event event;
        return take(kind, event);
    }
    void skip(uint32_t count) { channel_.advance(*reader_, count); }
    bool empty() { return !channel_.peek(*reader_, 0); }

    bool ready;

private:
    RingChannel& channel_;
    Reader reader_;
};

// Leaves so much room.
bool fill(Box& box, uint32_t room) {
    for (uint32_t i = 0; i < kCapacity - room; ++i)
        if (!publish(*box.channel, i)) return false;
    return true;
}

// --- what each says ---

constexpr struct {
    Outbox::Post post;
    EventKind kind;
} kPlain[] = {
    {Outbox::kConnect, EventKind::kConnect},
    {Outbox::kCloseReads, EventKind::kCloseReads},
    {Outbox::kRead, EventKind::kRead},
};

void post__says_how_far_was_read(Check& check) {
    Box box;
    REQUIRE(box.ready());
    Taker taker(box);
    REQUIRE(taker.ready);
    for (const auto& plain : kPlain) {
        box.read.store_release(box.read.load_acquire() + (uint64_t{1} << 32) + 5);
        box.outbox->post(plain.post);
        Event event{};
        EXPECT(taker.take(plain.kind, event));
        EXPECT_EQ(event.app_read, box.read.load_acquire());
        EXPECT(taker.empty());
    }
}

void post__says_how_far_was_written(Check& check) {
    Box box;
    REQUIRE(box.ready());
    Taker taker(box);
    REQUIRE(taker.ready);
    box.read.store_release(7);
    box.written.store_release((uint64_t{1} << 32) + 9);
    box.outbox->post(Outbox::kSend);
    SendEvent event{};
    EXPECT(taker.take(EventKind::kSend, event));
    EXPECT_EQ(event.app_read, 7);
    EXPECT_EQ(event.written, (uint64_t{1} << 32) + 9);
    EXPECT(taker.empty());
}

// The end of writing is behind all that was written, whether that was posted or not.
void post__shutdown_is_behind_what_was_written(Check& check) {
    Box box;
    REQUIRE(box.ready());
    Taker taker(box);
    REQUIRE(taker.ready);
    box.written.store_release(9);
    box.outbox->post(Outbox::kShutdown);
    SendEvent event{};
    EXPECT(taker.take(EventKind::kSend, event));
    EXPECT_EQ(event.written, 9);
    EXPECT(taker.take(EventKind::kShutdown));
    EXPECT(taker.empty());
}

void post__those_together_in_the_order_of_their_numbers(Check& check) {
    constexpr EventKind kOrder[] = {
        EventKind::kConnect, EventKind::kCloseReads, EventKind::kSend,  EventKind::kRead,
        EventKind::kOption,  EventKind::kShutdown,   EventKind::kAbort, EventKind::kDebug,
        EventKind::kRing,    EventKind::kLink,
    };
    Box box;
    REQUIRE(box.ready());
    Taker taker(box);
    REQUIRE(taker.ready);
    box.outbox->post(2 * Outbox::kLink - 1);
    for (EventKind kind : kOrder) EXPECT(taker.take(kind));
    EXPECT(taker.empty());
}

constexpr TcpOptions options_of(uint8_t ttl) {
    return {.keep_idle_s = 7200,
            .keep_interval_s = 75,
            .keep_count = 9,
            .user_timeout_ms = 0,
            .keep_alive = 0,
            .no_delay = 1,
            .cork = 0,
            .ttl = ttl,
            .tos = 4,
            .reserved = {}};
}

void set_options__all_in_one_request(Check& check) {
    Box box;
    REQUIRE(box.ready());
    Taker taker(box);
    REQUIRE(taker.ready);
    box.read.store_release(3);
    constexpr bool kPushes[] = {true, false};
    for (const bool push : kPushes) {
        box.outbox->set_options(options_of(64), push);
        box.outbox->post(Outbox::kOption);
        OptionEvent event{};
        EXPECT(taker.take(EventKind::kOption, event));
        EXPECT_EQ(event.app_read, 3);
        EXPECT(event.options.keep_idle_s == 7200 && event.options.keep_count == 9);
        EXPECT(event.options.ttl == 64 && event.options.tos == 4 && event.options.no_delay == 1);
        EXPECT_EQ(event.push, push);
        EXPECT(taker.empty());
    }
}

// Where they find no room they come later, once, as they are then; and a push is not forgotten.
void set_options__the_latest_have_the_last_word(Check& check) {
    Box box;
    REQUIRE(box.ready());
    Taker taker(box);
    REQUIRE(taker.ready && fill(box, 0));
    box.outbox->set_options(options_of(5), true);
    box.outbox->post(Outbox::kOption);
    box.outbox->set_options(options_of(9), false);
    box.outbox->post(Outbox::kOption);
    taker.skip(kCapacity);
    OptionEvent event{};
    EXPECT(taker.take(EventKind::kOption, event));
    EXPECT(event.options.ttl == 9 && event.push == 1);
    EXPECT(taker.empty());
}

void set_abort__the_first_reason_stands(Check& check) {
    Box box;
    REQUIRE(box.ready());
    Taker taker(box);
    REQUIRE(taker.ready);
    box.outbox->set_abort(kEnetdown, true);
    box.outbox->set_abort(kEio, false);
    box.outbox->post(Outbox::kAbort);
    AbortEvent event{};
    EXPECT(taker.take(EventKind::kAbort, event));
    EXPECT_EQ(event.error, kEnetdown);
    EXPECT_EQ(event.silent, 1);
}

// Also if it is no error, and not silent.
void set_abort__without_an_error_is_a_reason(Check& check) {
    Box box;
    REQUIRE(box.ready());
    Taker taker(box);
    REQUIRE(taker.ready);
    box.outbox->set_abort(kNoError, false);
    box.outbox->set_abort(kEio, true);
    box.outbox->post(Outbox::kAbort);
    AbortEvent event{};
    EXPECT(taker.take(EventKind::kAbort, event));
    EXPECT_EQ(event.error, kNoError);
    EXPECT_EQ(event.silent, 0);
}

void set_others__are_carried(Check& check) {
    Box box;
    REQUIRE(box.ready());
    Taker taker(box);
    REQUIRE(taker.ready);
    box.outbox->set_corrupt(3);
    box.outbox->set_ring(65536);
    box.outbox->set_link(1500, 64000);
    box.outbox->post(Outbox::kDebug | Outbox::kRing | Outbox::kLink);
    DebugEvent debug{};
    EXPECT(taker.take(EventKind::kDebug, debug));
    EXPECT_EQ(debug.corrupt_replica, 3);
    RingEvent ring{};
    EXPECT(taker.take(EventKind::kRing, ring));
    EXPECT_EQ(ring.bytes, 65536);
    LinkEvent link{};
    EXPECT(taker.take(EventKind::kLink, link));
    EXPECT_EQ(link.mtu, 1500);
    EXPECT_EQ(link.max_piece, 64000);
}

// --- a full channel ---

// However often it was posted meanwhile: once, with what holds by then.
void post__waits_for_room(Check& check) {
    Box box;
    REQUIRE(box.ready());
    Taker taker(box);
    REQUIRE(taker.ready && fill(box, 0));
    for (uint64_t read = 1; read <= 3; ++read) {
        box.read.store_release(read);
        box.outbox->post(Outbox::kRead);
    }
    EXPECT_EQ(box.channel->tail(), kCapacity);
    taker.skip(kCapacity);
    Event event{};
    EXPECT(taker.take(EventKind::kRead, event));
    EXPECT_EQ(event.app_read, 3);
    EXPECT(taker.empty());
}

// A quarter of the channel stays free of writes, an eighth of reads.
void post__bulk_leaves_room_for_others(Check& check) {
    constexpr struct {
        Outbox::Post post;
        uint32_t room;
    } kNeeds[] = {
        {Outbox::kSend, kCapacity / 4 + 1},
        {Outbox::kRead, kCapacity / 8 + 1},
        {Outbox::kConnect, 1},
    };
    for (const auto& needs : kNeeds) {
        Box box;
        REQUIRE(box.ready());
        Taker taker(box);
        REQUIRE(taker.ready && fill(box, needs.room - 1));
        const uint64_t tail = box.channel->tail();
        box.outbox->post(needs.post);
        EXPECT_EQ(box.channel->tail(), tail);
        taker.skip(1);
        EXPECT_EQ(box.channel->tail(), tail + 1);
    }
}

// What comes after it in the order does not overtake it.
void post__keeps_the_order_where_there_is_no_room(Check& check) {
    Box box;
    REQUIRE(box.ready());
    Taker taker(box);
    REQUIRE(taker.ready && fill(box, kCapacity / 4));
    box.outbox->post(Outbox::kShutdown);
    EXPECT_EQ(box.channel->tail(), kCapacity - kCapacity / 4);
    box.written.store_release(5);
    box.outbox->post(Outbox::kConnect);
    taker.skip(kCapacity - kCapacity / 4);
    SendEvent event{};
    EXPECT(taker.take(EventKind::kConnect));
    EXPECT(taker.take(EventKind::kSend, event));
    EXPECT_EQ(event.written, 5);
    EXPECT(taker.take(EventKind::kShutdown));
    EXPECT(taker.empty());
}

void post__to_a_closed_channel_is_nothing(Check& check) {
    Box box;
    REQUIRE(box.ready());
    Taker taker(box);
    REQUIRE(taker.ready && fill(box, 0));
    box.outbox->post(Outbox::kRead);
    box.channel->close();  // tells of room, and there is none
    box.outbox->post(Outbox::kSend);
    taker.skip(kCapacity);
    EXPECT(taker.empty());
    EXPECT_EQ(box.channel->tail(), kCapacity);
}

// A reader and a writer, each at a position of its own, and a connection that is slower than they
// are: whenever they pause, the latest of both has come.
void post__loses_nothing(Check& check) {
    const uint32_t rounds = check.scale(3000, 30);
    Box box;
    REQUIRE(box.ready());
    Atomic<uint64_t> read_seen, written_seen;
    {
        TestDomain connection(*box.context, *box.channel, [&](Request& request) {
            read_seen.store_release(max(read_seen.load_relaxed(), request.as<Event>().app_read));
            if (kind_of(request) == EventKind::kSend)
                written_seen.store_release(request.as<SendEvent>().written);
            return true;
        });
        REQUIRE(connection.subscribe());
        auto use = [&](Atomic<uint64_t>& position, Outbox::Post post, Atomic<uint64_t>& seen) {
            Dice dice(post);
            for (uint64_t round = 1; round <= rounds; ++round) {
                for (uint64_t more = 1 + dice.below(2 * kCapacity); more; --more) {
                    position.store_release(position.load_relaxed() + 1);
                    box.outbox->post(post);
                    dice.pause(100);
                }
                const uint64_t latest = position.load_relaxed();
                if (!EXPECT(eventually([&] { return seen.load_acquire() >= latest; }))) return;
            }
        };
        Thread reader([&] { use(box.read, Outbox::kRead, read_seen); });
        Thread writer([&] { use(box.written, Outbox::kSend, written_seen); });
        EXPECT(reader.started() && writer.started());
    }
    EXPECT_EQ(read_seen.load_acquire(), box.read.load_acquire());
    EXPECT_EQ(written_seen.load_acquire(), box.written.load_acquire());
}

// Room is made, and told of, while one who has just found none is about to leave it at that.
void post__room_that_comes_meanwhile_is_used(Check& check) {
    const uint32_t rounds = check.scale(20'000, 300);
    Box box(2);
    REQUIRE(box.ready());
    Dice dice;
    Atomic<uint64_t> seen;
    TestDomain connection(*box.context, *box.channel, [&](Request& request) {
        seen.store_release(request.as<Event>().app_read);
        return true;
    });
    REQUIRE(connection.subscribe());
    for (uint64_t round = 0; round < rounds; ++round) {
        for (uint32_t more = 0; more < 4; ++more) {
            box.read.store_release(box.read.load_relaxed() + 1);
            box.outbox->post(Outbox::kRead);
            dice.pause(300);
        }
        REQUIRE(eventually([&] { return seen.load_acquire() == box.read.load_relaxed(); }));
    }
}

constexpr Test kTests[] = {
    TEST(post__says_how_far_was_read),
    TEST(post__says_how_far_was_written),
    TEST(post__shutdown_is_behind_what_was_written),
    TEST(post__those_together_in_the_order_of_their_numbers),
    TEST(set_options__all_in_one_request),
    TEST(set_options__the_latest_have_the_last_word),
    TEST(set_abort__the_first_reason_stands),
    TEST(set_abort__without_an_error_is_a_reason),
    TEST(set_others__are_carried),
    TEST(post__waits_for_room),
    TEST(post__bulk_leaves_room_for_others),
    TEST(post__keeps_the_order_where_there_is_no_room),
    TEST(post__to_a_closed_channel_is_nothing),
    TEST(post__loses_nothing),
    TEST(post__room_that_comes_meanwhile_is_used),
};

}  // namespace

extern const Suite outbox_suite = SUITE("outbox", kTests);

}  // namespace kunit
