// SPDX-License-Identifier: GPL-2.0
#include "tools/sim/application.hh"

#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "scout/net/attributes.hh"
#include "scout/net/stack_types.hh"
#include "tools/sim/pattern.hh"

namespace sim {
namespace {

constexpr uint64_t kMaxAtATime = 32'768;
// More than a connection takes to find out that its peer has gone (RFC 9293 section 3.8.3).
constexpr uint64_t kPatienceNs = 1800 * kSecond;

// One for all: nobody keeps anything in it.
uint8_t buffer[kMaxAtATime];

}  // namespace

dominoes_sockaddr address_of(uint32_t host, uint16_t port) {
    return scout::to_program({scout::IpAddress::v4(0x0a000001 + host), port});
}

int set_options(scout_endpoint* endpoint, const HostConfig& config) {
    using scout::Attribute;
    const bool tuned = config.buffer_limit != 0;
    const std::pair<Attribute, int64_t> options[] = {
        {Attribute::kReplicas, config.replicas},
        {Attribute::kPolicy, config.policy},
        {Attribute::kDigestInterval, config.digest_interval},
        {tuned ? Attribute::kBufferLimit : Attribute::kReceiveBytes,
         tuned ? config.buffer_limit : config.receive_bytes},
        {tuned ? Attribute::kBufferLimit : Attribute::kSendBytes,
         tuned ? config.buffer_limit : config.send_bytes},
        {Attribute::kMss, config.mss},
        {Attribute::kNoDelay, config.no_delay},
    };
    for (auto [option, value] : options) {
        const int error = scout_set_option(endpoint, static_cast<uint32_t>(option), value);
        if (error) return error;
    }
    return 0;
}

Application::Application(const Place& place, const SidePlan& plan, const SidePlan& peer)
    : place_(place),
      plan_(plan),
      peer_(peer),
      key_(pattern_key(place.seed, place.connection, place.side)),
      peer_key_(pattern_key(place.seed, place.connection, 1 - place.side)),
      random_(place.seed, 100 + 2 * place.connection + place.side) {}

void Application::note(const char* what, int64_t result) {
    place_.report.note(place_.scheduler.now_ns(), "host %u %s %u %s: %lld", place_.host,
                       place_.side ? "server" : "client", place_.connection, what,
                       static_cast<long long>(result));
}

std::string Application::describe() const {
    char line[256];
    std::snprintf(
        line, sizeof line,
        "  %s %u on host %u: %s%s%s%swritten %llu of %llu, read %llu of %llu, error %d\n",
        place_.side ? "server" : "client", place_.connection, place_.host,
        active() ? "active " : "done ", connected_ ? "connected " : "", shut_ ? "shut " : "",
        at_end_ ? "at-end " : "", static_cast<unsigned long long>(written_),
        static_cast<unsigned long long>(plan_.bytes), static_cast<unsigned long long>(read_),
        static_cast<unsigned long long>(peer_.bytes), error_);
    return line;
}

// --- beginning ---

void Application::begin_at(scout_stack* stack, uint32_t server_host, uint16_t port,
                           uint64_t at_ns) {
    stack_ = stack;
    server_host_ = server_host;
    server_port_ = port;
    due_ns_ = at_ns;
}

void Application::adopt(scout_endpoint* endpoint) {
    endpoint_ = endpoint;
    connected_ = true;
    reads_from_ns_ = place_.scheduler.now_ns() + plan_.first_read_ns;
    act_after(think());
}

void Application::connect() {
    if (scout_endpoint_create(stack_, 6, static_cast<rig::User*>(this), &endpoint_)) {
        endpoint_ = nullptr;
        return act_after(kMillisecond);  // memory is short, for a while
    }
    if (const int error = set_options(endpoint_, place_.config))
        place_.report.fail("an option was refused: " + std::to_string(error));
    const dominoes_sockaddr server = address_of(server_host_, server_port_);
    const int begun = scout_connect(endpoint_, &server);
    note("connect", begun);
    if (begun != -EINPROGRESS) {
        connect_failed_ = true;
        return end_with(begun);
    }
    dominoes_sockaddr local;
    scout_local(endpoint_, &local);
    port_ = ntohs(local.port);
    connecting_ = true;
    if (plan_.ending == Ending::kAbort && plan_.end_after_bytes == 0) act_after(think());
}

void Application::finish_connecting() {
    if (plan_.ending == Ending::kAbort && plan_.end_after_bytes == 0) return close(true);
    const int error = scout_connect_result(endpoint_);
    if (error == -EALREADY) return;
    note("is connected", error);
    if (error) {
        connect_failed_ = true;
        return end_with(error);
    }
    connecting_ = false;
    connected_ = true;
    reads_from_ns_ = place_.scheduler.now_ns() + plan_.first_read_ns;
    act_after(think());
}

// --- going on ---

void Application::wake() { woken_ = !place_.faults.sleeps; }

void Application::heed() {
    if (woken_ && (due_ns_ == kNever || patient_) && endpoint_) act_after(think());
    woken_ = false;
    // A peer whose reset was lost is never heard of again (there is no keep-alive).
    if (!endpoint_ || due_ns_ != kNever) return;
    act_after(kPatienceNs);
    patient_ = true;
}

void Application::act() {
    due_ns_ = kNever;
    if (!endpoint_) return connect();
    if (patient_ && !place_.faults.clings) {
        error_ = -ETIMEDOUT;
        return close(true);
    }
    if (connecting_) return finish_connecting();
    const bool wrote = write_some();
    if (!endpoint_) return;
    const bool has_read = read_some();
    if (!endpoint_) return;
    let_go();
    if (endpoint_ && (wrote || has_read)) act_after(think());
}

bool Application::write_some() {
    const uint64_t left = plan_.bytes - written_;
    if (left == 0) return false;
    const size_t bytes = std::min({random_.between(1, plan_.write_max), left, kMaxAtATime});
    fill_pattern(key_, written_, {buffer, bytes});
    dominoes_iter iter(static_cast<const void*>(buffer), bytes);
    const int64_t taken = scout_write(endpoint_, &iter, bytes);
    note("writes", taken);
    if (taken == -EAGAIN) return false;
    if (taken < 0) {
        end_with(static_cast<int>(taken));
        return false;
    }
    written_ += static_cast<uint64_t>(taken);
    return true;
}

bool Application::read_some() {
    if (at_end_) return false;
    if (place_.scheduler.now_ns() < reads_from_ns_) {
        due_ns_ = reads_from_ns_;
        return false;
    }
    const size_t bytes = std::min(random_.between(1, plan_.read_max), kMaxAtATime);
    dominoes_iter iter(static_cast<void*>(buffer), bytes);
    const int64_t got = scout_read(endpoint_, &iter, bytes);
    note("reads", got);
    if (got == -EAGAIN) return false;
    if (got < 0) {
        end_with(static_cast<int>(got));
        return false;
    }
    at_end_ = got == 0;
    check_read({buffer, static_cast<size_t>(got)});
    return true;
}

void Application::check_read(std::span<uint8_t> data) {
    if (place_.faults.flips_byte && !data.empty()) data[0] ^= 1;
    if (place_.sent) check_sent(data);
    const size_t good = first_wrong(peer_key_, read_, data);
    read_ += data.size();
    if (place_.reads_anything || (good == data.size() && read_ <= peer_.bytes)) return;
    place_.report.fail("what was read is not what the peer wrote, from offset " +
                       std::to_string(read_ - data.size() + good) + "\n" + describe());
}

// Before they count as read.
void Application::check_sent(std::span<uint8_t> data) {
    const size_t good = place_.sent->first_unsent(read_, data);
    if (good < data.size())
        place_.report.fail("what was read is not what the peer sent, from offset " +
                           std::to_string(read_ + good) + "\n" + describe());
    const uint64_t end = read_ - (place_.faults.ends_early ? 1 : 0);
    if (at_end_ && !place_.sent->may_end(end))
        place_.report.fail("what was read ended where the peer did not end\n" + describe());
}

// --- ending ---

void Application::let_go() {
    const bool all_written = written_ == plan_.bytes;
    if ((plan_.ending == Ending::kAnyTime || plan_.ending == Ending::kAbort) &&
        written_ + read_ >= plan_.end_after_bytes) {
        return close(plan_.ending == Ending::kAbort);
    }
    if (!all_written) return;
    if (plan_.ending == Ending::kUnread || (shut_ && at_end_)) return close(false);
    if (shut_) return;
    shut_ = true;
    note("shuts", scout_shutdown(endpoint_, 1));
    if (at_end_) close(false);
}

void Application::close(bool reset) {
    if (reset) scout_set_option(endpoint_, static_cast<uint32_t>(scout::Attribute::kLinger), 0);
    scout_endpoint* const endpoint = endpoint_;
    endpoint_ = nullptr;
    due_ns_ = kNever;
    note(reset ? "aborts" : "closes", 0);
    scout_endpoint_close(endpoint);
}

void Application::end_with(int error) {
    error_ = error;
    close(false);
}

}  // namespace sim
