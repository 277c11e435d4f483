// SPDX-License-Identifier: GPL-2.0
#include "scout/net/msg.hh"

#include "kunit/test.hh"

namespace kunit {
namespace {

using namespace scout;

// --- Msg ---

void prepend__puts_each_header_before_the_last(Check& check) {
    Msg msg;
    EXPECT_EQ(msg.header_bytes(), 0);
    uint8_t* const inner = msg.prepend(3);
    inner[0] = 4;
    inner[2] = 6;
    EXPECT(msg.header() == inner);
    uint8_t* const outer = msg.prepend(2);
    outer[0] = 1;
    constexpr uint8_t kWanted[] = {1, 0, 4, 0, 6};  // what was not written is zero
    REQUIRE_EQ(msg.header_bytes(), 5);
    EXPECT(msg.header() == outer);
    EXPECT(__builtin_memcmp(msg.header(), kWanted, sizeof kWanted) == 0);
    EXPECT(msg.tx().header == outer);
    EXPECT_EQ(msg.tx().header_bytes, 5);
}

void prepend__has_room_for_every_header(Check& check) {
    Msg msg;
    uint8_t* const first = msg.prepend(60);
    uint8_t* const last = msg.prepend(Msg::kHeadRoom - 60);
    EXPECT(last + Msg::kHeadRoom - 60 == first);
    EXPECT_EQ(msg.header_bytes(), Msg::kHeadRoom);
}

void set_payload__from_a_send_buffer(Check& check) {
    uint64_t place = 0;
    auto* const buffer = reinterpret_cast<dominoes_sendbuf*>(&place);  // never looked into
    Msg msg;
    msg.set_payload(buffer, uint64_t{1} << 40, 3000);
    msg.set_segment_bytes(1460);
    msg.prepend(20);
    EXPECT_EQ(msg.payload_bytes(), 3000);
    EXPECT_EQ(msg.bytes(), 3020);
    const dominoes_tx& tx = msg.tx();
    EXPECT(tx.buffer == buffer && !tx.payload);
    EXPECT_EQ(tx.buffer_offset, uint64_t{1} << 40);
    EXPECT_EQ(tx.payload_bytes, 3000);
    EXPECT_EQ(tx.segment_bytes, 1460);
}

void set_payload__from_memory(Check& check) {
    constexpr uint8_t kData[] = {1, 2, 3};
    Msg msg;
    msg.set_payload(kData, sizeof kData);
    msg.prepend(8);
    EXPECT(msg.payload() == kData);
    EXPECT_EQ(msg.bytes(), 11);
    const dominoes_tx& tx = msg.tx();
    EXPECT(!tx.buffer && tx.payload == kData);
    EXPECT_EQ(tx.payload_bytes, 3);
    EXPECT_EQ(tx.segment_bytes, 0);
}

// The field stays that of the transport's header, whatever comes before it later.
void want_checksum__marks_the_transport(Check& check) {
    Msg msg;
    EXPECT(!msg.wants_checksum());
    EXPECT_EQ(msg.tx().transport_offset, 0);
    uint8_t* const transport = msg.prepend(20);
    msg.want_checksum(16);
    msg.prepend(34);
    EXPECT(msg.wants_checksum());
    EXPECT(msg.checksum_field() == transport + 16);
    EXPECT_EQ(msg.tx().transport_offset, 34);
    EXPECT_EQ(msg.tx().checksum_offset, 16);
    msg.forget_checksum();
    EXPECT(!msg.wants_checksum());
    EXPECT_EQ(msg.tx().transport_offset, 0);
}

constexpr Test kTests[] = {
    TEST(prepend__puts_each_header_before_the_last), TEST(prepend__has_room_for_every_header),
    TEST(set_payload__from_a_send_buffer),           TEST(set_payload__from_memory),
    TEST(want_checksum__marks_the_transport),
};

}  // namespace

extern const Suite msg_suite = SUITE("msg", kTests);

}  // namespace kunit
