/* SPDX-License-Identifier: GPL-2.0 */
/* Every suite there is, bottom up. `name` stands for name_suite in kunit/name_test.cc. */
#ifndef DOMINOES_KUNIT_LIST_H
#define DOMINOES_KUNIT_LIST_H

#define DOMINOES_SUITES(apply)	   \
	apply(snapshot)		   \
	apply(request)		   \
	apply(ring_channel)	   \
	apply(patience)		   \
	apply(domain)		   \
	apply(context)		   \
	apply(timer_channel)	   \
	apply(sequencer)	   \
	apply(ordering_manager)	   \
	apply(consistency_manager) \
	apply(policy)		   \
	apply(use_slot)		   \
	apply(attributes)	   \
	apply(checksum)		   \
	apply(map)		   \
	apply(msg)		   \
	apply(participants)	   \
	apply(eth)		   \
	apply(arp)		   \
	apply(arp_probe)	   \
	apply(ip_header)	   \
	apply(ip_fragment)	   \
	apply(icmp)		   \
	apply(udp)		   \
	apply(udp_queue)	   \
	apply(udp_replicas)	   \
	apply(tcp_seq)		   \
	apply(tcp_scoreboard)	   \
	apply(tcp_header)	   \
	apply(tcp_isn)		   \
	apply(tcp_handshake)	   \
	apply(tcp_segment)	   \
	apply(tcp_acknowledge)	   \
	apply(tcp_receive)	   \
	apply(tcp_ack)		   \
	apply(tcp_output)	   \
	apply(tcp_recovery)	   \
	apply(tcp_refused)	   \
	apply(tcp_undo)		   \
	apply(tcp_probe)	   \
	apply(tcp_cubic)	   \
	apply(tcp_hystart)	   \
	apply(tcp_congestion)	   \
	apply(tcp_tuning)	   \
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
	apply(rfc9293_open)	   \
	apply(rfc9293_segment_unconnected) \
	apply(rfc9293_segment_arrives) \
	apply(rfc9293_segment_text) \
	apply(rfc9293_close)	   \
	apply(rfc9293_window)	   \
	apply(rfc9293_mss)	   \
	apply(rfc1122)		   \
	apply(rfc2018)		   \
	apply(rfc5681)		   \
	apply(rfc5961)		   \
	apply(rfc6298)		   \
	apply(rfc6528)		   \
	apply(rfc7323)		   \
	apply(tcp_simulation)

#endif
