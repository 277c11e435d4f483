// SPDX-License-Identifier: GPL-2.0
#include "scout/socket/nic.hh"

#include "dominoes/guard.hh"
#include "scout/net/errors.hh"
#include "scout/socket/stack.hh"

namespace scout {

using dominoes::Context;
using dominoes::Domain;
using dominoes::MutexGuard;
using dominoes::Request;

namespace {

constexpr uint16_t kFirstEphemeral = 32768;
constexpr uint16_t kLastEphemeral = 60999;

// A frame on its way to the control thread.
struct Deferred {
    Router* router;
    Interface::Handler handle;
    Frame frame;
};

void release_deferred(Request& request) {
    auto* deferred = static_cast<Deferred*>(request.owned);
    dominoes_packet_free(deferred->frame.packet);
    dominoes_free(deferred);
}

}  // namespace

// --- attach ---

Nic::Nic(Stack& stack)
    : Interface(stack.shared()),
      stack_(stack),
      tick_timer_([](void* self) { return static_cast<Nic*>(self)->tick(); }, this),
      probe_timer_([](void* self) { return static_cast<Nic*>(self)->probe(); }, this) {}

int Nic::create(Stack& stack, const AttachConfig& config, Nic** out) {
    Nic* nic = dominoes::make<Nic>(stack);
    if (!nic) return -int{kEnomem};
    int error = nic->check(config);
    if (!error) error = nic->allocate(config);
    if (error) {
        dominoes::destroy(nic);
        return error;
    }
    nic->connect_routers();
    nic->tentative.store_relaxed(config.probed != nullptr);
    if (!config.probed) nic->arp().announce();
    *out = nic;
    return 0;
}

void Nic::begin_probing(void (*over)(void* context), void* context) {
    arp_->probing().on_over(over, context);
    call_in_control([](void* self) { static_cast<Nic*>(self)->probe(); });
}

int Nic::end_probing(MacAddress& owner) {
    const ArpProbe& probing = arp_->probing();
    DOMINOES_ASSERT(tentative.load_relaxed());
    if (!probing.over()) return -int{kEagain};
    if (!probing.free()) {
        owner = probing.owner();
        return -int{kEaddrinuse};
    }
    tentative.store_relaxed(0);
    {
        MutexGuard guard(shared.mutex());
        stack_.add(*this);
    }
    call_in_control([](void* self) { static_cast<Nic*>(self)->probe(); });
    return 0;
}

// Takes over the addresses, if they make sense.
int Nic::check(const AttachConfig& config) {
    const bool has_gateway = config.gateway.family != 0;
    if (config.address.family != kFamilyInet || config.prefix_len < 1 || config.prefix_len > 32 ||
        (has_gateway && config.gateway.family != kFamilyInet) || config.replicas < 1 ||
        config.replicas > dominoes::kMaxReplicas || config.cpu_count < 1) {
        return -int{kEinval};
    }
    link = config.link;
    if (dominoes_link_mtu(link) < SCOUT_MIN_MTU) return -int{kEinval};
    id = config.id;
    replicas_ = config.replicas;
    address = IpAddress::v4(config.address.addr);
    prefix = {address, config.prefix_len};
    if (has_gateway) gateway = IpAddress::v4(config.gateway.addr);
    if (address.is_any() || address.is_multicast() || address.is_loopback() ||
        address.is_limited_broadcast() || prefix.is_broadcast(address)) {
        return -int{kEinval};
    }
    if (has_gateway && (!prefix.contains(gateway) || gateway == address)) return -int{kEinval};
    dominoes_random(secret, sizeof secret);
    return 0;
}

int Nic::allocate(const AttachConfig& config) {
    contexts_ = static_cast<Context**>(dominoes_alloc(config.cpu_count * sizeof(Context*)));
    if (!contexts_) return -int{kEnomem};
    for (; context_count_ < config.cpu_count; ++context_count_) {
        const int cpu = config.cpus[context_count_];
        uint32_t before = 0;
        for (uint32_t i = 0; i < context_count_; ++i) before += config.cpus[i] == cpu;
        Context* context = stack_.context(cpu, before);
        if (!context) return -int{kEnomem};
        contexts_[context_count_] = context;
    }
    arp_.reset(ArpRouter::create(*this));
    if (!arp_) return -int{kEnomem};
    icmp_.reset(dominoes::make<IcmpRouter>(*this, *arp_));
    if (!icmp_) return -int{kEnomem};
    udp_.reset(UdpRouter::create(*this, *arp_, *icmp_));
    tcp_.reset(TcpRouter::create(*this, *arp_));
    all_ended_ = dominoes_completion_create();
    control_left_ = dominoes_completion_create();
    if (!udp_ || !tcp_ || !all_ended_ || !control_left_) return -int{kEnomem};
    return start_control() ? 0 : -int{kEnomem};
}

void Nic::connect_routers() {
    eth_.connect(ip_, *arp_);
    ip_.connect(kIcmp, *icmp_);
    ip_.connect(kUdp, *udp_);
    ip_.connect(kTcp, *tcp_);
    ip_.connect_errors(*icmp_);
    icmp_->connect(kUdp, *udp_);
    icmp_->connect(kTcp, *tcp_);
    arp_->on_busy(
        [](void* self) {
            auto* nic = static_cast<Nic*>(self);
            // Its channel is never full of a handful of calls; if it were, the next neighbour asks
            // again.
            nic->control_->context().run_in_context(
                [](void* s) { static_cast<Nic*>(s)->start_tick(); }, self);
        },
        this);
    // It says so in the control domain itself.
    ip_.on_busy([](void* self) { static_cast<Nic*>(self)->start_tick(); }, this);
}

// The control domain runs in the last context: a single connection's leader gets the first.
bool Nic::start_control() {
    const Domain::Hooks hooks{
        .schedule = nullptr,
        .subscribed = nullptr,
        .unsubscribed = nullptr,
        .batch_done = nullptr,
        .retired =
            [](Domain& domain) {
                dominoes_completion_complete(static_cast<Nic*>(domain.state())->control_left_);
            },
    };
    Context& context = *contexts_[context_count_ - 1];
    control_channel_.reset(dominoes::RingChannel::create(kControlCapacity));
    control_.reset(dominoes::make<Domain>(0u, static_cast<void*>(this), context, hooks));
    if (!control_channel_ || !control_) return false;
    control_subscription_.reset(dominoes::make<dominoes::Subscription>(
        *control_channel_, *control_,
        [](void* self, Request& request) {
            return static_cast<Nic*>(self)->handle_deferred(request);
        },
        static_cast<void*>(this)));
    return control_subscription_ && control_->subscribe(*control_subscription_, 0);
}

Nic::~Nic() {
    dominoes_free(contexts_);
    if (all_ended_) dominoes_completion_destroy(all_ended_);
    if (control_left_) dominoes_completion_destroy(control_left_);
}

// --- detach ---

void Nic::detach() {
    {
        MutexGuard guard(shared.mutex());
        stack_.remove(*this);
        udp_->detach(kEnetdown);
        tcp_->end_all(kEnetdown);
    }
    replicas_ended();  // the nic's own count
    dominoes_completion_wait(all_ended_);

    control_channel_->close();
    control_->retire();
    dominoes_completion_wait(control_left_);
    stop_timers();

    // Nobody looks at what has been retired, nor is about to schedule the control domain.
    dominoes_retire(this, [](dominoes_retired* self) {
        dominoes_completion_complete(static_cast<Nic*>(self)->all_ended_);
    });
    dominoes_completion_wait(all_ended_);
    dominoes_retire_barrier();
    dominoes::destroy(this);
}

void Nic::replicas_ended() {
    if (live_.fetch_sub_acq_rel(1) == 1) dominoes_completion_complete(all_ended_);
}

// --- what happens to the device ---

// A connection that is made meanwhile has read the new MTU, or is in the table when the call comes.
// One call at a time is on its way, however often the MTU changes, so that the control channel has
// room.
void Nic::mtu_changed() {
    if (mtu_told_.exchange_acq_rel(1)) return;
    call_in_control([](void* self) {
        auto* nic = static_cast<Nic*>(self);
        nic->mtu_told_.exchange_acq_rel(0);
        MutexGuard guard(nic->shared.mutex());
        nic->tcp_->link_changed();
    });
}

void Nic::announce() {
    if (!tentative.load_relaxed()) arp_->announce();
}

// --- frames ---

bool Nic::receive(dominoes_packet* packet) {
    Frame frame(packet);
    switch (eth_.demux(frame)) {
        case Verdict::kPass:
            return false;
        case Verdict::kTake:
            break;
        case Verdict::kDrop:
            dominoes_packet_free(packet);
            break;
    }
    counters.add(Counter::rx_packets);
    counters.add(Counter::rx_bytes, frame.bytes - dominoes::min(frame.bytes, kEthHeaderBytes));
    return true;
}

Verdict Nic::defer(Router& router, Handler handle, Frame& frame) {
    auto* deferred = static_cast<Deferred*>(dominoes_alloc_atomic(sizeof(Deferred)));
    if (!deferred) return drop(Counter::drop_control_full);
    *deferred = {&router, handle, frame};
    Request* request = control_channel_->claim(0);
    if (!request) {
        dominoes_free(deferred);
        return drop(Counter::drop_control_full);
    }
    request->now_ns = dominoes_now_ns();
    request->owned = deferred;
    request->release = &release_deferred;
    control_channel_->publish(*request);
    return Verdict::kTake;
}

bool Nic::handle_deferred(Request& request) {
    auto* deferred = static_cast<Deferred*>(request.owned);
    deferred->handle(*deferred->router, deferred->frame);
    return true;
}

// --- time, in the control domain's context ---

// Its channel is full for a moment at most; the context that empties it may have less priority than
// the caller, who therefore sleeps. Without the mutex, for which the control domain may be waiting.
void Nic::call_in_control(void (*call)(void* nic)) {
    constexpr uint64_t kRetryNs = 100'000;
    while (!control_->context().run_in_context(call, this)) dominoes_thread_delay(kRetryNs);
}

void Nic::start_tick() {
    if (!tick_timer_.armed()) {
        control_->context().timers().start(tick_timer_, dominoes_now_ns() + kTickNs);
    }
}

// Goes behind a call that starts one and may be on its way.
void Nic::stop_timers() {
    call_in_control([](void* self) {
        auto* nic = static_cast<Nic*>(self);
        nic->control_->context().timers().cancel(nic->tick_timer_);
        nic->control_->context().timers().cancel(nic->probe_timer_);
        dominoes_completion_complete(nic->control_left_);
    });
    dominoes_completion_wait(control_left_);
}

// Once a second, while ARP or IP has something to look after.
bool Nic::tick() {
    const uint64_t now = dominoes_now_ns();
    arp_->tick(now);
    ip_.tick(now);
    if (arp_->busy() || ip_.busy()) control_->context().timers().start(tick_timer_, now + kTickNs);
    return true;
}

bool Nic::probe() {
    const uint64_t next_ns = arp_->advance_probing(dominoes_now_ns());
    if (next_ns != ArpProbe::kNever) control_->context().timers().start(probe_timer_, next_ns);
    return true;
}

// --- for whoever asks ---

uint64_t Nic::count(Counter counter) const {
    uint64_t sum = counters.get(counter);
    for (uint32_t i = 0; i < context_count_; ++i) {
        const Context::Stats stats = contexts_[i]->stats();
        if (counter == Counter::context_batches) sum += stats.runs;
        if (counter == Counter::context_parks) sum += stats.parks;
    }
    return sum;
}

// --- ports ---

uint16_t Nic::pick_port() {
    constexpr uint32_t kPorts = kLastEphemeral - kFirstEphemeral + 1;
    uint32_t start;
    dominoes_random(&start, sizeof start);
    for (uint32_t i = 0; i < kPorts; ++i) {
        const auto port = static_cast<uint16_t>(kFirstEphemeral + (start + i) % kPorts);
        if (tcp_->port_unused(port) && !stack_.port_bound(*this, port)) return port;
    }
    return 0;
}

}  // namespace scout
