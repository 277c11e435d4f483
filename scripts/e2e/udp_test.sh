# Datagrams through Dominoes' UDP.
# shellcheck disable=SC2154
. ./traffic.sh

peer_bound() { peer grep -q "$(printf ':%04X' "$1")" /proc/net/udp; }
dominoes_bound() { prints "^udp .*:$1 " dominoes show connections; }

test_peer_asks() {
    datagram dominoes serve 7000 50 &
    local server=$!
    wait_for 10 dominoes_bound 7000
    peer datagram linux ask "$dominoes_address" 7000 50 1472
    wait "$server"
    [[ $(counter udp_in) == 50 && $(counter udp_out) == 50 ]] || fail "$(dominoes stats --nonzero)"
}

test_dominoes_asks() {
    peer datagram linux serve 7000 50 &
    local server=$!
    wait_for 10 peer_bound 7000
    datagram dominoes ask "$peer_address" 7000 50 1472
    wait "$server"
}

# Each datagram is verified by one of four replicas, and dropped if it is wrong.
test_replicas() {
    dominoes detach dm0
    attach --replicas 4
    tc -n peer qdisc replace dev peer0 root netem corrupt 5%
    datagram dominoes serve 7000 1000 &
    local server=$!
    wait_for 10 dominoes_bound 7000
    expect "^udp .* 4 +greedy" dominoes show connections
    while ! ended "$server"; do
        peer datagram linux tell "$dominoes_address" 7000 100 1000
    done
    wait "$server"
    [[ $(counter udp_in) -ge 1000 && $(counter drop_udp_checksum) -gt 0 ]] || fail "$(dominoes stats --nonzero)"
}

test_peer_asks_of_replicas() {
    dominoes detach dm0
    attach --replicas 4
    test_peer_asks
    test_dominoes_asks
}

# More than a packet holds goes in fragments.
test_peer_asks_in_fragments() {
    datagram dominoes serve 7000 50 &
    local server=$!
    wait_for 10 dominoes_bound 7000
    peer datagram linux ask "$dominoes_address" 7000 50 9000
    wait "$server"
    [[ $(counter udp_in) == 50 && $(counter ip_reassembled) -gt 0 ]] || fail "$(dominoes stats --nonzero)"
}

test_dominoes_asks_in_fragments() {
    peer datagram linux serve 7000 50 &
    local server=$!
    wait_for 10 peer_bound 7000
    datagram dominoes ask "$peer_address" 7000 50 9000
    wait "$server"
}

test_ping_in_fragments() {
    expect " 0% packet loss" peer ping -c 3 -W 5 -s 20000 "$dominoes_address"
    [[ $(counter ip_reassembled) -ge 3 && $(counter icmp_echo_in) -ge 3 ]] || fail "$(dominoes stats --nonzero)"
}

test_too_long() {
    peer datagram linux serve 7000 1 &
    wait_for 10 peer_bound 7000
    expect_failure "Message too long" -- datagram dominoes ask "$peer_address" 7000 1 65508
    datagram dominoes ask "$peer_address" 7000 1 10
    wait
}

test_closed_port() {
    expect_failure "Connection refused" -- peer datagram linux ask "$dominoes_address" 7000 1 10
    [[ $(counter drop_udp_no_port) == 1 && $(counter icmp_errors_out) == 1 ]] || fail "$(dominoes stats --nonzero)"
}

test_closed_port_of_peer() {
    expect_failure "Connection refused" -- datagram dominoes ask "$peer_address" 7000 1 10
}

test_port_in_use() {
    datagram dominoes serve 7000 1 &
    wait_for 10 dominoes_bound 7000
    expect_failure "in use" -- datagram dominoes serve 7000 1
    peer datagram linux ask "$dominoes_address" 7000 1 10
    wait
}

# TCP's port 7000 is another one than UDP's.
test_port_of_tcp() {
    talk dominoes serve 7000 1 &
    wait_for 10 dominoes_listening 7000
    datagram dominoes serve 7000 1 &
    wait_for 10 dominoes_bound 7000
    peer datagram linux ask "$dominoes_address" 7000 1 10
    peer talk linux repeat "$dominoes_address" 7000 1
    wait
}

# More than the queue holds: the rest is dropped and counted, nothing else happens.
test_queue_full() {
    datagram dominoes serve 7000 100 &
    local server=$!
    wait_for 10 dominoes_bound 7000
    kill -STOP "$server"
    peer datagram linux tell "$dominoes_address" 7000 600 100
    wait_for 5 all_counted 600
    [[ $(counter drop_udp_full) -ge 80 ]] || fail "$(dominoes stats --nonzero)"
    kill -CONT "$server"
    wait "$server"
}

all_counted() { [[ $(($(counter udp_in) + $(counter drop_udp_full))) -eq $1 ]]; }

test_device_goes() {
    datagram dominoes serve 7000 1 2>/run/error &
    local server=$!
    wait_for 10 dominoes_bound 7000
    dominoes detach dm0
    ends 5 "$server"
    expect "Network is down" cat /run/error
}
