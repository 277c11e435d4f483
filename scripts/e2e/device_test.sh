# Devices that stand for others: VLANs, macvlans, bridges, bonds, VRFs; and what happens to a device while attached.
# shellcheck disable=SC2034,SC2154  # limit_*: for the runner
. ./traffic.sh

piece=$((1048576 / slowness)) # bytes: two seconds at the rate of `slow`

# The tests attach to what they have built.
setup() {
    topology_up
    module_load
}

teardown() {
    module_unload
    ip link del bond7 2>/dev/null || true
    ip link del dm1 2>/dev/null || true
    ip link del br7 2>/dev/null || true
    ip link del red 2>/dev/null || true
    ip addr del "$dominoes_address/32" dev lo 2>/dev/null || true
    topology_down
}

nothing_attached() { [[ -z $(dominoes show interfaces) ]]; }
expect_ping() { expect " 0% packet loss" peer ping -c 1 -W 5 "$dominoes_address"; }
# At native speed the second replica has not taken enough for a digest when so little is over.
little_both_ways() {
    local late=1
    both_ways 2M 2
}

# A transfer for something to happen to, in pieces: while one is under way it happens, and then `more` lets the next
# one go, however long that took. `transfer` is its PID.
pieces() {
    local step
    cat /run/file
    for step in 1 2 3; do
        read -r _ <"/run/more.$step"
        cat /run/file
    done
}
begin_pieces() {
    random_file /run/file "$piece"
    cat /run/file /run/file /run/file /run/file >/run/sent
    fifos /run/more.{1,2,3}
}
more() { echo more >"/run/more.$1"; }
under_way() { # PORT COUNTER STEP
    wait_for 20 connection_exceeds "$1" "$2" $((($3 - 1) * piece + piece / 2))
}
slow() { tc qdisc replace dev "$1" root netem rate "$((4000 / slowness))kbit"; }
slow_peer() { peer tc qdisc replace dev "$1" root netem rate "$((4000 / slowness))kbit"; }

pieces_in() {
    begin_pieces
    dominoes cat -l -p 9000 --replicas 2 "${cat_options[@]}" --stats-file /run/stats </dev/null >/run/got &
    transfer=$!
    wait_for 10 dominoes_listening 9000
    pieces | "${in_peer[@]}" talk linux connect "$dominoes_address" 9000 send /proc/self/fd/0 fin receive /dev/null &
}
pieces_out() {
    begin_pieces
    peer talk linux listen 9001 fin receive /run/got &
    transfer=$!
    wait_for 10 peer_listening 9001
    pieces | dominoes cat "$peer_address" 9001 --replicas 2 "${cat_options[@]}" --stats-file /run/stats >/dev/null &
}
end_pieces() {
    wait "$transfer"
    wait
    same /run/sent /run/got
    replicas_agreed /run/stats 2
}

# --- devices upon devices ---

test_vlan() {
    ip link add link dm0 name dm0.7 type vlan id 7
    ip link set dm0.7 up
    ip -n peer link add link peer0 name peer0.7 type vlan id 7
    ip -n peer addr add 10.88.0.2/24 dev peer0.7
    ip -n peer link set peer0.7 up
    dominoes_address=10.88.0.1
    peer_address=10.88.0.2
    dominoes attach dm0.7 "$dominoes_address/24"
    expect_ping
    little_both_ways
}

test_macvlan() {
    ip link add link dm0 name mv7 type macvlan mode bridge
    ip link set mv7 up
    dominoes attach mv7 "$dominoes_address/24"
    expect_ping
    expect " 0% packet loss" peer ping -c 1 -W 5 "$host_address"
    little_both_ways
    expect_failure "dm0 already has an rx_handler" -- dominoes attach dm0 10.77.0.9/24
}

# The bridge itself, which may be attached to; and a port of it, which may not.
test_bridge() {
    ip link add br7 type bridge
    ip link set dm0 master br7
    ip link set br7 up
    expect_failure "dm0 is part of br7, which takes its packets" -- attach
    dominoes attach br7 "$dominoes_address/24"
    expect_ping
    little_both_ways
}

# --- bonds ---

# bond7 over dm0 and dm1. The peer's ends are ports of a switch, which believes where it last heard an address;
# of the host it hears nothing.
bond_up() {
    ip link add dm1 type veth peer name peer1 netns peer
    ip addr flush dev dm0
    ip link set dm0 down
    ip link add bond7 type bond mode active-backup miimon 100
    echo 1 >/proc/sys/net/ipv6/conf/bond7/disable_ipv6 2>/dev/null || true
    ip link set dm0 master bond7
    ip link set dm1 master bond7
    ip link set bond7 type bond active_slave dm0
    ip link set bond7 up
    ip -n peer -batch - <<END
link add switch type bridge
link set peer0 master switch
link set peer1 master switch
link set peer1 up
addr del $peer_address/24 dev peer0
addr add $peer_address/24 dev switch
link set switch up
END
    wait_for 5 grep -qx 1 /sys/class/net/bond7/carrier
}

active_is() { grep -qx "$1" /sys/class/net/bond7/bonding/active_slave; }
activate() {
    ip link set bond7 type bond active_slave "$1"
    wait_for 5 active_is "$1"
}

test_bond_slave() {
    bond_up
    expect_failure "dm0 is part of bond7, which takes its packets" -- attach
    nothing_attached || fail "$(dominoes show interfaces)"
}

# The switch is told by nobody but us that the address is behind another port.
test_bond_tells_switch() {
    bond_up
    dominoes attach bond7 "$dominoes_address/24"
    expect_ping
    activate dm1
    expect " 0% packet loss" peer ping -c 1 -W 2 "$dominoes_address"
    activate dm0
    expect " 0% packet loss" peer ping -c 1 -W 2 "$dominoes_address"
}

