# Frames that are wrong, or meant to harm: counted by cause, and without consequence.
# shellcheck disable=SC2034,SC2154  # limit_*: for the runner
. ./traffic.sh

size=$((8 / slowness))m

# A transfer into Dominoes that goes on until finish_transfer, from port 5000 to port 9000.
start_transfer() {
    random_file /run/file "$size"
    echo more >/run/more
    fifos /run/nudge /run/go
    dominoes cat -l -p 9000 --replicas 4 "${cat_options[@]}" --stats-file /run/stats </dev/null >/run/got &
    server=$!
    wait_for 10 dominoes_listening 9000
    peer talk linux connect "$dominoes_address" 9000 from 5000 \
        send /run/file wait /run/nudge send /run/more wait /run/go send /run/file fin receive /dev/null &
    client=$!
    wait_for 10 connection_exceeds 9000 bytes_received 0
}
finish_transfer() {
    echo go >/run/go
    wait "$client"
    wait "$server"
    cat /run/file /run/more /run/file >/run/sent
    same /run/sent /run/got
    replicas_agreed /run/stats 4
}

inject_from_peer() { # KIND [WORD...]
    local kind=$1
    shift
    peer inject "$kind" peer0 "$(cat /sys/class/net/dm0/address)" "$peer_address:5000" "$dominoes_address:9000" "$@"
}


# The counters go up by what was injected, and no other does.
counted() { # FILE
    local name frames all=()
    while read -r name frames; do
        wait_for 5 reached "$name" "$frames"
        [[ $(counter "$name") -eq $frames ]] || fail "$name: $(counter "$name"), not $frames"
        all+=("$name")
    done <"$1"
    [[ $(drops "${all[@]}") -eq 0 ]] || fail "counted elsewhere as well: $(dominoes stats dm0 --nonzero)"
}

test_each_kind() {
    inject_from_peer each >/run/injected
    counted /run/injected
    # What was unmatched was answered, but for the reset; and so were UDP and the unknown protocol.
    [[ $(counter icmp_errors_out) -gt 0 && $(counter tcp_resets_out) -gt 0 ]] || fail "$(dominoes stats --nonzero)"
}

# The same, with the addresses and ports of a connection that is busy.
test_each_kind_during_transfer() {
    local client server
    start_transfer
    inject_from_peer each >/run/injected
    echo go >/run/nudge
    counted /run/injected
    finish_transfer
}

test_garbage_during_transfer() {
    local client server
    start_transfer
    inject_from_peer garbage 10000 1
    echo go >/run/nudge
    [[ $(drops) -gt 1000 ]] || fail "hardly anything was found wrong: $(dominoes stats dm0 --nonzero)"
    finish_transfer
    expect " 0% packet loss" peer ping -c 1 -W 5 "$dominoes_address"
    expect " 0% packet loss" peer ping -c 1 -W 5 "$host_address"
}

test_garbage_to_listener() {
    dominoes cat -l -p 9000 </dev/null >/dev/null &
    local listener=$!
    wait_for 10 dominoes_listening 9000
    inject_from_peer garbage 5000 2
    dominoes_listening 9000 || fail "nobody listens any more"
    stop "$listener"
}

# RFC 5961: what an attacker who knows the connection may not achieve.
test_spoofed_segments() {
    local client server
    start_transfer
    wait_for 20 connection_is 9000 bytes_received "$(wc -c </run/file)"
    inject_from_peer spoof >/run/injected &
    local attacker=$!
    wait_for 10 grep -q ready /run/injected
    # The next bytes, whose ACK tells the attacker where the connection is.
    echo go >/run/nudge
    wait "$attacker"
    sed -i /ready/d /run/injected
    counted /run/injected
    finish_transfer
}

# SYNs for a connection that is open, at a port where somebody listens: in softirq, on whichever CPU, while replicas
# are at work. They cost challenge ACKs at most, and a leader that is busy with them is not called stalled.
test_syn_storm_during_transfer() {
    local client server
    start_transfer
    inject_from_peer storm $((20000 / slowness))
    echo go >/run/nudge
    finish_transfer
    [[ $(counter tcp_challenge_acks) -gt 0 ]] || fail "no SYN came there: $(dominoes stats --nonzero)"
    ! prints "is stalled" dmesg || fail "$(dmesg | grep stalled)"
}

all_syns_counted() {
    local name sum=0
    for name in tcp_passive_opens tcp_cookies_out drop_tcp_backlog drop_control_full; do
        sum=$((sum + $(counter "$name")))
    done
    [[ $sum -eq $1 ]]
}

# The listener's backlog fills with connections that nobody will complete; the rest is answered with cookies.
test_syn_flood() {
    dominoes cat -l -p 9000 </dev/null >/dev/null &
    local flooded=$!
    wait_for 10 dominoes_listening 9000
    inject_from_peer syns 500
    wait_for 10 all_syns_counted 500
    [[ $(counter tcp_cookies_out) -gt 0 && $(counter tcp_passive_opens) -le 128 ]] ||
        fail "$(dominoes stats --nonzero)"
    random_file /run/file 1m
    dominoes cat -l -p 9002 </dev/null >/run/got &
    local server=$!
    wait_for 10 dominoes_listening 9002
    peer talk linux connect "$dominoes_address" 9002 send /run/file fin receive /dev/null
    wait "$server"
    same /run/file /run/got
    stop "$flooded"
}
