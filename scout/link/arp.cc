// SPDX-License-Identifier: GPL-2.0
#include "scout/link/arp.hh"

#include "dominoes/guard.hh"

namespace scout {

using dominoes::MutexGuard;
using dominoes::ReadSection;

namespace {

constexpr uint16_t kHardwareEthernet = 1;
constexpr uint32_t kBuckets = 256;

bool read(const Frame& frame, ArpMessage& message) {
    const uint32_t available = frame.head_bytes - frame.network_offset;
    return parse_arp(frame.network(), available, message) == ArpResult::kOk;
}

// Enough to blame an address in one line of the log.
void log_address(const char* what, IpAddress ip, MacAddress mac) {
    const uint32_t a = ip.v4();
    const uint8_t* m = mac.bytes;
    dominoes_log(DOMINOES_LOG_WARNING, "ARP: %u.%u.%u.%u: %02x:%02x:%02x:%02x:%02x:%02x %s",
                 a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255, m[0], m[1], m[2], m[3], m[4], m[5],
                 what);
}

}  // namespace

// --- bytes (RFC 826, "Packet format") ---

ArpResult parse_arp(const uint8_t* bytes, uint32_t length, ArpMessage& out) {
    if (length < kArpBytes) return ArpResult::kShort;
    if (load_be16(bytes) != kHardwareEthernet) return ArpResult::kHardware;
    if (load_be16(bytes + 2) != kEtherIp) return ArpResult::kProtocol;
    if (bytes[4] != 6 || bytes[5] != 4) return ArpResult::kLengths;
    out.operation = load_be16(bytes + 6);
    __builtin_memcpy(out.sender_mac.bytes, bytes + 8, 6);
    out.sender_ip = IpAddress::v4(bytes + 14);
    __builtin_memcpy(out.target_mac.bytes, bytes + 18, 6);
    out.target_ip = IpAddress::v4(bytes + 24);
    const bool possible = !out.sender_mac.is_zero() && !out.sender_mac.is_multicast();
    return possible ? ArpResult::kOk : ArpResult::kSender;
}

void write_arp(uint8_t* bytes, const ArpMessage& message) {
    store_be16(bytes, kHardwareEthernet);
    store_be16(bytes + 2, kEtherIp);
    bytes[4] = 6;
    bytes[5] = 4;
    store_be16(bytes + 6, message.operation);
    __builtin_memcpy(bytes + 8, message.sender_mac.bytes, 6);
    message.sender_ip.store(bytes + 14);
    __builtin_memcpy(bytes + 18, message.target_mac.bytes, 6);
    message.target_ip.store(bytes + 24);
}

// --- life ---

ArpRouter* ArpRouter::create(Interface& interface) {
    dominoes::Owned<ArpRouter> router(dominoes::make<ArpRouter>(interface));
    if (!router) return nullptr;
    router->neighbours_.reset(Neighbours::create(kBuckets));
    router->mutex_ = dominoes_mutex_create();
    return router->neighbours_ && router->mutex_ ? router.release() : nullptr;
}

ArpRouter::~ArpRouter() {
    if (neighbours_) {
        neighbours_->for_each([](Neighbour& neighbour) {
            DOMINOES_ASSERT(neighbour.references_.load_relaxed() == 0);
            Neighbour::free(&neighbour);
        });
    }
    if (mutex_) dominoes_mutex_destroy(mutex_);
}

bool Neighbour::reference() {
    uint32_t seen = references_.load_relaxed();
    do {  // again only if another has taken or given back a reference
        if (seen & kDead) return false;
    } while (!references_.compare_exchange_acq_rel(seen, seen + 1));
    return true;
}

void Neighbour::free(dominoes_retired* retired) {
    dominoes::destroy(static_cast<Neighbour*>(retired));
}

// --- the table ---

Neighbour* ArpRouter::acquire(IpAddress address) {
    Neighbour* neighbour = find_referenced(address);
    bool first = false;
    if (!neighbour) {
        MutexGuard guard(mutex_);
        neighbour = find_referenced(address);  // another may have made it since
        if (!neighbour) neighbour = insert_referenced(address);
        first = neighbour && neighbours_->count() == 1;
    }
    if (neighbour) neighbour->acquired_ns_.store_relaxed(dominoes_now_ns());
    if (first && on_busy_) on_busy_(on_busy_context_);
    return neighbour;
}

void ArpRouter::release(Neighbour* neighbour) {
    if (!neighbour) return;
    const uint32_t before = neighbour->references_.fetch_sub_acq_rel(1);
    DOMINOES_ASSERT(before != 0);
}

Neighbour* ArpRouter::find_referenced(IpAddress address) {
    ReadSection section;
    Neighbour* neighbour = neighbours_->find(address);
    return neighbour && neighbour->reference() ? neighbour : nullptr;
}

Neighbour* ArpRouter::insert_referenced(IpAddress address) {
    if (neighbours_->count() >= kMaxNeighbours && !make_room()) return nullptr;
    auto* neighbour = dominoes::make<Neighbour>(address);
    if (!neighbour) return nullptr;
    neighbour->references_.store_relaxed(1);
    const bool inserted = neighbours_->insert(*neighbour);
    DOMINOES_ASSERT(inserted);
    return neighbour;
}

// Takes the unreferenced neighbour out that was wanted longest ago. Under the mutex.
bool ArpRouter::make_room() {
    Neighbour* oldest = nullptr;
    neighbours_->for_each([&oldest](Neighbour& neighbour) {
        if (neighbour.references_.load_relaxed() != 0) return;
        if (!oldest ||
            neighbour.acquired_ns_.load_relaxed() < oldest->acquired_ns_.load_relaxed()) {
            oldest = &neighbour;
        }
    });
    return oldest && forget(*oldest);
}

// False: somebody has taken a reference meanwhile. Under the mutex.
bool ArpRouter::forget(Neighbour& neighbour) {
    uint32_t unreferenced = 0;
    if (!neighbour.references_.compare_exchange_acq_rel(unreferenced, Neighbour::kDead)) {
        return false;
    }
    neighbours_->remove(neighbour);
    dominoes_retire(&neighbour, &Neighbour::free);
    return true;
}

// --- packets that wait ---
//
// hold() puts the packet down and then looks at the address; resolve() sets the address and then
// looks for packets. All four are in the one order of seq_cst, so at least one of them finds what
// the other left, and the exchange in take() sees to it that only one sends it.

dominoes_packet* ArpQueue::put(dominoes_packet* packet) {
    const uint32_t slot = next_.fetch_add_relaxed(1) % kMax;
    return slots_[slot].exchange_seq_cst(packet);  // (1) before (2)
}

// From the slot that will be filled next, for that has waited longest.
dominoes_packet* ArpQueue::take() {
    const uint32_t next = next_.load_relaxed();
    for (uint32_t i = 0; i < kMax; ++i) {
        auto& slot = slots_[(next + i) % kMax];
        if (dominoes_packet* packet = slot.exchange_seq_cst(nullptr)) return packet;  // (4)
    }
    return nullptr;
}

ArpQueue::~ArpQueue() {
    while (dominoes_packet* packet = take()) dominoes_packet_free(packet);
}

void ArpRouter::hold(Neighbour& neighbour, dominoes_packet* packet) {
    if (dominoes_packet* replaced = neighbour.waiting_.put(packet)) {
        interface_.drop(Counter::drop_arp_waiting);
        dominoes_packet_free(replaced);
    }
    if (neighbour.mac_.load_seq_cst() != 0) return send_waiting(neighbour);  // (2)
    uint32_t none = 0;
    if (!neighbour.attempts_.compare_exchange_relaxed(none, 1)) return;  // asked for already
    neighbour.requested_ns_.store_relaxed(dominoes_now_ns());
    request(neighbour.address(), kBroadcastMac);
}

void ArpRouter::resolve(Neighbour& neighbour, MacAddress mac) {
    neighbour.confirmed_ns_.store_relaxed(dominoes_now_ns());
    neighbour.used_.store_relaxed(0);
    neighbour.attempts_.store_relaxed(0);
    neighbour.failed_.store_relaxed(0);
    neighbour.mac_.store_seq_cst(mac.packed());  // (3) before (4)
    send_waiting(neighbour);
}

void ArpRouter::send_waiting(Neighbour& neighbour) {
    const MacAddress mac = MacAddress::unpacked(neighbour.packed_mac());
    while (dominoes_packet* packet = neighbour.waiting_.take()) {
        dominoes_packet_set_destination(packet, mac.bytes);
        transmit_packet(interface_, packet);
    }
}

void ArpRouter::drop_waiting(Neighbour& neighbour) {
    while (dominoes_packet* packet = neighbour.waiting_.take()) {
        interface_.drop(Counter::drop_arp_waiting);
        dominoes_packet_free(packet);
    }
}

// Changes the address of a neighbour we have. False: we have none of that address. Another address
// that was not asked for is in doubt, as on Linux: if it is used it is asked for before long, so
// that one lie does not last. Context: any.
bool ArpRouter::update(IpAddress address, MacAddress mac, bool asked_for) {
    ReadSection section;
    Neighbour* neighbour = neighbours_->find(address);
    if (!neighbour) return false;
    const uint64_t known = neighbour->packed_mac();
    resolve(*neighbour, mac);
    if (asked_for || known == 0 || known == mac.packed()) return true;
    const uint64_t now_ns = dominoes_now_ns();
    neighbour->confirmed_ns_.store_relaxed(now_ns - dominoes::min(now_ns, kFreshNs - kDoubtNs));
    return true;
}

// Whoever asks for us will soon be sent something, and so becomes a neighbour. What is known of it
// was heard later: the request has waited for the control thread, which this is.
void ArpRouter::learn(IpAddress address, MacAddress mac) {
    IpAddress next_hop;
    if (!interface_.prefix.contains(address) || !interface_.route(address, next_hop)) return;
    Neighbour* neighbour = acquire(address);
    if (!neighbour) return;
    if (neighbour->packed_mac() == 0) resolve(*neighbour, mac);
    release(neighbour);
}

// --- what arrives ---

Verdict ArpRouter::demux(Frame& frame) {
    ArpMessage message;
    if (!read(frame, message)) return interface_.drop(Counter::drop_arp_malformed);
    return classify(frame, message);
}

Verdict ArpRouter::classify(Frame& frame, const ArpMessage& message) {
    const IpAddress own = interface_.address;
    if (interface_.tentative.load_relaxed()) {  // not ours yet
        probing_.hear(message, own, own_mac());
        return Verdict::kPass;
    }
    check_conflict(message);
    if (message.sender_ip == own) return Verdict::kPass;
    // RFC 826, "Packet Reception": the merge comes before the target and the operation are looked
    // at. So an announcement is followed, and a neighbour that moves while it asks for another.
    const bool answers = message.operation == kArpReply && message.target_ip == own;
    const bool merged = update(message.sender_ip, message.sender_mac, answers);
    if (message.target_ip != own) return Verdict::kPass;
    if (message.operation == kArpRequest) return interface_.defer(*this, &handle_request, frame);
    return answers ? take_reply(frame, merged) : Verdict::kPass;
}

// One that was not asked for makes no neighbour.
Verdict ArpRouter::take_reply(Frame& frame, bool merged) {
    if (merged) interface_.counters.add(Counter::arp_replies_in);
    dominoes_packet_free(frame.packet);
    return Verdict::kTake;
}

// Somebody else uses our address, or is about to (RFC 5227 sections 2.1.1 and 2.4). A probe is
// answered like any request, which defends the address.
void ArpRouter::check_conflict(const ArpMessage& message) {
    const bool claims = message.sender_ip == interface_.address;
    const bool probes = message.sender_ip.is_any() && message.target_ip == interface_.address;
    if ((!claims && !probes) || message.sender_mac == own_mac()) return;
    log_address(claims ? "claims our address" : "probes for our address", interface_.address,
                message.sender_mac);
    if (!claims) return;
    interface_.counters.add(Counter::arp_conflicts);
    defend(dominoes_now_ns());
}

// RFC 5227 section 2.4 (c): the address is kept, for connections hang on it; but two hosts that
// both do so must not flood the link.
void ArpRouter::defend(uint64_t now_ns) {
    uint64_t after = defend_after_ns_.load_relaxed();
    if (now_ns < after) return;
    if (!defend_after_ns_.compare_exchange_relaxed(after, now_ns + kDefendNs)) return;
    interface_.counters.add(Counter::arp_defences);
    announce();
}

void ArpRouter::handle_request(Router& router, Frame& frame) {
    auto& self = static_cast<ArpRouter&>(router);
    ArpMessage message;
    if (!read(frame, message)) return;
    self.interface_.counters.add(Counter::arp_requests_in);
    self.learn(message.sender_ip, message.sender_mac);
    self.answer(message);
}

// --- what is sent ---

MacAddress ArpRouter::own_mac() const {
    MacAddress mac;
    dominoes_link_mac(interface_.link, mac.bytes);
    return mac;
}

bool ArpRouter::send(const ArpMessage& message, MacAddress destination) {
    Msg msg;
    write_arp(msg.prepend(kArpBytes), message);
    write_eth(msg.prepend(kEthHeaderBytes), {destination, message.sender_mac, kEtherArp});
    dominoes_packet* packet = build_packet(interface_, msg);
    return packet && transmit_packet(interface_, packet);
}

void ArpRouter::request(IpAddress target, MacAddress destination) {
    interface_.counters.add(Counter::arp_requests_out);
    send({kArpRequest, own_mac(), interface_.address, {}, target}, destination);
}

void ArpRouter::answer(const ArpMessage& request) {
    send({kArpReply, own_mac(), interface_.address, request.sender_mac, request.sender_ip},
         request.sender_mac);
}

void ArpRouter::announce() {
    send({kArpRequest, own_mac(), interface_.address, {}, interface_.address}, kBroadcastMac);
}

// It says nothing of a sender, and so leaves no trace in anybody's table (RFC 5227 section 1.1).
bool ArpRouter::probe() {
    interface_.counters.add(Counter::arp_requests_out);
    return send({kArpRequest, own_mac(), {}, {}, interface_.address}, kBroadcastMac);
}

uint64_t ArpRouter::advance_probing(uint64_t now_ns) {
    const ArpProbe::Turn turn = probing_.advance(now_ns);
    if (turn.act == ArpProbe::Act::kProbe && !probe()) probing_.not_sent();
    if (turn.act == ArpProbe::Act::kAnnounce) announce();
    return turn.next_ns;
}

// --- time ---

void ArpRouter::tick(uint64_t now_ns) {
    MutexGuard guard(mutex_);
    neighbours_->for_each([&](Neighbour& neighbour) { tick_neighbour(neighbour, now_ns); });
}

// An unknown address is asked for by broadcast. One that is known and used is asked for again when
// it is old, first of itself (RFC 1122 section 2.3.2.1 (2)) and then of everyone, in case it has
// moved.
void ArpRouter::tick_neighbour(Neighbour& neighbour, uint64_t now_ns) {
    const uint64_t mac = neighbour.packed_mac();
    const uint32_t attempts = neighbour.attempts_.load_relaxed();
    if (attempts == 0 && forget_due(neighbour, now_ns) && forget(neighbour)) return;
    if (attempts == 0 && !refresh_due(neighbour, now_ns)) return;
    if (attempts != 0 && now_ns - neighbour.requested_ns_.load_relaxed() < kRetryNs) return;

    const uint32_t most = mac ? 2 * kMaxAttempts : kMaxAttempts;
    const bool ask_itself = mac && attempts < kMaxAttempts;
    if (attempts >= most) return give_up(neighbour);
    ask(neighbour, attempts + 1, ask_itself ? MacAddress::unpacked(mac) : kBroadcastMac, now_ns);
}

bool ArpRouter::refresh_due(const Neighbour& neighbour, uint64_t now_ns) const {
    return neighbour.packed_mac() && neighbour.used_.load_relaxed() &&
           now_ns - neighbour.confirmed_ns_.load_relaxed() >= kFreshNs;
}

// Neither wanted nor heard of for long. Whoever asked for us is in the table as well.
bool ArpRouter::forget_due(const Neighbour& neighbour, uint64_t now_ns) const {
    const uint64_t last = dominoes::max(neighbour.acquired_ns_.load_relaxed(),
                                        neighbour.confirmed_ns_.load_relaxed());
    return neighbour.references_.load_relaxed() == 0 && now_ns - last >= kForgetNs;
}

void ArpRouter::ask(Neighbour& neighbour, uint32_t attempt, MacAddress destination,
                    uint64_t now_ns) {
    neighbour.attempts_.store_relaxed(attempt);
    neighbour.requested_ns_.store_relaxed(now_ns);
    request(neighbour.address(), destination);
}

void ArpRouter::give_up(Neighbour& neighbour) {
    interface_.counters.add(Counter::arp_failed);
    neighbour.mac_.store_seq_cst(0);
    neighbour.failed_.store_relaxed(1);
    neighbour.attempts_.store_relaxed(0);
    drop_waiting(neighbour);
}

}  // namespace scout
