// SPDX-License-Identifier: GPL-2.0
// What users write and read: addresses, CPU lists, sizes, rates, connections as JSON.
#include "../command/command.hh"

#include <gtest/gtest.h>
#include <sstream>

namespace dominoes {
namespace {

TEST(Address, parse__accepts_dotted_quads) {
    EXPECT_EQ(parse_address("10.0.0.2"), 0x0a000002u);
    EXPECT_EQ(to_string(parse_address("192.168.1.255")), "192.168.1.255");
}

TEST(Address, parse__refuses_all_else) {
    for (const char* text : {"", "10.0.0", "10.0.0.256", "10.0.0.1 ", "::1", "host"})
        EXPECT_THROW(parse_address(text), std::invalid_argument) << text;
}

TEST(Prefix, parse__needs_a_length_up_to_32) {
    const Prefix prefix = parse_prefix("10.1.2.3/24");
    EXPECT_EQ(prefix.address, 0x0a010203u);
    EXPECT_EQ(prefix.length, 24u);
    for (const char* text : {"10.0.0.1", "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/2x"})
        EXPECT_THROW(parse_prefix(text), std::invalid_argument) << text;
}

TEST(Port, parse__is_1_to_65535) {
    EXPECT_EQ(parse_port("65535"), 65535);
    for (const char* text : {"0", "65536", "", "x", "-1", "99999999999999999999"})
        EXPECT_THROW(parse_port(text), std::invalid_argument) << text;
}

TEST(CpuList, parse__round_trips) {
    for (const char* text : {"0", "0-3,5", "63-64", "1023", "1,3,5-7,1000-1023"})
        EXPECT_EQ(to_string(parse_cpu_list(text)), text);
    EXPECT_EQ(to_string(parse_cpu_list("3,1,2")), "1-3");
    EXPECT_EQ(to_string(CpuSet{}), "");
    EXPECT_EQ(parse_cpu_list("0-3,5")[0], 0x2fu);
}

TEST(CpuList, parse__refuses_nonsense) {
    for (const char* text : {"", ",", "1,", "1-", "-1", "3-1", "1024", "a", "1-2-3"})
        EXPECT_THROW(parse_cpu_list(text), std::invalid_argument) << text;
}

TEST(SocketAddress, to_abi__keeps_network_order) {
    const dominoes_sockaddr raw = to_abi({0x0a000002, 80});
    EXPECT_EQ(raw.family, AF_INET);
    EXPECT_EQ(raw.port, htons(80));
    EXPECT_EQ(raw.addr[0], 10);
    EXPECT_EQ(raw.addr[3], 2);
    EXPECT_EQ(from_abi(raw), (SocketAddress{0x0a000002, 80}));
    EXPECT_EQ(from_abi(dominoes_sockaddr{}), SocketAddress{});
    EXPECT_EQ(to_string(SocketAddress{}), "*:*");
}

namespace c = command;

TEST(Size, parse__knows_units_of_1024) {
    EXPECT_EQ(c::parse_size("10"), 10u);
    EXPECT_EQ(c::parse_size("128K"), 131072u);
    EXPECT_EQ(c::parse_size("1m"), 1048576u);
    EXPECT_EQ(c::parse_size("2G"), 2ull << 30);
    for (const char* text : {"", "K", "1.5M", "-1", "1KK", "99999999999T"})
        EXPECT_THROW(c::parse_size(text), std::invalid_argument) << text;
}

TEST(Format, bytes_and_bits__look_like_iperf3) {
    EXPECT_EQ(c::format_bytes(0), "0.00 Bytes");
    EXPECT_EQ(c::format_bytes(960 * 1024), " 960 KBytes");
    EXPECT_EQ(c::format_bytes(2.48 * (1 << 30)), "2.48 GBytes");
    EXPECT_EQ(c::format_bits(21.3e9), "21.3 Gbits");
    EXPECT_EQ(c::format_bits(999.6e6), "1.00 Gbits");
    EXPECT_EQ(c::format_bits(5e15), "5000 Tbits");
}

TEST(ConnectionJson, replicas__are_all_there) {
    dominoes_info info{};
    info.replicas = 2;
    info.policy = DOMINOES_POLICY_ROUND_ROBIN;
    info.ssthresh = ~0u;
    info.options = DOMINOES_INFO_SACK;
    info.replica[1].owned = 7;
    info.rcvbuf = 131072;
    info.rcvbuf_limit = 8 << 20;
    info.sndbuf = 65536;
    info.sndbuf_limit = 1 << 20;
    const c::Json json = c::connection_json(info);
    EXPECT_EQ(json["policy"], "round-robin");
    EXPECT_TRUE(json["ssthresh"].is_null());
    EXPECT_EQ(json["options"], c::Json::array({"sack"}));
    ASSERT_EQ(json["per_replica"].size(), 2u);
    EXPECT_EQ(json["per_replica"][1]["owned"], 7);
    EXPECT_EQ(json["rcvbuf"], 131072);
    EXPECT_EQ(json["rcvbuf_limit"], 8 << 20);
    EXPECT_EQ(json["sndbuf"], 65536);
    EXPECT_EQ(json["sndbuf_limit"], 1 << 20);
    std::ostringstream details;
    c::print_details(details, info, "");
    EXPECT_NE(details.str().find(" rcvbuf:131072/8388608 sndbuf:65536/1048576\n"),
              std::string::npos);
}

TEST(ConnectionJson, replicas__never_more_than_the_abi_has) {
    dominoes_info info{};
    info.replicas = 1000;
    EXPECT_EQ(c::connection_json(info)["per_replica"].size(), std::size_t{DOMINOES_MAX_REPLICAS});
}

TEST(Retransmits, device__counts_bytes_by_segment) {
    dominoes_info info{};
    info.replicas = 2;
    info.mss = 1448;
    info.bytes_retransmitted = 1449;
    EXPECT_EQ(c::retransmitted_segments(info), 2u);
    info.mss = 0;
    EXPECT_EQ(c::retransmitted_segments(info), 0u);
}

}  // namespace
}  // namespace dominoes
