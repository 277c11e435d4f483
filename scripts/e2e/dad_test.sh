# Duplicate address detection: `attach --dad` asks the link for the address before it is used.
# shellcheck disable=SC2034,SC2154  # limit_*: for the runner
. ./traffic.sh

# Probing takes 4 to 7 s each time.
limit_free_address=90 limit_address_of_another=90 limit_tentative=90

setup() {
    topology_up
    module_load
}

attach_dad() { dominoes attach dm0 "$dominoes_address/24" --dad; }
tentative() { prints "dm0 .* tentative" dominoes show interfaces; }
nothing_attached() { [[ -z $(dominoes show interfaces) ]]; }

# Begins it in the background, as the process `attaching`, and waits for the probing to begin.
begin_attaching() {
    dominoes attach dm0 "$dominoes_address/24" --dad 2>/run/attaching &
    attaching=$!
    wait_for 10 tentative
}
# It failed so, and left nothing behind.
attaching_fails() { # WANTED
    ends 10 "$attaching"
    [[ $status -eq 1 ]] || fail "attaching ended with status $status"
    expect "$1" cat /run/attaching
    nothing_attached || fail "$(dominoes show interfaces)"
}

# The peer counts ARP for our address by its sender (at 14 in the packet; the target is at 24): nobody, and we.
count_arp() {
    local about_us=(match u32 0x0a4d0001 0xffffffff at 24 action pass)
    tc -n peer qdisc add dev peer0 clsact
    tc -n peer filter add dev peer0 ingress pref 1 protocol arp u32 match u16 0 0xffff at 14 match u16 0 0xffff at 16 \
        "${about_us[@]}"
    tc -n peer filter add dev peer0 ingress pref 2 protocol arp u32 match u16 0x0a4d 0xffff at 14 \
        match u16 0x0001 0xffff at 16 "${about_us[@]}"
}
arp_seen() { # PREF COUNT
    [[ $(tc -n peer -s filter show dev peer0 ingress pref "$1" | sed -nE 's/.*Sent [0-9]+ bytes ([0-9]+) pkt.*/\1/p') == "$2" ]]
}

test_free_address() {
    count_arp
    expect "probing for 10\.77\.0\.1" attach_dad
    arp_seen 1 3 || fail "not 3 probes: $(tc -n peer -s filter show dev peer0 ingress)"
    expect "dm0 10\.77\.0\.1/24 .* connections 0$" dominoes show interfaces
    expect " 0% packet loss" peer ping -c 1 -W 5 "$dominoes_address"
    wait_for 10 arp_seen 2 2
    arp_seen 1 3 || fail "more probes: $(tc -n peer -s filter show dev peer0 ingress)"
}

test_address_of_another() {
    ip -n peer addr add "$dominoes_address/24" dev peer0
    expect_failure "10\.77\.0\.1 is in use by $(peer cat /sys/class/net/peer0/address): " -- attach_dad
    nothing_attached || fail "$(dominoes show interfaces)"
    ip -n peer addr del "$dominoes_address/24" dev peer0
    attach_dad
    expect " 0% packet loss" peer ping -c 1 -W 5 "$dominoes_address"
}

test_tentative() {
    begin_attaching
    expect "100% packet loss" peer ping -c 1 -W 1 "$dominoes_address"
    expect_failure "not the address of an attached device" -- dominoes cat -l -p 9000 "$dominoes_address"
    expect_failure "no attached device leads there" -- dominoes cat "$peer_address" 9000
    expect_failure "attached already" -- attach
    succeeds 20 "$attaching"
    expect " 0% packet loss" peer ping -c 1 -W 5 "$dominoes_address"
}

test_interrupted() {
    begin_attaching
    kill "$attaching"
    ends 10 "$attaching"
    nothing_attached || fail "$(dominoes show interfaces)"
    attach
}

test_detached_meanwhile() {
    begin_attaching
    dominoes detach dm0
    attaching_fails "Network is down"
}

test_device_goes_down() {
    begin_attaching
    ip link set dm0 down
    attaching_fails "Network is down"
    expect_failure "dm0 is down or has no carrier" -- attach_dad
}

test_peer_goes_down() {
    begin_attaching
    ip -n peer link set peer0 down
    attaching_fails "Network is down"
}

test_device_vanishes() {
    begin_attaching
    ip link del dm0
    attaching_fails "Network is down"
}
