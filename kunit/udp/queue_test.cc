// SPDX-License-Identifier: GPL-2.0
#include "scout/udp/queue.hh"

#include "kunit/test.hh"

namespace kunit {
namespace {

using namespace scout;

// No packets are needed as long as the queue is empty when it ends.
UdpDatagram datagram(uint32_t producer, uint32_t number) {
    return {nullptr, {IpAddress::v4(producer), 7}, number, number + 1};
}

uint32_t drain(UdpQueue& queue) {
    UdpDatagram out;
    uint32_t count = 0;
    for (; queue.peek(out); ++count) queue.pop();
    return count;
}

void create__fails_without_memory(Check& check) {
    if (check.skips_failures()) return;
    for (uint64_t mask = 1; mask <= 2; ++mask) {
        check.fail_allocations(mask);
        UdpQueue* queue = UdpQueue::create(8);
        check.fail_allocations(0);
        EXPECT(queue == nullptr);
        dominoes::destroy(queue);
    }
}

void push__until_full(Check& check) {
    dominoes::Owned<UdpQueue> queue(UdpQueue::create(8));
    REQUIRE(queue);
    EXPECT(queue->empty());
    for (uint32_t i = 0; i < 8; ++i) EXPECT(queue->push(datagram(1, i)));
    EXPECT(!queue->push(datagram(1, 8)));
    EXPECT_EQ(queue->count(), 8);
    UdpDatagram out;
    REQUIRE(queue->peek(out));
    queue->pop();
    EXPECT(queue->push(datagram(1, 8)));
    EXPECT(!queue->push(datagram(1, 9)));
    EXPECT_EQ(drain(*queue), 8);
}

void peek__shows_the_oldest_until_it_is_popped(Check& check) {
    dominoes::Owned<UdpQueue> queue(UdpQueue::create(4));
    REQUIRE(queue);
    UdpDatagram out;
    EXPECT(!queue->peek(out));
    for (uint32_t i = 0; i < 1000; ++i) {  // many laps
        EXPECT(queue->push(datagram(1, i)));
        EXPECT(queue->push(datagram(2, i)));
        for (uint32_t producer = 1; producer <= 2; ++producer) {
            REQUIRE(queue->peek(out) && queue->peek(out));
            EXPECT_EQ(out.source.ip.v4(), producer);
            EXPECT_EQ(out.offset, i);
            EXPECT_EQ(out.bytes, i + 1);
            queue->pop();
        }
        EXPECT(queue->empty());
        EXPECT_EQ(queue->count(), 0);
    }
}

struct Producer {
    UdpQueue& queue;
    uint32_t id;
    uint32_t wanted;

    static void run(void* argument) {
        auto& self = *static_cast<Producer*>(argument);
        for (uint32_t i = 0; i < self.wanted;) {
            if (self.queue.push(datagram(self.id, i))) {
                ++i;
            } else {
                dominoes_thread_yield();
            }
        }
    }
};

void push__from_many_keeps_each_ones_order(Check& check) {
    dominoes::Owned<UdpQueue> queue(UdpQueue::create(64));
    REQUIRE(queue);
    constexpr uint32_t kProducers = 3;
    const uint32_t wanted = check.scale(50000, 1000);
    Producer producers[kProducers] = {
        {*queue, 0, wanted}, {*queue, 1, wanted}, {*queue, 2, wanted}};
    dominoes_thread* threads[kProducers] = {};
    uint32_t next[kProducers] = {};
    uint32_t expected = 0;
    for (uint32_t i = 0; i < kProducers; ++i) {
        threads[i] = dominoes_thread_start(&Producer::run, &producers[i], -1, "udp_producer");
        if (EXPECT(threads[i] != nullptr)) expected += wanted;
    }
    for (uint32_t count = 0; count < expected;) {
        UdpDatagram out;
        if (!queue->peek(out)) {
            dominoes_thread_yield();
            continue;
        }
        queue->pop();
        ++count;
        const uint32_t producer = out.source.ip.v4();
        EXPECT(producer < kProducers && out.offset == next[producer] &&
               out.bytes == out.offset + 1);
        if (producer < kProducers) ++next[producer];
    }
    for (auto* thread : threads) {
        if (thread) dominoes_thread_join(thread);
    }
    EXPECT(queue->empty());
}

constexpr Test kTests[] = {
    TEST(create__fails_without_memory),
    TEST(push__until_full),
    TEST(peek__shows_the_oldest_until_it_is_popped),
    TEST(push__from_many_keeps_each_ones_order),
};

}  // namespace

extern const Suite udp_queue_suite = SUITE("udp_queue", kTests);

}  // namespace kunit
