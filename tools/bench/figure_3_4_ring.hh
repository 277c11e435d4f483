// SPDX-License-Identifier: GPL-2.0
//
// The replicated ring buffer of the dissertation, as the baseline of the channel's bench:
// section 3.2.2 and Figure 3.4. remove() is the figure's code, with its per-thread head looked up
// by pthread_getspecific() and a reference count decremented for each item. The dissertation does
// not show the insertion; this one follows its text: one tail moved by CAS, and a count that says
// when a cell becomes active and how many consumers have yet to pass it.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <vector>

namespace bench {

class Figure34Ring {
public:
    Figure34Ring(uint32_t capacity, int consumers)
        : cells_(capacity), consumers_(consumers), end_(cells_.data() + capacity) {
        head_ = tail_ = cells_.data();
        pthread_key_create(&key_, nullptr);
    }
    ~Figure34Ring() { pthread_key_delete(key_); }
    Figure34Ring(const Figure34Ring&) = delete;
    Figure34Ring& operator=(const Figure34Ring&) = delete;

    // For each consumer, in its thread, before the first item: its head.
    void register_consumer(void** place) {
        *place = cells_.data();
        pthread_setspecific(key_, place);
    }

    // Any thread. False: full.
    bool insert(void* item) {
        Cell* cell = tail_.load();
        Cell* next;
        do {
            next = cell + 1 == end_ ? cells_.data() : cell + 1;
            if (next == head_.load()) return false;
        } while (!tail_.compare_exchange_weak(cell, next));
        cell->value = item;
        cell->references.store(consumers_, std::memory_order_release);
        return true;
    }

    // The registered consumers. False: empty.
    bool remove(void** item) {
        auto* thread_head = static_cast<Cell**>(pthread_getspecific(key_));
        Cell* current = *thread_head;
        if (current == tail_.load()) return false;
        if (current->references.load(std::memory_order_acquire) == 0)
            return false;  // not active yet

        *item = current->value;
        *thread_head = current + 1;
        if (*thread_head >= end_) *thread_head = cells_.data();

        if (current->references.fetch_sub(1) == 1) head_.store(*thread_head);
        return true;
    }

private:
    struct Cell {
        std::atomic<int> references{0};
        void* value = nullptr;
    };

    std::vector<Cell> cells_;
    const int consumers_;
    Cell* const end_;
    pthread_key_t key_;
    alignas(64) std::atomic<Cell*> head_;
    alignas(64) std::atomic<Cell*> tail_;
};

}  // namespace bench
