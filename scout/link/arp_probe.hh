// SPDX-License-Identifier: GPL-2.0
//
// Whether an address may be used (RFC 5227 section 2.1): before anything is sent from it the link
// is asked for it a few times, and whoever has it, or wants it as well, is heard. Only then is it
// announced (section 2.3).
//
// A machine that has no clock: it says what is to be sent now, and when it wants to be asked again.
#pragma once

#include "dominoes/atomic.hh"
#include "scout/net/address.hh"

namespace scout {

struct ArpMessage;

class ArpProbe : dominoes::Pinned {
public:
    // RFC 5227 section 1.1.
    static constexpr uint64_t kProbeWaitNs = 1'000'000'000;
    static constexpr uint32_t kProbeNum = 3;
    static constexpr uint64_t kProbeMinNs = 1'000'000'000;
    static constexpr uint64_t kProbeMaxNs = 2'000'000'000;
    static constexpr uint64_t kAnnounceWaitNs = 2'000'000'000;
    static constexpr uint32_t kAnnounceNum = 2;
    static constexpr uint64_t kAnnounceIntervalNs = 2'000'000'000;
    static constexpr uint64_t kNever = UINT64_MAX;

    enum class Act { kNothing, kProbe, kAnnounce };
    struct Turn {
        Act act;
        uint64_t next_ns;  // of advance(); kNever: no more
    };

    // Calls callback(context), once, when it is known whether the address is free. Before the first
    // turn. Context of the callback: any.
    void on_over(void (*callback)(void* context), void* context) {
        on_over_ = callback;
        on_over_context_ = context;
    }

    // The next turn: a pause and the probes, of which the last turn says that the address is free
    // if nobody has been heard. Where it is taken into use, the next is to announce it. Context:
    // the control thread.
    Turn advance(uint64_t now_ns);
    // The probe of the last turn was not sent, so nobody was asked: the next turn sends it again.
    // Context: the control thread.
    void not_sent() { --turns_; }

    // What comes while `address` is tentative; `own` is our MAC address. Context: any.
    void hear(const ArpMessage& message, IpAddress address, MacAddress own);

    // It is known by now. Context of these three: any.
    bool over() const { return outcome_.load_relaxed() != kUnknown; }
    bool free() const { return outcome_.load_relaxed() == kFree; }
    // Who has the address, where it is over and not free.
    MacAddress owner() const { return MacAddress::unpacked(outcome_.load_relaxed()); }

private:
    // Else a packed MAC address, which is neither of them.
    static constexpr uint64_t kUnknown = 0;
    static constexpr uint64_t kFree = ~uint64_t{0};

    static bool is_owner(uint64_t outcome) { return outcome != kUnknown && outcome != kFree; }
    void end(uint64_t outcome);

    uint32_t turns_ = 0;  // taken; the control thread's
    dominoes::Atomic<uint64_t> outcome_;
    void (*on_over_)(void*) = nullptr;
    void* on_over_context_ = nullptr;
};

}  // namespace scout
