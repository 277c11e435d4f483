/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The counters of an attached device: DOMINOES_COUNTERS(X) calls X(name, description) for each. Their
 * order is part of the ABI: append only. Every dropped packet is counted by its cause.
 */
#ifndef SCOUT_COUNTERS_H
#define SCOUT_COUNTERS_H

#define DOMINOES_COUNTERS(X)                                                                  \
	X(rx_packets, "packets taken from the device")                                        \
	X(rx_bytes, "bytes taken from the device, from the IP header on")                     \
	X(tx_packets, "packets given to the device (GSO packets count once)")                 \
	X(tx_bytes, "bytes given to the device")                                              \
	X(tx_refused, "packets the device did not take")                                      \
	X(tx_no_memory, "packets not built for want of memory")                               \
	X(drop_eth_short, "Ethernet: shorter than its header")                                \
	X(drop_arp_malformed, "ARP: truncated, or not Ethernet and IPv4")                     \
	X(drop_ip_short, "IP: truncated header or packet")                                    \
	X(drop_ip_version, "IP: version is not 4")                                            \
	X(drop_ip_header, "IP: header length wrong")                                          \
	X(drop_ip_checksum, "IP: header checksum wrong")                                      \
	X(drop_ip_length, "IP: total length wrong")                                           \
	X(drop_ip_source, "IP: source address cannot be one")                                 \
	X(drop_ip_fragment, "IP: fragment that cannot be one (length, end, header cut in two)")  \
	X(drop_ip_protocol, "IP: protocol not served")                                        \
	X(drop_icmp_short, "ICMP: truncated")                                                 \
	X(drop_icmp_checksum, "ICMP: checksum wrong")                                         \
	X(drop_icmp_type, "ICMP: type not served")                                            \
	X(drop_icmp_unmatched, "ICMP: error about nothing of ours")                           \
	X(drop_udp_short, "UDP: truncated or length wrong")                                   \
	X(drop_udp_checksum, "UDP: checksum wrong")                                           \
	X(drop_udp_no_port, "UDP: nobody on that port (answered with ICMP)")                  \
	X(drop_udp_full, "UDP: receive queue full")                                           \
	X(drop_tcp_short, "TCP: truncated")                                                   \
	X(drop_tcp_header, "TCP: data offset wrong")                                          \
	X(drop_tcp_options, "TCP: option length wrong")                                       \
	X(drop_tcp_checksum, "TCP: checksum wrong")                                           \
	X(drop_tcp_flags, "TCP: impossible flags")                                            \
	X(drop_tcp_unmatched, "TCP: no such connection (answered with RST)")                  \
	X(drop_tcp_channel_full, "TCP: the connection's channel was full")                    \
	X(drop_tcp_backlog, "TCP: SYN, SYN cookie or what follows one, for want of backlog")       \
	X(drop_tcp_no_memory, "TCP: SYN for which there was no memory")                       \
	X(drop_control_full, "packets for the control domain while its channel was full")     \
	X(arp_requests_in, "ARP requests for our address")                                    \
	X(arp_replies_in, "ARP replies taken")                                                \
	X(arp_requests_out, "ARP requests sent")                                              \
	X(arp_failed, "ARP: addresses that did not resolve")                                  \
	X(icmp_echo_in, "ICMP echo requests answered")                                        \
	X(icmp_errors_in, "ICMP errors about what is ours")                                   \
	X(icmp_errors_out, "ICMP errors sent")                                                \
	X(udp_in, "UDP datagrams delivered")                                                  \
	X(udp_out, "UDP datagrams sent")                                                      \
	X(tcp_segments_in, "TCP segments published (GRO packets count once)")                 \
	X(tcp_segments_out, "TCP packets built (GSO packets count once)")                     \
	X(tcp_resets_out, "RSTs sent for segments of no connection")                          \
	X(tcp_active_opens, "TCP connections opened by us")                                   \
	X(tcp_passive_opens, "TCP connections opened by peers")                               \
	X(tcp_established, "TCP connections that reached ESTABLISHED")                        \
	X(tcp_closed, "TCP connections ended")                                                \
	X(tcp_aborted, "TCP connections ended with an error")                                 \
	X(tcp_retransmits, "TCP retransmission timeouts")                                     \
	X(tcp_fast_retransmits, "TCP fast recoveries entered")                                \
	X(tcp_challenge_acks, "TCP challenge ACKs (RFC 5961)")                                \
	X(replicas_started, "replicas that joined a connection")                              \
	X(digest_checks, "digests of replicas compared")                                      \
	X(digest_mismatches, "digests that differed: a bug; the connection was reset")        \
	X(replica_stalls, "times a replica was seen not to move, far behind")                 \
	X(ip_fragments_in, "IP fragments taken in")                                           \
	X(ip_reassembled, "IP datagrams reassembled")                                         \
	X(drop_ip_options, "IP: option length wrong")                                         \
	X(drop_ip_source_route, "IP: source route option")                                    \
	X(drop_ip_duplicate, "IP: fragments that had come before")                            \
	X(drop_ip_overlap, "IP: fragments of datagrams with overlapping ones")                \
	X(drop_ip_contradict, "IP: fragments of datagrams with contradictory ones")           \
	X(drop_ip_too_many, "IP: fragments of datagrams of too many")                         \
	X(drop_ip_timeout, "IP: datagrams not complete in time (answered with ICMP)")         \
	X(drop_ip_displaced, "IP: incomplete datagrams dropped to make room for others")      \
	X(drop_ip_no_memory, "IP: fragments of datagrams for which there was no memory")      \
	X(drop_arp_waiting, "ARP: packets dropped while they waited for an address")          \
	X(arp_conflicts, "ARP: claims of others to our address")                              \
	X(arp_defences, "ARP: announcements in answer to such claims")                        \
	X(icmp_errors_held_back, "ICMP errors not sent, for too many were")                   \
	X(tcp_ecn_reductions, "TCP windows halved because of a congestion mark (RFC 3168)")   \
	X(tcp_cookies_out, "SYN cookies sent, for the listener's backlog was full")           \
	X(tcp_cookies_in, "TCP connections opened by a SYN cookie that came back")            \
	X(tcp_cookies_wrong, "ACKs that were no SYN cookie when one was expected")            \
	X(context_batches, "batches of requests run by its CPUs, for all devices")            \
	X(context_parks, "times its CPUs slept for want of requests, of all devices")         \
	X(drop_ip_tentative, "IP: to our address while it was being probed for")              \
	X(tcp_orphans_reset, "TCP connections reset at close, for there were too many orphans") \
	X(drop_tcp_broadcast, "TCP: came by a broadcast of the link")

#endif
