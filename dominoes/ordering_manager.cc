// SPDX-License-Identifier: GPL-2.0
#include "dominoes/ordering_manager.hh"

namespace dominoes {

OrderingManager* OrderingManager::create(uint32_t deliveries, void (*readable_moved)(void* context),
                                         void* context) {
    Owned<OrderingManager> manager(make<OrderingManager>(readable_moved, context));
    if (!manager) return nullptr;
    manager->sentinels_.reset(Sequencer::create(deliveries, &reached, manager.get(), &run_done));
    return manager->sentinels_ ? manager.release() : nullptr;
}

// A sentinel is the offset + 1: zero is an empty one. Some deliveries do not complete anything (the
// bytes before them are missing), so the offset need not grow.
void OrderingManager::reached(void* self, uint64_t, uint64_t sentinel) {
    auto* manager = static_cast<OrderingManager*>(self);
    // (2) release: the bytes, which each placing replica has released to this drainer, on to (1).
    if (sentinel - 1 > manager->readable_.load_relaxed())
        manager->readable_.store_release(sentinel - 1);
}

void OrderingManager::run_done(void* self) {
    auto* manager = static_cast<OrderingManager*>(self);
    const uint64_t readable = manager->readable_.load_relaxed();
    if (readable == manager->told_) return;
    manager->told_ = readable;
    if (manager->readable_moved_) manager->readable_moved_(manager->context_);
}

}  // namespace dominoes
