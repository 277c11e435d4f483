// SPDX-License-Identifier: GPL-2.0
//
// Map (Scout; dissertation 4.2.1): from a small plain key to the object that a router keeps under
// it. Lookups are on every packet's way and never wait: readers walk the chains in a
// dominoes_read_lock() section. A writer that a softirq interrupts, or a thread preempts, leaves
// chains that can be walked after each of its stores, and a chain does not grow at its end, so a
// walk ends. Writers are serialised by the caller. The hash is keyed at random for each map, so
// that a peer cannot choose keys that collide.
#pragma once

#include "dominoes/atomic.hh"

namespace scout {

// What an object inherits to be in a map; an object in several maps has a key type for each.
template <typename Key>
class MapNode {
public:
    explicit MapNode(const Key& key) : key_(key) {}
    const Key& key() const { return key_; }

private:
    template <typename K, typename T>
    friend class Map;

    const Key key_;
    dominoes::Atomic<MapNode*> next_;
};

// `T` inherits MapNode<Key>. `Key` is compared and hashed as bytes, so it has no padding.
template <typename Key, typename T>
class Map : dominoes::Pinned {
    static_assert(__has_unique_object_representations(Key));

public:
    // `buckets` is a power of two, and never changes. nullptr when memory is short. Context:
    // process.
    [[nodiscard]] static Map* create(uint32_t buckets) {
        DOMINOES_ASSERT(dominoes::is_power_of_two(buckets));
        Map* map = dominoes::make<Map>(buckets);
        if (!map) return nullptr;
        map->buckets_ = static_cast<Head*>(dominoes_alloc(sizeof(Head) * buckets));
        if (map->buckets_) return map;
        dominoes::destroy(map);
        return nullptr;
    }

    explicit Map(uint32_t buckets) : mask_(buckets - 1) {
        dominoes_random(secret_, sizeof(secret_));
    }
    // The objects are the caller's, and no reader is left.
    ~Map() { dominoes_free(buckets_); }

    // The object under `key`, or nullptr. Valid until the end of the caller's read section (or, for
    // the writer, until it removes it). Context: any.
    T* find(const Key& key) const {
        // (1) acquire: pairs with (2), so that an object found is seen as it was inserted.
        for (Node* node = bucket(key).load_acquire(); node; node = node->next_.load_acquire())
            if (node->key() == key) return static_cast<T*>(node);
        return nullptr;
    }

    // False: there is an object with that key, and nothing has changed. Writer.
    [[nodiscard]] bool insert(T& object) {
        Node& node = object;
        if (find(node.key())) return false;
        Head& head = bucket(node.key());
        node.next_.store_relaxed(head.load_relaxed());  // published by (2)
        // (2) release: pairs with (1).
        head.store_release(&node);
        count_.store_relaxed(count_.load_relaxed() + 1);
        return true;
    }

    // False: it was not in the map. The object keeps its link, for readers that stand on it: it may
    // be freed, or inserted anew, only after dominoes_retire() has called back. Writer.
    bool remove(T& object) {
        Node& node = object;
        for (Head* link = &bucket(node.key()); Node* at = link->load_relaxed(); link = &at->next_) {
            if (at != &node) continue;
            // (3) release: what follows was published by (2) when a writer linked it; a reader
            // comes to it through this link as well, so the link passes that on.
            link->store_release(node.next_.load_relaxed());
            count_.store_relaxed(count_.load_relaxed() - 1);
            return true;
        }
        return false;
    }

    // Calls visit(T&) for each, in no order; visit may remove the object it is given. Writer.
    template <typename Visit>
    void for_each(Visit visit) {
        for (uint32_t i = 0; i <= mask_; ++i) {
            for (Node* node = buckets_[i].load_relaxed(); node;) {
                Node* next = node->next_.load_relaxed();
                visit(*static_cast<T*>(node));
                node = next;
            }
        }
    }

    // How many there are. Exact for the writer. Context: any.
    uint32_t count() const { return count_.load_relaxed(); }

private:
    using Node = MapNode<Key>;
    using Head = dominoes::Atomic<Node*>;

    Head& bucket(const Key& key) const {
        return buckets_[dominoes_keyed_hash(&key, sizeof(key), secret_) & mask_];
    }

    Head* buckets_ = nullptr;
    const uint32_t mask_;
    dominoes::Atomic<uint32_t> count_;
    uint8_t secret_[16];
};

}  // namespace scout
