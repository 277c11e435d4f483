# Attaching, showing, pinging; and that the host's own stack on the same device notices nothing of it.
# shellcheck disable=SC2034,SC2154  # limit_*: for the runner
. ./traffic.sh

test_attach_show_detach() {
    expect "^[0-9]+: dm0 10\.77\.0\.1/24 mtu 1500 replicas [0-9]+ cpus .* connections 0" dominoes show interfaces
    expect '"address": "10.77.0.1/24"' dominoes show --json
    dominoes detach dm0
    [[ -z $(dominoes show interfaces) ]] || fail "still there: $(dominoes show interfaces)"
    expect_failure "dm0" -- dominoes detach dm0
    attach via "$peer_address" --replicas 3 --cpus 0-1
    expect "dm0 10\.77\.0\.1/24 via 10\.77\.0\.2 mtu 1500 replicas 3 cpus 0-1 connections 0" dominoes show
}

# Replicas run where they were told to.
test_cpus() {
    dominoes detach dm0
    attach --replicas 2 --cpus 1
    peer talk linux listen 9001 receive /dev/null &
    wait_for 10 peer_listening 9001
    fifos /run/go
    talk dominoes connect "$peer_address" 9001 send /etc/passwd wait /run/go &
    local client=$!
    wait_for 10 connection_exceeds 9001 bytes_acked 10
    expect "replica 1: cpu:1 " dominoes show --info
    [[ $(dominoes show --info | grep -c 'replica [01]: cpu:1 ') -eq 2 ]] || fail "$(dominoes show --info)"
    echo go >/run/go
    wait "$client"
}

# What people look at without the command.
test_debugfs() {
    expect "^dm0 10\.77\.0\.1/24 replicas 2 connections 0" cat /sys/kernel/debug/dominoes/stats
    peer ping -c 1 "$dominoes_address"
    expect "icmp_echo_in +1$" cat /sys/kernel/debug/dominoes/stats
    dominoes cat -l -p 9000 </dev/null >/dev/null 2>&1 &
    local listener=$!
    wait_for 5 dominoes_listening 9000
    expect "tcp state 10 .* local 10\.77\.0\.1:9000 " cat /sys/kernel/debug/dominoes/connections
    stop "$listener"
}

test_stats() {
    peer ping -c 3 -i 0.2 "$dominoes_address"
    [[ $(counter icmp_echo_in) == 3 ]] || fail "$(dominoes stats dm0 --nonzero)"
    expect "rx_packets +[1-9]" dominoes stats dm0 --nonzero
    [[ $(drops) == 0 ]] || fail "dropped: $(dominoes stats dm0 --nonzero)"
    expect "^dm0:" dominoes stats
    expect_failure "dm1" -- dominoes stats dm1
}

test_ping() {
    expect " 0% packet loss" peer ping -c 5 -i 0.2 "$dominoes_address"
    expect " 0% packet loss" peer ping -c 2 -i 0.2 -s 1472 -M "do" "$dominoes_address"
    ip link set dm0 mtu 9000
    ip -n peer link set peer0 mtu 9000
    expect " 0% packet loss" peer ping -c 2 -i 0.2 -s 8972 -M "do" "$dominoes_address"
}

test_ping_stops_with_detach() {
    dominoes detach dm0
    ip -n peer neigh flush dev peer0
    expect "100% packet loss" peer ping -c 1 -W 1 "$dominoes_address"
    expect " 0% packet loss" peer ping -c 1 "$host_address"
}

# Each address is claimed once, and others not at all.
test_arp() {
    local address
    for address in "$dominoes_address" "$host_address"; do
        ip -n peer neigh flush dev peer0
        expect "Received 2 resp" peer arping -I peer0 -b -c 2 -w 5 "$address"
    done
    expect "Received 0 resp" peer arping -I peer0 -b -c 1 -w 1 10.77.0.77
}

# The host and Dominoes are neighbours of the same peer; neither takes the other's replies.
test_arp_of_both() {
    ip neigh flush dev dm0
    ping -c 1 -I "$host_address" "$peer_address"
    peer talk linux serve 9000 1 &
    wait_for 10 peer_listening 9000
    talk dominoes repeat "$peer_address" 9000 1
    wait
    [[ $(counter arp_requests_out) -ge 1 ]] || fail "Dominoes used the host's neighbour table"
}

linux_both_ways() { # SECONDS
    local direction
    iperf3 -s -B "$host_address" -p 5300 >/run/linux.server 2>&1 &
    local server=$!
    wait_for 10 listening 5300
    for direction in "" -R; do
        # shellcheck disable=SC2086
        peer iperf3 -c "$host_address" -p 5300 -t "$1" -J $direction >/run/linux.json ||
            fail "iperf3 $direction between the two Linuxes: $(cat /run/linux.json)"
    done
    stop "$server"
    ping -c 3 -i 0.2 "$peer_address"
    peer ping -c 3 -i 0.2 "$host_address"
    local forwarded
    forwarded=$(counter drop_tcp_unmatched)
    [[ $forwarded == 0 ]] || fail "Dominoes took $forwarded segments that were the host's"
}

test_host_while_attached() { linux_both_ways 1; }

limit_host_under_load=90
test_host_under_load() {
    dominoes perf -s --replicas 4 >/dev/null &
    local server=$!
    wait_for 10 dominoes_listening 5201
    "${in_peer[@]}" iperf3 -c "$dominoes_address" -t 1000 >/dev/null &
    local client=$! before
    wait_for 10 connection_exceeds 5201 bytes_received 1000000
    before=$(connection 5201 bytes_received)
    linux_both_ways 1
    connection_exceeds 5201 bytes_received "$before" || fail "no load"
    connection_is 5201 digest_mismatches 0 || fail "digests differed"
    stop "$client"
    stop "$server"
}
