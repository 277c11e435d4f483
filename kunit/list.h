/* SPDX-License-Identifier: GPL-2.0 */
/* Every suite there is, bottom up. `name` stands for name_suite in kunit/name_test.cc. */
#ifndef DOMINOES_KUNIT_LIST_H
#define DOMINOES_KUNIT_LIST_H

#define DOMINOES_SUITES(apply)	   \
	apply(request)		   \
	apply(ring_channel)	   \
	apply(domain)		   \
	apply(context)		   \
	apply(timer_channel)	   \
	apply(sequencer)	   \
	apply(ordering_manager)	   \
	apply(consistency_manager) \
	apply(policy)		   \
	apply(attributes)	   \
	apply(checksum)		   \
	apply(map)		   \
	apply(eth)		   \
	apply(arp)		   \
	apply(ip)		   \
	apply(icmp)		   \
	apply(udp)		   \
	apply(udp_queue)	   \
	apply(tcp_seq)		   \
	apply(tcp_header)	   \
	apply(tcp_isn)		   \
	apply(tcp_handshake)	   \
	apply(tcp_segment)	   \
	apply(tcp_acknowledge)	   \
	apply(tcp_receive)	   \
	apply(tcp_ack)		   \
	apply(tcp_output)	   \
	apply(tcp_recovery)	   \
	apply(tcp_congestion)	   \
	apply(tcp_rtt)		   \
	apply(tcp_timer)	   \
	apply(tcp_keepalive)	   \
	apply(tcp_user)		   \
	apply(tcp_user_timeout)	   \
	apply(tcp_icmp)		   \
	apply(tcp_path_mtu)	   \
	apply(tcp_ecn)		   \
	apply(tcp_cookie)	   \
	apply(tcp_reuse)	   \
	apply(tcp_step)		   \
	apply(tcp_simulation)

#endif
