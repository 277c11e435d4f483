// SPDX-License-Identifier: GPL-2.0
#include "scout/net/map.hh"

#include "dominoes/guard.hh"
#include "kunit/test.hh"
#include "scout/net/participants.hh"

namespace kunit {
namespace {

using namespace scout;

struct Item : MapNode<uint32_t>, dominoes_retired {
    explicit Item(uint32_t key) : MapNode(key), value(key * 3) {}
    static void free(dominoes_retired* retired) {
        Item& item = static_cast<Item&>(*retired);
        item.value = 0;  // a reader that still looked at it would notice
        dominoes::destroy(&item);
    }
    uint64_t value;
};
using Items = Map<uint32_t, Item>;

struct Link : MapNode<ConnectionKey> {
    using MapNode::MapNode;
};

void create__fails_without_memory(Check& check) {
    if (check.skips_failures()) return;
    for (uint64_t mask = 1; mask <= 2; ++mask) {
        check.fail_allocations(mask);
        Items* items = Items::create(8);
        check.fail_allocations(0);
        EXPECT(items == nullptr);
        dominoes::destroy(items);
    }
}

void find__what_was_inserted(Check& check) {
    dominoes::Owned<Items> items(Items::create(4));  // chains
    REQUIRE(items);
    Item all[] = {Item(1), Item(2), Item(3), Item(4), Item(5), Item(6)};
    for (Item& item : all) EXPECT(items->insert(item));
    EXPECT_EQ(items->count(), 6);
    for (Item& item : all) EXPECT(items->find(item.key()) == &item);
    EXPECT(items->find(7) == nullptr);
}

void find__keys_of_several_members(Check& check) {
    using Links = Map<ConnectionKey, Link>;
    dominoes::Owned<Links> links(Links::create(16));
    REQUIRE(links);
    const IpAddress here = IpAddress::v4(0x0a000001), there = IpAddress::v4(0x0a000002);
    Link link({here, there, 80, 4000});
    REQUIRE(links->insert(link));
    EXPECT(links->find({here, there, 80, 4000}) == &link);
    EXPECT(links->find({here, there, 80, 4001}) == nullptr);
    EXPECT(links->find({there, here, 80, 4000}) == nullptr);
    EXPECT(links->find({here, there, 4000, 80}) == nullptr);
}

void insert__refuses_a_key_that_is_there(Check& check) {
    dominoes::Owned<Items> items(Items::create(8));
    REQUIRE(items);
    Item first(9), second(9);
    EXPECT(items->insert(first));
    EXPECT(!items->insert(second));
    EXPECT(items->find(9) == &first);
    EXPECT_EQ(items->count(), 1);
}

void remove__takes_out_that_one_only(Check& check) {
    dominoes::Owned<Items> items(Items::create(1));  // one chain
    REQUIRE(items);
    Item a(1), b(2), c(3), same_key_as_b(2);
    EXPECT(items->insert(a) && items->insert(b) && items->insert(c));
    EXPECT(!items->remove(same_key_as_b));
    EXPECT(items->remove(b));
    EXPECT(!items->remove(b));
    EXPECT(items->find(1) == &a);
    EXPECT(items->find(2) == nullptr);
    EXPECT(items->find(3) == &c);
    EXPECT(items->remove(c));
    EXPECT(items->remove(a));
    EXPECT_EQ(items->count(), 0);
}

void for_each__may_remove_what_it_visits(Check& check) {
    dominoes::Owned<Items> items(Items::create(2));
    REQUIRE(items);
    Item a(1), b(2), c(3), d(4);
    EXPECT(items->insert(a) && items->insert(b) && items->insert(c) && items->insert(d));
    uint32_t sum = 0;
    items->for_each([&](Item& item) {
        sum += item.key();
        if (item.key() % 2) EXPECT(items->remove(item));
    });
    EXPECT_EQ(sum, 10);
    EXPECT_EQ(items->count(), 2);
    EXPECT(items->find(2) == &b);
    EXPECT(items->find(3) == nullptr);
}

// Readers look for keys that always are there and keys that come and go, while a writer works.
struct Race {
    Check& check;
    Items& items;
    dominoes::Atomic<uint32_t> stop;
    dominoes::Atomic<uint32_t> looked;

    static constexpr uint32_t kKeys = 64;  // the even ones stay

    static void read(void* argument) {
        auto& race = *static_cast<Race*>(argument);
        for (uint32_t key = 0; !race.stop.load_acquire(); key = (key + 7) % kKeys) {
            dominoes::ReadSection section;
            const Item* item = race.items.find(key);
            race.check.expect(item || key % 2, __FILE__, __LINE__,
                              "a key that stays was not found");
            race.check.expect(!item || item->value == key * 3, __FILE__, __LINE__,
                              "a freed item was found");
            race.looked.fetch_add_relaxed(1);
        }
    }
};

void find__while_others_write(Check& check) {
    dominoes::Owned<Items> items(Items::create(8));
    REQUIRE(items);
    for (uint32_t key = 0; key < Race::kKeys; ++key) {
        Item* item = dominoes::make<Item>(key);
        REQUIRE(item && items->insert(*item));
    }
    Race race{check, *items, {}, {}};
    dominoes_thread* threads[2];
    for (auto*& thread : threads)
        thread = dominoes_thread_start(&Race::read, &race, -1, "map_reader");

    const uint32_t rounds = check.scale(20000, 500);
    for (uint32_t i = 0; i < rounds; ++i) {
        const uint32_t key = (i * 2 + 1) % Race::kKeys;
        if (Item* item = items->find(key)) {
            items->remove(*item);
            dominoes_retire(item, &Item::free);
        }
        Item* item = dominoes::make<Item>(key);
        if (!item) break;
        EXPECT(items->insert(*item));
        if (i % 64 == 0) dominoes_thread_yield();
    }
    for (uint32_t i = 0; i < 100000 && race.looked.load_acquire() < 100; ++i)
        dominoes_thread_yield();
    race.stop.store_release(1);
    for (auto* thread : threads) {
        if (thread) dominoes_thread_join(thread);
    }
    items->for_each([&](Item& item) {
        items->remove(item);
        dominoes_retire(&item, &Item::free);
    });
    dominoes_retire_barrier();
    EXPECT_EQ(items->count(), 0);
}

constexpr Test kTests[] = {
    TEST(create__fails_without_memory),    TEST(find__what_was_inserted),
    TEST(find__keys_of_several_members),   TEST(insert__refuses_a_key_that_is_there),
    TEST(remove__takes_out_that_one_only), TEST(for_each__may_remove_what_it_visits),
    TEST(find__while_others_write),
};

}  // namespace

extern const Suite map_suite = SUITE("map", kTests);

}  // namespace kunit
