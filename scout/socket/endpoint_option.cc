// SPDX-License-Identifier: GPL-2.0
//
// The options of an endpoint: which may change when, and who hears of it.
#include "dominoes/guard.hh"
#include "scout/socket/endpoint.hh"
#include "scout/socket/stack.hh"

namespace scout {

using dominoes::MutexGuard;

namespace {

bool is_of_replicas(uint32_t option) {
    return option == static_cast<uint32_t>(Attribute::kReplicas) ||
           option == static_cast<uint32_t>(Attribute::kPolicy);
}

}  // namespace

int Endpoint::set_option(uint32_t option, int64_t value) {
    if (option >= DOMINOES_OPT_DEBUG_DELAY && option <= DOMINOES_OPT_DEBUG_STALL)
        return set_debug(option, value);
    if (option == DOMINOES_OPT_PROTOCOL)
        return attributes_.get(Attribute::kProtocol) == value ? 0 : -int{kEisconn};
    Connection* c = connection();
    if (c && Attributes::is_settled(option)) return -int{kEisconn};
    if (listener()) return set_for_accepted(option, value);
    if (udp_ && bound_.port != 0 && is_of_replicas(option)) return -int{kEisconn};
    if (const int error = set_attribute(option, value)) return error;
    if (udp_) update_udp();
    if (c && Attributes::is_live(option))
        c->set_options(attributes_, option == DOMINOES_OPT_NODELAY);
    return 0;
}

int Endpoint::set_attribute(uint32_t option, int64_t value) {
    const int error = attributes_.set(option, value);
    if (!error && option == static_cast<uint32_t>(Attribute::kReplicas)) own_replicas_ = true;
    return error;
}

int Endpoint::set_for_accepted(uint32_t option, int64_t value) {
    MutexGuard guard(stack_.mutex());
    if (const int error = set_attribute(option, value)) return error;
    for (Listener* l = listener(); l; l = l->next.load_relaxed())
        l->attributes().set(option, value);
    return 0;
}

void Endpoint::update_udp() {
    udp_->set_service({static_cast<uint8_t>(attributes_.get(Attribute::kTtl)),
                       static_cast<uint8_t>(attributes_.get(Attribute::kTos))});
    udp_->set_receive_bytes(static_cast<uint32_t>(attributes_.get(Attribute::kReceiveBytes)));
    const auto replicas = static_cast<uint32_t>(attributes_.get(Attribute::kReplicas));
    udp_->set_replicas(own_replicas_ ? replicas : 0,
                       static_cast<dominoes::Policy>(attributes_.get(Attribute::kPolicy)));
}

int Endpoint::get_option(uint32_t option, int64_t* value) {
    if (option == DOMINOES_OPT_ERROR) {
        *value = take_error();
        return 0;
    }
    const int error = attributes_.get(option, value);
    if (error || udp_) return error;
    const auto attribute = static_cast<Attribute>(option);
    if (attribute == Attribute::kReceiveBytes || attribute == Attribute::kSendBytes)
        *value = buffer_now(attribute);
    return 0;
}

int64_t Endpoint::buffer_now(Attribute which) const {
    const uint32_t initial = attributes_.buffer(which).initial;
    const Connection* c = connection();
    if (!c) return initial;
    const TcpInfo shown = c->shown();
    const bool receive = which == Attribute::kReceiveBytes;
    return dominoes::max(initial, receive ? shown.receive_bytes : shown.send_bytes);
}

// Faults for tests: (replica << 32) | amount, or just the replica.
int Endpoint::set_debug(uint32_t option, int64_t value) {
    Connection* c = connection();
    if (!c) return -int{kEnotconn};
    const auto amount = static_cast<uint32_t>(value);
    const auto id =
        option == DOMINOES_OPT_DEBUG_CORRUPT ? amount : static_cast<uint32_t>(value >> 32);
    Replica* replica = c->replica(id);
    if (!replica) return -int{kEinval};
    switch (option) {
        case DOMINOES_OPT_DEBUG_DELAY:
            replica->set_delay_ns(uint64_t{amount} * 1000);
            return 0;
        case DOMINOES_OPT_DEBUG_STALL:
            replica->set_stall_ns(uint64_t{amount} * 1'000'000);
            return 0;
        case DOMINOES_OPT_DEBUG_CORRUPT:
            c->appwrap().outbox().set_corrupt(id);
            c->appwrap().outbox().post(Outbox::kDebug);
            return 0;
    }
    return -int{kEnoprotoopt};
}

}  // namespace scout
