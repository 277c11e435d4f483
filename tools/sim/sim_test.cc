// SPDX-License-Identifier: GPL-2.0
//
// The simulator itself: the same seed gives the same run, and each of its checks notices what it is
// there for. And bugs of the core that it has found, which need its schedules to show.
#include <gtest/gtest.h>

#include "dominoes/context.hh"
#include "scout/connection/outbox.hh"
#include "tools/sim/seed.hh"

namespace sim {
namespace {

std::string all_of(const std::vector<std::string>& failures) {
    std::string all;
    for (const std::string& failure : failures) all += failure + "\n";
    return all;
}

// Two connections with data both ways over a good network.
Scenario plain_scenario(uint64_t seed) {
    Scenario scenario;
    scenario.seed = seed;
    for (HostConfig& host : scenario.hosts) host.replicas = host.contexts = 4;
    for (uint32_t i = 0; i < 2; ++i) {
        ConnectionPlan plan;
        plan.client_host = i;
        for (SidePlan& side : plan.sides) {
            side.bytes = 20'000;
            side.write_max = side.read_max = 3'000;
        }
        scenario.connections.push_back(plan);
    }
    return scenario;
}

// Worlds that did not come to an end are left as they are: their fibers still use them.
std::vector<std::string> failures_of(const Scenario& scenario, const WorldOptions& options) {
    static auto* const kept = new std::vector<std::unique_ptr<World>>;
    auto world = std::make_unique<World>(scenario, options);
    const bool ended = world->run();
    const std::vector<std::string> failures = world->failures();
    if (!ended) kept->push_back(std::move(world));
    return failures;
}

struct Broken {
    Break what;
    const char* noticed_as;
};

class Checks : public testing::TestWithParam<Broken> {};

TEST_P(Checks, notice) {
    static const Scenario scenario = plain_scenario(1);
    EXPECT_EQ("", all_of(failures_of(scenario, {})));
    const std::string failures = all_of(failures_of(scenario, {.broken = GetParam().what}));
    EXPECT_NE(std::string::npos, failures.find(GetParam().noticed_as)) << failures;
}

INSTANTIATE_TEST_SUITE_P(
    Simulator, Checks,
    testing::Values(Broken{Break::kCorruptReplica, "differs from another's"},
                    Broken{Break::kFlipByte, "what was read is not what the peer wrote"},
                    Broken{Break::kAckAhead, "acknowledged what has not arrived"},
                    Broken{Break::kBeyondWindow, "sent beyond the window"},
                    Broken{Break::kLeak, "1 allocations are left"},
                    Broken{Break::kHang, "did not end in order"}));

// The same of a scripted peer. Not each of them gives each check something to look at.
class ScriptedChecks : public testing::TestWithParam<Broken> {};

TEST_P(ScriptedChecks, notice) {
    std::string failures;
    for (uint64_t seed = 1; seed <= 400; ++seed) {
        const Scenario scenario = draw_scenario(seed);
        if (!scenario.scripted || scenario.detach_ns) continue;
        ASSERT_EQ("", all_of(failures_of(scenario, {}))) << seed;
        failures = all_of(failures_of(scenario, {.broken = GetParam().what}));
        if (failures.find(GetParam().noticed_as) != std::string::npos) return;
    }
    FAIL() << failures;
}

INSTANTIATE_TEST_SUITE_P(
    Simulator, ScriptedChecks,
    testing::Values(Broken{Break::kCorruptReplica, "differs from another's"},
                    Broken{Break::kFlipByte, "what was read is not what the peer sent"},
                    Broken{Break::kEarlyEnd, "what was read ended where the peer did not end"},
                    Broken{Break::kAckAhead, "acknowledged what has not arrived"},
                    Broken{Break::kBeyondWindow, "sent beyond the window"},
                    Broken{Break::kCling, "a connection goes on although its peer is silent"},
                    Broken{Break::kDeafHost, "after the attack an honest connection"},
                    Broken{Break::kLeak, "1 allocations are left"}));

class DatagramChecks : public testing::TestWithParam<Broken> {};

TEST_P(DatagramChecks, notice) {
    Scenario scenario = plain_scenario(1);
    for (uint32_t i = 0; i < 2; ++i)
        scenario.datagrams.push_back({.host = i,
                                      .connected = true,
                                      .peer = 1 - i,
                                      .sends = 5,
                                      .size_max = 8000,
                                      .think_max_ns = kMillisecond,
                                      .receive_bytes = 1 << 20});
    EXPECT_EQ("", all_of(failures_of(scenario, {})));
    const std::string failures = all_of(failures_of(scenario, {.broken = GetParam().what}));
    EXPECT_NE(std::string::npos, failures.find(GetParam().noticed_as)) << failures;
}

INSTANTIATE_TEST_SUITE_P(
    Simulator, DatagramChecks,
    testing::Values(Broken{Break::kFlipByte, "read what nobody wrote"},
                    Broken{Break::kRepeatDatagram, "read more often than it came"},
                    Broken{Break::kForgetDatagram, "delivered and read: 5 and 0"},
                    Broken{Break::kRefuseDatagram, "refused by a port that was open"}));

TEST(SentStream, knows_what_was_sent_where) {
    SentStream stream(1);
    uint8_t versions[2][100], mixed[100];
    stream.send(10, 0, versions[0]);
    stream.send(60, 1, {versions[1] + 50, 50});
    stream.end(110);
    EXPECT_EQ(100u, stream.first_unsent(10, versions[0]));
    for (int i = 0; i < 100; ++i) mixed[i] = versions[i >= 50 && i % 2][i];
    EXPECT_EQ(100u, stream.first_unsent(10, mixed));
    EXPECT_EQ(0u, stream.first_unsent(11, {versions[0], 1}));
    SentStream other(1);
    uint8_t unsent[200];
    other.send(10, 0, unsent);
    EXPECT_EQ(100u, stream.first_unsent(10, unsent)) << "the pattern goes on, but was not sent";
    other.send(10, 1, unsent);
    EXPECT_EQ(0u, stream.first_unsent(10, unsent)) << "that version began later";
    EXPECT_TRUE(stream.may_end(110));
    EXPECT_FALSE(stream.may_end(109));
}

// A window in an acknowledgement of what was never sent is no window.
TEST(WireCheck, does_not_believe_lies) {
    const auto failures = [](bool knows) {
        Report report;
        WireCheck check(report);
        check.do_not_judge(1);
        check.trust_first_syn(1);
        if (knows) check.knows_what_was_sent();
        const scout::TcpPorts there{7000, 20'000}, back{20'000, 7000};
        const uint8_t data[100] = {};
        const auto host = [&](const TcpFrame& frame) {
            dominoes_packet* packet = make_frame(frame);
            check.sent(0, rig::bytes_of(*packet));
            dominoes_packet_free(packet);
        };
        const auto peer = [&](const TcpFrame& frame) {
            dominoes_packet* packet = make_frame(frame);
            check.sent(1, rig::bytes_of(*packet));
            check.arrives(0, rig::bytes_of(*packet));
            dominoes_packet_free(packet);
        };
        using namespace scout;
        peer({.from_host = 1, .ports = back, .flags = kSyn, .seq = 500, .window = 10});
        host({.ports = there, .flags = kSyn | kAck, .seq = 900, .ack = 501, .window = 10});
        peer({.from_host = 1, .ports = back, .flags = kAck, .seq = 501, .ack = 901, .window = 10});
        peer({.from_host = 1, .ports = back, .flags = kAck, .seq = 501, .ack = 999, .window = 90});
        peer({.from_host = 1, .ports = back, .flags = kSyn, .seq = 700, .window = 10});
        host(
            {.ports = there, .flags = kAck, .seq = 901, .ack = 501, .window = 10, .payload = data});
        return all_of(report.failures());
    };
    EXPECT_NE(std::string::npos, failures(true).find("sent beyond the window"));
    EXPECT_EQ("", failures(false));
}

// What was sent before a window shrank may be sent again; new data wait.
TEST(WireCheck, knows_the_last_word) {
    using namespace scout;
    Report report;
    WireCheck check(report);
    check.do_not_judge(1);
    check.knows_what_was_sent();
    const TcpPorts there{7000, 20'000}, back{20'000, 7000};
    const uint8_t data[100] = {};
    const auto host = [&](uint32_t seq, uint32_t bytes) {
        dominoes_packet* packet = make_frame({.ports = there,
                                              .flags = kAck,
                                              .seq = seq,
                                              .ack = 501,
                                              .window = 10,
                                              .payload = {data, bytes}});
        check.sent(0, rig::bytes_of(*packet));
        dominoes_packet_free(packet);
    };
    const auto peer = [&](const TcpFrame& frame) {
        dominoes_packet* packet = make_frame(frame);
        check.sent(frame.from_host, rig::bytes_of(*packet));
        check.arrives(1 - frame.from_host, rig::bytes_of(*packet));
        dominoes_packet_free(packet);
    };
    peer({.from_host = 1, .ports = back, .flags = kSyn, .seq = 500, .window = 10});
    peer({.ports = there, .flags = kSyn | kAck, .seq = 900, .ack = 501, .window = 10});
    peer({.from_host = 1, .ports = back, .flags = kAck, .seq = 501, .ack = 901, .window = 200});
    host(901, 100);
    peer({.from_host = 1, .ports = back, .flags = kAck, .seq = 501, .ack = 901, .window = 50});
    host(901, 100);
    EXPECT_FALSE(report.failed());
    host(1001, 2);
    EXPECT_NE(std::string::npos,
              all_of(report.failures()).find("sent new data beyond the latest window"));
}

TEST(Seeds, notice_another_wire) {
    uint64_t seed = 1;
    while (!draw_scenario(seed).comparable()) ++seed;
    EXPECT_EQ("", all_of(run_seed(seed, {.compare = true}).failures));
    const SeedResult result = run_seed(seed, {.compare = true, .broken = Break::kDifferentWire});
    EXPECT_NE(std::string::npos, all_of(result.failures).find("on the wire is another"));
}

// Of this one a run is longer than what one replica gets where they share it.
TEST(Seeds, shared_runs_make_no_other_wire) {
    EXPECT_EQ("", all_of(run_seed(544592, {.compare = true}).failures));
}

// Here a replica finds a request claimed and not yet published; until it looks again two windows
// come, the latter one older.
TEST(Seeds, late_answers_are_no_new_data_beyond_the_window) {
    EXPECT_EQ("", all_of(run_seed(220639, {.compare = false}).failures));
}

TEST(Seeds, run_the_same_way_again) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        const SeedResult one = run_seed(seed, {.compare = false});
        const SeedResult other = run_seed(seed, {.compare = false});
        EXPECT_EQ("", all_of(one.failures)) << seed;
        EXPECT_EQ(one.packets, other.packets) << seed;
        EXPECT_EQ(one.switches, other.switches) << seed;
        EXPECT_EQ(one.virtual_ns, other.virtual_ns) << seed;
    }
}

