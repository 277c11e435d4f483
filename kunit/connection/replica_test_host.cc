// SPDX-License-Identifier: GPL-2.0
#include "scout/connection/replica.hh"

#include "kunit/connection/one_connection.hh"

namespace kunit {
namespace {

using namespace one_connection;

uint64_t sum(OneConnection& one, uint64_t Replica::Stats::*member) {
    uint64_t all = 0;
    for (uint32_t i = 0; Replica* replica = one.connection->replica(i); ++i)
        all += replica->stats().*member;
    return all;
}

// The peer says so many bytes, and hears so many.
bool exchange(Check& check, OneConnection& one, uint32_t bytes) {
    for (uint32_t at = 0; at < bytes; at += 100) one.peer(kAck, 1 + at, 1, Bytes(100));
    EXPECT(one.acknowledges(1 + bytes));
    EXPECT_EQ(one.write(bytes), bytes);
    return EXPECT(one.sends_up_to(1 + bytes));
}

// --- start, join ---

void start__takes_what_was_published_before(Check& check) {
    OneConnection one;
    REQUIRE(one.ready);
    one.connection = Connection::create(
        *one.tcp, {OneConnection::kBetween, &one.attributes, one.bed.arp->acquire(kPeerIp), nullptr,
                   nullptr, 1, 9, false});
    REQUIRE(one.connection);
    one.connection->appwrap().outbox().post(Outbox::kConnect);
    EXPECT(one.connection->start());
    EXPECT(one.sees_syn());
    EXPECT(eventually([&] { return one.connection->replica(0)->processed() == 1; }));
}

// From where the connection was established on, all see every request.
void join__goes_on_where_the_leader_is(Check& check) {
    OneConnection one(3, Policy::kRoundRobin);
    one.set(Attribute::kDigestInterval, 1);
    REQUIRE(one.ready && one.establish());
    REQUIRE(exchange(check, one, 500));
    Replica& leader = *one.connection->replica(0);
    for (uint32_t i = 1; i < 3; ++i) {
        Replica& other = *one.connection->replica(i);
        // But for the request to connect, and the SYN's answer.
        EXPECT(eventually([&] {
            return leader.lag() == 0 && other.lag() == 0 &&
                   other.processed() == leader.processed() - 2;
        }));
    }
    EXPECT(one.connection->consistency().checks() > 0);
    EXPECT_EQ(one.connection->consistency().mismatches(), 0);
}

// --- work ---

// Whoever does it, everything is done once.
void perform__once_whatever_the_policy(Check& check) {
    constexpr Policy kPolicies[] = {Policy::kGreedy, Policy::kRoundRobin, Policy::kPinned,
                                    Policy::kSpecialised};
    for (Policy policy : kPolicies) {
        OneConnection one(3, policy);
        one.set(Attribute::kMss, 536);
        one.link.max_segment = 536;  // each piece is a segment
        REQUIRE(one.ready && one.establish());
        REQUIRE(exchange(check, one, 2000));
        EXPECT(eventually([&] { return sum(one, &Replica::Stats::delivered_bytes) == 2000; }));
        EXPECT(eventually([&] {
            const TcpInfo shown = one.connection->shown();
            return sum(one, &Replica::Stats::sent_segments) == shown.segments_out &&
                   one.link.sent().size() == shown.segments_out;
        }));
    }
}

// The leader has opened the connection before there were others.
void perform__by_whom_the_policy_names(Check& check) {
    OneConnection pinned(3, Policy::kPinned);
    REQUIRE(pinned.ready && pinned.establish());
    REQUIRE(exchange(check, pinned, 2000));
    for (uint32_t i = 1; i < 3; ++i) EXPECT_EQ(pinned.connection->replica(i)->stats().owned, 0);

    OneConnection special(3, Policy::kSpecialised);
    REQUIRE(special.ready && special.establish());
    REQUIRE(exchange(check, special, 2000));
    auto stats = [&](uint32_t i) { return special.connection->replica(i)->stats(); };
    EXPECT(eventually([&] { return stats(0).delivered_bytes + stats(1).delivered_bytes == 2000; }));
    EXPECT_EQ(stats(0).delivered_bytes, 1000);
    EXPECT_EQ(stats(2).delivered_bytes, 0);
    EXPECT(stats(0).sent_segments <= 2);
    EXPECT_EQ(stats(1).sent_segments, 0);
    EXPECT(eventually([&] { return stats(2).sent_segments > 2; }));

    OneConnection turns(3, Policy::kRoundRobin);
    REQUIRE(turns.ready && turns.establish());
    REQUIRE(exchange(check, turns, 3000));
    for (uint32_t i = 0; i < 3; ++i) {
        EXPECT(eventually(
            [&] { return turns.connection->replica(i)->stats().delivered_bytes == 1000; }));
        EXPECT(eventually([&] { return turns.connection->replica(i)->stats().sent_segments > 0; }));
    }
}

void lag__of_one_whose_cpu_is_busy(Check& check) {
    OneConnection one(2, Policy::kPinned);
    REQUIRE(one.ready && one.establish());
    Replica& other = *one.connection->replica(1);
    EXPECT(eventually([&] {
        one.connection->channel().wake_all();
        return other.lag() == 0;
    }));
    {
        Busy busy(other.context());
        for (uint32_t at = 0; at < 500; at += 100) one.peer(kAck, 1 + at, 1, Bytes(100));
        EXPECT(one.acknowledges(501));
        EXPECT(other.lag() >= 5);
    }
    EXPECT(eventually([&] { return other.lag() == 0; }));
}

// --- faults ---

// Where the states differ none can be believed: the connection is reset.
void check_consistency__resets_where_states_differ(Check& check) {
    OneConnection one(2, Policy::kRoundRobin);
    one.set(Attribute::kDigestInterval, 1);
    REQUIRE(one.ready && one.establish());
    one.connection->appwrap().outbox().set_corrupt(1);
    one.connection->appwrap().outbox().post(Outbox::kDebug);
    EXPECT(one.is_over());
    EXPECT_EQ(one.connection->appwrap().take_error(), kEio);
    EXPECT(one.connection->inconsistent());
    EXPECT(one.sends(kRst));
    EXPECT(one.bed.count(Counter::digest_mismatches) > 0);
}

// A bit of one that is not there is nobody's.
void inject_faults__only_in_the_one_that_is_named(Check& check) {
    OneConnection one(2, Policy::kRoundRobin);
    one.set(Attribute::kDigestInterval, 1);
    REQUIRE(one.ready && one.establish());
    one.connection->appwrap().outbox().set_corrupt(2);
    one.connection->appwrap().outbox().post(Outbox::kDebug);
    REQUIRE(exchange(check, one, 500));
    for (uint32_t i = 0; i < 2; ++i)
        EXPECT(eventually([&] { return one.connection->replica(i)->lag() == 0; }));
    EXPECT(!one.connection->inconsistent());
}

// --- the end ---

// TIME-WAIT takes a minute, and the leader alone.
void retired__but_for_the_leader_in_time_wait(Check& check) {
    OneConnection one(3, Policy::kRoundRobin);
    REQUIRE(one.ready && one.establish());
    one.connection->appwrap().shut_writes();
    EXPECT(one.sends(kFin));
    for (uint32_t i = 0; i < 3; ++i) EXPECT(one.connection->channel().subscription(i));
    one.peer(kAck | kFin, 1, 2);
    EXPECT(one.reaches(TcpPhase::kTimeWait));
    for (uint32_t i = 1; i < 3; ++i)
        EXPECT(eventually([&] { return !one.connection->channel().subscription(i); }));
    EXPECT(one.connection->channel().subscription(0));
    EXPECT(!one.connection->appwrap().is_over());
    EXPECT_EQ(one.tcp->count(), 1);
}

// All leave when it is over, and who never came to take part does not hold it up.
void retired__when_it_is_over(Check& check) {
    for (bool established : {true, false}) {
        OneConnection one(3, Policy::kRoundRobin);
        REQUIRE(one.ready && (established ? one.establish() : one.connect()));
        one.connection->abort(kEnetdown, true);
        one.bed.interface.wait_for_replicas();
        for (uint32_t i = 0; i < 3; ++i) EXPECT(!one.connection->channel().subscription(i));
        EXPECT_EQ(one.tcp->count(), 0);
    }
}

constexpr Test kTests[] = {
    TEST(start__takes_what_was_published_before),
    TEST(join__goes_on_where_the_leader_is),
    TEST(perform__once_whatever_the_policy),
    TEST(perform__by_whom_the_policy_names),
    TEST(lag__of_one_whose_cpu_is_busy),
    TEST(check_consistency__resets_where_states_differ),
    TEST(inject_faults__only_in_the_one_that_is_named),
    TEST(retired__but_for_the_leader_in_time_wait),
    TEST(retired__when_it_is_over),
};

}  // namespace

extern const Suite replica_host_suite = SUITE("replica_host", kTests);

}  // namespace kunit
