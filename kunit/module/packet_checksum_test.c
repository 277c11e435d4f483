// SPDX-License-Identifier: GPL-2.0
/*
 * Whether a packet's checksum is found right (module/port_packet.c) in each state that a driver may leave
 * it in, with what Ethernet puts behind a short packet: it is no part of the segment, but of what hardware
 * has summed up. In the kernel only, for it is about sk_buffs.
 */
#include <kunit/test.h>
#include <linux/etherdevice.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/ip.h>

#include "dominoes/port.h"
#include "module/port.h"

#define DOMINOES_TEST_PAYLOAD_MAX 5
#define DOMINOES_TEST_PADDING_MAX 7
#define DOMINOES_TEST_TRANSPORT (ETH_HLEN + sizeof(struct iphdr))

/* A frame with a TCP segment, as the rx_handler gets it. */
struct dominoes_test_segment {
	struct sk_buff *skb;
	u32 bytes; /* of the segment */
	u16 pseudo;
};

static void dominoes_test_build(struct kunit *test, struct dominoes_test_segment *segment,
				u32 payload, u32 padding, int summed)
{
	const __be32 source = htonl(0xc0000202), destination = htonl(0xc0000201);
	struct sk_buff *skb = alloc_skb(256, GFP_KERNEL);
	struct tcphdr *tcp;
	__wsum pseudo;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	segment->skb = skb;
	segment->bytes = sizeof(*tcp) + payload;
	skb_reset_mac_header(skb);
	skb_put_zero(skb, DOMINOES_TEST_TRANSPORT);
	tcp = skb_put_zero(skb, sizeof(*tcp));
	tcp->doff = sizeof(*tcp) / 4;
	tcp->seq = htonl(0x12345678);
	memset(skb_put(skb, payload), 'x', payload);
	pseudo = csum_tcpudp_nofold(source, destination, segment->bytes, IPPROTO_TCP, 0);
	segment->pseudo = ntohs((__force __be16)~csum_fold(pseudo));
	tcp->check = csum_fold(csum_partial(tcp, segment->bytes, pseudo));
	memset(skb_put(skb, padding), 0xa5, padding);
	skb_pull(skb, ETH_HLEN);
	skb->ip_summed = summed;
	if (summed == CHECKSUM_COMPLETE)
		skb->csum = csum_partial(skb->data, skb->len, 0);
}

static bool dominoes_test_right(const struct dominoes_test_segment *segment)
{
	return dominoes_packet_checksum_ok(dominoes_packet_of(segment->skb),
					   DOMINOES_TEST_TRANSPORT, segment->bytes,
					   segment->pseudo);
}

/* Calls `check` for each length of payload and padding. */
static void dominoes_test_each(struct kunit *test, int summed,
			       void (*check)(struct kunit *test,
					     struct dominoes_test_segment *segment))
{
	struct dominoes_test_segment segment;
	u32 payload, padding;

	for (payload = 0; payload <= DOMINOES_TEST_PAYLOAD_MAX; payload++) {
		for (padding = 0; padding <= DOMINOES_TEST_PADDING_MAX; padding++) {
			dominoes_test_build(test, &segment, payload, padding, summed);
			check(test, &segment);
			kfree_skb(segment.skb);
		}
	}
}

static void dominoes_test_expect_right(struct kunit *test, struct dominoes_test_segment *segment)
{
	KUNIT_EXPECT_TRUE(test, dominoes_test_right(segment));
}

/* A bit of the segment is wrong, as hardware has seen as well. */
static void dominoes_test_expect_wrong(struct kunit *test, struct dominoes_test_segment *segment)
{
	struct sk_buff *skb = segment->skb;

	skb->data[sizeof(struct iphdr) + segment->bytes - 1] ^= 4;
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->csum = csum_partial(skb->data, skb->len, 0);
	KUNIT_EXPECT_FALSE(test, dominoes_test_right(segment));
}

/* Hardware is at fault: the segment decides. */
static void dominoes_test_distrust(struct kunit *test, struct dominoes_test_segment *segment)
{
	segment->skb->csum = csum_add(segment->skb->csum, (__force __wsum)htonl(4));
	KUNIT_EXPECT_TRUE(test, dominoes_test_right(segment));
}

static void dominoes_checksum_none(struct kunit *test)
{
	dominoes_test_each(test, CHECKSUM_NONE, dominoes_test_expect_right);
	dominoes_test_each(test, CHECKSUM_NONE, dominoes_test_expect_wrong);
}

/*
 * That what is right is found right would be so without what hardware has summed up: it is compared with
 * that alone in dominoes_checksum_complete_alone().
 */
static void dominoes_checksum_complete(struct kunit *test)
{
	dominoes_test_each(test, CHECKSUM_COMPLETE, dominoes_test_expect_right);
	dominoes_test_each(test, CHECKSUM_COMPLETE, dominoes_test_expect_wrong);
	dominoes_test_each(test, CHECKSUM_COMPLETE, dominoes_test_distrust);
}

/* Nobody looks again if the sum says that it is right: the segment may be wrong in a bit since. */
static void dominoes_test_trust(struct kunit *test, struct dominoes_test_segment *segment)
{
	segment->skb->data[sizeof(struct iphdr) + segment->bytes - 1] ^= 4;
	KUNIT_EXPECT_TRUE(test, dominoes_test_right(segment));
}

static void dominoes_checksum_complete_alone(struct kunit *test)
{
	dominoes_test_each(test, CHECKSUM_COMPLETE, dominoes_test_trust);
}

static void dominoes_checksum_unnecessary(struct kunit *test)
{
	struct dominoes_test_segment segment;

	dominoes_test_each(test, CHECKSUM_UNNECESSARY, dominoes_test_expect_right);
	dominoes_test_each(test, CHECKSUM_UNNECESSARY, dominoes_test_trust);
	/* What has no pseudo header nobody has verified. */
	dominoes_test_build(test, &segment, 1, 5, CHECKSUM_UNNECESSARY);
	segment.pseudo = 0;
	KUNIT_EXPECT_FALSE(test, dominoes_test_right(&segment));
	kfree_skb(segment.skb);
}

/* What never left the machine holds no checksum yet, but is not padded either. */
static void dominoes_test_partial(struct kunit *test, struct dominoes_test_segment *segment)
{
	struct sk_buff *skb = segment->skb;
	int at = skb_headroom(skb) + sizeof(struct iphdr);

	skb->csum_start = at;
	dominoes_test_trust(test, segment);
	skb->csum_start = at + 4; /* of something within */
	KUNIT_EXPECT_FALSE(test, dominoes_test_right(segment));
}

static void dominoes_checksum_partial(struct kunit *test)
{
	dominoes_test_each(test, CHECKSUM_PARTIAL, dominoes_test_partial);
}

static struct kunit_case dominoes_cases_packet_checksum[] = {
	KUNIT_CASE(dominoes_checksum_none),
	KUNIT_CASE(dominoes_checksum_complete),
	KUNIT_CASE(dominoes_checksum_complete_alone),
	KUNIT_CASE(dominoes_checksum_unnecessary),
	KUNIT_CASE(dominoes_checksum_partial),
	{}
};

static struct kunit_suite dominoes_suite_packet_checksum = {
	.name = "dominoes_packet_checksum",
	.test_cases = dominoes_cases_packet_checksum,
};

kunit_test_suites(&dominoes_suite_packet_checksum);