# Switched twice, and then the link that is in use fails.
fail_over() { # PORT COUNTER
    under_way "$@" 1
    activate dm1
    more 1
    under_way "$@" 2
    activate dm0
    more 2
    under_way "$@" 3
    ip link set dm0 down
    wait_for 10 active_is dm1
    more 3
    end_pieces
    ip link set dm0 up
}

bond_busy() {
    bond_up
    for device in dm0 dm1; do slow "$device"; done
    for device in peer0 peer1; do slow_peer "$device"; done
    dominoes attach bond7 "$dominoes_address/24"
}

limit_bond_fails_over_in=120
test_bond_fails_over_in() {
    local transfer
    bond_busy
    pieces_in
    fail_over 9000 bytes_received
}

limit_bond_fails_over_out=120
test_bond_fails_over_out() {
    local transfer
    bond_busy
    pieces_out
    fail_over 9001 bytes_acked
}

# --- VRFs ---

vrf_up() {
    ip link add red type vrf table 10 || skip "this kernel has no VRFs"
    ip link set red up
    ip link set dm0 master red
    wait_for 5 grep -qx 1 /sys/class/net/dm0/carrier
}
warned() { prints "10\.77\.0\.1, which is served here, was given to $1 as well" dmesg; }

test_vrf() {
    vrf_up
    expect_failure "red is a VRF" -- dominoes attach red "$dominoes_address/24"
    expect_failure "10\.77\.0\.3 is one of the host's own" -- dominoes attach dm0 "$host_address/24"
    attach
    expect_ping
    expect " 0% packet loss" peer ping -c 1 -W 5 "$host_address"
    little_both_ways
}

# What another VRF has is of no concern.
test_vrf_has_its_own_addresses() {
    vrf_up
    ip addr add "$dominoes_address/32" dev lo
    attach
    ip addr del "$dominoes_address/32" dev lo
    ip addr add "$dominoes_address/32" dev lo
    ! warned lo || fail "$(dmesg)"
    ip addr add "$dominoes_address/32" dev dm0
    warned dm0 || fail "$(dmesg)"
}

# --- while attached ---

# The peer counts our announcements: ARP with our address as the sender's and the target's.
count_announcements() {
    tc -n peer qdisc add dev peer0 clsact
    tc -n peer filter add dev peer0 ingress pref 1 protocol arp u32 match u16 0x0a4d 0xffff at 14 \
        match u16 0x0001 0xffff at 16 match u32 0x0a4d0001 0xffffffff at 24 action pass
}
announced() { # COUNT
    [[ $(tc -n peer -s filter show dev peer0 ingress pref 1 | sed -nE 's/.*Sent [0-9]+ bytes ([0-9]+) pkt.*/\1/p') == "$1" ]]
}
peer_knows() { prints "$dominoes_address .*lladdr $1" ip -n peer neigh show; } # MAC

limit_mac_changes=120
test_mac_changes() {
    local transfer mac=02:00:00:00:77:01 step
    attach
    count_announcements
    slow_peer peer0
    pieces_in
    under_way 9000 bytes_received 1
    ip link set dm0 address "$mac"
    wait_for 1 peer_knows "$mac"
    announced 1 || fail "$(tc -n peer -s filter show dev peer0 ingress)"
    for step in 1 2 3; do more "$step"; done
    end_pieces
    # Its new address is the source of what is sent.
    peer ip neigh flush all
    expect_ping
    peer_knows "$mac" || fail "$(ip -n peer neigh show)"
}

# Switches may have forgotten where it is.
test_device_comes_back() {
    attach
    count_announcements
    ip link set dm0 down
    ip link set dm0 up
    wait_for 5 announced 1
    ip -n peer link set peer0 down
    wait_for 5 grep -qx 0 /sys/class/net/dm0/carrier
    ip -n peer link set peer0 up
    wait_for 5 announced 2
    ip link set dm0 txqueuelen 900 # an event, and nothing to say
    ip link set dm0 mtu 1400
    expect_ping
    announced 2 || fail "$(tc -n peer -s filter show dev peer0 ingress)"
}

mtu() { # MTU
    ip link set dm0 mtu "$1"
    ip -n peer link set peer0 mtu "$1"
}

# Without GSO a segment that does not fit is dropped.
limit_mtu_changes=120
test_mtu_changes() {
    local transfer
    attach
    ethtool -K dm0 tso off gso off
    slow dm0
    pieces_out
    under_way 9001 bytes_acked 1
    mtu 1000
    wait_for 5 connection_is 9001 mss 948
    more 1
    under_way 9001 bytes_acked 2
    mtu 9000
    wait_for 5 connection_is 9001 mss 1448 # as the handshake had it
    more 2
    more 3
    end_pieces
}

test_mtu_too_small() {
    attach
    dominoes cat -l -p 9000 </dev/null >/dev/null 2>/run/error &
    local listener=$!
    wait_for 10 dominoes_listening 9000
    ip link set dm0 mtu 127
    nothing_attached || fail "$(dominoes show interfaces)"
    ends 5 "$listener"
    expect "Network is down" cat /run/error
    expect_failure "dm0 has an MTU of 127, and needs 128" -- attach
    ip link set dm0 mtu 128
    attach
    expect_ping
}

# As a VLAN, a macvlan or a bridge says: whoever sends Ethernet there would send it to what is none.
test_keeps_its_type() {
    ip link add bond7 type bond mode active-backup miimon 100
    ip link set bond7 up
    dominoes attach bond7 "$dominoes_address/24"
    ip tuntap add dev tun7 mode tun
    ! ip link set tun7 master bond7 || fail "bond7 is of type $(cat /sys/class/net/bond7/type) now"
}
