// SPDX-License-Identifier: GPL-2.0
//
// UseSlot: how a call uses an object that another call may replace meanwhile, although it may
// sleep, so that a read section is not for it. Neither waits for the other: whoever replaces the
// object leaves a reference behind for the call that is still using it. To count a reference for
// each call would do as well, but on a cache line that all who use the object share.
#pragma once

#include "dominoes/atomic.hh"

namespace dominoes {

// For calls of which there is one at a time. T has hold() and release(), which count references.
//
//      a call                               whoever replaces the object
//  (1) slot := object                   (3) pointer := another, or nullptr
//  (2) does pointer show it still?      (4) does slot show it? then hold() it, and mark the slot
//  (5) slot := nullptr; if it was
//      marked: release() the object
//
// All five are seq_cst. If (3) comes before (2), the call has not touched the object and begins
// again, where (1) does as (5) does. Else (1) comes before (4), which sees it unless (5) has come
// first. Should (2) find another object in the memory of the one that (1) meant, then that is the
// one that the slot shows.
template <typename T>
class UseSlot : Pinned {
public:
    // What `pointer` shows, which stays until leave(); or nullptr. Context: any.
    T* enter(const Atomic<T*>& pointer) {
        for (;;) {
            T* object = pointer.load_acquire();
            put(object);                                          // (1)
            if (pointer.load_seq_cst() == object) return object;  // (2)
        }
    }
    void leave() { put(nullptr); }  // (5)

    // `object` has been replaced by an exchange that is seq_cst (3); the caller still holds it, and
    // may then release it. One caller at a time, once for each object. Context: any.
    void replaced(T& object) {
        auto shown = reinterpret_cast<uintptr_t>(&object);
        object.hold();
        if (!slot_.compare_exchange_seq_cst(shown, shown | kMarked)) object.release();  // (4)
    }

private:
    static constexpr uintptr_t kMarked = 1;

    void put(T* object) {
        const uintptr_t left = slot_.exchange_seq_cst(reinterpret_cast<uintptr_t>(object));
        if (left & kMarked) reinterpret_cast<T*>(left & ~kMarked)->release();
    }

    Atomic<uintptr_t> slot_;
};

// The object, for the length of a call.
template <typename T>
class Use : Pinned {
public:
    Use(UseSlot<T>& slot, const Atomic<T*>& pointer) : slot_(slot), object_(slot.enter(pointer)) {}
    ~Use() { slot_.leave(); }
    explicit operator bool() const { return object_; }
    T* operator->() const { return object_; }

private:
    UseSlot<T>& slot_;
    T* const object_;
};

}  // namespace dominoes
