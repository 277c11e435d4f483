// SPDX-License-Identifier: GPL-2.0
/*
 * Frames from an attached device: which of them the core gets to see.
 *
 * Runs after GRO, so a packet may be many segments in one. For TCP the core wants just that; what it could
 * not take apart again is taken apart here.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>

#include "compat.h"
#include "link.h"
#include "scout/stack.h"

/* Several datagrams in one packet, or more than an IPv4 header can count (BIG TCP). */
static bool dominoes_must_split(const struct sk_buff *skb)
{
	const unsigned int datagrams = SKB_GSO_UDP | SKB_GSO_UDP_L4 | SKB_GSO_FRAGLIST;

	return skb_is_gso(skb) &&
	       ((skb_shinfo(skb)->gso_type & datagrams) || skb->len > IP_MAX_MTU);
}

static bool dominoes_is_to_us(const struct dominoes_link *link, const struct sk_buff *skb)
{
	struct iphdr buffer;
	const struct iphdr *ip = skb_header_pointer(skb, 0, sizeof(buffer), &buffer);

	return skb->protocol == htons(ETH_P_IP) && ip && ip->daddr == link->address;
}

/* Consumes the packet. */
static void dominoes_receive_split(struct dominoes_link *link, struct sk_buff *skb)
{
	/* Segments that need no checksum now shall not get one. */
	netdev_features_t features = NETIF_F_SG | NETIF_F_HW_CSUM;
	struct sk_buff *segments, *segment, *next;

	__skb_push(skb, -skb_mac_offset(skb));
	segments = __skb_gso_segment(skb, features, false);
	if (IS_ERR_OR_NULL(segments)) {
		kfree_skb(skb);
		return;
	}
	consume_skb(skb);
	skb_list_walk_safe(segments, segment, next) {
		skb_mark_not_on_list(segment);
		__skb_pull(segment, ETH_HLEN);
		skb_reset_network_header(segment);
		if (!scout_receive(link->nic, dominoes_packet_of(segment)))
			kfree_skb(segment);
	}
}

/*
 * The skb is the core's only to read, and passed on as it came: neither its data pointer nor its contents
 * change here.
 */
rx_handler_result_t dominoes_link_receive(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	struct dominoes_link *link = rcu_dereference(skb->dev->rx_handler_data);

	/* Not for this machine, or of a VLAN; a tag of VLAN 0 is but a priority. */
	if (skb->pkt_type > PACKET_MULTICAST)
		return RX_HANDLER_PASS;
	/* Where there is no tag its field may still hold one that was taken off (before 6.2). */
	if (skb_vlan_tag_present(skb) && skb_vlan_tag_get_id(skb))
		return RX_HANDLER_PASS;
	if (skb->protocol != htons(ETH_P_IP) && skb->protocol != htons(ETH_P_ARP))
		return RX_HANDLER_PASS;
	/* A packet socket may hold it too, and changes what it does not share. */
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (!skb)
		return RX_HANDLER_CONSUMED;
	*pskb = skb;
	if (dominoes_is_to_us(link, skb)) {
		/*
		 * Over veth a packet is still charged to the socket that sent it, until IP lets go of it;
		 * what waits here for its owner would hold up that socket (TCP small queues).
		 */
		skb_orphan(skb);
		if (unlikely(dominoes_must_split(skb))) {
			dominoes_receive_split(link, skb);
			return RX_HANDLER_CONSUMED;
		}
	} else if (unlikely(dominoes_must_split(skb))) {
		return RX_HANDLER_PASS;
	}
	if (scout_receive(link->nic, dominoes_packet_of(skb)))
		return RX_HANDLER_CONSUMED;
	return RX_HANDLER_PASS;
}