// A D-SACK of what the network had duplicated undid recoveries, so that a sender did not slow down
// there.
TEST(Goodput, is_not_more_where_the_network_duplicates) {
    for (uint64_t seed = 1; seed <= 6; ++seed) {
        const SeedResult result = compare_goodput(seed);
        EXPECT_EQ("", all_of(result.failures)) << seed;
    }
}

// The last segment does not fit into the device's queue. A host that is told need not wait until a
// timeout tells.
TEST(Connection, hears_what_was_refused) {
    constexpr uint64_t kTimeWait = 60 * kSecond;
    const auto took = [](uint64_t seed, bool refuses) {
        Scenario scenario = plain_scenario(seed);
        scenario.connections.resize(1);
        scenario.connections[0].sides[0].bytes = 60'000;
        scenario.connections[0].sides[1].bytes = 0;
        for (HostConfig& host : scenario.hosts) host.receive_bytes = host.send_bytes = 65536;
        PathConfig& path = scenario.paths[0];
        path = {.bits_per_s = 10'000'000, .queue_packets = 4, .refuses = refuses};
        World world(scenario, {});
        EXPECT_TRUE(world.run());
        EXPECT_EQ("", all_of(world.failures())) << seed;
        EXPECT_EQ(refuses, world.refused() > 0) << seed;
        return world.virtual_ns() - kTimeWait;
    };
    for (const uint64_t seed : {5, 12, 18}) {  // where it is the last one
        EXPECT_GT(took(seed, false), 200 * kMillisecond) << seed;
        EXPECT_LT(took(seed, true), 100 * kMillisecond) << seed;
    }
}

