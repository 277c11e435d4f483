// SPDX-License-Identifier: GPL-2.0
//
// The table of the suites that run on the host only, for they need packets (kunit/packets.hh):
// kunit/table.cc over another list. `name` stands for name_suite; the files are *_test_host.cc.
#define DOMINOES_KUNIT_LIST_H  // in place of kunit/list.h
#define DOMINOES_SUITES(apply)                                                                    \
    apply(attributes_host) apply(port_packet_host) apply(driver_host) apply(eth_host)             \
        apply(arp_host) apply(arp_tick_host) apply(ip_host) apply(ip_reassembly_host)             \
            apply(icmp_host) apply(udp_host) apply(udp_endpoint_host) apply(tcp_router_host)      \
                apply(stack_host) apply(appwrap_host) apply(listener_host) apply(connection_host) \
                    apply(replica_host) apply(endpoint_host) apply(endpoint_end_host)             \
                        apply(own_address_host) apply(tolerance_host) apply(rfc826_host)          \
                            apply(link_host) apply(nic_host) apply(mutation_host)

#include "kunit/table.cc"
