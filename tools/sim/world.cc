// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/world.hh"

#include <algorithm>
#include <cerrno>

#include "tools/rig/port_memory.hh"

namespace sim {
namespace {

// All applications have let go by then: R2 is a quarter of an hour (RFC 9293 section 3.8.3).
constexpr uint64_t kMaxVirtualNs = 2 * 3600 * kSecond;

// And has given up a peer that says nothing: 15 timeouts of at most two minutes, and then
// FIN-WAIT-2; an application's own patience is less.
constexpr uint64_t kMaxSilenceNs = 2100 * kSecond;

DatagramFaults datagram_faults_of(Break broken) {
    return {.flips_byte = broken == Break::kFlipByte,
            .repeats = broken == Break::kRepeatDatagram,
            .forgets = broken == Break::kForgetDatagram,
            .despairs = broken == Break::kRefuseDatagram};
}

ApplicationFaults faults_of(Break broken) {
    return {.flips_byte = broken == Break::kFlipByte,
            .sleeps = broken == Break::kHang,
            .ends_early = broken == Break::kEarlyEnd,
            .clings = broken == Break::kCling};
}

}  // namespace

World::World(const Scenario& scenario, const WorldOptions& options)
    : scenario_(scenario),
      options_(options),
      allocations_before_(rig::live_allocations()),
      packets_before_(rig::packets_held()),
      report_(options.timeline),
      scheduler_(scenario.seed, scenario.schedule),
      random_(scenario.seed, 5),
      network_(scenario, scheduler_, report_),
      hosts_{{0, scenario.hosts[0], scheduler_}, {1, scenario.hosts[1], scheduler_}},
      arp_may_fail_(scenario.arp_suffers || !scenario.partitions.empty() ||
                    !scenario.no_builds.empty() || !scenario.failing_allocations.empty()) {
    network_.pcap = options.pcap;
    network_.trace = options.trace;
    network_.on_arrival = [this](uint32_t host, dominoes_packet* packet) {
        take_arrival(host, packet);
    };
    if (options.broken == Break::kAckAhead || options.broken == Break::kBeyondWindow)
        network_.on_sent = [this](uint32_t host, dominoes_packet& packet) {
            break_wire(host, packet);
        };
    if (scenario.sends_at_once()) network_.check().knows_what_was_sent();
    if (scenario.hostile) make_hostile_peer();
    scheduler_.on_log = [this](int level, const char* line) { log(level, line); };
    make_applications();
    if (!scenario.datagrams.empty()) make_datagram_users();
}

void World::make_datagram_users() {
    datagram_check_.emplace(scenario_, report_);
    network_.datagrams = &*datagram_check_;
    for (uint32_t i = 0; i < scenario_.datagrams.size(); ++i)
        datagram_users_.push_back(std::make_unique<DatagramUser>(
            DatagramUser::Place{scheduler_, report_, *datagram_check_, scenario_, i,
                                datagram_faults_of(options_.broken)}));
}

void World::make_hostile_peer() {
    network_.check().do_not_judge(1);
    if (scenario_.scripted) {
        network_.check().trust_first_syn(1);
        scripted_.emplace(scenario_, scheduler_, report_,
                          [this](dominoes_packet* packet) { network_.transmit(1, packet); });
        return;
    }
    hostile_.emplace(scenario_.seed);
    network_.on_sent = [this](uint32_t host, dominoes_packet& packet) {
        if (host == 0) return;
        if (dominoes_packet* forged = hostile_->forge(packet)) network_.transmit(1, forged);
        hostile_->alter(packet);
    };
}

// With a scripted peer there is one for each of its ends as well, which never begins.
void World::make_applications() {
    for (uint32_t i = 0; i < scenario_.connections.size(); ++i) {
        const SidePlan* const sides = scenario_.connections[i].sides;
        for (uint32_t side : {0, 1})
            applications_.push_back(
                std::make_unique<Application>(place_of(i, side), sides[side], sides[1 - side]));
    }
}

Application::Place World::place_of(uint32_t connection, uint32_t side) {
    const uint32_t client = scenario_.connections[connection].client_host;
    const uint32_t host = side == 0 ? client : 1 - client;
    const bool honest = scenario_.scripted && connection + 1 == scenario_.connections.size();
    return {scheduler_,
            report_,
            scenario_.hosts[host],
            scenario_.seed,
            connection,
            side,
            host,
            scenario_.hostile && !honest && host == 0,
            scripted_ && host == 0 ? &scripted_->connection(connection).stream() : nullptr,
            faults_of(options_.broken)};
}

World::~World() = default;

bool World::run() {
    const bool ended = scheduler_.run([this] { drive(); });
    rig::fail_allocations(0);
    if (!ended && !report_.failed()) report_.fail(scheduler_.failure() + "\n" + describe());
    return ended;
}

// --- the driver ---

void World::drive() {
    set_up();
    go_on_until([this] { return applications_done() && network_.next_ns() == kNever; },
                "the applications come to an end");
    all_done_ns_ = scheduler_.now_ns();
    for (const auto& user : datagram_users_) user->finish();
    if (scripted_) make_honest_connection();
    for (SimHost& host : hosts_) host.unlisten();
    go_on_until([this] { return hosts_[0].connections() + hosts_[1].connections() == 0; },
                "all connections come to an end");
    end();
    judge();
}

void World::take_arrival(uint32_t host, dominoes_packet* packet) {
    const bool deaf = attacked_ && options_.broken == Break::kDeafHost;
    if (host == 0 ? !deaf : !scripted_) return hosts_[host].receive(packet);
    if (host == 1) scripted_->receive(*packet);
    dominoes_packet_free(packet);
}

// After all attacks the host must be of use.
void World::make_honest_connection() {
    attacked_ = true;
    if (scenario_.detach_ns) return;  // it may happen meanwhile
    rig::fail_allocations(0);
    begin_connection(static_cast<uint32_t>(scenario_.connections.size()) - 1, scheduler_.now_ns());
    go_on_until([this] { return applications_done() && network_.next_ns() == kNever; },
                "the honest connection comes to an end");
    all_done_ns_ = scheduler_.now_ns();
}

// Attaches both devices; if memory is to be short for that, at the second attempt.
void World::set_up() {
    for (uint32_t i : {0, 1}) {
        if (i == 1 && scripted_) continue;
        SimHost& host = hosts_[i];
        const size_t before = rig::live_allocations();
        if (scenario_.attach_fails) rig::fail_allocations(uint64_t{1} << random_.below(32));
        int error = host.attach(network_.link(i));
        rig::fail_allocations(0);
        if (error == -ENOMEM && scenario_.attach_fails) {
            dominoes_retire_barrier();
            if (rig::live_allocations() != before)
                report_.fail("a failed attach left memory behind");
            error = host.attach(network_.link(i));
        }
        if (!error) error = host.listen();
        if (error) {
            report_.fail("set-up of host " + std::to_string(i) + ": " + std::to_string(error));
            scheduler_.fail("set-up");
        }
    }
    const size_t at_once = scenario_.connections.size() - (scripted_ ? 1 : 0);
    for (size_t i = 0; i < datagram_users_.size(); ++i)
        datagram_users_[i]->begin(hosts_[scenario_.datagrams[i].host].stack());
    for (uint32_t i = 0; i < at_once; ++i)
        begin_connection(i, at(scenario_.connections[i].begin_ns));
    schedule_faults();
}

void World::begin_connection(uint32_t connection, uint64_t at_ns) {
    const uint32_t client = scenario_.connections[connection].client_host;
    if (!scripted_ || client == 0)
        return applications_[2 * connection]->begin_at(hosts_[client].stack(), 1 - client,
                                                       SimHost::kPort, at_ns);
    const uint16_t port = scripted_->begin_at(connection, at_ns);
    network_.check().expect_pattern(0, SimHost::kPort, port,
                                    applications_[2 * connection + 1]->key());
}

void World::go_on_until(const std::function<bool()>& over, const char* what) {
    const auto stuck = [&](const char* how) {
        report_.fail(std::string(how) + " before " + what + "\n" + describe());
        scheduler_.fail("stuck");
    };
    for (;;) {
        scheduler_.settle();
        network_.collect();
        for (const auto& application : applications_) application->heed();
        for (const auto& user : datagram_users_) user->heed();
        if (report_.failed()) scheduler_.fail("a check has failed");
        if (over()) return;
        check_patience();
        if (virtual_ns() > kMaxVirtualNs) stuck("two hours pass");
        if (!happens_next()) stuck("nothing happens any more");
    }
}

uint64_t World::next_ns() const {
    uint64_t next = std::min(scheduler_.next_deadline(), network_.next_ns());
    if (!actions_.empty()) next = std::min(next, actions_.back().at_ns);
    for (const SimHost& host : hosts_) next = std::min(next, host.due_ns());
    for (const auto& application : applications_) next = std::min(next, application->due_ns());
    for (const auto& user : datagram_users_) next = std::min(next, user->due_ns());
    if (scripted_) next = std::min(next, scripted_->due_ns());
    return next;
}

// Moves on to the next event, and lets it happen. What fibers wait for comes before what comes from
// outside, and that in an order of its own, so that it is the same whatever the schedule.
bool World::happens_next() {
    const uint64_t next = next_ns();
    if (next == kNever) return false;
    const bool fibers = scheduler_.next_deadline() <= next;
    scheduler_.advance_to(next);
    const uint64_t now = scheduler_.now_ns();
    if (fibers) return true;
    if (network_.next_ns() <= now) {
        network_.deliver_next();
        return true;
    }
    if (scripted_ && scripted_->due_ns() <= now) {
        scripted_->act();
        return true;
    }
    for (uint32_t i : {0, 1}) {
        if (hosts_[i].due_ns() > now) continue;
        hosts_[i].accept([this, i](uint16_t port) { return server_of(i, port); });
        return true;
    }
    for (const auto& application : applications_) {
        if (application->due_ns() > now) continue;
        act(*application);
        return true;
    }
    for (const auto& user : datagram_users_) {
        if (user->due_ns() > now) continue;
        user->act();
        return true;
    }
    const auto action = std::move(actions_.back().act);
    actions_.pop_back();
    action();
    return true;
}

// A connection outlives neither a silent peer nor its application for long.
void World::check_patience() {
    if (!scripted_ || scripted_->active()) return;
    const uint64_t since = std::max(scripted_->over_ns(), all_done_ns_);
    if (since == 0 || scheduler_.now_ns() < since + kMaxSilenceNs) return;
    report_.fail("a connection goes on although its peer is silent\n" + describe());
}

void World::act(Application& application) {
    const uint16_t before = application.port();
    application.act();
    if (application.port() == before) return;
    const uint32_t host = application.host();
    network_.check().expect_pattern(host, application.port(), SimHost::kPort, application.key());
    const auto client =
        std::find_if(applications_.begin(), applications_.end(),
                     [&](const auto& other) { return other.get() == &application; });
    network_.check().expect_pattern(1 - host, SimHost::kPort, application.port(), client[1]->key());
    if (scripted_)
        scripted_->expect(static_cast<uint32_t>(client - applications_.begin()) / 2,
                          application.port());
}

Application* World::server_of(uint32_t host, uint16_t client_port) {
    if (scripted_) {  // its SYNs may have opened something after the end
        const int connection = scripted_->connection_of(client_port);
        if (connection < 0) return nullptr;
        Application& server = *applications_[2 * static_cast<size_t>(connection) + 1];
        return server.connected() || server.host() != host ? nullptr : &server;
    }
    for (size_t i = 0; i < applications_.size(); i += 2) {
        const Application& client = *applications_[i];
        if (client.host() != host && client.port() == client_port)
            return applications_[i + 1].get();
    }
    report_.fail("a connection was accepted that nobody has opened");
    return nullptr;
}

bool World::applications_done() const {
    const auto active = [](const auto& application) { return application->active(); };
    return !(scripted_ && scripted_->active()) &&
           std::none_of(applications_.begin(), applications_.end(), active) &&
           std::none_of(datagram_users_.begin(), datagram_users_.end(), active);
}

// --- the end ---

void World::end() {
    rig::fail_allocations(0);
    if (datagram_check_ && scenario_.detach_ns == 0) {
        for (uint32_t host : {0, 1}) check_datagrams(host);
    }
    for (SimHost& host : hosts_) {
        if (const uint64_t count = host.counter("digest_mismatches"))
            report_.fail(std::to_string(count) + " digests of replicas differ");
        digest_checks_ += host.counter("digest_checks");
        host.detach();
    }
    for (SimHost& host : hosts_) host.destroy();
    scheduler_.settle();
    network_.collect();
}

std::string World::describe() const {
    std::string all;
    for (const auto& application : applications_) all += application->describe();
    for (const auto& application : applications_) {
        struct dominoes_info info;
        if (!application->endpoint()) continue;
        scout_info(application->endpoint(), &info);
        char line[200];
        std::snprintf(line, sizeof line,
                      "  state %u cwnd %u window %u rto %u us sent %llu acked %llu received %llu "
                      "queues %llu %llu\n",
                      info.state, info.cwnd, info.snd_wnd, info.rto_us,
                      static_cast<unsigned long long>(info.bytes_sent),
                      static_cast<unsigned long long>(info.bytes_acked),
                      static_cast<unsigned long long>(info.bytes_received),
                      static_cast<unsigned long long>(info.recv_queue),
                      static_cast<unsigned long long>(info.send_queue));
        all += line;
    }
    return all + scheduler_.describe();
}

void World::log(int level, const char* line) {
    report_.note(scheduler_.now_ns(), "log: %s", line);
    if (level == DOMINOES_LOG_ERROR) report_.fail(line);
}

}  // namespace sim
