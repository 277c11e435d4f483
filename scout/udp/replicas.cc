// SPDX-License-Identifier: GPL-2.0
//
// How long a request is good for. The order's items are the requests themselves, in their slots of
// the channel: each slot stays until its request has been handed over. For who drains the order has
// begun at a request of its own, at the head or before it, and passes that only afterwards; so
// nothing from the head on has been passed by all. For the same reason what is in the channel
// always has room in the order, which has as many slots.
//
// The packet is the request's until it is handed over: a single replica writes `owned` then, before
// it passes the request, and it is read when all have.
#include "scout/udp/replicas.hh"

#include "dominoes/guard.hh"
#include "scout/udp/udp.hh"

namespace scout {

using dominoes::Domain;
using dominoes::Request;

// --- what arrives ---

bool UdpArrival::checksum_right(dominoes_packet* packet) const {
    return !checksummed || dominoes_packet_checksum_ok(packet, offset, bytes, pseudo);
}

UdpDatagram UdpArrival::datagram(dominoes_packet* packet) const {
    return {packet, source, offset + kUdpHeaderBytes, bytes - kUdpHeaderBytes};
}

// --- one replica ---

UdpReplica::UdpReplica(UdpReplicas& group, uint32_t id, dominoes::Context& context)
    : group_(group),
      domain_(
          id, this, context,
          Domain::Hooks{
              .schedule = nullptr,
              .subscribed = nullptr,
              .unsubscribed = nullptr,
              .batch_done = nullptr,
              // may free this replica
              .retired =
                  [](Domain& domain) { static_cast<UdpReplica*>(domain.state())->group_.left(); },
          }),
      subscription_(
          *group.channel_, domain_,
          [](void* self, Request& request) {
              return static_cast<UdpReplica*>(self)->process(request);
          },
          this) {}

void UdpReplica::begin() {
    const bool joined = domain_.subscribe(subscription_, 0);
    DOMINOES_ASSERT(joined);  // there are as many slots as replicas
}

bool UdpReplica::process(Request& request) {
    if (request.kind == UdpReplicas::kEnd) {
        domain_.retire();
        return true;
    }
    if (!group_.owns(request, domain_.id())) return true;
    const uint32_t payload = request.as<UdpReplicas::Event>().arrival.bytes - kUdpHeaderBytes;
    owned_.store_relaxed(owned_.load_relaxed() + 1);
    if (group_.verify(request)) {
        delivered_bytes_.store_relaxed(delivered_bytes_.load_relaxed() + payload);
    }
    return true;
}

void UdpReplica::info(dominoes_replica_info& info) const {
    info = {static_cast<uint32_t>(domain_.context().cpu()),
            static_cast<uint32_t>(group_.channel_->lag(subscription_)),
            domain_.processed(),
            owned_.load_relaxed(),
            delivered_bytes_.load_relaxed(),
            0};
}

// --- life of the group ---

UdpReplicas::UdpReplicas(Interface& interface, UdpSink& sink, const Plan& plan)
    : interface_(interface), sink_(sink), plan_(plan) {
    sink_.hold();
}

UdpReplicas* UdpReplicas::create(Interface& interface, UdpSink& sink, const Plan& plan) {
    dominoes::Owned<UdpReplicas> group(dominoes::make<UdpReplicas>(interface, sink, plan));
    if (!group || !group->allocate()) return nullptr;
    group->begin();
    return group.release();
}

bool UdpReplicas::allocate() {
    channel_.reset(dominoes::RingChannel::create(kCapacity));
    order_.reset(dominoes::Sequencer::create(
        kCapacity,
        [](void* self, uint64_t, uint64_t item) {
            if (item == kNothing) return;
            static_cast<UdpReplicas*>(self)->hand_over(*reinterpret_cast<Request*>(item));
        },
        this));
    if (!channel_ || !order_) return false;
    for (uint32_t i = 0; i < plan_.count; ++i) {
        dominoes::Context& context = interface_.context(plan_.first_context + i);
        replicas_[i].reset(dominoes::make<UdpReplica>(*this, i, context));
        if (!replicas_[i]) return false;
    }
    return true;
}

void UdpReplicas::begin() {
    interface_.replicas_begin();
    present_.store_relaxed(plan_.count);
    for (uint32_t i = 0; i < plan_.count; ++i) replicas_[i]->begin();
}

void UdpReplicas::close() {
    dominoes::ReadSection section;  // the end published, they may be gone
    Request* end = channel_->claim_last();
    DOMINOES_ASSERT(end);  // publish() leaves room for it
    if (!end) return;
    end->kind = kEnd;
    channel_->publish(*end);
}

// The memory first: who waits for the replicas can then wait for that too. After the second
// nothing refers to the device.
void UdpReplicas::left() {
    if (present_.fetch_sub_acq_rel(1) != 1) return;
    Interface& interface = interface_;
    dominoes_retire(this, &UdpReplicas::free);
    interface.replicas_ended();
}

void UdpReplicas::free(dominoes_retired* retired) {
    dominoes::destroy(static_cast<UdpReplicas*>(retired));
}

// The channel first: what is left in it is let go of at the sink.
UdpReplicas::~UdpReplicas() {
    channel_.reset();
    sink_.release();
}

// --- a datagram ---

bool UdpReplicas::publish(const UdpArrival& arrival, dominoes_packet* packet) {
    Request* request = channel_->claim(kRoomForEnd);
    if (!request) return false;
    request->kind = kDatagram;
    request->as<Event>() = {this, arrival};
    request->owned = packet;
    request->release = &UdpReplicas::let_go;
    channel_->publish(*request);
    return true;
}

bool UdpReplicas::owns(Request& request, uint32_t replica) const {
    const dominoes::ReplicaSet all = (dominoes::ReplicaSet{1} << plan_.count) - 1;
    return dominoes::owns(plan_.policy, request, dominoes::Work::kDeliver, request.position(), all,
                          replica);
}

// By its owner: whether the datagram is good.
bool UdpReplicas::verify(Request& request) {
    auto* packet = static_cast<dominoes_packet*>(request.owned);
    const bool good = request.as<Event>().arrival.checksum_right(packet);
    if (!good) interface_.counters.add(Counter::drop_udp_checksum);
    order_->place(request.position(), good ? reinterpret_cast<uint64_t>(&request) : kNothing);
    return good;
}

void UdpReplicas::hand_over(Request& request) {
    auto* packet = static_cast<dominoes_packet*>(request.owned);
    if (!sink_.deliver(request.as<Event>().arrival.datagram(packet))) {
        interface_.counters.add(Counter::drop_udp_full);
        return;
    }
    request.owned = nullptr;
    interface_.counters.add(Counter::udp_in);
}

// When all have passed the request; what nobody has taken goes.
void UdpReplicas::let_go(Request& request) {
    auto* packet = static_cast<dominoes_packet*>(request.owned);
    if (!packet) return;
    const Event& event = request.as<Event>();
    event.group->sink_.forget(event.arrival.bytes - kUdpHeaderBytes);
    dominoes_packet_free(packet);
}

// --- for whoever asks ---

void UdpReplicas::info(EndpointInfo& info) const {
    info.replicas = plan_.count;
    info.policy = static_cast<uint32_t>(plan_.policy);
    for (uint32_t i = 0; i < plan_.count; ++i) replicas_[i]->info(info.replica[i]);
}

}  // namespace scout
