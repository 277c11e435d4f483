// SPDX-License-Identifier: GPL-2.0
#include "scout/connection/replica.hh"

#include "scout/connection/connection.hh"
#include "scout/tcp/info.hh"

namespace scout {

using dominoes::Domain;
using dominoes::Request;

namespace {

Replica& of(Domain& domain) { return *static_cast<Replica*>(domain.state()); }

bool ends_silently(const Request& request) {
    return kind_of(request) == EventKind::kAbort && request.as<AbortEvent>().silent;
}

}  // namespace

Replica::Replica(Connection& connection, uint32_t id, dominoes::Context& context)
    : connection_(connection),
      domain_(id, this, context,
              Domain::Hooks{
                  .schedule = nullptr,
                  .subscribed = nullptr,
                  .unsubscribed = nullptr,
                  .batch_done = [](Domain& d) { of(d).batch_done(); },
                  .retired = [](Domain& d) { of(d).retired(); },
              }),
      subscription_(
          connection.channel(), domain_,
          [](void* self, Request& request) {
              return static_cast<Replica*>(self)->process(request);
          },
          this),
      path_(connection) {}

Replica* Replica::create(Connection& connection, uint32_t id, dominoes::Context& context) {
    return dominoes::make<Replica>(connection, id, context);
}

bool Replica::start(const TcpConfig& config) {
    tcp_init(state_, config);
    // From the beginning: the connection can be found already, so that something may be there, and
    // what nobody passes would never be reclaimed.
    return begin(0);
}

bool Replica::join(const TcpState& state, uint64_t position) {
    state_ = state;
    return begin(position);
}

// Counted in first: once subscribed, the replica runs on its own, and may even have left when
// subscribe() returns. From then on the slowest of the replicas decides what is kept.
bool Replica::begin(uint64_t position) {
    if (!is_lazy()) connection_.appwrap().pin(id(), tcp_released(state_));
    connection_.replica_joined();
    if (!domain_.subscribe(subscription_, position)) {
        connection_.appwrap().unpin(id());
        connection_.replica_left();
        return false;
    }
    domain_.schedule();  // what was published before the subscription was seen
    return true;
}

uint64_t Replica::lag() const { return connection_.channel().lag(subscription_); }

bool Replica::process(Request& request) {
    if (!connection_.may_transmit(state_)) return false;
    if (is_lazy() && !in_batch_) connection_.appwrap().pin(id(), tcp_released(state_));
    in_batch_ = true;
    inject_faults(request);

    const TcpPhase before = state_.phase;
    tcp_step(state_, request, effects_);
    if (is_leader() && state_.phase != before) {
        connection_.publish(state_);  // before an effect wakes anybody who might ask
        if (state_.phase == TcpPhase::kFinWait2 || state_.phase == TcpPhase::kTimeWait)
            connection_.delivered();
    }
    for (const Effect& effect : effects_) perform(effect, request);
    check_consistency(request.position());
    // What came until the channel was closed is answered still: the peer may have objected to our
    // reset (RFC 5961 section 3.2), and would hear from nobody else.
    if (is_leader() && state_.finished && request.position() + 1 == connection_.channel().tail()) {
        domain_.retire();
    }
    return true;
}

void Replica::perform(const Effect& effect, Request& request) {
    switch (effect.kind) {
        case EffectKind::kDeliver:
            if (!connection_.inconsistent()) deliver(effect.deliver, request);
            return;
        case EffectKind::kTransmit:
            if (!connection_.inconsistent()) {
                transmit(effect.transmit, request);
            } else if (is_leader() && state_.finished) {  // resets
                path_.send(effect.transmit, 0, effect.transmit.serial);
            }
            return;
        case EffectKind::kTimer:
            if (is_leader()) connection_.set_timer(domain_.context(), effect.timer);
            return;
        case EffectKind::kEstablished:
            if (is_leader()) connection_.established(state_, request.position() + 1);
            return;
        case EffectKind::kEndOfStream:
            if (is_leader()) connection_.appwrap().end_of_stream(effect.stream_offset);
            return;
        case EffectKind::kError:
            if (is_leader()) connection_.appwrap().fail(effect.error);
            return;
        case EffectKind::kReceiveRoom:
            if (is_leader()) connection_.appwrap().want_ring(effect.bytes);
            return;
        case EffectKind::kSendRoom:
            if (is_leader()) connection_.appwrap().set_limit(effect.bytes);
            return;
        case EffectKind::kLeave:
            if (!is_leader()) domain_.retire();
            return;
        case EffectKind::kClosed:
            if (is_leader()) connection_.closed(effect.error);
            if (!is_leader() || ends_silently(request)) domain_.retire();
            return;
    }
}

bool Replica::is_lazy() const { return !is_leader() && connection_.channel().is_lazy(); }

bool Replica::mine(Request& request, dominoes::Work work, uint64_t serial) {
    return owns(connection_.policy(), request, work, serial, state_.replicas, id());
}

void Replica::deliver(const DeliverEffect& effect, Request& request) {
    if (!mine(request, dominoes::Work::kDeliver, effect.serial)) return;
    connection_.appwrap().deliver(static_cast<const dominoes_packet*>(request.owned), effect);
    ++stats_.owned;
    stats_.delivered_bytes += effect.bytes;
}

void Replica::transmit(const TransmitEffect& effect, Request& request) {
    const auto work = effect.bytes ? dominoes::Work::kTransmit : dominoes::Work::kAnswer;
    const uint32_t pieces = effect.pieces();
    for (uint32_t piece = 0; piece < pieces; ++piece) {
        const uint64_t serial = effect.serial + piece;
        if (!mine(request, work, serial)) continue;
        path_.send(effect, piece, serial);
        ++stats_.owned;
        ++stats_.sent_segments;
    }
}

// A replica whose state differs is a bug in step(): both states are logged, and the connection is
// reset.
void Replica::check_consistency(uint64_t position) {
    dominoes::ConsistencyManager& manager = connection_.consistency();
    if (!manager.due(position) || connection_.inconsistent()) return;
    if (!manager.post(position, dominoes::digest(&state_, sizeof state_))) {
        connection_.found_inconsistent(id(), position);
    }
}

void Replica::inject_faults(const Request& request) {
    if (const uint64_t most = delay_ns_.load_relaxed()) {
        uint64_t chance;
        dominoes_random(&chance, sizeof chance);
        if (chance % 8 == 0) dominoes_thread_delay(chance / 8 % most);
    }
    if (stall_ns_.load_relaxed()) {
        if (const uint64_t once = stall_ns_.exchange_acq_rel(0)) dominoes_thread_delay(once);
    }
    if (kind_of(request) == EventKind::kDebug && request.as<DebugEvent>().corrupt_replica == id()) {
        state_.bytes_sent ^= 1;  // averages would forget it again
    }
}

void Replica::batch_done() {
    in_batch_ = false;
    if (is_lazy()) {
        connection_.appwrap().unpin(id());
    } else {
        connection_.appwrap().released(id(), tcp_released(state_));
    }
    dominoes::ConsistencyManager& manager = connection_.consistency();
    if (manager.stalled(id())) manager.goes_on(id(), lag());
    stats_shown_.publish(stats_);
    if (is_leader()) {
        connection_.show(state_);
        connection_.leader_went_on();
    }
    if (connection_.inconsistent()) connection_.log_state(id(), state_);
}

void Replica::retired() {
    if (is_leader()) {
        connection_.show(state_);
        connection_.leader_left();
    }
    connection_.appwrap().unpin(id());
    connection_.replica_left();  // may free this replica
}

}  // namespace scout
