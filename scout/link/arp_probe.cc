// SPDX-License-Identifier: GPL-2.0
#include "scout/link/arp_probe.hh"

#include "scout/link/arp.hh"

namespace scout {

namespace {

// Uniform, so that hosts that start together do not ask together.
uint64_t random_between(uint64_t least, uint64_t most) {
    uint32_t chance;
    dominoes_random(&chance, sizeof chance);
    return least + ((most - least) * chance >> 32);
}

}  // namespace

ArpProbe::Turn ArpProbe::advance(uint64_t now_ns) {
    if (is_owner(outcome_.load_relaxed())) return {Act::kNothing, kNever};
    const uint32_t turn = turns_++;
    if (turn == 0) return {Act::kNothing, now_ns + random_between(0, kProbeWaitNs)};
    if (turn < kProbeNum) return {Act::kProbe, now_ns + random_between(kProbeMinNs, kProbeMaxNs)};
    if (turn == kProbeNum) return {Act::kProbe, now_ns + kAnnounceWaitNs};
    if (turn == kProbeNum + 1) {
        end(kFree);
        return {Act::kNothing, kNever};
    }
    const bool last = turn == kProbeNum + 1 + kAnnounceNum;
    return {Act::kAnnounce, last ? kNever : now_ns + kAnnounceIntervalNs};
}

// RFC 5227 section 2.1.1. We have sent nothing from the address, so whoever did is another, even
// one with our MAC address; but a probe may be our own, come back.
void ArpProbe::hear(const ArpMessage& message, IpAddress address, MacAddress own) {
    const bool uses = message.sender_ip == address;
    const bool wants = message.operation == kArpRequest && message.sender_ip.is_any() &&
                       message.target_ip == address && message.sender_mac != own;
    if (uses || wants) end(message.sender_mac.packed());
}

// The first owner heard stays. One that is heard when the address was thought free, but is not used
// yet, still counts.
void ArpProbe::end(uint64_t outcome) {
    uint64_t before = outcome_.load_relaxed();
    do {
        if (is_owner(before)) return;
    } while (!outcome_.compare_exchange_relaxed(before, outcome));
    if (before == kUnknown && on_over_) on_over_(on_over_context_);
}

}  // namespace scout
