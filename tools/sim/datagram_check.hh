// SPDX-License-Identifier: GPL-2.0
//
// DatagramCheck: knows of every datagram of UDP who wrote it and how often it came through, whole,
// and so what may be read: it must be one that was written, by whom it is said to be from, and no
// more often.
//
// Endpoints are known by their numbers in the scenario; the port says which one it is.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "scout/stack.h"
#include "tools/sim/report.hh"
#include "tools/sim/scenario.hh"

namespace sim {

class DatagramCheck {
public:
    static constexpr uint16_t kFirstPort = 9000;

    DatagramCheck(const Scenario& scenario, Report& report);

    // --- the endpoints ---
    void writes(uint32_t from, uint32_t to, std::span<const uint8_t> payload);
    // Its stack has taken what it wrote.
    void wrote(uint32_t from) { ++wrote_[host_of(from)]; }
    void reads(uint32_t at, const dominoes_sockaddr& source, std::span<const uint8_t> payload);
    // Nobody is there for now.
    void closes(uint32_t endpoint) { was_closed_[endpoint] = true; }
    // It was told that nobody is at its peer's port.
    void refused(uint32_t endpoint);

    // --- the wire: a host has sent a frame; one has come to a host. It may be damaged: if that
    // makes its checksum 0, there is none (RFC 768), and all the rest is as it was ---
    void sent(uint32_t host, std::span<const uint8_t> frame);
    void arrives(uint32_t host, std::span<const uint8_t> frame);

    // --- for the accounts: datagrams, of or at a host ---
    uint64_t written_at(uint32_t host) const { return wrote_[host]; }
    uint64_t read_at(uint32_t host) const { return read_[host]; }
    uint64_t complete_from(uint32_t host) const { return complete_[host]; }
    // That came in one piece.
    uint64_t unfragmented_at(uint32_t host) const { return unfragmented_[host]; }

private:
    struct Key {
        uint32_t from;
        uint32_t to;
        uint64_t digest;
        auto operator<=>(const Key&) const = default;
    };
    struct Piece {
        uint32_t offset;
        uint32_t bytes;
        uint32_t arrivals;
    };
    // On the wire, in one piece or several.
    struct Datagram {
        std::vector<Piece> pieces;
        std::vector<uint8_t> bytes;  // from the UDP header on, as far as they were sent
        uint32_t total = 0;          // 0: the last piece was not sent
        bool complete = false;
    };
    struct Account {
        uint64_t written = 0;
        uint64_t read = 0;
        std::vector<const Datagram*> sent;
    };
    struct Fragment;

    static bool view(std::span<const uint8_t> frame, Fragment& fragment);
    void complete(uint32_t host, Datagram& datagram);
    uint32_t host_of(uint32_t endpoint) const { return plans_[endpoint].host; }
    void wrong(const char* what, const Key& key, size_t bytes);

    const std::vector<DatagramPlan>& plans_;
    Report& report_;
    std::map<Key, Account> accounts_;
    // By host and the number in the IP header. Numbers may be drawn twice.
    std::multimap<uint32_t, Datagram> datagrams_;
    std::vector<bool> was_closed_;
    uint64_t wrote_[2] = {};
    uint64_t read_[2] = {};
    uint64_t complete_[2] = {};
    uint64_t unfragmented_[2] = {};
};

}  // namespace sim
