// SPDX-License-Identifier: GPL-2.0
#include "scout/udp/replicas.hh"

#include "kunit/framework.hh"
#include "scout/net/checksum.hh"
#include "scout/udp/udp.hh"

namespace kunit {
namespace {

using namespace scout;

constexpr uint32_t kReplicas = 4;
constexpr uint32_t kOffset = 34;
constexpr uint32_t kPayload = 4;  // a number
constexpr uint16_t kPseudo = 0x1234;

// A device without a network, with a context for each replica.
class Device final : public Interface {
public:
    Device() : Interface(shared_by_none) {}
    bool running() const {
        for (const TestContext& context : contexts)
            if (!context.running()) return false;
        return true;
    }
    Verdict defer(Router&, Handler, Frame&) override { return Verdict::kDrop; }
    uint32_t replicas() const override { return kReplicas; }
    Context& context(uint64_t n) override { return *contexts[n % kReplicas]; }
    void replicas_begin() override { live.fetch_add_relaxed(1); }
    void replicas_ended() override { live.fetch_sub_acq_rel(1); }

    Shared shared_by_none;
    TestContext contexts[kReplicas];
    Atomic<uint32_t> live;
};

bool is_bad(uint32_t number) { return number % 7 == 5; }
uint32_t bad_below(uint32_t end) { return (end + 1) / 7; }

constexpr Policy kPolicies[] = {Policy::kGreedy, Policy::kRoundRobin, Policy::kPinned,
                                Policy::kSpecialised};

// Expects the good numbers in order, unless it refuses them all.
class Numbers final : public UdpSink {
public:
    bool deliver(const UdpDatagram& datagram) override {
        if (refusing) return false;
        uint8_t payload[kPayload];
        dominoes_packet_copy(datagram.packet, datagram.offset, payload, kPayload);
        dominoes_packet_free(datagram.packet);
        while (is_bad(next_)) ++next_;
        const bool right =
            load_be32(payload) == next_ && datagram.bytes == kPayload && datagram.source.port == 9;
        if (!right) wrong.fetch_add_relaxed(1);
        ++next_;
        delivered.fetch_add_acq_rel(1);
        return true;
    }
    void forget(uint32_t bytes) override { forgotten.fetch_add_acq_rel(bytes); }
    void hold() override { references.fetch_add_relaxed(1); }
    void release() override { references.fetch_sub_acq_rel(1); }

    bool refusing = false;
    Atomic<uint32_t> delivered, wrong, forgotten, references;

private:
    uint32_t next_ = 0;
};

dominoes_packet* packet_of(uint32_t number) {
    uint8_t bytes[kOffset + kUdpHeaderBytes + kPayload] = {};
    uint8_t* udp = bytes + kOffset;
    store_be32(udp + kUdpHeaderBytes, number);
    ChecksumSum sum(kPseudo);
    sum.add(udp, kUdpHeaderBytes + kPayload);
    store_be16(udp + 6, sum.checksum() ^ (is_bad(number) ? 0x0100 : 0));
    dominoes_packet* packet = dominoes_packet_create(sizeof bytes);
    if (packet) dominoes_packet_write(packet, 0, bytes, sizeof bytes);
    return packet;
}

struct Bed {
    explicit Bed(Policy policy = Policy::kRoundRobin) {
        if (device.running()) group = UdpReplicas::create(device, sink, {kReplicas, policy, 0});
    }
    ~Bed() { close(); }

    // Waits for them to end.
    void close() {
        if (group) group->close();
        group = nullptr;
        eventually([this] { return device.live.load_acquire() == 0; });
        dominoes_retire_barrier();
    }
    // The next number. False: full, or no memory.
    bool publish() {
        dominoes_packet* packet = packet_of(published);
        if (!packet) return false;
        if (!group->publish({{{}, 9}, kOffset, kUdpHeaderBytes + kPayload, kPseudo, true},
                            packet)) {
            dominoes_packet_free(packet);
            return false;
        }
        ++published;
        return true;
    }
    uint64_t count(Counter counter) const { return device.counters.get(counter); }
    bool comes_to(Counter counter, uint64_t value) const {
        return eventually([&] { return count(counter) == value; });
    }
    dominoes_replica_info info(uint32_t replica) const {
        EndpointInfo all{};
        group->info(all);
        return all.replica[replica];
    }
    // Waits until all these replicas have passed all that is published.
    bool passed_by(ReplicaSet replicas) const {
        return eventually([&] {
            for (uint32_t i = 0; i < kReplicas; ++i)
                if (replicas >> i & 1 && info(i).requests != published) return false;
            return true;
        });
    }

