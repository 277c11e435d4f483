// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/datagram_user.hh"

#include <cerrno>

#include "scout/net/attributes.hh"
#include "tools/sim/application.hh"
#include "tools/sim/pattern.hh"

namespace sim {
namespace {

// One for all: nobody keeps anything in it.
uint8_t buffer[65536];

}  // namespace

DatagramUser::DatagramUser(const Place& place)
    : place_(place),
      plan_(place.scenario.datagrams[place.number]),
      random_(place.scenario.seed, 300 + place.number) {}

// --- its port ---

void DatagramUser::begin(scout_stack* stack) {
    stack_ = stack;
    if (plan_.sends > 0) send_ns_ = now() + random_.any_size(plan_.think_max_ns);
    open();
}

void DatagramUser::open() {
    change_ns_ = UINT64_MAX;
    const int error = set_up();
    if (!error) {
        if (plan_.closed_ns && !was_closed_) change_ns_ = now() + plan_.close_ns;
        return;
    }
    place_.check.closes(place_.number);
    if (endpoint_) close();
    if (error != -ENOMEM) return take_error(error, "awaited");
    change_ns_ = now() + kMillisecond;
}

int DatagramUser::set_up() {
    int error = scout_endpoint_create(stack_, 17, static_cast<rig::User*>(this), &endpoint_);
    if (error) {
        endpoint_ = nullptr;
        return error;
    }
    const auto port = static_cast<uint16_t>(DatagramCheck::kFirstPort + place_.number);
    const dominoes_sockaddr own = address_of(plan_.host, port);
    error = scout_set_option(endpoint_, static_cast<uint32_t>(scout::Attribute::kReceiveBytes),
                             plan_.receive_bytes);
    if (!error) error = scout_bind(endpoint_, &own);
    if (error || !plan_.connected) return error;
    const dominoes_sockaddr peer =
        address_of(1 - plan_.host, static_cast<uint16_t>(DatagramCheck::kFirstPort + plan_.peer));
    return scout_connect(endpoint_, &peer);
}

void DatagramUser::close() {
    scout_endpoint* const endpoint = endpoint_;
    endpoint_ = nullptr;
    read_ns_ = UINT64_MAX;
    scout_endpoint_close(endpoint);
}

void DatagramUser::finish() {
    change_ns_ = send_ns_ = UINT64_MAX;
    while (endpoint_ && read()) continue;
    if (endpoint_) close();
}

void DatagramUser::give_up() {
    change_ns_ = send_ns_ = read_ns_ = UINT64_MAX;
    if (endpoint_) close();
}

// --- what it does ---

void DatagramUser::heed() {
    if (woken_ && endpoint_ && read_ns_ == UINT64_MAX)
        read_ns_ = now() + random_.below(plan_.read_pause_ns + 1);
    woken_ = false;
}

void DatagramUser::act() {
    if (change_ns_ <= now()) {
        if (!endpoint_) return open();
        while (endpoint_ && read()) continue;
        if (!endpoint_) return;
        was_closed_ = true;
        place_.check.closes(place_.number);
        close();
        change_ns_ = now() + plan_.closed_ns;
    } else if (send_ns_ <= now()) {
        if (!endpoint_) {
            send_ns_ = change_ns_;  // its port is closed until then
            return;
        }
        send_ns_ = UINT64_MAX;
        send();
        if (endpoint_ && sent_ < plan_.sends)
            send_ns_ = now() + random_.any_size(plan_.think_max_ns);
    } else {
        read_ns_ = UINT64_MAX;
        if (read() && endpoint_) read_ns_ = now() + random_.below(plan_.read_pause_ns + 1);
    }
}

void DatagramUser::send() {
    const DatagramPlan& plan = plan_;
    const auto pairs = static_cast<uint32_t>(place_.scenario.datagrams.size() / 2);
    const uint32_t to = plan.connected
                            ? plan.peer
                            : 2 * static_cast<uint32_t>(random_.below(pairs)) + 1 - plan.host;
    const size_t bytes = random_.any_size(plan.size_max);
    const uint64_t which = uint64_t{place_.number} << 32 | sent_++;
    fill_pattern(Random::mixed(place_.scenario.seed ^ Random::mixed(which)), 0, {buffer, bytes});
    place_.check.writes(place_.number, to, {buffer, bytes});
    const dominoes_sockaddr peer =
        address_of(1 - plan.host, static_cast<uint16_t>(DatagramCheck::kFirstPort + to));
    dominoes_iter iter(static_cast<const void*>(buffer), bytes);
    const int64_t taken = scout_send_to(endpoint_, plan.connected ? nullptr : &peer, &iter, bytes);
    note("sends", taken);
    if (taken < 0) return take_error(static_cast<int>(taken), "sent");
    place_.check.wrote(place_.number);
    if (static_cast<size_t>(taken) != bytes) place_.report.fail("a datagram was sent in part");
}

// False: there was nothing.
bool DatagramUser::read() {
    dominoes_sockaddr peer;
    dominoes_iter iter(static_cast<void*>(buffer), sizeof buffer);
    int64_t got = scout_receive_from(endpoint_, &peer, &iter, sizeof buffer, false);
    if (place_.faults.despairs && got >= 0) got = -ECONNREFUSED;
    note("reads", got);
    if (got == -EAGAIN) return false;
    if (got < 0) {
        take_error(static_cast<int>(got), "read");
        return true;
    }
    if (place_.faults.forgets) return true;
    const std::span<uint8_t> payload(buffer, static_cast<size_t>(got));
    if (place_.faults.flips_byte && got > 0) buffer[0] ^= 1;
    for (int i = place_.faults.repeats ? 2 : 1; i > 0; --i)
        place_.check.reads(place_.number, peer, payload);
    return true;
}

void DatagramUser::take_error(int error, const char* what) {
    const Scenario& scenario = place_.scenario;
    const bool no_memory = !scenario.failing_allocations.empty() || !scenario.no_builds.empty();
    if (error == -ECONNREFUSED) {
        // A device that is detached has no ports any more.
        if (!scenario.detach_ns) place_.check.refused(place_.number);
        return;
    }
    if (error == -ENOMEM && no_memory) return;
    if (scenario.detach_ns) return give_up();
    place_.report.fail("a datagram could not be " + std::string(what) + ": " +
                       std::to_string(error));
}

void DatagramUser::note(const char* what, int64_t result) {
    place_.report.note(now(), "host %u udp endpoint %u %s: %lld", plan_.host, place_.number, what,
                       static_cast<long long>(result));
}

}  // namespace sim
