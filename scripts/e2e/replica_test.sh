# What replication adds: work shared, order kept whatever a replica does, and a replica gone wrong noticed.
# shellcheck disable=SC2154
. ./traffic.sh

size=$((8 / slowness))m

# --- order ---

test_random_delay() {
    random_file /run/file "$size"
    file_in /run/file 4 --debug-delay 1:2000
    file_out /run/file 4 --debug-delay 1:2000
}

test_random_delay_of_first() {
    random_file /run/file "$size"
    file_in /run/file 4 --debug-delay 0:2000 --policy round-robin
    file_out /run/file 4 --debug-delay 0:2000 --policy round-robin
}

test_stall() {
    random_file /run/file "$size"
    file_in /run/file 4 --debug-stall 2:500
    file_out /run/file 4 --debug-stall 2:500
}

test_stall_of_owner() {
    random_file /run/file "$size"
    file_in /run/file 3 --debug-stall 0:500 --policy pinned
    file_out /run/file 3 --debug-stall 0:500 --policy pinned
    file_in /run/file 3 --debug-stall 2:500 --policy specialised
    file_out /run/file 3 --debug-stall 2:500 --policy specialised
}

# Longer than the channel can hold: packets are dropped and counted, producers are held back, and all goes on.
test_stall_longer_than_channel() {
    # shellcheck disable=SC2034  # for replicas_agreed
    local late=1
    # One request for each 1448 bytes.
    peer ethtool -K peer0 tso off gso off
    ethtool -K dm0 gro off
    random_file /run/file "$size"
    file_in /run/file 2 --debug-stall 1:3000
    [[ $(counter drop_tcp_channel_full) -gt 0 ]] || fail "the channel was never full: $(dominoes stats --nonzero)"
    [[ $(counter replica_stalls) -gt 0 ]] || fail "nobody noticed: $(dominoes stats --nonzero)"
    expect "replica 1 is [0-9]+ requests behind and does not move: it is stalled" dmesg
    file_out /run/file 2 --debug-stall 1:3000
    # Counted when a connection's last replica has left.
    wait_for 20 reached digest_checks 1
    [[ $(counter digest_mismatches) == 0 ]] || fail "$(dominoes stats --nonzero)"
}

# --- parallelism ---

# Every replica has done some of the work.
all_worked() { # KEY
    local share
    while read -r share; do
        [[ $share -gt 0 ]] || fail "a replica without $1: $(cat /run/stats)"
    done < <(sed -n '/"per_replica"/,/\]/p' /run/stats | json "$1")
}

test_all_receive() {
    random_file /run/file "$size"
    file_in /run/file 4 --policy round-robin
    all_worked delivered_bytes
}

test_all_send() {
    random_file /run/file "$size"
    file_out /run/file 4 --policy round-robin
    all_worked sent_segments
}

test_pinned_leaves_all_to_one() {
    random_file /run/file "$size"
    file_in /run/file 4 --policy pinned
    [[ $(sed -n '/"per_replica"/,/\]/p' /run/stats | json delivered_bytes | grep -c '^0$') -eq 3 ]] ||
        fail "others delivered as well: $(cat /run/stats)"
}

# As users look at it, in the middle of a transfer.
test_show_info() {
    peer talk linux listen 9001 receive /dev/null &
    wait_for 10 peer_listening 9001
    dominoes cat "$peer_address" 9001 --replicas 4 --policy round-robin </dev/zero >/dev/null 2>&1 &
    local client=$!
    wait_for 10 connection_exceeds 9001 bytes_acked 1000000
    expect "replicas:4 policy:round-robin" dominoes show --info
    expect "replica 3: cpu:[01] requests:[1-9]" dominoes show --info
    expect "ESTAB" dominoes show connections
    kill -TERM "$client"
    ends 10 "$client"
}

# --- a replica gone wrong ---

corrupted() { # ends when the connection does; /run/error has what the program said
    wait_for 20 ended "$1"
    local status=0
    wait "$1" || status=$?
    [[ $status -eq 1 ]] || fail "the program ended with status $status: $(cat /run/error)"
    grep -q . /run/error || fail "the program said nothing"
    wait_for 5 mismatch_counted
    expect "dominoes: .*the state of replica [0-9] differs from another's" dmesg
    dmesg --clear # where the runner would take it for trouble
}
mismatch_counted() { [[ $(counter digest_mismatches) -ge 1 ]]; }

test_corruption_of_sender() {
    peer talk linux listen 9001 receive /dev/null 2>/run/peer.error &
    local server=$!
    wait_for 10 peer_listening 9001
    dominoes cat "$peer_address" 9001 --replicas 4 "${cat_options[@]}" --debug-corrupt 2 \
        </dev/zero 2>/run/error >/dev/null &
    corrupted $!
    ends 10 "$server"
    expect "reset by peer" cat /run/peer.error
    rm -f /run/got
    both_ways "$size" 4
}

test_corruption_of_receiver() {
    dominoes cat -l -p 9000 --replicas 3 "${cat_options[@]}" --debug-corrupt 0 </dev/null 2>/run/error >/dev/null &
    local server=$!
    wait_for 10 dominoes_listening 9000
    peer talk linux connect "$dominoes_address" 9000 flood 2>/run/peer.error &
    local client=$!
    corrupted "$server"
    ends 10 "$client"
    expect "reset by peer|Broken pipe" cat /run/peer.error
    both_ways "$size" 4
}

# --- CPUs that go and come ---

set_online() { echo "$2" >"/sys/devices/system/cpu/cpu$1/online"; } # CPU 0|1
needs_hotplug() {
    [[ -e /sys/devices/system/cpu/cpu1/online ]] || skip "this kernel takes no CPU offline"
}

# Its replica goes on elsewhere, and again when it has come back.
test_cpu_goes() {
    needs_hotplug
    trap 'set_online 1 1' EXIT
    random_file /run/file "$size"
    fifos /run/go
    peer talk linux listen 9001 receive /run/got &
    local server=$! client
    wait_for 10 peer_listening 9001
    talk dominoes connect "$peer_address" 9001 send /run/file wait /run/go send /run/file fin receive /dev/null &
    client=$!
    wait_for 10 connection_exceeds 9001 bytes_acked 1000000
    set_online 1 0
    echo go >/run/go
    wait "$client"
    wait "$server"
    cat /run/file /run/file >/run/sent
    same /run/sent /run/got
    set_online 1 1
    file_in /run/file 2
}

# Attached while it is away.
test_cpu_is_away() {
    needs_hotplug
    trap 'set_online 1 1' EXIT
    set_online 1 0
    dominoes detach dm0
    attach --replicas 2
    random_file /run/file "$size"
    file_in /run/file 2
    set_online 1 1
    file_out /run/file 2
}
