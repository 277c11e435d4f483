// SPDX-License-Identifier: GPL-2.0
#include "scout/connection/listener.hh"

#include "scout/connection/connection.hh"
#include "scout/connection/cookie.hh"

namespace scout {

namespace {

// No connection is there: the mark of a queue that takes no more.
Connection* const kClosedQueue = reinterpret_cast<Connection*>(uintptr_t{1});

void free_listener(dominoes_retired* retired) {
    dominoes::destroy(static_cast<Listener*>(retired));
}

}  // namespace

void Listener::release() {
    if (references_.fetch_sub_acq_rel(1) == 1) dominoes_retire(this, &free_listener);
}

bool Listener::admit() {
    if (pending_.fetch_add_acq_rel(1) < backlog_) return true;
    drop();
    return false;
}

bool Listener::admit_proven() {
    // Those admitted and not yet queued are bounded as well.
    if (crowded()) return false;
    if (pending_.fetch_add_acq_rel(1) < 2 * backlog_) return true;
    drop();
    return false;
}

bool Listener::expects_cookie(uint64_t now_ns) const {
    const uint64_t sent = cookie_ns_.load_relaxed();
    return sent != 0 && now_ns - sent < 2 * kTcpCookieLifeNs;
}

bool Listener::turned_away(uint64_t now_ns) const {
    const uint64_t latest = turned_away_ns_.load_relaxed();
    return latest != 0 && now_ns - latest < kTcpCookieLifeNs;
}

uint32_t Listener::queued() const {
    const auto queued = static_cast<int32_t>(queued_.load_acquire());
    return queued > 0 ? static_cast<uint32_t>(queued) : 0;
}

bool Listener::push(Connection& connection) {
    Connection* head = arrived_.load_acquire();
    do {  // again only if another has pushed, or they were taken
        if (head == kClosedQueue) return false;
        connection.next_accepted = head;
        // (1) acq_rel: the connection as pushed is seen by whoever takes it (2).
    } while (!arrived_.compare_exchange_acq_rel(head, &connection));
    queued_.fetch_add_acq_rel(1);
    user_.wake();
    return true;
}

Connection* Listener::pop() {
    if (!first_) take_arrived();
    Connection* connection = first_;
    if (!connection) return nullptr;
    first_ = connection->next_accepted;
    queued_.fetch_sub_acq_rel(1);
    drop();
    return connection;
}

// Turns what has arrived, the latest first, into a queue with the earliest first.
void Listener::take_arrived() {
    Connection* latest = arrived_.load_acquire();
    while (latest && latest != kClosedQueue) {
        if (arrived_.compare_exchange_acq_rel(latest, nullptr)) break;  // (2) pairs with (1)
    }
    if (latest == kClosedQueue) return;
    while (latest) {
        Connection* next = latest->next_accepted;
        latest->next_accepted = first_;
        first_ = latest;
        latest = next;
    }
}

void Listener::close(void (*refuse)(Connection& connection)) {
    user_.leave();
    while (Connection* connection = pop()) refuse(*connection);
    Connection* late = arrived_.exchange_acq_rel(kClosedQueue);  // as (2)
    while (late && late != kClosedQueue) {
        Connection* next = late->next_accepted;
        refuse(*late);
        drop();
        late = next;
    }
}

}  // namespace scout
