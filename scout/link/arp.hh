// SPDX-License-Identifier: GPL-2.0
//
// ARP (RFC 826) for Ethernet and IPv4. The host's own stack lives at the same MAC address with
// other IP addresses: what is not about ours passes, so that its ARP goes on working.
//
// Neighbours are found without a lock. Their MAC address is one atomic word: an answer, or a change
// of it, is seen by the next packet sent. The table itself changes under a mutex, in a thread.
#pragma once

#include "scout/link/arp_probe.hh"
#include "scout/link/eth.hh"
#include "scout/net/map.hh"

namespace scout {

inline constexpr uint32_t kArpBytes = 28;

enum ArpOperation : uint16_t { kArpRequest = 1, kArpReply = 2 };

struct ArpMessage {
    uint16_t operation;
    MacAddress sender_mac;
    IpAddress sender_ip;
    MacAddress target_mac;
    IpAddress target_ip;
};

enum class ArpResult { kOk, kShort, kHardware, kProtocol, kLengths, kSender };
ArpResult parse_arp(const uint8_t* bytes, uint32_t length, ArpMessage& out);
void write_arp(uint8_t* bytes, const ArpMessage& message);

// Packets that wait for one address: any number of senders put in, whoever knows the address takes
// out. The newest are kept (RFC 1122 section 2.3.2.2).
class ArpQueue : dominoes::Pinned {
public:
    static constexpr uint32_t kMax = 16;

    ~ArpQueue();
    // Takes the packet. Returns the oldest if there is no room for both. Context: any.
    [[nodiscard]] dominoes_packet* put(dominoes_packet* packet);
    // Takes out the oldest; nullptr: there is none. Context: any.
    dominoes_packet* take();

private:
    dominoes::Atomic<dominoes_packet*> slots_[kMax];
    dominoes::Atomic<uint32_t> next_;  // to be filled; a ring
};

// A host on the link, as seen by those who send to it.
class Neighbour final : public dominoes_retired, public MapNode<IpAddress>, dominoes::Pinned {
public:
    explicit Neighbour(IpAddress address) : MapNode(address) {}

    IpAddress address() const { return key(); }
    // MacAddress::packed(); 0 while not known. Context: any.
    uint64_t packed_mac() const { return mac_.load_acquire(); }
    // The last attempt to find the MAC address went unanswered; false again once it is known.
    // Sending begins a new attempt. Context: any.
    bool failed() const { return failed_.load_relaxed() != 0; }
    // Somebody sends to it, so its address is to be kept fresh. Context: any.
    void mark_used() {
        if (!used_.load_relaxed()) used_.store_relaxed(1);
    }

private:
    friend class ArpRouter;

    // Set in references_ when the entry is being taken out of the table: no new references.
    static constexpr uint32_t kDead = uint32_t{1} << 31;

    bool reference();
    static void free(dominoes_retired* retired);

    dominoes::Atomic<uint64_t> mac_;
    ArpQueue waiting_;  // for mac_
    dominoes::Atomic<uint32_t> references_;
    dominoes::Atomic<uint32_t> attempts_;  // requests sent and not answered; 0: none is due
    dominoes::Atomic<uint32_t> used_;      // since the address was last confirmed
    dominoes::Atomic<uint32_t> failed_;
    dominoes::Atomic<uint64_t> confirmed_ns_;  // when its owner was last heard
    dominoes::Atomic<uint64_t> requested_ns_;  // when it was last asked for
    dominoes::Atomic<uint64_t> acquired_ns_;   // the oldest is reused first
};

class ArpRouter final : public Router {
public:
    static constexpr uint32_t kMaxNeighbours = 1024;
    static constexpr uint32_t kMaxAttempts = 3;        // one a second (RFC 1122 section 2.3.2.1)
    static constexpr uint64_t kRetryNs = 950'000'000;  // a second, less what a timer may be early
    static constexpr uint64_t kFreshNs = 60'000'000'000;
    static constexpr uint64_t kDoubtNs = 5'000'000'000;  // Linux's DELAY_PROBE_TIME
    static constexpr uint64_t kForgetNs = 600'000'000'000;
    static constexpr uint64_t kDefendNs = 10'000'000'000;  // DEFEND_INTERVAL, RFC 5227 section 1.1

