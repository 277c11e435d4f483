// SPDX-License-Identifier: GPL-2.0
//
// TCP headers: options as they come, lengths that lie, and back: what is understood of a header is
// written and understood the same.
#include "scout/tcp/header.hh"

#include "tools/fuzz/input.hh"

namespace {

using scout::SegmentEvent;

scout::TransmitEffect as_sent(const SegmentEvent& event) {
    scout::TransmitEffect run{};
    run.piece_bytes = 1000;
    run.seq = event.seq;
    run.ack = event.ack;
    run.flags = event.flags;
    run.window = event.window;
    run.options = event.options;
    run.syn_mss = event.mss;
    run.window_scale = event.window_scale;
    run.ts_val = event.ts_val;
    run.ts_ecr = event.ts_ecr;
    run.sack_blocks = event.sack_blocks;
    for (uint32_t i = 0; i < event.sack_blocks; ++i) run.sack[i] = event.sack[i];
    return run;
}

// A SYN with SACK blocks has more to say than fits into 40 bytes; nobody sends one.
void check_again(const SegmentEvent& event) {
    if (event.flags & scout::kSyn && event.sack_blocks > 0) return;
    const scout::TransmitEffect run = as_sent(event);
    uint8_t header[scout::kTcpMaxHeader];
    fuzz::require(scout::tcp_header_bytes(run) <= sizeof header, "fits into a header");
    const uint32_t bytes = scout::tcp_format(run, 0, {1, 2}, header);
    fuzz::require(bytes == scout::tcp_header_bytes(run), "as long as was said");
    SegmentEvent again;
    fuzz::require(scout::tcp_parse(header, bytes, bytes, again) == scout::TcpParse::kOk,
                  "what we write can be read");
    fuzz::require(again.seq == event.seq && again.flags == event.flags &&
                      again.window == event.window && again.options == event.options &&
                      again.mss == event.mss && again.ts_val == event.ts_val,
                  "and says the same");
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    fuzz::Input input(data, size);
    const uint32_t beyond = input.word();
    const auto available = static_cast<uint32_t>(input.left());
    const std::span<const uint8_t> header = input.bytes(available);
    // Only what is longer than any header may be cut short.
    const uint32_t segment_bytes =
        available >= scout::kTcpMaxHeader ? available + beyond : available;
    SegmentEvent event;
    if (scout::tcp_parse(header.data(), available, segment_bytes, event) != scout::TcpParse::kOk)
        return 0;
    fuzz::require(event.payload_offset >= scout::kTcpMinHeader &&
                      event.payload_offset + event.payload_bytes == segment_bytes,
                  "header and payload are the segment");
    fuzz::require(event.sack_blocks <= 4, "at most four blocks");
    scout::TransmitEffect reset;
    const bool answered = scout::tcp_reset_reply(event, reset);
    fuzz::require(answered == !(event.flags & scout::kRst), "a reset is never answered");
    check_again(event);
    return 0;
}