// What could sleep in the kernel, also where it need not here.
struct Sleep {
    const char* name;
    void (*call)();
};

class Sleeps : public testing::TestWithParam<Sleep> {};

TEST_P(Sleeps, not_in_a_section) {
    EXPECT_TRUE(Scheduler(1, {}).run(GetParam().call));
    // Its driver does not come to an end.
    static auto* const kept = new std::vector<std::unique_ptr<Scheduler>>;
    Scheduler& scheduler = *kept->emplace_back(std::make_unique<Scheduler>(1, ScheduleConfig{}));
    std::string told;
    scheduler.on_failure = [&](const std::string& why) { told = why; };
    EXPECT_FALSE(scheduler.run([] {
        dominoes_read_lock();
        GetParam().call();
        dominoes_read_unlock();
    }));
    EXPECT_EQ("BUG: may sleep in a section", told);
    EXPECT_EQ(told, scheduler.failure());
}

void lock() {
    static dominoes_mutex* const mutex = dominoes_mutex_create();
    dominoes_mutex_lock(mutex);
    dominoes_mutex_unlock(mutex);
}

void wait_for_what_is_done() {
    static dominoes_completion* const completion = dominoes_completion_create();
    dominoes_completion_complete(completion);
    dominoes_completion_wait(completion);
}