    // nullptr when memory is short. Context: process.
    [[nodiscard]] static ArpRouter* create(Interface& interface);
    explicit ArpRouter(Interface& interface) : interface_(interface) {}
    // No reference to a neighbour is left, and no frame comes any more.
    ~ArpRouter();

    Verdict demux(Frame& frame) override;

    // The neighbour `address`, referenced; made if there is none. nullptr when the table is full of
    // referenced ones or memory is short. Nothing is sent yet. Context: process.
    [[nodiscard]] Neighbour* acquire(IpAddress address);
    // Gives a reference back; nullptr is allowed. Context: any.
    void release(Neighbour* neighbour);

    // Sends `packet` as soon as the neighbour's address is known; asks for it if nobody has yet. If
    // too many wait the oldest is dropped for it. Consumes the packet. Context: any.
    void hold(Neighbour& neighbour, dominoes_packet* packet);

    // Tells the link whose our address is (RFC 5227 section 2.3). Context: any.
    void announce();
    // Another host claims our address: announces it, if that was not done lately. Context: any.
    void defend(uint64_t now_ns);

    // For an address that is not to be used before it has been probed for. What arrives while the
    // interface is tentative is its business. Context: as its functions.
    ArpProbe& probing() { return probing_; }
    // Takes its next turn, and sends what that asks for. Returns when to take another. Context: the
    // control thread.
    uint64_t advance_probing(uint64_t now_ns);

    // Repeats and gives up requests, refreshes addresses in use, forgets those that nobody has used
    // for long. To be called once a second while busy(). Context: process (the control thread).
    void tick(uint64_t now_ns);
    bool busy() const { return neighbours_->count() != 0; }
    // Calls callback(context) when busy() becomes true. Context of the callback: process.
    void on_busy(void (*callback)(void* context), void* context) {
        on_busy_ = callback;
        on_busy_context_ = context;
    }

private:
    using Neighbours = Map<IpAddress, Neighbour>;

    Verdict classify(Frame& frame, const ArpMessage& message);
    void check_conflict(const ArpMessage& message);
    static void handle_request(Router& router, Frame& frame);
    Verdict take_reply(Frame& frame, bool merged);
    void answer(const ArpMessage& request);
    void learn(IpAddress address, MacAddress mac);
    bool update(IpAddress address, MacAddress mac, bool asked_for);
    void resolve(Neighbour& neighbour, MacAddress mac);
    void send_waiting(Neighbour& neighbour);
    void drop_waiting(Neighbour& neighbour);

    Neighbour* find_referenced(IpAddress address);
    Neighbour* insert_referenced(IpAddress address);
    bool make_room();
    bool forget(Neighbour& neighbour);

    void tick_neighbour(Neighbour& neighbour, uint64_t now_ns);
    bool refresh_due(const Neighbour& neighbour, uint64_t now_ns) const;
    bool forget_due(const Neighbour& neighbour, uint64_t now_ns) const;
    void ask(Neighbour& neighbour, uint32_t attempt, MacAddress destination, uint64_t now_ns);
    void give_up(Neighbour& neighbour);
    void request(IpAddress target, MacAddress destination);
    bool probe();
    bool send(const ArpMessage& message, MacAddress destination);
    MacAddress own_mac() const;

    Interface& interface_;
    ArpProbe probing_;
    dominoes::Owned<Neighbours> neighbours_;
    dominoes_mutex* mutex_ = nullptr;             // serialises writers of neighbours_
    dominoes::Atomic<uint64_t> defend_after_ns_;  // not before then is our address defended again
    void (*on_busy_)(void*) = nullptr;
    void* on_busy_context_ = nullptr;
};

}  // namespace scout
