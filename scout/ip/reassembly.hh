// SPDX-License-Identifier: GPL-2.0
//
// Reassembly (RFC 791 section 3.2, RFC 1122 section 3.3.2): the incomplete datagrams of one
// interface. It belongs to the control thread, which has time to copy: the bytes of a fragment are
// copied to their place as they come, so that what is kept is as much memory as is counted, and not
// the device's receive buffers.
//
// A datagram that was found to be malformed is remembered until its time is over, so that what else
// comes of it goes the same way (RFC 5722 section 3).
#pragma once

#include "scout/ip/fragment.hh"
#include "scout/link/eth.hh"

namespace scout {

class IcmpRouter;

class PartialDatagram : dominoes::Pinned {
public:
    static constexpr uint32_t kBlockBytes = 4096;

    // Of our address. The header's other fields are not looked at.
    PartialDatagram(const IpHeader& header, uint64_t deadline_ns)
        : source_(header.source),
          id_(header.id),
          protocol_(header.protocol),
          deadline_ns_(deadline_ns) {}
    ~PartialDatagram() { drop_bytes(); }

    bool is_of(const IpHeader& header) const {
        return source_ == header.source && id_ == header.id && protocol_ == header.protocol;
    }
    IpAddress source() const { return source_; }
    uint64_t deadline_ns() const { return deadline_ns_; }

    // Puts the fragment's numbers down. After kAdded its bytes are to be copied; kDuplicate changes
    // nothing; all else is a reason to condemn() the datagram.
    FragmentList::Result record(const IpHeader& header);
    // How many bytes of memory copy() would need beyond what there is.
    uint32_t missing_bytes(const IpHeader& header) const;
    // Copies the fragment's payload, and its header if it is the first. False: memory is short.
    bool copy(const Frame& frame, const IpHeader& header);

    bool complete() const { return list_.complete(); }
    // Options in the first fragment only can make it longer than its length field can say.
    bool too_long() const;
    // All of it, as if it had come in one frame; nullptr when memory is short.
    dominoes_packet* whole() const;
    // What an error about it quotes, at most `most` bytes; 0 while the first fragment is missing.
    uint32_t quote(uint8_t* out, uint32_t most) const;

    // It is malformed, because of `cause`: its bytes are not needed.
    void condemn(Counter cause) {
        drop_bytes();
        cause_ = cause;
    }
    bool condemned() const { return cause_ != Counter::kCount; }
    Counter cause() const { return cause_; }
    uint32_t memory_bytes() const { return memory_bytes_; }

    PartialDatagram* next = nullptr;  // maintained by IpReassembly: the next younger one

private:
    static constexpr uint32_t kBlocks = 65536 / kBlockBytes;
    static constexpr uint32_t kMaxHead = kEthHeaderBytes + kIpMaxHeaderBytes;

    void drop_bytes();
    uint8_t* block(uint32_t index);
    void take_head(const Frame& frame, const IpHeader& header);

    const IpAddress source_;
    const uint16_t id_;
    const uint8_t protocol_;
    const uint64_t deadline_ns_;
    Counter cause_ = Counter::kCount;
    FragmentList list_;
    uint8_t ecn_seen_ = 0;      // a bit for each codepoint
    uint32_t first_bytes_ = 0;  // payload of the first fragment; 0: it is missing
    uint32_t head_bytes_ = 0;   // of its Ethernet and IP headers
    uint8_t head_[kMaxHead];
    uint8_t* blocks_[kBlocks] = {};
    uint32_t memory_bytes_ = 0;
};

class IpReassembly : dominoes::Pinned {
public:
    static constexpr uint32_t kMaxDatagrams = 128;
    static constexpr uint32_t kMaxBytes = 4 << 20;  // of payload, in blocks
    // RFC 1122 would have 60 to 120 s; 30 s is Linux's, and IDs return sooner than either on a fast
    // link (RFC 4963).
    static constexpr uint64_t kTimeoutNs = 30'000'000'000;

    explicit IpReassembly(Interface& interface) : interface_(interface) {}
    ~IpReassembly();

    // Takes in the bytes of a fragment that check_fragment() found possible. The whole datagram if
    // that was the last thing missing, as if it had come in one frame: its packet is the caller's.
    // Else nullptr. What is dropped is counted.
    [[nodiscard]] dominoes_packet* add(const Frame& frame, const IpHeader& header, uint64_t now_ns);

    // Drops what is not complete in time, and tells its sender through `errors` (nullptr: does
    // not). To be called once a second while busy().
    void tick(uint64_t now_ns, IcmpRouter* errors);
    bool busy() const { return oldest_ != nullptr; }

private:
    PartialDatagram* find(const IpHeader& header) const;
    PartialDatagram* begin(const IpHeader& header, uint64_t now_ns);
    bool store(PartialDatagram& datagram, const Frame& frame, const IpHeader& header);
    void make_room(const PartialDatagram& keep, uint32_t bytes);
    void displace(PartialDatagram& datagram);
    dominoes_packet* finish(PartialDatagram& datagram);
    void condemn(PartialDatagram& datagram, Counter cause);
    void remove(PartialDatagram& datagram);
    void time_out(PartialDatagram& datagram, IcmpRouter* errors);

    Interface& interface_;
    PartialDatagram* oldest_ = nullptr;
    PartialDatagram* youngest_ = nullptr;
    uint32_t count_ = 0;
    uint32_t memory_bytes_ = 0;
};

}  // namespace scout
