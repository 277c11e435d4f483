# Bad input: refused with a reason, and nothing left behind.
# shellcheck disable=SC2154
. ./traffic.sh

# Most of these want a device that is not attached yet.
detached() { dominoes detach dm0; }
still_free() {
    [[ -z $(dominoes show interfaces) ]] || fail "attached all the same: $(dominoes show)"
    attach
}

test_no_such_device() {
    expect_failure "dm7: No such device" -- dominoes attach dm7 10.77.0.1/24
    expect_failure "dm7: No such device" -- dominoes detach dm7
}

test_already_attached() {
    expect_failure "dm0" -- attach
    expect_failure "dm0" -- dominoes attach dm0 10.77.0.9/24
    expect " 0% packet loss" peer ping -c 1 "$dominoes_address"
}

test_loopback() { expect_failure "lo: " -- dominoes attach lo 10.99.0.1/24; }

test_bridge_port() {
    detached
    ip link add br0 type bridge
    ip link set dm0 master br0
    expect_failure "dm0 is part of br0, which takes its packets" -- attach
    ip link del br0
    still_free
}

# The other way around: whoever comes second is refused, and nothing breaks.
test_bridge_comes_second() {
    ip link add br0 type bridge
    expect_failure "busy" -- ip link set dm0 master br0
    ip link del br0
    expect " 0% packet loss" peer ping -c 1 "$dominoes_address"
}

test_not_permitted() {
    local without=(setpriv --bounding-set=-net_admin --inh-caps=-net_admin)
    expect_failure "not permitted" -- "${without[@]}" dominoes detach dm0
    detached
    expect_failure "not permitted" -- "${without[@]}" dominoes attach dm0 10.77.0.1/24
    still_free
    peer talk linux serve 9001 1 &
    wait_for 10 peer_listening 9001
    "${without[@]}" talk dominoes repeat "$peer_address" 9001 1
    wait
}

test_address_of_host() {
    detached
    expect_failure "in use|own" -- dominoes attach dm0 "$host_address/24"
    still_free
}

test_bad_addresses() {
    local address
    detached
    for address in 0.0.0.0/24 10.77.0.255/24 224.0.0.1/24 127.0.0.1/8 255.255.255.255/24 10.77.0.1/0 10.77.0.1/33 \
        10.77.0.1 10.77.0.256/24 10.77.0/24 fe80::1/64 "" /24 10.77.0.1/24/24 10.77.0.1/-1; do
        expect_failure -- dominoes attach dm0 "$address"
    done
    still_free
}

test_bad_gateways() {
    local gateway
    detached
    for gateway in 192.0.2.1 10.77.0.1 0.0.0.0 nowhere 224.0.0.1; do
        expect_failure -- attach via "$gateway"
    done
    expect_failure -- attach by 10.77.0.2
    still_free
}

test_bad_replicas_and_cpus() {
    local word
    detached
    for word in 0 17 -1 many 4294967297; do expect_failure "replicas" -- attach --replicas "$word"; done
    for word in 99 1023 4096 x 1-0 ","; do expect_failure -- attach --cpus "$word"; done
    still_free
}

test_port_in_use() {
    dominoes cat -l -p 9000 </dev/null >/dev/null &
    local listener=$!
    wait_for 10 dominoes_listening 9000
    expect_failure "in use" -- dominoes cat -l -p 9000
    stop "$listener"
    timeout 10 talk dominoes serve 9000 0
}

# What is sent to this machine leaves it: at once refused if it is the own address, else nobody answers.
test_addresses_of_this_machine() {
    expect_failure "own address" -- timeout 2 dominoes cat "$dominoes_address" 9001
    expect_failure "is unreachable" -- timeout 2 datagram dominoes tell "$dominoes_address" 7000 1 100
    expect_failure "is unreachable" -- timeout 2 datagram dominoes tell 10.77.0.255 7000 1 100
    expect_failure "No route to host" -- dominoes cat "$host_address" 9001
    expect "100% packet loss" ping -c 1 -W 1 "$dominoes_address"
    expect " 0% packet loss" ping -c 1 "$peer_address"
}

test_nothing_attached() {
    detached
    expect_failure -- dominoes cat "$peer_address" 9001
    expect_failure -- dominoes stats dm0
    still_free
}

test_bad_words() {
    expect_failure "see --help" -- dominoes
    expect_failure "see --help" -- dominoes fly
    expect_failure "PORT" -- dominoes cat "$peer_address"
    expect_failure -- dominoes cat "$peer_address" 65536
    expect_failure "policy" -- dominoes cat "$peer_address" 9001 --policy random
    expect_failure "replicas" -- dominoes cat "$peer_address" 9001 --replicas 17
    expect_failure "power of two" -- dominoes cat "$peer_address" 9001 --digest-interval 3
}