void start_and_join() {
    static constexpr auto kNothing = [](void*) {};
    dominoes_thread_join(dominoes_thread_start(kNothing, nullptr, -1, "test"));
}

INSTANTIATE_TEST_SUITE_P(Simulator, Sleeps,
                         testing::Values(Sleep{"park", [] { dominoes_thread_park(0); }},
                                         Sleep{"yield", [] { dominoes_thread_yield(); }},
                                         Sleep{"delay", [] { dominoes_thread_delay(0); }},
                                         Sleep{"barrier", [] { dominoes_retire_barrier(); }},
                                         Sleep{"mutex", lock},
                                         Sleep{"completion", wait_for_what_is_done},
                                         Sleep{"join", start_and_join}),
                         [](const auto& sleep) { return sleep.param.name; });

// --- bugs found ---

// Domains without work, in front of one that has some, did not let it have its turn before the
// context slept.
TEST(Context, does_not_sleep_before_everybody_had_a_turn) {
    using namespace dominoes;
    Scheduler scheduler(1, {});
    const auto test = [&] {
        Context* context = Context::create(0, "test");
        Owned<RingChannel> channel(RingChannel::create(16));
        uint32_t retired = 0;
        const Domain::Hooks hooks{nullptr, nullptr, nullptr, nullptr, [](Domain& domain) {
                                      ++*static_cast<uint32_t*>(domain.state());
                                  }};
        Domain domains[3] = {{0, &retired, *context, hooks},
                             {1, &retired, *context, hooks},
                             {2, &retired, *context, hooks}};
        const auto take = [](void*, Request&) { return true; };
        Subscription subscription(*channel, domains[2], take, nullptr);
        EXPECT_TRUE(domains[2].subscribe(subscription, 0));
        scheduler.settle();
        for (int i : {0, 1}) domains[i].schedule();
        channel->publish(*channel->claim(0));
        scheduler.settle();
        EXPECT_EQ(1u, domains[2].processed());
        for (Domain& domain : domains) domain.retire();
        scheduler.settle();
        EXPECT_EQ(3u, retired);
        Context::destroy(context);
    };
    EXPECT_TRUE(scheduler.run(test)) << scheduler.failure();
}