    Device device;
    Numbers sink;
    UdpReplicas* group = nullptr;
    uint32_t published = 0;
};

void create__fails_without_memory(Check& check) {
    Device device;
    Numbers sink;
    REQUIRE(device.running());
    survives_failures(
        check, 9,
        [&] {
            auto* made = UdpReplicas::create(device, sink, {kReplicas, Policy::kGreedy, 0});
            EXPECT_EQ(sink.references.load_acquire(), made ? 1 : 0);
            return made;
        },
        [&](UdpReplicas* made) {
            EXPECT_EQ(device.live.load_acquire(), 1);
            made->close();
            EXPECT(eventually([&] { return device.live.load_acquire() == 0; }));
            dominoes_retire_barrier();
        });
    EXPECT_EQ(device.live.load_acquire(), 0);
    EXPECT_EQ(sink.references.load_acquire(), 0);
}

void publish__in_order_whoever_owns(Check& check) {
    const uint32_t wanted = check.scale(20000, 700);
    const uint32_t bad = bad_below(wanted);
    for (Policy policy : kPolicies) {
        Bed bed(policy);
        REQUIRE(bed.group);
        while (bed.published < wanted) {
            if (!bed.publish()) dominoes_thread_yield();
        }
        REQUIRE(bed.passed_by(0b1111));
        EXPECT(bed.comes_to(Counter::udp_in, wanted - bad));
        EXPECT_EQ(bed.sink.delivered.load_acquire(), wanted - bad);
        EXPECT_EQ(bed.sink.wrong.load_acquire(), 0);
        EXPECT_EQ(bed.count(Counter::drop_udp_checksum), bad);
        EXPECT(eventually([&] { return bed.sink.forgotten.load_acquire() == bad * kPayload; }));
        uint64_t owned = 0, bytes = 0;
        for (uint32_t i = 0; i < kReplicas; ++i) {
            owned += bed.info(i).owned;
            bytes += bed.info(i).delivered_bytes;
            if (policy == Policy::kRoundRobin)
                EXPECT_EQ(bed.info(i).owned, (wanted + kReplicas - 1 - i) / kReplicas);
        }
        EXPECT_EQ(owned, wanted);
        EXPECT_EQ(bytes, (wanted - bad) * kPayload);
    }
}

// The others verify what they own, and go on; what that was is handed over in its turn.
void publish__a_late_owner_holds_up_only_the_reader(Check& check) {
    Bed bed;
    REQUIRE(bed.group);
    Busy late(bed.device.context(1));
    for (uint32_t i = 0; i < 12; ++i) EXPECT(bed.publish());
    EXPECT(bed.passed_by(0b1101));
    EXPECT(bed.comes_to(Counter::udp_in, 1));
    EXPECT_EQ(bed.info(1).requests, 0);
    EXPECT_EQ(bed.info(1).lag, 12);
    late.let_go();
    EXPECT(bed.comes_to(Counter::udp_in, 11));  // 5 is bad
    EXPECT_EQ(bed.sink.wrong.load_acquire(), 0);
}

void publish__until_full(Check& check) {
    Bed bed;
    REQUIRE(bed.group);
    Busy late(bed.device.context(3));
    while (bed.publish()) {
    }
    EXPECT_EQ(bed.published, UdpReplicas::kCapacity - 1);
    late.let_go();
    EXPECT(bed.passed_by(0b1111));
    EXPECT(eventually([&] { return bed.publish(); }));
    EXPECT(bed.passed_by(0b1111));
    EXPECT_EQ(bed.sink.wrong.load_acquire(), 0);
}

void publish__of_what_needs_no_checksum(Check& check) {
    Bed bed;
    REQUIRE(bed.group);
    bed.published = 5;  // which is bad
    dominoes_packet* packet = packet_of(bed.published);
    REQUIRE(packet);
    REQUIRE(
        bed.group->publish({{{}, 9}, kOffset, kUdpHeaderBytes + kPayload, kPseudo, false}, packet));
    EXPECT(bed.comes_to(Counter::udp_in, 1));
    EXPECT_EQ(bed.count(Counter::drop_udp_checksum), 0);
}

void publish__to_a_reader_that_is_full(Check& check) {
    Bed bed;
    REQUIRE(bed.group);
    bed.sink.refusing = true;
    for (uint32_t i = 0; i < 4; ++i) EXPECT(bed.publish());
    EXPECT(bed.comes_to(Counter::drop_udp_full, 4));
    EXPECT(eventually([&] { return bed.sink.forgotten.load_acquire() == 4 * kPayload; }));
    EXPECT_EQ(bed.count(Counter::udp_in), 0);
}

void close__comes_behind_what_has_arrived(Check& check) {
    Bed bed;
    REQUIRE(bed.group);
    {
        Busy late(bed.device.context(2));
        while (bed.publish()) {
        }
        bed.group->close();
        EXPECT(!bed.publish());
        bed.group = nullptr;
        EXPECT_EQ(bed.device.live.load_acquire(), 1);
        EXPECT_EQ(bed.sink.references.load_acquire(), 1);
    }
    bed.close();
    EXPECT_EQ(bed.sink.delivered.load_acquire(), bed.published - bad_below(bed.published));
    EXPECT_EQ(bed.sink.wrong.load_acquire(), 0);
    EXPECT_EQ(bed.sink.references.load_acquire(), 0);
}

void info__of_each_replica(Check& check) {
    Bed bed(Policy::kSpecialised);
    REQUIRE(bed.group);
    EndpointInfo info{};
    bed.group->info(info);
    EXPECT_EQ(info.replicas, kReplicas);
    EXPECT_EQ(info.policy, Policy::kSpecialised);
    EXPECT_EQ(info.replica[3].cpu, static_cast<uint32_t>(-1));
    EXPECT_EQ(info.replica[3].lag, 0);
}

constexpr Test kTests[] = {
    TEST(create__fails_without_memory),
    TEST(publish__in_order_whoever_owns),
    TEST(publish__a_late_owner_holds_up_only_the_reader),
    TEST(publish__until_full),
    TEST(publish__of_what_needs_no_checksum),
    TEST(publish__to_a_reader_that_is_full),
    TEST(close__comes_behind_what_has_arrived),
    TEST(info__of_each_replica),
};

}  // namespace

extern const Suite udp_replicas_suite = SUITE("udp_replicas", kTests);

}  // namespace kunit
