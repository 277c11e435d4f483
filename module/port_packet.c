// SPDX-License-Identifier: GPL-2.0
/*
 * The port's packets (dominoes/port.h): sk_buffs, received or built.
 *
 * Offsets of the contract count from the Ethernet header. A received skb has its data at the network
 * header, as the rx_handler got it, and stays so: it may have to be passed on, and skb->csum covers just
 * that part. A built one has its data at the Ethernet header. skb_mac_offset() tells them apart.
 */
#include <linux/etherdevice.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/jhash.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/checksum.h>

#include "dominoes/port.h"
#include "link.h"
#include "port.h"

#define DOMINOES_HEADER_MAX 128
/* The longest IPv4 and TCP headers after an Ethernet header. */
#define DOMINOES_TCP_HEADERS_MAX (20 + 60)
/* What a created packet has in one piece: all headers that are looked at. The rest is in pages. */
#define DOMINOES_LINEAR_MAX 256

/* --- any packet ------------------------------------------------------------------------------- */

uint32_t dominoes_packet_bytes(const struct dominoes_packet *packet)
{
	const struct sk_buff *skb = dominoes_skb_const(packet);

	return skb->len - skb_mac_offset(skb);
}

void dominoes_packet_copy(const struct dominoes_packet *packet, uint32_t offset, void *out,
			  uint32_t bytes)
{
	const struct sk_buff *skb = dominoes_skb_const(packet);

	/* The core has checked the length; if it has not, it shall see zeros, not what was on its stack. */
	if (WARN_ON_ONCE(skb_copy_bits(skb, (int)offset + skb_mac_offset(skb), out, bytes)))
		memset(out, 0, bytes);
}

void dominoes_packet_free(struct dominoes_packet *packet)
{
	/* Drops are counted by the core, by cause; most packets come here after they have been used. */
	consume_skb(dominoes_skb(packet));
}

/* --- packets put together ---------------------------------------------------------------------- */

/* Of single pages but for its head: 64 KB in one piece may not be found. */
struct dominoes_packet *dominoes_packet_create(uint32_t bytes)
{
	u32 linear = min_t(u32, bytes, DOMINOES_LINEAR_MAX);
	struct sk_buff *skb;
	int error;