// The channel could tell of its space just while somebody who had found none still held the words.
TEST(Outbox, loses_no_word) {
    using namespace dominoes;
    uint64_t heard = 0;
    const auto take = [](void* heard, Request& request) {
        if (scout::kind_of(request) == scout::EventKind::kSend)
            *static_cast<uint64_t*>(heard) = request.as<scout::SendEvent>().written;
        return true;
    };
    const auto test = [&] {
        Context* context = Context::create(0, "test");
        Owned<RingChannel> channel(RingChannel::create(4));
        const Domain::Hooks hooks{nullptr, nullptr, nullptr, nullptr, [](Domain&) {}};
        Domain domain(0, nullptr, *context, hooks);
        Subscription subscription(*channel, domain, take, &heard);
        Atomic<uint64_t> read, written;
        scout::Outbox outbox(*channel, read, written);
        EXPECT_TRUE(domain.subscribe(subscription, 0));
        for (uint64_t i = 1; i <= 30; ++i) {
            written.store_release(i);
            outbox.post(scout::Outbox::kSend | scout::Outbox::kRead);
        }
        Scheduler::current().settle();
        EXPECT_EQ(30u, heard);
        domain.retire();
        Scheduler::current().settle();
        Context::destroy(context);
    };
    for (uint64_t seed = 1; seed <= 300 && !HasFailure(); ++seed) {
        Scheduler scheduler(seed, {.switching = 0.5});
        EXPECT_TRUE(scheduler.run(test)) << scheduler.failure();
    }
}

// A second SYN, between a connection's entry into the table and its leader's subscription, was
// passed by nobody: the channel was never emptied, and after a thousand requests full.
TEST(Connection, begins_with_two_syns) {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
        Scenario scenario = plain_scenario(seed);
        scenario.schedule.switching = 0.5;
        scenario.schedule.stall = 0.05;
        scenario.schedule.stall_max_ns = kMillisecond;
        scenario.paths[0].duplicate = scenario.paths[1].duplicate = 0.9;
        scenario.paths[0].jitter_ns = scenario.paths[1].jitter_ns = kMillisecond;
        for (HostConfig& host : scenario.hosts) {
            host.no_delay = true;
            host.replicas = host.contexts = 2;
        }
        for (ConnectionPlan& plan : scenario.connections) {
            for (SidePlan& side : plan.sides) side.bytes = 800, side.write_max = 1;
        }
        ASSERT_EQ("", all_of(failures_of(scenario, {}))) << seed;
    }
}

// The timer that looks after ARP could be started after it had been stopped for good.
TEST(Host, leaves_while_arp_begins) {
    for (uint64_t seed = 1; seed <= 1000; ++seed) {
        Scenario scenario = plain_scenario(seed);
        scenario.schedule.switching = 0.5;
        scenario.schedule.stall = 0.05;
        scenario.schedule.stall_max_ns = kMillisecond;
        for (PathConfig& path : scenario.paths) path.delay_ns = 10 * kMicrosecond;
        scenario.detach_ns = 1 + seed * 100;
        ASSERT_EQ("", all_of(failures_of(scenario, {}))) << seed;
    }
}

}  // namespace
}  // namespace sim
