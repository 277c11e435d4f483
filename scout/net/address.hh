// SPDX-License-Identifier: GPL-2.0
//
// Addresses are types, not integers scattered about, so that IPv6 will be an addition and not a
// rewrite.
#pragma once

#include "dominoes/base.hh"

namespace scout {

// Integers on the wire are big-endian; these read and write them at any alignment.
constexpr uint16_t load_be16(const uint8_t* p) { return static_cast<uint16_t>(p[0] << 8 | p[1]); }
constexpr uint32_t load_be32(const uint8_t* p) {
    return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | p[3];
}
constexpr void store_be16(uint8_t* p, uint16_t value) {
    p[0] = static_cast<uint8_t>(value >> 8);
    p[1] = static_cast<uint8_t>(value);
}
constexpr void store_be32(uint8_t* p, uint32_t value) {
    store_be16(p, static_cast<uint16_t>(value >> 16));
    store_be16(p + 2, static_cast<uint16_t>(value));
}

struct MacAddress {
    uint8_t bytes[6];

    constexpr bool operator==(const MacAddress&) const = default;
    constexpr bool is_multicast() const { return bytes[0] & 1; }
    constexpr bool is_zero() const { return *this == MacAddress{}; }
    // For atomic storage: the address in the low 48 bits.
    constexpr uint64_t packed() const {
        uint64_t value = 0;
        for (uint8_t byte : bytes) value = value << 8 | byte;
        return value;
    }
    static constexpr MacAddress unpacked(uint64_t value) {
        MacAddress mac{};
        for (int i = 5; i >= 0; --i, value >>= 8) mac.bytes[i] = static_cast<uint8_t>(value);
        return mac;
    }
};

inline constexpr MacAddress kBroadcastMac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

// An IP address. Held in host order; only the IP and ARP routers look inside.
class IpAddress {
public:
    constexpr IpAddress() = default;
    static constexpr IpAddress v4(uint32_t host_order) { return IpAddress(host_order); }
    static constexpr IpAddress v4(const uint8_t* wire) { return IpAddress(load_be32(wire)); }

    constexpr uint32_t v4() const { return value_; }
    constexpr void store(uint8_t* wire) const { store_be32(wire, value_); }
    constexpr bool operator==(const IpAddress&) const = default;
    constexpr bool is_any() const { return value_ == 0; }
    constexpr bool is_this_network() const { return value_ >> 24 == 0; }  // RFC 1122 3.2.1.3
    constexpr bool is_multicast() const { return value_ >> 28 == 0xe; }
    constexpr bool is_limited_broadcast() const { return value_ == ~uint32_t{0}; }
    constexpr bool is_loopback() const { return value_ >> 24 == 127; }

private:
    explicit constexpr IpAddress(uint32_t value) : value_(value) {}
    uint32_t value_ = 0;
};

// A network: an address and the length of its prefix in bits.
struct Prefix {
    IpAddress address;
    uint32_t bits = 0;

    constexpr uint32_t mask() const { return bits == 0 ? 0 : ~uint32_t{0} << (32 - bits); }
    constexpr bool contains(IpAddress other) const {
        return ((address.v4() ^ other.v4()) & mask()) == 0;
    }
    constexpr bool is_broadcast(IpAddress other) const {
        return bits < 31 && contains(other) && (other.v4() | mask()) == ~uint32_t{0};
    }
};

// A transport endpoint's address.
struct SocketAddress {
    IpAddress ip;
    uint16_t port = 0;  // host order

    constexpr bool operator==(const SocketAddress&) const = default;
};

}  // namespace scout