	skb = alloc_skb_with_frags(linear, bytes - linear, 0, &error, GFP_KERNEL | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reset_mac_header(skb);
	skb_put(skb, linear);
	skb->data_len = bytes - linear;
	skb->len += skb->data_len;
	return dominoes_packet_of(skb);
}

void dominoes_packet_write(struct dominoes_packet *packet, uint32_t offset, const void *from,
			   uint32_t bytes)
{
	WARN_ON_ONCE(skb_store_bits(dominoes_skb(packet), offset, from, bytes));
}

/* --- received packets ------------------------------------------------------------------------- */

/* Whether the checksum of the whole packet, made by hardware, proves the one over this part of it. */
static bool dominoes_checksum_complete_ok(const struct sk_buff *skb, int at, u32 bytes,
					  __wsum pseudo)
{
	int behind = at + bytes;
	__wsum sum;

	if (behind > (int)skb->len)
		return false;
	sum = csum_sub(skb->csum, skb_checksum(skb, 0, at, 0));
	/* What lies behind may begin at an odd place: Ethernet pads short frames. */
	sum = csum_block_sub(sum, skb_checksum(skb, behind, skb->len - behind, 0), behind);
	return !csum_fold(csum_add(sum, pseudo));
}

bool dominoes_packet_checksum_ok(struct dominoes_packet *packet, uint32_t offset, uint32_t bytes,
				 uint16_t pseudo)
{
	const struct sk_buff *skb = dominoes_skb(packet);
	int at = (int)offset + skb_mac_offset(skb);
	__wsum start = csum_unfold((__force __sum16)htons(pseudo));

	switch (skb->ip_summed) {
	case CHECKSUM_UNNECESSARY:
		/* Hardware vouches for TCP and UDP, which have a pseudo header, but not for ICMP. */
		if (pseudo)
			return true;
		break;
	case CHECKSUM_PARTIAL:
		/* Never left this machine, and the field holds no checksum yet. */
		if (skb_checksum_start_offset(skb) == at)
			return true;
		break;
	case CHECKSUM_COMPLETE:
		/* If it does not fit, hardware may be at fault: look. */
		if (dominoes_checksum_complete_ok(skb, at, bytes, start))
			return true;
		break;
	}
	return !csum_fold(skb_checksum(skb, at, bytes, start));
}

/* --- packets to be sent ----------------------------------------------------------------------- */

/*
 * Replicas on several CPUs send for one connection, in the order the sequencer restores; a device with
 * several queues must not undo that by choosing the queue by CPU (XPS). So the flow's hash decides which
 * CPU the packet is said to come from. The hash also spares others from dissecting the packet.
 */
static void dominoes_set_flow(struct sk_buff *skb, const struct dominoes_tx *tx)
{
	const struct iphdr *ip = ip_hdr(skb);
	u32 ports, hash;

	memcpy(&ports, skb->data + tx->transport_offset, sizeof(ports));
	hash = jhash_3words((__force u32)ip->saddr, (__force u32)ip->daddr, ports, ip->protocol);
	__skb_set_sw_hash(skb, hash, true);
#if defined(CONFIG_NET_RX_BUSY_POLL) || defined(CONFIG_XPS)
	skb->sender_cpu = reciprocal_scale(hash, nr_cpu_ids) + 1;
#endif
}

static void dominoes_set_transport(struct sk_buff *skb, const struct dominoes_tx *tx)
{
	skb_set_transport_header(skb, tx->transport_offset);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_headroom(skb) + tx->transport_offset;
	skb->csum_offset = tx->checksum_offset;
	if (tx->segment_bytes && tx->segment_bytes < tx->payload_bytes) {
		struct skb_shared_info *info = skb_shinfo(skb);

		info->gso_type = SKB_GSO_TCPV4;
		if (tcp_hdr(skb)->cwr) /* only in the first of the segments */
			info->gso_type |= SKB_GSO_TCP_ECN;
		info->gso_size = tx->segment_bytes;
		info->gso_segs = DIV_ROUND_UP(tx->payload_bytes, tx->segment_bytes);
	}
	if (skb->protocol == htons(ETH_P_IP))
		dominoes_set_flow(skb, tx);
}

static bool dominoes_put_payload(struct sk_buff *skb, const struct dominoes_tx *tx)
{
	if (!tx->buffer) {
		skb_put_data(skb, tx->payload, tx->payload_bytes);
		return true;
	}
	/* Retransmissions are made from the same pages: nobody may change them in place. */
	skb_shinfo(skb)->flags |= SKBFL_SHARED_FRAG;
	return dominoes_sendbuf_attach(tx->buffer, tx->buffer_offset, tx->payload_bytes, skb);
}

struct dominoes_packet *dominoes_packet_build(struct dominoes_link *link,
					      const struct dominoes_tx *tx)
{
	struct net_device *dev = link->dev;
	u32 linear = tx->header_bytes + (tx->buffer ? 0 : tx->payload_bytes);
	/* The Ethernet header is ours already; the IP header comes to lie on a multiple of 16. */
	int reserve = LL_RESERVED_SPACE(dev) - ETH_HLEN;
	struct sk_buff *skb;

	if (WARN_ON_ONCE(tx->header_bytes < ETH_HLEN || tx->header_bytes > DOMINOES_HEADER_MAX))
		return NULL;
	skb = alloc_skb(reserve + linear + dev->needed_tailroom, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, reserve);
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, ETH_HLEN);
	skb_put_data(skb, tx->header, tx->header_bytes);
	skb->protocol = eth_hdr(skb)->h_proto;
	skb->dev = dev;
	if (tx->payload_bytes && !dominoes_put_payload(skb, tx)) {
		kfree_skb(skb);
		return NULL;
	}
	if (tx->transport_offset)
		dominoes_set_transport(skb, tx);
	return dominoes_packet_of(skb);
}

void dominoes_packet_set_destination(struct dominoes_packet *packet, const uint8_t mac[6])
{
	memcpy(eth_hdr(dominoes_skb(packet))->h_dest, mac, ETH_ALEN);
}

bool dominoes_packet_transmit(struct dominoes_link *link, struct dominoes_packet *packet)
{
	struct sk_buff *skb = dominoes_skb(packet);
	int result;

	/* A device that is down has a queue that says yes and drops. */
	if (unlikely(!netif_running(link->dev) || !netif_carrier_ok(link->dev))) {
		kfree_skb(skb);
		return false;
	}
	/* A macro that evaluates its argument twice follows. */
	result = dev_queue_xmit(skb);
	return net_xmit_eval(result) == NET_XMIT_SUCCESS;
}

/* --- the device ------------------------------------------------------------------------------- */

uint32_t dominoes_link_mtu(const struct dominoes_link *link)
{
	return READ_ONCE(link->dev->mtu);
}

void dominoes_link_mac(const struct dominoes_link *link, uint8_t mac[6])
{
	u64_to_ether_addr(READ_ONCE(link->mac), mac);
}

/*
 * More than the device takes at once would still be sent, segmented by the CPU. The fragments of 64 KB
 * fit into an skb even if each is a single page.
 */
uint32_t dominoes_link_max_segment(const struct dominoes_link *link)
{
	const struct net_device *dev = link->dev;
	u32 size = min_t(u32, READ_ONCE(dev->gso_max_size), 65535 + ETH_HLEN);
	u32 mtu = max_t(u32, READ_ONCE(dev->mtu), 2 * DOMINOES_TCP_HEADERS_MAX);
	u64 segments = (u64)READ_ONCE(dev->gso_max_segs) * (mtu - DOMINOES_TCP_HEADERS_MAX);

	BUILD_BUG_ON(MAX_SKB_FRAGS * PAGE_SIZE < 65536 + PAGE_SIZE);
	size = max_t(u32, size, mtu) - ETH_HLEN - DOMINOES_TCP_HEADERS_MAX;
	return min_t(u64, size, max_t(u64, segments, mtu - DOMINOES_TCP_HEADERS_MAX));
}
