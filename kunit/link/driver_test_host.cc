// SPDX-License-Identifier: GPL-2.0
#include "scout/link/driver.hh"

#include "kunit/packets.hh"

namespace kunit {
namespace {

using namespace scout;

struct KeepingDriver final : DriverStage {
    using DriverStage::DriverStage;
    void send(dominoes_packet* packet) override { kept = packet; }
    dominoes_packet* kept = nullptr;
};

void push__builds_and_transmits(Check& check) {
    TestInterface interface;
    DriverStage driver(interface);
    Msg msg;
    msg.set_payload("world", 5);
    __builtin_memcpy(msg.prepend(6), "hello ", 6);
    EXPECT(driver.push(msg));
    EXPECT(interface.device.take() == text("hello world"));
    EXPECT_EQ(interface.counters.get(Counter::tx_packets), 1);
    EXPECT_EQ(interface.counters.get(Counter::tx_bytes), 11);
}

void push__counts_what_the_device_refuses(Check& check) {
    TestInterface interface;
    interface.device.refusing = true;
    DriverStage driver(interface);
    Msg msg;
    msg.prepend(20);
    EXPECT(driver.push(msg));  // lost, as on the wire
    EXPECT_EQ(interface.counters.get(Counter::tx_refused), 1);
    EXPECT_EQ(interface.counters.get(Counter::tx_packets), 0);
}

void push__leaves_the_packet_to_send(Check& check) {
    TestInterface interface;
    KeepingDriver driver(interface);
    Msg msg;
    msg.prepend(14);
    EXPECT(driver.push(msg));
    EXPECT(interface.device.sent.empty());
    EXPECT_EQ(interface.counters.get(Counter::tx_packets), 0);
    REQUIRE(driver.kept);
    EXPECT(transmit_packet(interface, driver.kept));
    EXPECT_EQ(interface.counters.get(Counter::tx_packets), 1);
}

void push__counts_want_of_memory(Check& check) {
    TestInterface interface;
    DriverStage driver(interface);
    interface.device.fail_builds = true;
    Msg msg;
    msg.prepend(14);
    EXPECT(!driver.push(msg));
    EXPECT_EQ(interface.counters.get(Counter::tx_no_memory), 1);
}

constexpr Test kTests[] = {
    TEST(push__builds_and_transmits),
    TEST(push__counts_what_the_device_refuses),
    TEST(push__leaves_the_packet_to_send),
    TEST(push__counts_want_of_memory),
};

}  // namespace

extern const Suite driver_host_suite = SUITE("driver_host", kTests);

}  // namespace kunit
