# The same on a real driver: two virtio-net devices on a wire that QEMU makes (scripts/vm --nic-pair).
# shellcheck disable=SC2154
. ./traffic.sh

setup() {
    [[ -e /sys/class/net/eth1 ]] || skip "no virtio-net in this kernel"
    ip netns add peer
    ip link set eth0 name dm0
    ip link set eth1 name peer0 netns peer
    topology_addresses
    module_load
    attach
}

teardown() {
    module_unload
    [[ ! -e /sys/class/net/dm0 ]] || ip -batch - <<END
link set dm0 down
link set dm0 name eth0
addr flush dev eth0
END
    [[ ! -e /run/netns/peer ]] || ip -n peer link set peer0 down name eth1 netns 1
    ip netns del peer 2>/dev/null || true
}

test_ping() {
    expect " 0% packet loss" peer ping -c 3 -i 0.2 "$dominoes_address"
    expect " 0% packet loss" peer ping -c 3 -i 0.2 "$host_address"
}

test_both_ways() { both_ways 4m 4; }

test_netem() {
    impair delay 5ms loss 1% reorder 5% 25%
    both_ways 4m 4
}

test_detach_under_load() {
    dominoes cat -l -p 9000 --replicas 4 >/dev/null 2>/run/error </dev/null &
    local server=$!
    wait_for 10 dominoes_listening 9000
    peer talk linux connect "$dominoes_address" 9000 flood 2>/dev/null &
    wait_for 10 connection_exceeds 9000 bytes_received 1000000
    dominoes detach dm0
    ends 5 "$server"
    expect "Network is down" cat /run/error
    expect " 0% packet loss" peer ping -c 1 "$host_address"
}
